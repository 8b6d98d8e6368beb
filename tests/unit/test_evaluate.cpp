// Confusion matrix, ROC curve, feature importances, description of a model; the metrics that belong to them.
#include <gtest/gtest.h>

#include <cmath>

#include <nlohmann/json.hpp>

#include "datasets.h"
#include "pgml/error.h"
#include "pgml/evaluate.h"

namespace pgml {

using nlohmann::json;
using test::Options;

namespace {

Dataset
Plain(const std::vector<double> &target) {
	std::vector<float> x;
	for (size_t i = 0; i < target.size(); i++)
		x.push_back(float(i));
	return test::DatasetBuilder().Number("x", x).Target(target).Build();
}

/// Says class 1 for x >= 3, with scores that rise with x.
std::unique_ptr<const Model>
Step() {
	return Train(Plain({0, 0, 0, 1, 1, 1}), Options("linear", Task::kClassification));
}

json
Evaluate(const Model &model, const Dataset &data) {
	return json::parse(EvaluateToJson(model, data, StopToken()));
}

double
Sum(const std::vector<FeatureImportance> &importances) {
	double sum = 0;
	for (const FeatureImportance &feature : importances)
		sum += feature.importance;
	return sum;
}

} // namespace

TEST(Metrics, RegressionErrorsAroundTheirMean) {
	auto model = Train(Plain({0, 1, 2, 3}), Options("linear", Task::kRegression));
	json metrics = Evaluate(*model, Plain({1, 1, 2, 4})); // errors -1, 0, 0, -1
	EXPECT_NEAR(metrics["median_absolute_error"], 0.5, 1e-9);
	EXPECT_NEAR(metrics["explained_variance"], 1 - 1.0 / 6, 1e-9);
	// The same error everywhere explains all variance; an odd count has one middle.
	json shifted = Evaluate(*model, Plain({7, 8, 9}));
	EXPECT_NEAR(shifted["explained_variance"], 1, 1e-9);
	EXPECT_NEAR(shifted["median_absolute_error"], 7, 1e-6);
	EXPECT_TRUE(Evaluate(*model, Plain({5, 5}))["explained_variance"].is_null());
	EXPECT_TRUE(Evaluate(*model, Plain({}))["median_absolute_error"].is_null());
}

TEST(Metrics, BalancedAccuracyAveragePrecisionBrier) {
	auto model = Step();
	json metrics = Evaluate(*model, Plain({0, 1, 0, 0, 1, 0}));
	// Predicted 0 0 0 1 1 1. Recalls: 2 of 4, 1 of 2.
	EXPECT_NEAR(metrics["balanced_accuracy"], (2.0 / 4 + 1.0 / 2) / 2, 1e-9);
	// From the highest score: 0 1 0 0 1 0 from the right; positives at places 2 and 5.
	EXPECT_NEAR(metrics["average_precision"], (1.0 / 2 + 2.0 / 5) / 2, 1e-9);
	std::vector<float> x = {0, 1, 2, 3, 4, 5};
	std::vector<float> proba(12);
	Workspace work;
	model->PredictProbabilities({x.data(), 6, 1, 6}, work, proba.data());
	double brier = 0;
	std::vector<double> truth = {0, 1, 0, 0, 1, 0};
	for (size_t row = 0; row < 6; row++)
		brier += std::pow(double(proba[row * 2 + 1]) - truth[row], 2) / 6;
	EXPECT_NEAR(metrics["brier_score"], brier, 1e-6);
	EXPECT_TRUE(Evaluate(*model, Plain({0, 0}))["average_precision"].is_null());
	auto ridge = Train(Plain({0, 0, 0, 1, 1, 1}), Options("ridge", Task::kClassification));
	EXPECT_TRUE(Evaluate(*ridge, Plain({0, 1, 0, 0, 1, 0}))["brier_score"].is_null());
	EXPECT_TRUE(Evaluate(*ridge, Plain({0, 1, 0, 0, 1, 0}))["average_precision"].is_number());
}

TEST(ConfusionMatrix, PairsInClassOrderUnknownLabelsLast) {
	auto cells = ConfusionMatrix(*Step(), Plain({0, 1, 0, 0, 1, 9}), StopToken());
	ASSERT_EQ(cells.size(), 5u);
	auto cell = [&](size_t i) {
		return cells[i].actual + " " + cells[i].predicted + " " + std::to_string(cells[i].count);
	};
	EXPECT_EQ(cell(0), "0 0 2");
	EXPECT_EQ(cell(1), "0 1 1");
	EXPECT_EQ(cell(2), "1 0 1");
	EXPECT_EQ(cell(3), "1 1 1");
	EXPECT_EQ(cell(4), "9 1 1");
	auto regression = Train(Plain({0, 1, 2, 3}), Options("linear", Task::kRegression));
	EXPECT_THROW(ConfusionMatrix(*regression, Plain({0, 1}), StopToken()), Error);
}

TEST(RocCurve, AreaIsTheMetricAndStraightPointsGo) {
	auto model = Step();
	Dataset data = Plain({0, 1, 0, 0, 1, 1});
	auto curve = RocCurve(*model, data, nullptr, StopToken());
	EXPECT_TRUE(std::isinf(curve[0].threshold));
	EXPECT_EQ(curve[0].false_positive_rate, 0);
	EXPECT_EQ(curve.back().true_positive_rate, 1);
	EXPECT_EQ(curve.back().false_positive_rate, 1);
	// From the right: positive, positive, negative, negative, positive, negative.
	ASSERT_EQ(curve.size(), 5u);
	EXPECT_NEAR(curve[1].true_positive_rate, 2.0 / 3, 1e-9);
	EXPECT_EQ(curve[1].false_positive_rate, 0);
	double area = 0;
	for (size_t i = 1; i < curve.size(); i++) {
		EXPECT_LT(curve[i].threshold, curve[i - 1].threshold);
		area += (curve[i].false_positive_rate - curve[i - 1].false_positive_rate) *
				(curve[i].true_positive_rate + curve[i - 1].true_positive_rate) / 2;
	}
	EXPECT_NEAR(area, Evaluate(*model, data)["roc_auc"], 1e-9);
	// The other label: the same area, the other side.
	std::string zero = "0", none = "2";
	auto mirrored = RocCurve(*model, data, &zero, StopToken());
	EXPECT_NEAR(mirrored[1].true_positive_rate, 1.0 / 3, 1e-9);
	EXPECT_THROW(RocCurve(*model, data, &none, StopToken()), Error);
	EXPECT_THROW(RocCurve(*model, Plain({1, 1}), nullptr, StopToken()), Error);
	auto ridge = Train(Plain({0, 0, 0, 1, 1, 1}), Options("ridge", Task::kClassification));
	EXPECT_EQ(RocCurve(*ridge, data, nullptr, StopToken()).size(), 5u);
	EXPECT_EQ(RocCurve(*ridge, data, &zero, StopToken()).size(), 5u);
}

TEST(Evaluate, TargetOfAnotherKindIsRefused) {
	std::vector<float> x = {0, 1, 2, 3};
	Dataset texts = test::DatasetBuilder().Number("x", x).TextTarget({"a", "a", "b", "b"}).Build();
	auto by_text = Train(texts, Options("linear", Task::kClassification));
	EXPECT_THROW(Evaluate(*by_text, Plain({0, 1})), Error);
	EXPECT_THROW(Evaluate(*Step(), texts), Error);
	EXPECT_EQ(Evaluate(*by_text, texts)["accuracy"], 1);
}

TEST(FeatureImportances, LinearCountsWeightTimesSpread) {
	std::vector<float> wide, narrow, nothing;
	std::vector<std::optional<std::string>> city;
	std::vector<double> y;
	for (int i = 0; i < 40; i++) {
		wide.push_back(float(i * 10));
		narrow.push_back(float(i * i % 7));
		nothing.push_back(float(i % 2));
		city.push_back(i % 4 == 0 ? "b" : "a");
		y.push_back(0.5 * i * 10 + 2 * (i * i % 7) + (i % 4 == 0 ? 8 : 0));
	}
	Dataset data = test::DatasetBuilder()
					   .Number("wide", wide)
					   .Number("narrow", narrow)
					   .Number("nothing", nothing)
					   .Text("city", city)
					   .Target(y)
					   .Build();
	std::string columns = DescribeColumnsToJson(data, {"y"});
	auto model = Train(data, Options("linear", Task::kRegression));
	auto importances = FeatureImportances(*model, columns);
	ASSERT_EQ(importances.size(), 4u);
	EXPECT_EQ(importances[0].feature, "wide");
	EXPECT_NEAR(Sum(importances), 1, 1e-12);
	json described = json::parse(columns);
	double of_wide = 0.5 * described[0]["statistics"]["std_dev"].get<double>();
	double of_narrow = 2 * described[1]["statistics"]["std_dev"].get<double>();
	EXPECT_NEAR(importances[0].importance / importances[1].importance, of_wide / of_narrow, 1e-3);
	EXPECT_NEAR(importances[2].importance, 0, 1e-3);
	// A scaled feature counts the same.
	TrainOptions scaled = Options("linear", Task::kRegression);
	scaled.preprocess_json = R"({"wide": {"scale": "standard"}})";
	EXPECT_NEAR(FeatureImportances(*Train(data, scaled), columns)[0].importance,
				importances[0].importance, 1e-3);
	// Without statistics spreads count as 1; whatever is given as statistics does no harm.
	for (const char *other : {"", "{}", "[1, {\"name\": \"wide\", \"statistics\": 3}]", "[[["})
		EXPECT_NEAR(FeatureImportances(*model, other)[1].importance /
						FeatureImportances(*model, other)[0].importance,
					4, 1e-2)
			<< other;
}

TEST(FeatureImportances, TreesCountSplits) {
	std::vector<float> used, unused;
	std::vector<double> y;
	for (int i = 0; i < 60; i++) {
		used.push_back(float(i));
		unused.push_back(1);
		y.push_back(i * i);
	}
	Dataset data =
		test::DatasetBuilder().Number("unused", unused).Number("used", used).Target(y).Build();
	auto importances = FeatureImportances(*Train(data, Options("xgboost", Task::kRegression)), "");
	EXPECT_EQ(importances[0].importance, 0);
	EXPECT_EQ(importances[1].importance, 1);
}

TEST(FeatureImportances, OwnTreesGiveTheDecreaseOfTheImpurity) {
	std::vector<float> a, b;
	std::vector<double> classes, values;
	for (int i = 0; i < 400; i++) {
		a.push_back(float(i / 2 % 2));
		b.push_back(float(i % 2));
		classes.push_back(a.back() * (1 + b.back()));
		values.push_back(10 * a.back() + b.back());
	}
	auto share_of_a = [&](const std::vector<double> &y, Task task, const char *algorithm,
						  const char *parameters) {
		Dataset data = test::DatasetBuilder().Number("a", a).Number("b", b).Target(y).Build();
		auto model = Train(data, Options(algorithm, task, parameters));
		auto importances = FeatureImportances(*model, "");
		EXPECT_NEAR(Sum(importances), 1, 1e-9);
		EXPECT_EQ(FeatureImportances(*model, "", ImportanceKind::kTotalGain)[0].importance,
				  importances[0].importance);
		return importances[0].importance;
	};
	// Gini of shares 1/2, 1/4, 1/4: 5/8, after the split by a 1/4, then 0. The ensemble has a tree per class.
	const char *whole = R"({"n_estimators": 3, "bootstrap": false, "max_features": null})";
	EXPECT_NEAR(share_of_a(classes, Task::kClassification, "random_forest", whole), 0.6, 1e-6);
	// Variance: 25 of a, 1/4 of b.
	EXPECT_NEAR(share_of_a(values, Task::kRegression, "random_forest", whole), 25 / 25.25, 1e-6);
	const char *boosted = R"({"n_estimators": 4, "learning_rate": 0.5})";
	EXPECT_NEAR(share_of_a(values, Task::kRegression, "gradient_boosting_trees", boosted),
				25 / 25.25, 1e-6);
}

TEST(DescribeModel, NamesPreprocessingWithoutCategories) {
	std::vector<float> x = {1, NAN, 3, 4};
	Dataset data = test::DatasetBuilder()
					   .Number("x", x)
					   .Text("city", {"Oslo", "Bergen", "Oslo", std::nullopt})
					   .Target({0, 1, 0, 1})
					   .Build();
	TrainOptions options = Options("linear", Task::kClassification);
	options.preprocess_json = R"({"x": {"impute": "max", "scale": "min_max"}})";
	std::string text = DescribeModelToJson(*Train(data, options));
	json model = json::parse(text);
	EXPECT_EQ(model["task"], "classification");
	EXPECT_EQ(model["classes"], json({"0", "1"}));
	EXPECT_EQ(model["features"][0]["preprocessing"]["impute"], 4);
	EXPECT_NEAR(model["features"][0]["preprocessing"]["scale"]["factor"], 1.0 / 3, 1e-6);
	EXPECT_EQ(model["features"][1]["type"], "text");
	EXPECT_EQ(model["features"][1]["categories"], 2);
	EXPECT_EQ(model["features"][1]["preprocessing"]["encode"], "one_hot");
	EXPECT_EQ(text.find("Oslo"), std::string::npos);
}

TEST(Evaluate, SlowModelsPollMoreOften) {
	static size_t polls;
	auto target = [](const std::vector<float> &x, std::mt19937 &) { return double(x[0]); };
	Dataset train = test::RandomDataset(10000, 20, 0, 1, target);
	Dataset rows = test::RandomDataset(1000, 20, 0, 2, target);
	auto polls_of = [&](const char *algorithm) {
		auto model = Train(train, Options(algorithm, Task::kRegression));
		polls = 0;
		EvaluateToJson(*model, rows, StopToken([] { return ++polls == 0; }));
		return polls;
	};
	EXPECT_GE(polls_of("linear"), 1u);
	EXPECT_GE(polls_of("knn"), 5 * polls_of("linear"));
}

} // namespace pgml
