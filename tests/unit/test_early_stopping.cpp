// Early stopping of boosting: which rows are held out, when it ends, which rounds stay.
#include <gtest/gtest.h>

#include <algorithm>

#include "datasets.h"
#include "training/early_stopping.h"
#include "artefact/model_impl.h"
#include "pgml/error.h"
#include "pgml/train.h"
#include "trees/trees.h"

namespace pgml {

using test::Options;

namespace {

/// Mostly noise: many rounds learn it by heart.
double
Noisy(const std::vector<float> &x, std::mt19937 &random) {
	return x[0] + std::normal_distribution<double>(0, 2)(random);
}

double
NoisyClasses(const std::vector<float> &x, std::mt19937 &random) {
	double value = x[0] + std::normal_distribution<double>(0, 1)(random);
	return value > 0.7 ? 2 : value > 0;
}

double
NoisyCounts(const std::vector<float> &x, std::mt19937 &random) {
	return std::poisson_distribution<int>(std::exp(0.5 * x[0]))(random);
}

size_t
Trees(const Model &model) {
	const auto &learner = *dynamic_cast<const ModelImpl &>(model).parts().learner;
	return dynamic_cast<const TreeEnsemble &>(learner).trees().size();
}

struct Stopping {
	const char *algorithm;
	const char *turned_on; ///< rounds and patience, without the closing brace
	const char *rounds;    ///< name of the number of rounds
};
const Stopping kStopping[] = {
	{"gradient_boosting_trees", R"({"n_estimators": 3000, "n_iter_no_change": 8, "tol": 0)",
	 "n_estimators"},
	{"hist_gradient_boosting",
	 R"({"max_iter": 3000, "early_stopping": true, "n_iter_no_change": 8, "tol": 0)", "max_iter"}};

} // namespace

TEST(EarlyStopping, HoldsOutAShareOfEachClass) {
	Matrix columns(1, 100);
	columns.Resize(100);
	std::vector<double> target(100);
	std::vector<uint32_t> classes(100);
	for (size_t row = 0; row < 100; row++)
		classes[row] = row < 60 ? 0 : row < 99 ? 1 : 2;
	std::vector<std::string> labels = {"a", "b", "c"};
	TrainingData data{columns.view(), target, classes, 3, labels, {}, {}};
	for (double fraction : {0.1, 0.25, 0.5, 0.9}) {
		std::vector<bool> held_out = DrawValidationRows(data, fraction, 1);
		size_t of_class[3] = {};
		for (size_t row = 0; row < 100; row++)
			of_class[classes[row]] += held_out[row];
		EXPECT_NEAR(double(of_class[0]), 60 * fraction, 1) << fraction;
		EXPECT_NEAR(double(of_class[1]), 39 * fraction, 1) << fraction;
		EXPECT_EQ(of_class[2], 0u) << fraction; // its only row is needed for training
	}
	EXPECT_EQ(DrawValidationRows(data, 0.2, 1), DrawValidationRows(data, 0.2, 1));
	EXPECT_NE(DrawValidationRows(data, 0.2, 1), DrawValidationRows(data, 0.2, 2));
	// However small the share, one row is held out.
	std::vector<bool> least = DrawValidationRows(data, 0.001, 1);
	EXPECT_EQ(std::count(least.begin(), least.end(), true), 1);
	data.columns.rows = 1;
	EXPECT_THROW(DrawValidationRows(data, 0.5, 1), Error);
	for (size_t row = 0; row < 3; row++)
		classes[row] = uint32_t(row);
	data.columns.rows = 3;
	EXPECT_THROW(DrawValidationRows(data, 0.5, 1), Error);
}

TEST(EarlyStopping, RuleCountsRoundsWithoutProgress) {
	StoppingRule rule(2, 0.1);
	EXPECT_TRUE(rule.Add(5));
	EXPECT_FALSE(rule.Ends());
	EXPECT_TRUE(rule.Add(4));
	EXPECT_TRUE(rule.Add(3.95)); // better, but no progress
	EXPECT_FALSE(rule.Ends());
	EXPECT_FALSE(rule.Add(3.95));
	EXPECT_TRUE(rule.Ends());
	EXPECT_EQ(rule.best_round(), 2u);
	EXPECT_EQ(rule.best(), 3.95);
	StoppingRule lost(3, 0);
	EXPECT_FALSE(lost.Add(NAN));
	EXPECT_TRUE(std::isinf(lost.best()));
}

TEST(EarlyStopping, EndsWithTheBestRound) {
	Dataset data = test::RandomDataset(400, 4, 0.02, 1, Noisy);
	for (const Stopping &one : kStopping) {
		TrainReport report;
		TrainOptions options =
			Options(one.algorithm, Task::kRegression, one.turned_on + std::string("}"));
		options.report = &report;
		size_t rounds = 0;
		options.progress = [&](size_t done, size_t) { rounds = done; };
		auto model = Train(data, options);
		ASSERT_TRUE(report.best_iteration) << one.algorithm;
		EXPECT_LT(rounds, 500u) << one.algorithm;
		EXPECT_EQ(rounds, *report.best_iteration + 1 + 8) << one.algorithm;
		EXPECT_EQ(Trees(*model), *report.best_iteration + 2); // and the starting value
		EXPECT_GT(report.validation_score, 2.0);
		EXPECT_LT(report.validation_score, 8.0);
		// The same model as with that many rounds, had all of them been trained.
		TrainOptions exact = options;
		TrainReport second;
		exact.report = &second;
		std::string text = one.turned_on;
		size_t at = text.find("3000");
		exact.hyperparams_json =
			text.replace(at, 4, std::to_string(*report.best_iteration + 1)) + "}";
		EXPECT_EQ(Train(data, exact)->Encode(), model->Encode()) << one.algorithm;
		EXPECT_EQ(second.best_iteration, report.best_iteration);
		EXPECT_EQ(second.validation_score, report.validation_score);
	}
}

TEST(EarlyStopping, WorksForEveryLoss) {
	struct Case {
		const char *algorithm;
		Task task;
		const char *loss;
		double (*target)(const std::vector<float> &, std::mt19937 &);
		size_t trees_per_round;
	};
	const Case cases[] = {
		{"gradient_boosting_trees", Task::kRegression, "absolute_error", Noisy, 1},
		{"gradient_boosting_trees", Task::kRegression, "quantile", Noisy, 1},
		{"hist_gradient_boosting", Task::kRegression, "poisson", NoisyCounts, 1},
		{"gradient_boosting_trees", Task::kClassification, "log_loss", NoisyClasses, 3},
		{"hist_gradient_boosting", Task::kClassification, "log_loss", NoisyClasses, 3},
	};
	for (const Case &one : cases) {
		const Stopping &stopping = kStopping[one.algorithm[0] == 'h'];
		Dataset data = test::RandomDataset(500, 3, 0, 3, one.target);
		TrainReport report;
		TrainOptions options =
			Options(one.algorithm, one.task,
					stopping.turned_on + std::string(R"(, "loss": ")") + one.loss + "\"}");
		options.report = &report;
		auto model = Train(data, options);
		ASSERT_TRUE(report.best_iteration) << one.algorithm << one.loss;
		EXPECT_LT(*report.best_iteration, 1500u) << one.algorithm << one.loss;
		EXPECT_EQ(Trees(*model), (*report.best_iteration + 1) * one.trees_per_round +
									 (one.task == Task::kRegression))
			<< one.algorithm << one.loss;
		EXPECT_EQ(Train(data, options)->Encode(), model->Encode());
	}
}

TEST(EarlyStopping, XgboostStopsByItsMetric) {
	struct Case {
		Task task;
		double (*target)(const std::vector<float> &, std::mt19937 &);
		const char *metric;
		size_t trees_per_round;
		double low, high; ///< of the best score
	};
	const Case cases[] = {
		{Task::kRegression, Noisy, "", 1, 1.5, 3},
		{Task::kRegression, Noisy, R"(, "eval_metric": ["rmse", "mae"])", 1, 1, 2.5},
		{Task::kClassification, NoisyClasses, "", 3, 0.3, 1.1},
		{Task::kClassification, NoisyClasses, R"(, "eval_metric": "auc")", 3, 0.6, 1},
	};
	for (const Case &one : cases) {
		Dataset data = test::RandomDataset(500, 3, 0.02, 8, one.target);
		TrainReport report;
		const std::string more = std::string(R"(, "early_stopping_rounds": 6)") + one.metric + "}";
		TrainOptions options = Options("xgboost", one.task, R"({"n_estimators": 2000)" + more);
		options.report = &report;
		size_t rounds = 0;
		options.progress = [&](size_t done, size_t) { rounds = done; };
		auto model = Train(data, options);
		ASSERT_TRUE(report.best_iteration) << one.metric;
		EXPECT_EQ(rounds, *report.best_iteration + 1 + 6) << one.metric;
		EXPECT_EQ(Trees(*model), (*report.best_iteration + 1) * one.trees_per_round);
		EXPECT_GT(report.validation_score, one.low) << one.metric;
		EXPECT_LT(report.validation_score, one.high) << one.metric;
		// The rounds after the best one leave nothing behind.
		TrainOptions exact = options;
		exact.report = nullptr;
		exact.hyperparams_json =
			R"({"n_estimators": )" + std::to_string(*report.best_iteration + 1) + more;
		EXPECT_EQ(Train(data, exact)->Encode(), model->Encode()) << one.metric;
	}
}

TEST(EarlyStopping, IsAutomaticAboveTenThousandRows) {
	auto stopped = [](size_t rows, const std::string &more) {
		Dataset data = test::RandomDataset(rows, 2, 0, 4, Noisy);
		TrainReport report;
		TrainOptions options = Options("hist_gradient_boosting", Task::kRegression,
									   R"({"max_iter": 3, "max_leaf_nodes": 3)" + more + "}");
		options.report = &report;
		Train(data, options);
		return report.best_iteration.has_value();
	};
	EXPECT_FALSE(stopped(10000, ""));
	EXPECT_TRUE(stopped(10001, ""));
	EXPECT_FALSE(stopped(10001, R"(, "early_stopping": false)"));
	EXPECT_TRUE(stopped(100, R"(, "early_stopping": true)"));
	EXPECT_FALSE(stopped(100, R"(, "early_stopping": "auto")"));
}

TEST(EarlyStopping, RefusesWhatMakesNoSense) {
	Dataset data = test::RandomDataset(50, 2, 0, 5, Noisy);
	auto error = [&](const char *algorithm, const char *json) {
		try {
			Train(data, Options(algorithm, Task::kRegression, json));
		} catch (const Error &e) {
			return std::string(e.what()) + " | " + e.detail();
		}
		return std::string();
	};
	EXPECT_NE(error("hist_gradient_boosting", R"({"early_stopping": "maybe"})")
				  .find("true, false, or one of: auto"),
			  std::string::npos);
	EXPECT_NE(
		error("hist_gradient_boosting", R"({"n_iter_no_change": 0})").find("n_iter_no_change"),
		std::string::npos);
	EXPECT_NE(
		error("gradient_boosting_trees", R"({"n_iter_no_change": 5, "validation_fraction": 1})")
			.find("validation_fraction"),
		std::string::npos);
	EXPECT_NE(error("gradient_boosting_trees", R"({"tol": -1})").find("tol"), std::string::npos);
	EXPECT_EQ(error("gradient_boosting_trees", R"({"n_iter_no_change": null})"), "");
	EXPECT_NE(error("xgboost", R"({"early_stopping_rounds": 0})").find("early_stopping_rounds"),
			  std::string::npos);
	EXPECT_NE(
		error("xgboost", R"({"eval_metric": ["rmse", "auc"]})").find("one or several of: rmse"),
		std::string::npos);
	EXPECT_NE(
		error("xgboost_random_forest", R"({"early_stopping_rounds": 3})").find("unrecognized"),
		std::string::npos);
}

} // namespace pgml
