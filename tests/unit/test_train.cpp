// Dataset, dictionary, split, data checks, metrics and the description of columns.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include <nlohmann/json.hpp>

#include "datasets.h"
#include "pgml/error.h"
#include "pgml/train.h"

namespace pgml {

using nlohmann::json;
using test::Options;

namespace {

std::string
ErrorOf(const Dataset &data, const TrainOptions &options) {
	try {
		Train(data, options);
	} catch (const Error &e) {
		return std::string(e.what()) + " | " + e.detail() + " | " + e.hint();
	}
	return "";
}

Dataset
Plain(const std::vector<double> &target) {
	std::vector<float> x;
	for (size_t i = 0; i < target.size(); i++)
		x.push_back(float(i));
	return test::DatasetBuilder().Number("x", x).Target(target).Build();
}

/// A model whose answer is known: least squares on y = x.
std::unique_ptr<const Model>
Identity() {
	return Train(Plain({0, 1, 2, 3}), Options("linear", Task::kRegression));
}

json
Evaluate(const Model &model, const Dataset &data) {
	return json::parse(EvaluateToJson(model, data, StopToken()));
}

} // namespace

TEST(CategoryDictionary, CodesByFirstAppearance) {
	CategoryDictionary dictionary;
	for (int i = 0; i < 5000; i++)
		ASSERT_EQ(dictionary.CodeOf("v" + std::to_string(i)), uint32_t(i));
	EXPECT_EQ(dictionary.CodeOf("v4321"), 4321u);
	EXPECT_EQ(dictionary.CodeOf(""), 5000u);
	EXPECT_EQ(dictionary.CodeOf(""), 5000u);
	CategoryDictionary copy = dictionary;
	EXPECT_EQ(copy.CodeOf("only in the copy"), 5001u);
	EXPECT_EQ(dictionary.CodeOf("only in the first"), 5001u);
	EXPECT_EQ(copy.CodeOf("only in the first"), 5002u);
	EXPECT_EQ(dictionary.values().size(), 5002u);
}

TEST(Split, SizesAndDeterminism) {
	Dataset data = Plain(std::vector<double>(100));
	Split split = SplitRows(data, 0.25, Sampling::kRandom, Task::kRegression, 7);
	EXPECT_EQ(split.test.size(), 25u);
	EXPECT_EQ(split.train.size(), 75u);
	EXPECT_TRUE(std::is_sorted(split.test.begin(), split.test.end()));
	std::set<size_t> all(split.test.begin(), split.test.end());
	all.insert(split.train.begin(), split.train.end());
	EXPECT_EQ(all.size(), 100u);
	EXPECT_EQ(SplitRows(data, 0.25, Sampling::kRandom, Task::kRegression, 7).test, split.test);
	EXPECT_NE(SplitRows(data, 0.25, Sampling::kRandom, Task::kRegression, 8).test, split.test);
	EXPECT_EQ(SplitRows(data, 0.25, Sampling::kStratified, Task::kRegression, 7).test, split.test);
	EXPECT_EQ(SplitRows(data, 3, Sampling::kLast, Task::kRegression, 0).test,
			  (std::vector<size_t>{97, 98, 99}));
	EXPECT_TRUE(SplitRows(data, 0, Sampling::kRandom, Task::kRegression, 0).test.empty());
	EXPECT_EQ(SplitRows(data, 99, Sampling::kRandom, Task::kRegression, 0).train.size(), 1u);
	for (double bad : {1.0, -0.1, 100.0, 1e30, double(NAN)})
		EXPECT_THROW(SplitRows(data, bad, Sampling::kRandom, Task::kRegression, 0), Error) << bad;
	EXPECT_EQ(SplitRows(Plain({1}), 0.9, Sampling::kRandom, Task::kRegression, 0).train.size(), 1u);
	EXPECT_TRUE(SplitRows(Plain({}), 0.25, Sampling::kRandom, Task::kRegression, 0).train.empty());
}

TEST(Split, StratifiedKeepsShares) {
	std::vector<double> target;
	for (int i = 0; i < 100; i++)
		target.push_back(i < 70 ? 0 : i < 99 ? 1 : 2);
	Dataset data = Plain(target);
	Split split = SplitRows(data, 0.2, Sampling::kStratified, Task::kClassification, 3);
	EXPECT_EQ(split.test.size(), 20u);
	size_t of_class[3] = {};
	for (size_t row : split.test)
		of_class[size_t(target[row])]++;
	EXPECT_EQ(of_class[0], 14u);
	EXPECT_EQ(of_class[1], 6u);
	EXPECT_EQ(of_class[2], 0u); // its only row trains
	EXPECT_EQ(SplitRows(data, 98, Sampling::kStratified, Task::kClassification, 3).train.size(),
			  2u);
}

TEST(Split, SplitOffEqualsTwoSubsets) {
	Dataset data =
		test::RandomDataset(5000, 4, 0.1, 3, [](auto &x, auto &) { return double(x[0]); });
	Split split = SplitRows(data, 0.3, Sampling::kRandom, Task::kRegression, 7);
	Dataset train = data.Subset(split.train), test = data.Subset(split.test), rest = data;
	Dataset taken = rest.SplitOff(split, StopToken());
	EXPECT_EQ(rest.target, train.target);
	EXPECT_EQ(taken.target, test.target);
	for (auto [got, expected] : {std::pair{&rest, &train}, {&taken, &test}}) {
		ASSERT_EQ(got->raw.rows(), expected->raw.rows());
		for (size_t col = 0; col < 4; col++)
			ASSERT_EQ(std::memcmp(got->raw.column(col), expected->raw.column(col),
								  got->raw.rows() * sizeof(float)),
					  0);
	}
	for (int polls_left : {0, 3, 6}) {
		static int polls;
		polls = polls_left;
		Dataset copy = data;
		EXPECT_THROW(copy.SplitOff(split, StopToken([] { return polls-- <= 0; })), Cancelled);
	}
	EXPECT_THROW(SplitRows(Plain(std::vector<double>(100000)), 0.3, Sampling::kRandom,
						   Task::kRegression, 7, StopToken([] { return true; })),
				 Cancelled);
}

TEST(Train, UsingTheRowsUpChangesNothing) {
	Dataset data =
		test::RandomDataset(500, 3, 0.1, 4, [](auto &x, auto &) { return double(x[0]); });
	std::vector<std::optional<std::string>> texts;
	std::vector<float> numbers(data.raw.column(0), data.raw.column(0) + 500);
	for (size_t row = 0; row < 500; row++)
		texts.push_back(row % 9 == 0 ? std::nullopt : std::optional("t" + std::to_string(row % 5)));
	Dataset with_text =
		test::DatasetBuilder().Text("t", texts).Number("x", numbers).Target(data.target).Build();
	for (const Dataset *each : {&data, &with_text})
		for (const char *algorithm : {"linear", "xgboost", "random_forest"})
			for (const char *preprocess : {"{}", R"({"*": {"impute": "median"}})"}) {
				if (each == &with_text && std::string(preprocess) != "{}")
					continue;
				auto options =
					Options(algorithm, Task::kRegression,
							algorithm[0] == 'l' ? "{}" : R"({"n_estimators": 3})", preprocess);
				auto expected = Train(*each, options)->Encode();
				Dataset copy = *each;
				EXPECT_EQ(Train(std::move(copy), options)->Encode(), expected) << algorithm;
			}
}

TEST(Train, RefusesUnusableData) {
	TrainOptions regression = Options("linear", Task::kRegression);
	TrainOptions classification = Options("linear", Task::kClassification);
	EXPECT_NE(ErrorOf(Plain({}), regression).find("no rows"), std::string::npos);
	EXPECT_NE(ErrorOf(Plain({3, 3, 3}), regression).find("target is constant"), std::string::npos);
	EXPECT_NE(ErrorOf(Plain({3}), regression).find("target is constant"), std::string::npos);
	EXPECT_NE(ErrorOf(Plain({3, 3}), classification).find("only one class"), std::string::npos);
	EXPECT_NE(ErrorOf(Plain({3, NAN}), regression).find("not finite"), std::string::npos);
	EXPECT_NE(ErrorOf(Plain({3, HUGE_VAL}), classification).find("not finite"), std::string::npos);
	std::vector<double> many;
	for (int i = 0; i < 1001; i++)
		many.push_back(i + 0.5);
	EXPECT_NE(ErrorOf(Plain(many), classification).find("Use task \"regression\""),
			  std::string::npos);
	Dataset text = test::DatasetBuilder().Number("x", {1, 2}).TextTarget({"a", "b"}).Build();
	EXPECT_NE(ErrorOf(text, regression).find("target of a regression is text"), std::string::npos);
	Dataset none = test::DatasetBuilder().Target({}).Build();
	EXPECT_NE(ErrorOf(none, regression).find("no features"), std::string::npos);
	Dataset infinite = Plain({1, 2, 3});
	infinite.raw.column(0)[1] = HUGE_VALF;
	EXPECT_NE(ErrorOf(infinite, regression).find("\"x\" holds an infinite value"),
			  std::string::npos);
	EXPECT_NE(ErrorOf(Plain({1, 2}), Options("lightgbm", Task::kRegression))
				  .find("cannot be trained here"),
			  std::string::npos);
	EXPECT_NE(ErrorOf(Plain({1, 2}), Options("lasso", Task::kClassification))
				  .find("not available for classification"),
			  std::string::npos);
	EXPECT_NE(ErrorOf(Plain({1, 2}), Options("linear", Task::kRegression, R"({"alpha": 1})"))
				  .find("fit_intercept"),
			  std::string::npos);
}

TEST(Train, UnseenAndMissingCategoriesAreNeverErrors) {
	Dataset data = test::DatasetBuilder()
					   .Text("city", {"a", "b", "a", "b", "c", std::nullopt})
					   .Target({1, 2, 1, 2, 3, 4})
					   .Build();
	for (const char *algorithm : {"linear", "ridge", "lasso", "elastic_net", "xgboost"}) {
		auto model = Train(data, Options(algorithm, Task::kRegression));
		std::vector<float> codes = {model->CategoryCode(0, "a"), model->CategoryCode(0, "zzz"),
									NAN};
		EXPECT_TRUE(std::isnan(codes[1]));
		std::vector<double> predicted = test::Predict(*model, {codes.data(), 3, 1, 3});
		EXPECT_TRUE(std::isfinite(predicted[0]));
		EXPECT_EQ(predicted[1], predicted[2]) << algorithm;
	}
}

TEST(Train, ArraysAndWidthMismatch) {
	Dataset data = test::RandomDataset(50, 4, 0, 1, [](auto &x, auto &) { return double(x[3]); });
	data.features = {{"v", FeatureType::kNumber, 3}, {"w", FeatureType::kNumber, 1}};
	data.dictionaries.resize(2);
	auto model = Train(data, Options("linear", Task::kRegression));
	EXPECT_EQ(model->raw_width(), 4u);
	EXPECT_NEAR(test::Predict(*model, data.raw.view())[7], data.target[7], 1e-6);
	Workspace work;
	double out;
	EXPECT_THROW(model->Predict({data.raw.column(0), 1, 3, 1}, work, &out), Error);
	model->Predict({data.raw.column(0), 0, 4, 1}, work, &out); // no rows: nothing happens
}

TEST(Metrics, Regression) {
	auto model = Identity();
	Dataset data = Plain({1, 1, 2, 4}); // predictions 0, 1, 2, 3
	json metrics = Evaluate(*model, data);
	EXPECT_NEAR(metrics["mean_absolute_error"], 0.5, 1e-9);
	EXPECT_NEAR(metrics["mean_squared_error"], 0.5, 1e-9);
	EXPECT_NEAR(metrics["root_mean_squared_error"], std::sqrt(0.5), 1e-9);
	EXPECT_NEAR(metrics["r2"], 1 - 2.0 / 6, 1e-9);
	EXPECT_TRUE(Evaluate(*model, Plain({5, 5}))["r2"].is_null());
	EXPECT_TRUE(Evaluate(*model, Plain({}))["mean_squared_error"].is_null());
	EXPECT_TRUE(Evaluate(*model, Plain({}))["r2"].is_null());
}

TEST(Metrics, Binary) {
	// A model that says class 1 for x >= 3 of 0 .. 5.
	std::vector<double> step = {0, 0, 0, 1, 1, 1};
	auto model = Train(Plain(step), Options("linear", Task::kClassification));
	json metrics = Evaluate(*model, Plain({0, 1, 0, 0, 1, 1}));
	// TP 2, FP 1, FN 1, TN 2; of 9 pairs the scores order 5 + 1 right: positives at 1, 4, 5;
	// negatives at 0, 2, 3.
	EXPECT_NEAR(metrics["precision"], 2.0 / 3, 1e-9);
	EXPECT_NEAR(metrics["recall"], 2.0 / 3, 1e-9);
	EXPECT_NEAR(metrics["f1"], 2.0 / 3, 1e-9);
	EXPECT_NEAR(metrics["accuracy"], 4.0 / 6, 1e-9);
	EXPECT_NEAR(metrics["mcc"], (2.0 * 2 - 1) / 9, 1e-9);
	EXPECT_NEAR(metrics["roc_auc"], 7.0 / 9, 1e-9);
	EXPECT_GT(metrics["log_loss"], 0.3);
	json one_class = Evaluate(*model, Plain({0, 0}));
	EXPECT_TRUE(one_class["roc_auc"].is_null());
	EXPECT_TRUE(one_class["recall"].is_null());
	EXPECT_TRUE(one_class["precision"].is_null());
	EXPECT_TRUE(one_class["mcc"].is_null());
	EXPECT_EQ(one_class["accuracy"], 1);
	// A class that training did not see is wrong, not an error.
	EXPECT_NEAR(Evaluate(*model, Plain({0, 0, 9}))["accuracy"], 2.0 / 3, 1e-9);
}

TEST(Metrics, MultiClassPrecisionAndRecallAreNotSwapped) {
	std::vector<float> x;
	std::vector<double> y;
	for (int i = 0; i < 90; i++) {
		x.push_back(float(i / 30));
		y.push_back(i / 30);
	}
	auto model = Train(test::DatasetBuilder().Number("x", x).Target(y).Build(),
					   Options("xgboost", Task::kClassification, R"({"n_estimators": 20})"));
	// Predictions 0, 0, 0, 1, 2; truth 0, 1, 1, 1, 2.
	Dataset data =
		test::DatasetBuilder().Number("x", {0, 0, 0, 1, 2}).Target({0, 1, 1, 1, 2}).Build();
	json metrics = Evaluate(*model, data);
	EXPECT_NEAR(metrics["precision"], (1.0 / 3 + 1 + 1) / 3, 1e-9);
	EXPECT_NEAR(metrics["recall"], (1 + 1.0 / 3 + 1) / 3, 1e-9);
	EXPECT_NEAR(metrics["f1"], (0.5 + 0.5 + 1) / 3, 1e-9);
	EXPECT_FALSE(metrics.contains("roc_auc"));
	EXPECT_TRUE(metrics["log_loss"].is_number());
}

TEST(Metrics, TextFeaturesAndLabelsOfATestPart) {
	std::vector<std::optional<std::string>> city;
	std::vector<std::string> label;
	for (int i = 0; i < 200; i++) {
		const char *names[] = {"x", "z", "y"};
		city.push_back(names[i % 3]);
		label.push_back(i % 3 == 1 ? "yes" : "no");
	}
	Dataset data = test::DatasetBuilder().Text("city", city).TextTarget(label).Build();
	Split split = SplitRows(data, 0.25, Sampling::kStratified, Task::kClassification, 1);
	for (const char *algorithm : {"linear", "xgboost", "ridge"}) {
		auto model = Train(data.Subset(split.train), Options(algorithm, Task::kClassification));
		json metrics = Evaluate(*model, data.Subset(split.test));
		EXPECT_EQ(metrics["accuracy"], 1) << algorithm;
		EXPECT_EQ(metrics["roc_auc"], 1);
		EXPECT_EQ(metrics["log_loss"].is_null(), std::string(algorithm) == "ridge");
	}
}

TEST(Describe, Columns) {
	Dataset data = test::DatasetBuilder()
					   .Number("a", {0.1f, NAN, 3, 3})
					   .Text("t", {"u", "v", "u", std::nullopt})
					   .Target({1, 2, 3, 4})
					   .Build();
	json columns = json::parse(DescribeColumnsToJson(data, {"y \"quoted\""}));
	ASSERT_EQ(columns.size(), 3u);
	EXPECT_EQ(columns[0]["name"], "a");
	EXPECT_EQ(columns[0]["position"], 1);
	EXPECT_EQ(columns[0]["type"], "number");
	EXPECT_EQ(columns[0]["nullable"], true);
	EXPECT_EQ(columns[0]["statistics"]["missing"], 1);
	EXPECT_EQ(columns[0]["statistics"]["min"], 0.1); // not 0.10000000149
	EXPECT_EQ(columns[0]["statistics"]["median"], 3);
	EXPECT_EQ(columns[0]["statistics"]["mode"], 3);
	EXPECT_EQ(columns[0]["statistics"]["distinct"], 2);
	EXPECT_EQ(columns[0]["statistics"]["ventiles"].size(), 19u);
	EXPECT_EQ(columns[1]["statistics"]["categories"]["u"]["members"], 2);
	EXPECT_EQ(columns[2]["name"], "y \"quoted\"");
	EXPECT_EQ(columns[2]["label"], true);
	EXPECT_EQ(columns[2]["statistics"]["mean"], 2.5);
	EXPECT_NO_THROW(DescribeColumnsToJson(Dataset(), {"y"}));
}

TEST(Dataset, CountsItsTargets) {
	Dataset data = Plain({1, 2, 3, 4});
	data.n_targets = 2;
	data.target = {1, 10, 2, 20, 3, 30, 4, 40};
	EXPECT_EQ(data.Subset({3, 1}).target, (std::vector<double>{4, 40, 2, 20}));
	json columns = json::parse(DescribeColumnsToJson(data, {"a", "b"}));
	ASSERT_EQ(columns.size(), 3u);
	EXPECT_EQ(columns[1]["statistics"]["mean"], 2.5);
	EXPECT_EQ(columns[2]["statistics"]["mean"], 25);
	EXPECT_EQ(columns[2]["position"], 3);
	EXPECT_THROW(DescribeColumnsToJson(data, {"a"}), Error);

	data.n_targets = 0;
	data.target.clear();
	EXPECT_EQ(data.Subset({0, 2}).rows(), 2u);
	EXPECT_EQ(json::parse(DescribeColumnsToJson(data, {})).size(), 1u);
	Split split = SplitRows(data, 0.25, Sampling::kStratified, Task::kClustering, 1);
	EXPECT_EQ(split.train.size(), 3u);
	EXPECT_EQ(split.test.size(), 1u);
}

} // namespace pgml
