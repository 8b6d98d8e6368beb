// Training with libxgboost: hyperparameters, objectives, determinism, cancellation, threads and
// signals.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>

#include "datasets.h"
#include "artefact/model_impl.h"
#include "pgml/error.h"
#include "pgml/train.h"
#include "trees/trees.h"
#include "xgboost_reference.h"

namespace pgml {

using test::Options;

namespace {

double
Target(const std::vector<float> &x, std::mt19937 &) {
	return 100 + 3 * x[0] + x[1] * x[2];
}

double
R2(const Dataset &data, const std::vector<double> &predicted) {
	double mean = 0, error = 0, total = 0;
	for (double y : data.target)
		mean += y / double(data.target.size());
	for (size_t i = 0; i < predicted.size(); i++) {
		error += (predicted[i] - data.target[i]) * (predicted[i] - data.target[i]);
		total += (data.target[i] - mean) * (data.target[i] - mean);
	}
	return 1 - error / total;
}

std::string
ErrorOf(const Dataset &data, const TrainOptions &options) {
	try {
		Train(data, options);
	} catch (const Error &e) {
		return std::string(e.what()) + " | " + e.detail() + " | " + e.hint();
	}
	return "";
}

const TreeEnsemble &
TreesOf(const Model &model) {
	return dynamic_cast<const TreeEnsemble &>(
		*dynamic_cast<const ModelImpl &>(model).parts().learner);
}

} // namespace

TEST(Xgboost, Regression) {
	Dataset data = test::RandomDataset(3000, 5, 0.02, 1, Target);
	auto model = Train(
		data, Options("xgboost", Task::kRegression, R"({"n_estimators": 50, "max_depth": 4})"));
	EXPECT_GT(R2(data, test::Predict(*model, data.raw.view())), 0.9);
	EXPECT_EQ(TreesOf(*model).trees().size(), 50u);
	EXPECT_NEAR(TreesOf(*model).base_margins()[0], 100, 1); // starts from the mean
	// 50 trees of up to 31 nodes: 0.07 units for each of at most five levels.
	EXPECT_GT(model->RowCost(), 10);
	EXPECT_LE(model->RowCost(), 50 * 0.07 * 5.01);
}

TEST(Xgboost, KnowsTheFeaturesThatPredictionsDependOn) {
	std::vector<float> x, constant;
	std::vector<std::optional<std::string>> same, side;
	std::vector<double> y;
	for (int i = 0; i < 400; i++) {
		x.push_back(static_cast<float>(i % 50));
		constant.push_back(3);
		same.emplace_back("same");
		side.emplace_back(i * 7 % 13 < 6 ? "left" : "right");
		y.push_back(i % 50 + (i * 7 % 13 < 6 ? 100 : 0));
	}
	Dataset data = test::DatasetBuilder()
					   .Number("constant", constant)
					   .Text("same", same)
					   .Number("x", x)
					   .Text("side", side)
					   .Target(y)
					   .Build();
	auto trees = Train(data, Options("xgboost", Task::kRegression, R"({"n_estimators": 7})"));
	EXPECT_EQ(trees->UsedFeatures(), (std::vector<bool>{false, false, true, true}));
	EXPECT_EQ(trees->n_trees(), 7u);
	// What stands in the others makes no difference.
	Matrix raw = data.raw;
	std::vector<double> before = test::Predict(*trees, raw.view());
	std::fill_n(raw.column(0), raw.rows(), NAN);
	std::fill_n(raw.column(1), raw.rows(), NAN);
	EXPECT_EQ(test::Predict(*trees, raw.view()), before);

	auto linear = Train(data, Options("linear", Task::kRegression));
	EXPECT_EQ(linear->UsedFeatures(), std::vector<bool>(4, true));
	EXPECT_EQ(linear->n_trees(), 0u);
}

TEST(Xgboost, Binary) {
	Dataset data = test::RandomDataset(2000, 4, 0.02, 2,
									   [](auto &x, auto &) { return x[0] * x[1] > 0 ? 1.0 : 0.0; });
	data.target_is_boolean = true;
	auto model = Train(data, Options("xgboost", Task::kClassification, R"({"n_estimators": 30})"));
	EXPECT_EQ(model->margin_groups(), 1u);
	EXPECT_EQ(model->class_labels(), (std::vector<std::string>{"false", "true"}));
	Workspace work;
	std::vector<int32_t> classes(2000);
	std::vector<float> probabilities(4000), margins(2000);
	model->PredictClass(data.raw.view(), work, classes.data());
	model->PredictProbabilities(data.raw.view(), work, probabilities.data());
	model->Margins(data.raw.view(), work, margins.data());
	size_t right = 0;
	for (size_t row = 0; row < 2000; row++) {
		right += classes[row] == data.target[row];
		ASSERT_NEAR(probabilities[row * 2] + probabilities[row * 2 + 1], 1, 1e-6);
		ASSERT_EQ(classes[row], margins[row] > 0);
	}
	EXPECT_GT(right, 1900u);
}

TEST(Xgboost, MultiClassWithTextLabels) {
	Dataset data = test::RandomDataset(1500, 4, 0.02, 3, [](auto &x, auto &) {
		return x[0] > 0.5 ? 0.0 : x[1] > 0 ? 1.0 : 2.0;
	});
	for (const char *label : {"pear", "apple", "fig"})
		data.target_labels.CodeOf(label);
	data.target_is_text = true;
	auto model =
		Train(data, Options("xgboost", Task::kClassification, R"({"num_boost_round": 20})"));
	EXPECT_EQ(model->class_labels(), (std::vector<std::string>{"apple", "fig", "pear"}));
	EXPECT_EQ(model->class_values(), (std::vector<double>{0, 1, 2}));
	EXPECT_EQ(TreesOf(*model).trees().size(), 60u);
	Workspace work;
	std::vector<int32_t> classes(1500);
	model->PredictClass(data.raw.view(), work, classes.data());
	size_t right = 0;
	const size_t class_of[] = {2, 0, 1};
	for (size_t row = 0; row < 1500; row++)
		right += size_t(classes[row]) == class_of[size_t(data.target[row])];
	EXPECT_GT(right, 1400u);
}

TEST(Xgboost, Objectives) {
	Dataset data = test::RandomDataset(
		1000, 3, 0, 4, [](auto &x, auto &) { return std::exp(0.5 * double(x[0])) + 0.1; });
	for (const char *objective :
		 {"reg:squarederror", "reg:linear", "reg:absoluteerror", "reg:pseudohubererror",
		  "count:poisson", "reg:gamma", "reg:tweedie"}) {
		auto model = Train(data, Options("xgboost", Task::kRegression,
										 std::string(R"({"n_estimators": 40, "objective": ")") +
											 objective + "\"}"));
		EXPECT_GT(R2(data, test::Predict(*model, data.raw.view())), 0.8) << objective;
	}
	for (double &value : data.target)
		value /= 10;
	auto model =
		Train(data, Options("xgboost", Task::kRegression, R"({"objective": "reg:logistic"})"));
	EXPECT_GT(R2(data, test::Predict(*model, data.raw.view())), 0.8);
	data.target[0] = -1;
	for (const char *objective : {"reg:logistic", "count:poisson", "reg:gamma", "reg:tweedie"})
		EXPECT_NE(ErrorOf(data, Options("xgboost", Task::kRegression,
										std::string(R"({"objective": ")") + objective + "\"}"))
					  .find("needs a target"),
				  std::string::npos)
			<< objective;
	EXPECT_NE(
		ErrorOf(data, Options("xgboost", Task::kRegression, R"({"objective": "rank:pairwise"})"))
			.find("reg:tweedie"),
		std::string::npos);
}

TEST(Xgboost, EveryHyperparameterIsTaken) {
	Dataset data = test::RandomDataset(500, 5, 0.02, 5, Target);
	const char *all =
		R"({"boost_rounds": 5, "booster": "gbtree", "eta": 0.2, "max_depth": 3, "min_child_weight": 2,
		"min_split_loss": 0.1, "subsample": 0.9, "colsample_bytree": 0.9, "colsample_bylevel": 0.9,
		"colsample_bynode": 0.9, "reg_lambda": 2, "reg_alpha": 0.5, "max_delta_step": 5, "max_bin": 64,
		"max_leaves": 6, "grow_policy": "loss_guide", "tree_method": "hist", "random_state": 3, "n_jobs": 8,
		"num_parallel_tree": 2, "base_score": 90, "objective": "reg:squarederror"})";
	auto model = Train(data, Options("xgboost", Task::kRegression, all));
	EXPECT_EQ(TreesOf(*model).trees().size(), 10u);
	EXPECT_EQ(TreesOf(*model).base_margins()[0], 90);
	for (const Tree &tree : TreesOf(*model).trees())
		EXPECT_LE(tree.n_nodes, 11u);
	for (const char *method : {"auto", "exact", "approx"})
		Train(data,
			  Options("xgboost", Task::kRegression,
					  std::string(R"({"n_estimators": 2, "tree_method": ")") + method + "\"}"));
}

