// Gradient boosting on our own trees: against libxgboost on the same data, and what each loss is known to
// give.
#include <gtest/gtest.h>

#include <algorithm>

#include "datasets.h"
#include "artefact/model_impl.h"
#include "pgml/error.h"
#include "pgml/train.h"
#include "trees/trees.h"

namespace pgml {

using test::Options;

namespace {

const char *const kBoosters[] = {"gradient_boosting_trees", "hist_gradient_boosting"};

double
Curve(const std::vector<float> &x, std::mt19937 &random) {
	return 10 * std::sin(2 * x[0]) + 5 * std::tanh(x[1] * x[2]) + 4 * std::tanh(x[3]) +
		   std::normal_distribution<double>(0, 1)(random);
}

double
ThreeClasses(const std::vector<float> &x, std::mt19937 &) {
	return (x[0] + x[1] * x[2] > 0.5) + (x[0] - x[3] > 1);
}

double
TwoClasses(const std::vector<float> &x, std::mt19937 &) {
	return x[0] * x[1] + x[2] > 0;
}

double
SquaredError(const Model &model, const Dataset &data) {
	std::vector<double> predicted = test::Predict(model, data.raw.view());
	double sum = 0;
	for (size_t i = 0; i < predicted.size(); i++)
		sum += (predicted[i] - data.target[i]) * (predicted[i] - data.target[i]);
	return sum / double(predicted.size());
}

double
ErrorRate(const Model &model, const Dataset &data) {
	std::vector<double> predicted = test::Predict(model, data.raw.view());
	double wrong = 0;
	for (size_t i = 0; i < predicted.size(); i++)
		wrong += predicted[i] != data.target[i];
	return wrong / double(predicted.size());
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

} // namespace

TEST(Boosting, IsAsGoodAsLibxgboost) {
	// Equal learning rate, rounds, depth and kind of splits; no L2 penalty, like scikit-learn. With all
	// splits tried the trees are the same; bins are cut as scikit-learn cuts them (test_tree_reference.cpp), whose error
	// differs from libxgboost's as much.
	const std::string same =
		R"({"learning_rate": 0.1, "max_depth": 3, "reg_lambda": 0, "min_child_weight": 0,
			"tree_method": ")";
	const char *mine[] = {"{}",
						  R"({"max_depth": 3, "max_leaf_nodes": null, "min_samples_leaf": 1})"};
	const char *methods[] = {"exact\"}", "hist\"}"};
	for (double missing : {0.0, 0.03})
		for (size_t i = 0; i < 2; i++) {
			Dataset train = test::RandomDataset(4000, 5, missing, 1, Curve);
			Dataset held_out = test::RandomDataset(4000, 5, missing, 2, Curve);
			auto error = [&](const char *name, const std::string &json) {
				return SquaredError(*Train(train, Options(name, Task::kRegression, json)),
									held_out);
			};
			EXPECT_LT(error(kBoosters[i], mine[i]),
					  (i == 0 ? 1.02 : 1.2) * error("xgboost", same + methods[i]));
			for (auto target : {TwoClasses, ThreeClasses}) {
				train = test::RandomDataset(4000, 5, missing, 3, target);
				held_out = test::RandomDataset(4000, 5, missing, 4, target);
				auto rate = [&](const char *name, const std::string &json) {
					return ErrorRate(*Train(train, Options(name, Task::kClassification, json)),
									 held_out);
				};
				EXPECT_LT(rate(kBoosters[i], mine[i]), rate("xgboost", same + methods[i]) + 0.01);
			}
		}
}

TEST(Boosting, OneLeafIsTheConstantOfItsLoss) {
	std::vector<double> y = {1, 2, 3, 4, 100};
	Dataset data = test::DatasetBuilder().Number("x", {1, 1, 1, 1, 1}).Target(y).Build();
	auto constant = [&](const char *name, const char *json) {
		return test::Predict(*Train(data, Options(name, Task::kRegression, json)),
							 data.raw.view())[0];
	};
	for (const char *name : kBoosters) {
		EXPECT_NEAR(constant(name, "{}"), 22, 1e-5) << name;
		EXPECT_NEAR(constant(name, R"({"loss": "absolute_error"})"), 3, 1e-5) << name;
	}
	EXPECT_NEAR(constant("gradient_boosting_trees", R"({"loss": "quantile", "alpha": 0.25})"), 2,
				1e-5);
	EXPECT_NEAR(constant("hist_gradient_boosting", R"({"loss": "quantile", "quantile": 0.75})"), 4,
				1e-5);
	EXPECT_NEAR(constant("hist_gradient_boosting", R"({"loss": "poisson"})"), 22, 1e-3);
}

TEST(Boosting, LossesReachWhatTheyAskFor) {
	Dataset train = test::RandomDataset(4000, 3, 0, 5, [](const auto &x, std::mt19937 &random) {
		return x[0] + std::normal_distribution<double>(0, 1)(random);
	});
	for (double quantile : {0.1, 0.5, 0.9})
		for (const char *name : kBoosters) {
			std::string key = name == kBoosters[0] ? "alpha" : "quantile";
			auto model = Train(train, Options(name, Task::kRegression,
											  R"({"loss": "quantile", ")" + key +
												  "\": " + std::to_string(quantile) + "}"));
			std::vector<double> predicted = test::Predict(*model, train.raw.view());
			double below = 0;
			for (size_t i = 0; i < predicted.size(); i++)
				below += train.target[i] <= predicted[i];
			EXPECT_NEAR(below / 4000, quantile, 0.04) << name;
		}
	Dataset counts = test::RandomDataset(4000, 3, 0, 6, [](const auto &x, std::mt19937 &random) {
		return double(std::poisson_distribution<int>(std::exp(0.5 * x[0]))(random));
	});
	auto model = Train(
		counts, Options("hist_gradient_boosting", Task::kRegression, R"({"loss": "poisson"})"));
	float rows[3] = {-1, 0, 1};
	std::vector<float> x(9, 0);
	std::copy_n(rows, 3, x.begin());
	std::vector<double> predicted = test::Predict(*model, {x.data(), 3, 3, 3});
	EXPECT_NEAR(predicted[1], 1, 0.4);
	EXPECT_LT(predicted[0], predicted[2]);
}

TEST(Boosting, EqualSeedsGiveEqualModels) {
	Dataset data = test::RandomDataset(500, 4, 0.1, 7, ThreeClasses);
	const char *drawn[] = {R"({"n_estimators": 5, "subsample": 0.5, "random_state": 1})",
						   R"({"max_iter": 5, "max_features": 0.5, "random_state": 1})"};
	for (size_t i = 0; i < 2; i++)
		for (Task task : {Task::kRegression, Task::kClassification}) {
			auto options = Options(kBoosters[i], task, drawn[i]);
			auto model = Train(data, options);
			EXPECT_EQ(model->Encode(), Train(data, options)->Encode());
			EXPECT_EQ(model->Encode(), Model::Decode(model->Encode())->Encode());
			options.hyperparams_json.replace(options.hyperparams_json.rfind('1'), 1, "2");
			EXPECT_NE(model->Encode(), Train(data, options)->Encode());
		}
}

TEST(Boosting, TakesAndRefusesHyperparameters) {
	Dataset data = test::RandomDataset(300, 4, 0.1, 8, TwoClasses);
	auto error = [&](const char *name, Task task, const char *json) {
		return ErrorOf(data, Options(name, task, json));
	};
	const char *gb = kBoosters[0], *hist = kBoosters[1];
	Task task = Task::kClassification;
	EXPECT_EQ(error(gb, task, R"({"loss": "log_loss", "learning_rate": 0.2, "n_estimators": 3,
		"subsample": 0.7, "criterion": "squared_error", "min_samples_split": 0.1,
		"min_samples_leaf": 3, "max_depth": null, "min_impurity_decrease": 0.01,
		"max_features": "sqrt", "max_leaf_nodes": 8, "random_state": 1})"),
			  "");
	EXPECT_EQ(error(hist, task, R"({"loss": "log_loss", "learning_rate": 0.2, "max_iter": 3,
		"max_leaf_nodes": null, "max_depth": 4, "min_samples_leaf": 5, "l2_regularization": 1,
		"max_features": 1.0, "max_bins": 32, "random_state": 1})"),
			  "");
	EXPECT_NE(error(hist, task, R"({"n_estimators": 3})").find("max_iter"), std::string::npos);
	EXPECT_NE(error(hist, task, R"({"max_bins": 256})").find("2 to 255"), std::string::npos);
	EXPECT_NE(error(gb, task, R"({"loss": "deviance"})").find("log_loss"), std::string::npos);
	EXPECT_NE(error(gb, task, R"({"subsample": 0})"), "");
	EXPECT_NE(error(gb, task, R"({"max_depth": 0})"), "");
	EXPECT_NE(error(gb, Task::kRegression, R"({"loss": "huber"})").find("absolute_error"),
			  std::string::npos);
	EXPECT_NE(error(hist, Task::kRegression, R"({"loss": "quantile"})").find("\"quantile\""),
			  std::string::npos);
	data.target[0] = -1;
	EXPECT_NE(error(hist, Task::kRegression, R"({"loss": "poisson"})"), "");
	// Rates that run away end in an error, never in a crash or in NaN.
	for (const char *name : kBoosters)
		EXPECT_NO_THROW(
			try {
				Train(data, Options(name, Task::kRegression, R"({"learning_rate": 100})"));
			} catch (const Error &e) { EXPECT_EQ(e.code(), ErrorCode::kInvalidData); });
}

TEST(Boosting, MissingValuesTell) {
	Dataset data = test::RandomDataset(500, 3, 0.3, 9, TwoClasses);
	for (size_t row = 0; row < 500; row++)
		data.target[row] = std::isnan(data.raw.column(1)[row]);
	for (const char *name : kBoosters)
		EXPECT_EQ(ErrorRate(*Train(data, Options(name, Task::kClassification)), data), 0) << name;
}

TEST(Boosting, Stops) {
	static int polls;
	Dataset data = test::RandomDataset(20000, 6, 0.01, 10, Curve);
	const char *rounds[] = {R"({"n_estimators": 100000})", R"({"max_iter": 100000})"};
	for (size_t i = 0; i < 2; i++)
		for (int limit : {0, 5, 30, 200}) {
			TrainOptions options = Options(kBoosters[i], Task::kRegression, rounds[i]);
			polls = -limit;
			options.stop = StopToken([] { return ++polls > 0; });
			EXPECT_THROW(Train(data, options), Cancelled) << limit;
		}
}

} // namespace pgml
