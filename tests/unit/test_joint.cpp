// Regression of several targets: each answer is that of a model trained on its target alone.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "datasets.h"
#include "artefact/model_impl.h"
#include "pgml/error.h"
#include "pgml/train.h"

namespace pgml {

using nlohmann::json;
using test::Options;

namespace {

constexpr size_t kTargets = 3;

/// One data set with all targets, and one for each.
struct Targets {
	Dataset all;
	std::vector<Dataset> each;
};

Targets
MakeTargets() {
	std::vector<std::vector<double>> values(kTargets);
	Dataset data = test::RandomDataset(120, 3, 0.05, 7, [&](const auto &x, auto &random) {
		std::normal_distribution<double> noise(0, 0.1);
		values[0].push_back(5 + x[0] + noise(random));
		values[1].push_back(20 + 3 * x[1] - x[2] + noise(random));
		values[2].push_back(9 + x[0] * x[0] + noise(random));
		return 0.0;
	});
	Targets result;
	result.all = data;
	result.all.n_targets = kTargets;
	result.all.target.clear();
	for (size_t row = 0; row < data.rows(); row++)
		for (size_t t = 0; t < kTargets; t++)
			result.all.target.push_back(values[t][row]);
	for (size_t t = 0; t < kTargets; t++) {
		result.each.push_back(data);
		result.each[t].target = values[t];
	}
	return result;
}

} // namespace

TEST(Joint, EveryRegressionTakesSeveralTargets) {
	Targets targets = MakeTargets();
	for (const std::string &algorithm : AvailableAlgorithms(Task::kRegression)) {
		std::string parameters = algorithm == "mlp" ? R"({"max_iter": 5})" : "{}";
		auto joint = Train(targets.all, Options(algorithm, Task::kRegression, parameters));
		ASSERT_EQ(joint->vector_size(), kTargets) << algorithm;
		Workspace work;
		MatrixView raw = targets.all.raw.view();
		std::vector<float> out(raw.rows * kTargets);
		joint->PredictVector(raw, work, out.data());
		for (size_t t = 0; t < kTargets; t++) {
			auto single = Train(targets.each[t], Options(algorithm, Task::kRegression, parameters));
			std::vector<double> expected = test::Predict(*single, raw);
			for (size_t row = 0; row < raw.rows; row++)
				ASSERT_EQ(out[row * kTargets + t], float(expected[row])) << algorithm << t;
		}
		auto decoded = Model::Decode(joint->Encode());
		std::vector<float> again(out.size());
		decoded->PredictVector(raw, work, again.data());
		EXPECT_EQ(out, again) << algorithm;
		double value;
		EXPECT_THROW(joint->Predict(raw.Slice(0, 1), work, &value), Error) << algorithm;
	}
}

TEST(Joint, LinksApplyToEveryTarget) {
	Targets targets = MakeTargets();
	const char *parameters = R"({"objective": "count:poisson", "n_estimators": 5})";
	auto joint = Train(targets.all, Options("xgboost", Task::kRegression, parameters));
	auto single = Train(targets.each[1], Options("xgboost", Task::kRegression, parameters));
	Workspace work;
	std::vector<float> out(targets.all.rows() * kTargets);
	joint->PredictVector(targets.all.raw.view(), work, out.data());
	std::vector<double> expected = test::Predict(*single, targets.all.raw.view());
	for (size_t row = 0; row < targets.all.rows(); row++)
		EXPECT_EQ(out[row * kTargets + 1], float(expected[row]));
}

TEST(Joint, MetricsAreOfAllTargetsTogether) {
	Targets targets = MakeTargets();
	auto model = Train(targets.all, Options("linear", Task::kRegression));
	json metrics = json::parse(EvaluateToJson(*model, targets.all, StopToken()));
	double squared = 0;
	for (size_t t = 0; t < kTargets; t++) {
		auto single = Train(targets.each[t], Options("linear", Task::kRegression));
		json own = json::parse(EvaluateToJson(*single, targets.each[t], StopToken()));
		squared += own["mean_squared_error"].get<double>() / kTargets;
	}
	EXPECT_NEAR(metrics["mean_squared_error"], squared, 1e-6);
	double mean = 0, total = 0, count = double(targets.all.target.size());
	for (double value : targets.all.target)
		mean += value / count;
	for (double value : targets.all.target)
		total += (value - mean) * (value - mean);
	EXPECT_NEAR(metrics["r2"], 1 - squared * count / total, 1e-6);
	EXPECT_THROW(EvaluateToJson(*model, targets.each[0], StopToken()), Error);
}

TEST(Joint, RefusesWhatMakesNoSense) {
	Targets targets = MakeTargets();
	try {
		Train(targets.all, Options("linear", Task::kClassification));
		FAIL();
	} catch (const Error &e) {
		EXPECT_EQ(e.code(), ErrorCode::kNotSupported);
	}
	for (size_t row = 0; row < targets.all.rows(); row++)
		targets.all.target[row * kTargets + 1] = 4;
	try {
		Train(targets.all, Options("linear", Task::kRegression));
		FAIL();
	} catch (const Error &e) {
		EXPECT_STREQ(e.what(), "target 2 is constant");
	}
}

} // namespace pgml