TEST(Xgboost, RefusesBadHyperparameters) {
	Dataset data = test::RandomDataset(100, 2, 0, 6, [](auto &x, auto &) { return double(x[0]); });
	const std::pair<const char *, const char *> cases[] = {
		{R"({"max_dept": 3})", "max_depth"},
		{R"({"max_depth": -1})", "from 0 to 64"},
		{R"({"max_depth": 2.5})", "whole number"},
		{R"({"max_depth": "3"})", "whole number"},
		{R"({"eta": 1.5})", "from 0 to 1"},
		{R"({"eta": 0.1, "learning_rate": 0.1})", "are the same"},
		{R"({"subsample": 0})", "subsample"},
		{R"({"n_estimators": 0})", "from 1"},
		{R"({"n_estimators": 1e300})", "from 1"},
		{R"({"tree_method": "gpu_hist"})", "one of: auto"},
		{R"({"booster": "dart"})", "gbtree"},
		{R"({"objective": "binary:logistic"})", "reg:squarederror"},
		{R"([1])", "JSON object"},
		{R"({)", "not valid JSON"},
	};
	for (auto [json, expected] : cases)
		EXPECT_NE(ErrorOf(data, Options("xgboost", Task::kRegression, json)).find(expected),
				  std::string::npos)
			<< json << ": " << ErrorOf(data, Options("xgboost", Task::kRegression, json));
}

