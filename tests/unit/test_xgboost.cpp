// Training with libxgboost: hyperparameters, objectives, determinism, cancellation, threads and
// signals.
#include <gtest/gtest.h>

#include <csignal>

#include "datasets.h"
#include "model_impl.h"
#include "pgml/error.h"
#include "pgml/train.h"
#include "trees.h"

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
	EXPECT_GT(model->RowCost(), 50);
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

TEST(Xgboost, SignalMaskIsRestored) {
	Dataset data = test::RandomDataset(300, 3, 0, 11, Target);
	sigset_t before, inside, after;
	pthread_sigmask(SIG_SETMASK, nullptr, &before);
	TrainOptions options = Options("xgboost", Task::kRegression, R"({"n_estimators": 2})");
	options.n_threads = 2;
	options.progress = [&](size_t, size_t) { pthread_sigmask(SIG_SETMASK, nullptr, &inside); };
	Train(data, options);
	pthread_sigmask(SIG_SETMASK, nullptr, &after);
	for (int signal : {SIGINT, SIGTERM, SIGUSR1, SIGALRM}) {
		EXPECT_EQ(sigismember(&inside, signal), 1);
		EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal));
	}
}

} // namespace pgml
