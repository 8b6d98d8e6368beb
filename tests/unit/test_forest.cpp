// Trees that grow here: the split search against a plain one, forests against what is known of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "trees/cart.h"
#include "datasets.h"
#include "artefact/model_impl.h"
#include "pgml/error.h"
#include "pgml/train.h"
#include "trees/trees.h"

namespace pgml {

using test::Options;

namespace {

double
Friedman(const std::vector<float> &x, std::mt19937 &random) {
	return 10 * std::sin(3.14 * x[0] * x[1]) + 20 * (x[2] - 0.5) * (x[2] - 0.5) + 10 * x[3] +
		   std::normal_distribution<double>(0, 1)(random);
}

double
Classes(const std::vector<float> &x, std::mt19937 &) {
	return (x[0] + x[1] * x[2] > 0.5) + (x[0] - x[3] > 1);
}

double
Binary(const std::vector<float> &x, std::mt19937 &) {
	return x[0] * x[1] + x[2] > 0;
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

double
Accuracy(const Dataset &data, const std::vector<double> &predicted) {
	double right = 0;
	for (size_t i = 0; i < predicted.size(); i++)
		right += predicted[i] == data.target[i];
	return right / double(predicted.size());
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

/// What a side of a split is worth: sum^2 / weight, or gini's sum of counts^2 / weight.
double
Worth(const std::vector<double> &y, size_t n_classes) {
	if (y.empty())
		return 0;
	double sum = 0;
	if (n_classes == 0) {
		for (double value : y)
			sum += value;
		return sum * sum / double(y.size());
	}
	std::vector<double> counts(n_classes);
	for (double value : y)
		counts[size_t(value)]++;
	for (double count : counts)
		sum += count * count;
	return sum / double(y.size());
}

const char *const kForests[] = {"random_forest", "extra_trees", "bagging", "xgboost_random_forest"};

} // namespace

TEST(Cart, FindsTheSplitThatTryingAllOfThemFinds) {
	for (size_t n_classes : {0, 3})
		for (uint32_t seed = 1; seed <= 60; seed++) {
			size_t rows = 5 + seed * 7 % 200; // sums and sorts both
			std::mt19937 random(seed);
			Dataset data = test::RandomDataset(rows, 3, seed % 3 * 0.15, seed, Friedman);
			for (size_t row = 0; row < rows; row++) {
				for (size_t col = 0; col < 3; col++) // few values, so that ranks repeat
					data.raw.column(col)[row] = std::round(data.raw.column(col)[row] * 3);
				if (n_classes > 0)
					data.target[row] = double(random() % n_classes);
			}
			std::vector<double> weights(rows, 1);
			std::vector<uint32_t> classes(data.target.begin(), data.target.end()), all(rows);
			std::iota(all.begin(), all.end(), 0);
			CartTarget target{data.target, {}, 0, weights};
			if (n_classes > 0)
				target = {{}, classes, n_classes, weights};
			CartOptions options;
			options.impurity = n_classes > 0 ? Impurity::kGini : Impurity::kSquaredError;
			options.max_depth = 1;
			options.min_samples_leaf = 1 + seed % 4;
			Random draws(1);
			Bins bins(data.raw.view(), Bins::kMaxBins, StopToken());
			CartTree tree =
				GrowTree(bins, target, options, {0, 1, 2}, all, 1000, draws, StopToken());
			double best = -1;
			for (size_t col = 0; col < 3; col++) {
				std::set<float> thresholds = {1e30f};
				for (size_t row = 0; row < rows; row++)
					if (!std::isnan(data.raw.column(col)[row]))
						thresholds.insert(data.raw.column(col)[row]);
				for (float threshold : thresholds)
					for (bool missing_left : {false, true}) {
						std::vector<double> left, right;
						for (size_t row = 0; row < rows; row++) {
							float x = data.raw.column(col)[row];
							bool to_left = std::isnan(x) ? missing_left : x < threshold;
							(to_left ? left : right).push_back(data.target[row]);
						}
						if (std::min(left.size(), right.size()) >= options.min_samples_leaf)
							best = std::max(best, Worth(left, n_classes) + Worth(right, n_classes));
					}
			}
			ASSERT_EQ(tree.nodes.size(), 3u) << seed;
			std::vector<double> left, right;
			std::vector<float> leaf_values = {0, 1, 2};
			TreeEnsemble ensemble(3, {0});
			ASSERT_EQ(ensemble.AddTree(0, tree.Export(leaf_values)), nullptr);
			std::vector<float> leaf(rows);
			ensemble.Margins(data.raw.view(), leaf.data());
			for (size_t row = 0; row < rows; row++) {
				(leaf[row] == 1 ? left : right).push_back(data.target[row]);
				ASSERT_EQ(size_t(leaf[row]), tree.LeafOf(bins, row));
			}
			EXPECT_EQ(left.size(), tree.nodes[1].end - tree.nodes[1].begin);
			EXPECT_NEAR(Worth(left, n_classes) + Worth(right, n_classes), best, 1e-9 * best)
				<< seed;
		}
}

TEST(Cart, LimitsHold) {
	Dataset data = test::RandomDataset(2000, 4, 0.05, 3, Friedman);
	std::vector<double> weights(2000, 1);
	std::vector<uint32_t> all(2000);
	std::iota(all.begin(), all.end(), 0);
	Bins bins(data.raw.view(), Bins::kMaxBins, StopToken());
	auto grow = [&](const CartOptions &options, size_t max_nodes = 100000) {
		Random draws(1);
		return GrowTree(bins, {data.target, {}, 0, weights}, options, {0, 1, 2, 3}, all, max_nodes,
						draws, StopToken());
	};
	CartOptions options;
	CartTree whole = grow(options);
	for (const CartNode &node : whole.nodes)
		if (node.is_leaf()) {
			EXPECT_EQ(node.end - node.begin, 1u); // all targets differ
		}
	EXPECT_THROW(grow(options, 100), Error);
	options.max_leaf_nodes = 17;
	EXPECT_EQ(grow(options).nodes.size(), 33u);
	options = {};
	options.max_depth = 3;
	EXPECT_EQ(grow(options).nodes.size(), 15u);
	options = {};
	options.min_samples_leaf = 30;
	for (const CartNode &node : grow(options).nodes)
		EXPECT_GE(node.end - node.begin, 30u);
	options = {};
	options.min_samples_split = 100;
	for (const CartNode &node : grow(options).nodes)
		EXPECT_TRUE(node.is_leaf() || node.end - node.begin >= 100u);
	options = {};
	options.min_impurity_decrease = 1;
	size_t n_pruned = grow(options).nodes.size();
	EXPECT_GT(n_pruned, 3u);
	options.min_impurity_decrease = 10;
	EXPECT_LT(grow(options).nodes.size(), n_pruned);
}

TEST(Cart, ManyValuesAreRuns) {
	Dataset data = test::RandomDataset(
		150000, 1, 0.01, 4, [](const std::vector<float> &x, auto &) { return double(x[0]); });
	Bins bins(data.raw.view(), 1000, StopToken());
	EXPECT_LE(bins.count(0), 1000u);
	EXPECT_GT(bins.count(0), 900u);
	for (size_t row = 0; row < 1000; row++) {
		float x = data.raw.column(0)[row];
		uint16_t rank = bins.ranks(0)[row];
		if (std::isnan(x)) {
			EXPECT_EQ(rank, Bins::kMissing);
			continue;
		}
		EXPECT_LE(bins.low(0, rank), x);
		EXPECT_GE(bins.high(0, rank), x);
	}
	EXPECT_LE(Bins(data.raw.view(), Bins::kMaxBins, StopToken()).count(0), Bins::kMaxBins);
}

TEST(Forest, RegressionIsAsGoodAsIsKnown) {
	Dataset train = test::RandomDataset(2000, 6, 0, 1, Friedman);
	Dataset held_out = test::RandomDataset(2000, 6, 0, 2, Friedman);
	for (const char *name : kForests) {
		auto model = Train(train, Options(name, Task::kRegression));
		double r2 = R2(held_out, test::Predict(*model, held_out.raw.view()));
		RecordProperty(name, std::to_string(r2));
		EXPECT_GT(r2, std::string(name) == "xgboost_random_forest" ? 0.6 : 0.75) << name;
		EXPECT_GT(R2(train, test::Predict(*model, train.raw.view())), r2) << name;
	}
}

TEST(Forest, ClassificationIsAsGoodAsIsKnown) {
	for (auto target : {Binary, Classes}) {
		Dataset train = test::RandomDataset(2000, 5, 0.02, 3, target);
		Dataset held_out = test::RandomDataset(2000, 5, 0, 4, target);
		for (const char *name : kForests) {
			auto model = Train(train, Options(name, Task::kClassification));
			size_t n_classes = model->class_labels().size();
			EXPECT_EQ(TreesOf(*model).n_groups(), n_classes == 2 ? 1u : 3u);
			EXPECT_GT(Accuracy(held_out, test::Predict(*model, held_out.raw.view())),
					  std::string(name) == "xgboost_random_forest" ? 0.83 : 0.88)
				<< name;
			Workspace work;
			std::vector<float> probabilities(2000 * n_classes);
			std::vector<int32_t> classes(2000);
			model->PredictProbabilities(held_out.raw.view(), work, probabilities.data());
			model->PredictClass(held_out.raw.view(), work, classes.data());
			for (size_t row = 0; row < 2000; row++) {
				const float *own = probabilities.data() + row * n_classes;
				float sum = 0;
				for (size_t c = 0; c < n_classes; c++) {
					EXPECT_GE(own[c], 0);
					EXPECT_LE(own[c], own[classes[row]]);
					sum += own[c];
				}
				EXPECT_NEAR(sum, 1, 1e-5);
			}
		}
	}
}

TEST(Forest, ProbabilitiesAreShares) {
	// One column, two values: a whole tree on all rows gives the shares exactly.
	std::vector<float> x;
	std::vector<double> y;
	for (int i = 0; i < 40; i++) {
		x.push_back(float(i % 2));
		y.push_back(i % 2 == 0 ? i % 8 == 0 : i % 4 == 1 ? 1 : 0);
	}
	for (double third : {0, 2}) {
		y[0] = third;
		Dataset data = test::DatasetBuilder().Number("x", x).Target(y).Build();
		auto model = Train(data, Options("extra_trees", Task::kClassification));
		size_t n = model->class_labels().size();
		float rows[2] = {0, 1};
		std::vector<float> probabilities(2 * n);
		Workspace work;
		model->PredictProbabilities({rows, 2, 1, 2}, work, probabilities.data());
		EXPECT_NEAR(probabilities[1], 0.2, 1e-5);
		EXPECT_EQ(probabilities[n + 1], 0.5);
		std::vector<int32_t> classes(2);
		model->PredictClass({rows, 2, 1, 2}, work, classes.data());
		EXPECT_EQ(classes, (std::vector<int32_t>{0, 0})); // a tie is the first class
	}
}

TEST(Forest, EqualSeedsGiveEqualModels) {
	Dataset data = test::RandomDataset(400, 4, 0.1, 5, Classes);
	for (const char *name : kForests)
		for (Task task : {Task::kRegression, Task::kClassification}) {
			auto options = Options(name, task, R"({"n_estimators": 7, "random_state": 3})");
			auto model = Train(data, options);
			EXPECT_EQ(model->Encode(), Train(data, options)->Encode()) << name;
			EXPECT_EQ(model->Encode(), Model::Decode(model->Encode())->Encode()) << name;
			options.hyperparams_json = R"({"n_estimators": 7, "random_state": 4})";
			EXPECT_NE(model->Encode(), Train(data, options)->Encode()) << name;
		}
}

TEST(Forest, TakesEveryHyperparameter) {
	Dataset data = test::RandomDataset(300, 4, 0.1, 6, Binary);
	for (
		const char *json :
		{R"({"n_estimators": 3, "criterion": "entropy", "max_depth": 4, "min_samples_split": 4})",
		 R"({"n_estimators": 3, "max_depth": null, "min_samples_leaf": 0.05, "max_features": 1.0})",
		 R"({"n_estimators": 3, "min_samples_split": 0.1, "max_features": 2, "max_samples": 0.5,
			  "bootstrap": true})",
		 R"({"n_estimators": 3, "criterion": "log_loss", "max_leaf_nodes": 5, "max_samples": 1,
			  "bootstrap": true, "min_weight_fraction_leaf": 0.01, "min_impurity_decrease": 0.001,
			  "n_jobs": -1, "seed": 1})"})
		for (const char *name : {"random_forest", "extra_trees", "bagging"})
			EXPECT_EQ(ErrorOf(data, Options(name, Task::kClassification, json)), "")
				<< name << json;
	EXPECT_EQ(ErrorOf(data, Options("random_forest", Task::kClassification,
									R"({"n_estimators": 2, "max_features": "log2"})")),
			  "");
	EXPECT_EQ(ErrorOf(data, Options("bagging", Task::kClassification,
									R"({"max_features": 0.5, "bootstrap_features": true,
										"bootstrap": false, "max_samples": 0.5})")),
			  "");
	for (const char *criterion : {"squared_error", "friedman_mse", "poisson"})
		EXPECT_EQ(ErrorOf(data, Options("random_forest", Task::kRegression,
										std::string(R"({"n_estimators": 2, "criterion": ")") +
											criterion + "\"}")),
				  "");
	EXPECT_EQ(ErrorOf(data, Options("xgboost_random_forest", Task::kClassification,
									R"({"n_estimators": 3, "learning_rate": 1, "subsample": 0.5,
										"colsample_bynode": 0.5, "reg_lambda": 1,
										"max_depth": 3, "base_score": 0.4})")),
			  "");
}

TEST(Forest, RefusesWhatIsWrong) {
	Dataset data = test::RandomDataset(60, 2, 0, 7, Binary);
	auto error = [&](const char *json, Task task = Task::kClassification) {
		return ErrorOf(data, Options("random_forest", task, json));
	};
	EXPECT_NE(error(R"({"max_feature": 1})").find("max_features"), std::string::npos);
	EXPECT_NE(error(R"({"max_features": 0})").find("a whole number from 1"), std::string::npos);
	EXPECT_NE(error(R"({"max_features": 1.5})").find("a fraction above 0"), std::string::npos);
	EXPECT_NE(error(R"({"max_features": "all"})").find("sqrt, log2, null"), std::string::npos);
	EXPECT_NE(error(R"({"min_samples_split": 1})").find("from 2"), std::string::npos);
	EXPECT_NE(error(R"({"criterion": "mse"})").find("gini, entropy, log_loss"), std::string::npos);
	EXPECT_NE(error(R"({"max_depth": 0})"), "");
	EXPECT_NE(error(R"({"max_leaf_nodes": 1})"), "");
	EXPECT_NE(error(R"({"n_estimators": 0})"), "");
	EXPECT_NE(error(R"({"bootstrap": false, "max_samples": 3})").find("bootstrap"),
			  std::string::npos);
	data.target[0] = -1;
	EXPECT_NE(error(R"({"criterion": "poisson"})", Task::kRegression), "");
	Dataset good = test::RandomDataset(60, 2, 0, 7, Binary);
	EXPECT_NE(ErrorOf(good, Options("xgboost_random_forest", Task::kClassification,
									R"({"base_score": 1})"))
				  .find("probability"),
			  std::string::npos);
}

TEST(Forest, MissingAndExtremeValues) {
	Dataset data = test::RandomDataset(
		500, 3, 0.3, 8, [](const std::vector<float> &x, auto &) { return double(x[0] > 0); });
	// Missing itself tells the class; the largest numbers are ordinary.
	for (size_t row = 0; row < 500; row++) {
		bool missing = std::isnan(data.raw.column(1)[row]);
		data.target[row] = missing;
		if (row % 11 == 0)
			data.raw.column(2)[row] = row % 2 == 0 ? 3.4e38f : -3.4e38f;
	}
	for (const char *name : {"random_forest", "extra_trees", "bagging"}) {
		auto model = Train(data, Options(name, Task::kClassification));
		EXPECT_EQ(Accuracy(data, test::Predict(*model, data.raw.view())), 1) << name;
	}
	// Nothing to split on.
	Dataset constant = test::DatasetBuilder()
						   .Number("x", {1, 1, 1, 1})
						   .Number("y", {NAN, NAN, NAN, NAN})
						   .Target({1, 2, 3, 4})
						   .Build();
	for (const char *name : {"random_forest", "extra_trees", "bagging"}) {
		auto model = Train(constant, Options(name, Task::kRegression, R"({"n_estimators": 200})"));
		EXPECT_NEAR(test::Predict(*model, constant.raw.view())[0], 2.5, 0.3) << name;
	}
}

TEST(Forest, LargeOffsetsKeepTheirDigits) {
	Dataset data = test::RandomDataset(
		500, 3, 0, 9, [](const std::vector<float> &x, auto &) { return 1e6 + 3 * x[0]; });
	auto model = Train(data, Options("random_forest", Task::kRegression));
	EXPECT_GT(R2(data, test::Predict(*model, data.raw.view())), 0.97);
}

TEST(Forest, Stops) {
	static int polls;
	Dataset data = test::RandomDataset(20000, 6, 0.01, 10, Friedman);
	for (const char *name : kForests)
		for (int limit : {0, 1, 5, 30, 60}) {
			TrainOptions options = Options(name, Task::kRegression, R"({"n_estimators": 100000})");
			polls = -limit;
			options.stop = StopToken([] { return ++polls > 0; });
			EXPECT_THROW(Train(data, options), Cancelled) << name << limit;
		}
}

} // namespace pgml