TEST(Xgboost, DeterministicAndSeeded) {
	Dataset data = test::RandomDataset(1000, 5, 0.02, 7, Target);
	TrainOptions options =
		Options("xgboost", Task::kRegression, R"({"n_estimators": 10, "subsample": 0.5})");
	auto first = Train(data, options)->Encode();
	EXPECT_EQ(first, Train(data, options)->Encode());
	options.seed = 99;
	EXPECT_NE(first, Train(data, options)->Encode());
}

TEST(Xgboost, ThreadsAreThoseAskedForAndAllowed) {
	Dataset data = test::RandomDataset(3000, 5, 0.02, 7, Target);
	auto threads = [&](const char *json, int allowed) {
		TrainOptions options = Options("xgboost", Task::kRegression, json);
		options.n_threads = allowed;
		using Tasks = std::filesystem::directory_iterator;
		auto count = [] {
			return static_cast<size_t>(std::distance(Tasks("/proc/self/task"), Tasks()));
		};
		// Libraries that other tests used may keep threads. Those of an earlier training may still
		// be ending, since a pool of threads does not wait for its members: hence the lowest count.
		size_t before = count();
		for (int i = 0; i < 20; i++) {
			std::this_thread::sleep_for(std::chrono::milliseconds(10));
			before = std::min(before, count());
		}
		size_t most = 0;
		options.progress = [&](size_t, size_t) { most = std::max(most, count()); };
		auto first = Train(data, options)->Encode();
		options.progress = nullptr;
		EXPECT_EQ(Train(data, options)->Encode(), first)
			<< json; // deterministic for a thread count
		return most - before;
	};
	EXPECT_EQ(threads(R"({"n_estimators": 3})", 1), 1u);
	EXPECT_EQ(threads(R"({"n_estimators": 3, "n_jobs": 4})", 1), 1u);
	EXPECT_EQ(threads(R"({"n_estimators": 3, "n_jobs": 2})", 4), 2u);
	EXPECT_EQ(threads(R"({"n_estimators": 3, "nthread": -1})", 3), 3u);
	EXPECT_EQ(threads(R"({"n_estimators": 3})", 3), 3u);
}

TEST(Xgboost, EveryHyperparameterAtItsLimitsAndBeyond) {
	Dataset data = test::RandomDataset(60, 3, 0.1, 14, Target);
	struct Limits {
		const char *name;
		std::vector<const char *> inside, outside;
	};
	const Limits cases[] = {
		{"n_estimators", {"1", "200"}, {"0", "-1", "100001", "1.5", "null", "\"1\"", "1e400"}},
		{"learning_rate", {"0", "1", "1e-300"}, {"-1e-9", "1.0001", "\"x\"", "true"}},
		{"max_depth", {"0", "64"}, {"-1", "65", "9223372036854775808"}},
		{"min_child_weight", {"0", "1e38"}, {"-1", "1e39", "1e308"}},
		{"gamma", {"0", "1e38"}, {"-0.1", "1e39"}},
		{"subsample", {"1e-6", "1"}, {"0", "-1", "1.1"}},
		{"colsample_bytree", {"1e-6", "1"}, {"0", "2"}},
		{"colsample_bylevel", {"1e-6", "1"}, {"0", "2"}},
		{"colsample_bynode", {"1e-6", "1"}, {"0", "2"}},
		{"lambda", {"0", "1e38"}, {"-1", "1e39"}},
		{"alpha", {"0", "1e38"}, {"-1", "1e39"}},
		{"max_delta_step", {"0", "1e38"}, {"-1", "1e39"}},
		{"max_bin", {"2", "65536"}, {"1", "0", "65537"}},
		{"max_leaves", {"0", "1", "1048576"}, {"-1", "1048577"}},
		{"num_parallel_tree", {"1", "1000"}, {"0", "1001"}},
		{"scale_pos_weight", {"1e-30", "1e38"}, {"0", "-1", "1e39"}},
		{"base_score", {"-1e30", "0", "1e30"}, {"1e31", "-1e31"}},
		{"seed", {"0", "2147483647"}, {"-1", "2147483648"}},
		{"n_jobs", {"-1", "0", "65536"}, {"-2", "65537"}},
	};
	for (const Limits &limits : cases) {
		auto json = [&](const char *value) {
			std::string rounds =
				std::string(limits.name) == "n_estimators" ? "" : R"("n_estimators": 2, )";
			return "{" + rounds + "\"" + limits.name + "\": " + value + "}";
		};
		for (const char *value : limits.inside) {
			auto model = Train(data, Options("xgboost", Task::kRegression, json(value)));
			for (double predicted : test::Predict(*model, data.raw.view()))
				ASSERT_TRUE(std::isfinite(predicted)) << limits.name << " " << value;
		}
		for (const char *value : limits.outside)
			try {
				Train(data, Options("xgboost", Task::kRegression, json(value)));
				ADD_FAILURE() << limits.name << " " << value << " is taken";
			} catch (const Error &e) {
				EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument)
					<< limits.name << " " << value << ": " << e.what();
			}
	}
}

TEST(Xgboost, RefusesMoreMemoryThanAllowed) {
	Dataset data = test::RandomDataset(20000, 10, 0.1, 15, Target); // 800 kB
	for (auto [json, fits] : {std::pair{R"({"n_estimators": 1})", true},
							  {R"({"n_estimators": 1, "tree_method": "exact"})", false}}) {
		TrainOptions options = Options("xgboost", Task::kRegression, json);
		options.memory_limit = 2 << 20;
		if (fits) {
			EXPECT_NO_THROW(Train(data, options));
		}
		try {
			options.memory_limit = fits ? 1 << 20 : 2 << 20;
			Train(data, options);
			ADD_FAILURE() << json;
		} catch (const Error &e) {
			EXPECT_EQ(e.code(), ErrorCode::kOutOfMemory) << e.what();
		}
	}
}

TEST(Xgboost, RefusesInfiniteFeatures) {
	Dataset data = test::RandomDataset(100, 3, 0, 8, Target);
	data.raw.column(1)[50] = HUGE_VALF;
	EXPECT_NE(
		ErrorOf(data, Options("xgboost", Task::kRegression)).find("\"x1\" holds an infinite value"),
		std::string::npos);
}

TEST(Xgboost, AllMissingColumnAndHugeTargets) {
	Dataset data = test::RandomDataset(200, 3, 0, 9, Target);
	std::fill_n(data.raw.column(2), 200, NAN);
	Train(data, Options("xgboost", Task::kRegression));
	for (double &value : data.target)
		value *= 1e26;
	EXPECT_NO_THROW(
		try { Train(data, Options("xgboost", Task::kRegression)); } catch (const Error &e) {
			EXPECT_EQ(e.code(), ErrorCode::kInvalidData) << e.what();
		});
}

TEST(Xgboost, StopsBetweenRoundsAndReportsProgress) {
	static int polls;
	Dataset data = test::RandomDataset(500, 3, 0, 10, Target);
	TrainOptions options = Options("xgboost", Task::kRegression, R"({"n_estimators": 1000})");
	size_t rounds = 0;
	options.progress = [&](size_t done, size_t total) {
		rounds = done;
		EXPECT_EQ(total, 1000u);
	};
	polls = 0;
	options.stop = StopToken([] { return ++polls > 30; });
	EXPECT_THROW(Train(data, options), Cancelled);
	EXPECT_GT(rounds, 0u);
	EXPECT_LT(rounds, 30u);
}

TEST(Xgboost, StopsWhileBinning) {
	static int polls;
	Dataset data = test::RandomDataset(50000, 3, 0, 12, Target);
	for (int limit = 1; limit < 60; limit += 4) {
		TrainOptions options = Options("xgboost", Task::kRegression, R"({"n_estimators": 100000})");
		polls = -limit;
		options.stop = StopToken([] { return ++polls > 0; });
		EXPECT_THROW(Train(data, options), Cancelled) << limit;
	}
}

TEST(Xgboost, StopsAtAnyMoment) {
	// A round takes long enough that most stops fall into a call of libxgboost.
	static std::chrono::steady_clock::time_point deadline;
	Dataset data = test::RandomDataset(60000, 20, 0.02, 13, Target);
	TrainOptions options = Options("xgboost", Task::kRegression, R"({"n_estimators": 100000})");
	std::mt19937 random(1);
	for (int i = 0; i < 8; i++) {
		options.stop = StopToken([] { return std::chrono::steady_clock::now() > deadline; });
		Dataset copy = data; // gone at the end of the round, under the call that goes on
		auto start = std::chrono::steady_clock::now();
		deadline = start + std::chrono::milliseconds(random() % 400);
		if (i % 2 == 0) {
			EXPECT_THROW(Train(copy, options), Cancelled);
		} else {
			EXPECT_THROW(Train(std::move(copy), options), Cancelled);
		}
		EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
	}
	options = Options("xgboost", Task::kRegression, R"({"n_estimators": 3})");
	auto expected = Train(data, options)->Encode();
	EXPECT_EQ(Train(std::move(data), options)->Encode(), expected);
}

namespace {

struct TrainedHere {
	test::XgboostCase reference;
	const char *hyperparams; ///< that mean the same
};

class SameTrees : public ::testing::TestWithParam<TrainedHere> {};

} // namespace

/// What Train() makes of the rows, in its own matrix and batches, is what libxgboost trains on a plain DMatrix.
TEST_P(SameTrees, AsTheLibraryBitForBit) {
	auto [training, hyperparams] = GetParam();
	// So many rows that cuts into bins are approximate: they must be taken from all rows at once.
	test::XgboostReference reference = test::TrainByLibrary(training, 100000, 1000000);
	auto model =
		Train(reference.train,
			  Options("xgboost", training.n_classes > 0 ? Task::kClassification : Task::kRegression,
					  hyperparams));
	ASSERT_EQ(model->margin_groups(), reference.n_groups);
	Workspace work;
	std::vector<float> margins(reference.margins.size());
	model->Margins(reference.rows.view(), work, margins.data());
	EXPECT_EQ(test::DifferentBits(margins, reference.margins), 0u);
}

INSTANTIATE_TEST_SUITE_P(
	Xgboost, SameTrees,
	::testing::Values(
		TrainedHere{
			{"gbtree", "reg:squarederror", 0, {{"max_depth", "6"}, {"tree_method", "hist"}}, 25},
			R"({"n_estimators": 25, "max_depth": 6, "base_score": 0.5})"},
		TrainedHere{
			{"exact", "reg:squarederror", 0, {{"max_depth", "4"}, {"tree_method", "exact"}}, 5},
			R"({"n_estimators": 5, "max_depth": 4, "base_score": 0.5, "tree_method": "exact"})"},
		TrainedHere{{"forest",
					 "binary:logistic",
					 2,
					 {{"num_parallel_tree", "10"},
					  {"subsample", "0.5"},
					  {"colsample_bynode", "0.5"},
					  {"tree_method", "hist"}},
					 2},
					R"({"n_estimators": 2, "num_parallel_tree": 10, "subsample": 0.5,
						"colsample_bynode": 0.5})"},
		TrainedHere{{"multi",
					 "multi:softprob",
					 4,
					 {{"max_depth", "5"}, {"max_bin", "100"}, {"tree_method", "hist"}},
					 6},
					R"({"n_estimators": 6, "max_depth": 5, "max_bin": 100})"}),
	[](const auto &info) { return std::string(info.param.reference.name); });

TEST(Xgboost, SignalsAreForTheCallersThread) {
	Dataset data = test::RandomDataset(300, 3, 0, 11, Target);
	sigset_t before, inside, after;
	pthread_sigmask(SIG_SETMASK, nullptr, &before);
	TrainOptions options = Options("xgboost", Task::kRegression, R"({"n_estimators": 2})");
	options.n_threads = 2;
	std::vector<std::string> masks; // of the other threads
	options.progress = [&](size_t, size_t) {
		pthread_sigmask(SIG_SETMASK, nullptr, &inside);
		for (const auto &task : std::filesystem::directory_iterator("/proc/self/task")) {
			if (task.path().filename() == std::to_string(getpid()))
				continue;
			std::ifstream status(task.path() / "status");
			for (std::string line; std::getline(status, line);)
				if (line.starts_with("SigBlk:"))
					masks.push_back(line.substr(8));
		}
	};
	Train(data, options);
	pthread_sigmask(SIG_SETMASK, nullptr, &after);
	EXPECT_GE(masks.size(), 4u); // two threads, two rounds
	uint64_t handled = 0;
	for (int signal : {SIGINT, SIGTERM, SIGUSR1, SIGALRM}) {
		handled |= uint64_t{1} << (signal - 1);
		EXPECT_EQ(sigismember(&before, signal), sigismember(&inside, signal));
		EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal));
	}
	for (const std::string &mask : masks)
		EXPECT_EQ(std::stoull(mask, nullptr, 16) & handled, handled) << mask;
}

} // namespace pgml
