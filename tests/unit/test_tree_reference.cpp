// Our own trees against scikit-learn's (1.2.1), number by number: the reference values are what its estimators
// say of the same rows with the same settings.
#include <gtest/gtest.h>

#include <cmath>

#include "datasets.h"
#include "pgml/train.h"

namespace pgml {

using test::Options;

namespace {

constexpr size_t kTrainingRows = 700, kHeldOutRows = 1000;

enum class Target { kNumber, kTwoClasses, kThreeClasses };

/// Rows first .. first + count - 1 of a set that is made by integer arithmetic, the same in any language. The
/// columns have more values than a histogram's bins, as many, and fewer.
Dataset
Rows(size_t first, size_t count, Target target) {
	std::vector<float> a, b, c;
	std::vector<double> y;
	for (size_t i = first; i < first + count; i++) {
		size_t own[3] = {i * 7919 % 1009, i * 104729 % 503, i * 31 % 17};
		a.push_back(static_cast<float>(own[0]));
		b.push_back(static_cast<float>(own[1]));
		c.push_back(static_cast<float>(own[2]));
		size_t sum = own[0] + 2 * own[1] + 40 * own[2];
		if (target == Target::kNumber)
			y.push_back(static_cast<double>(own[0] * own[1]) / 1000.0 +
						20 * static_cast<double>(own[2]) - (own[0] > 500 ? 100 : 0));
		else
			y.push_back((sum > 1200) + (target == Target::kThreeClasses && sum > 1700));
	}
	return test::DatasetBuilder().Number("a", a).Number("b", b).Number("c", c).Target(y).Build();
}

std::unique_ptr<const Model>
Fit(const char *algorithm, Target target, const char *hyperparameters) {
	Task task = target == Target::kNumber ? Task::kRegression : Task::kClassification;
	return Train(Rows(0, kTrainingRows, target), Options(algorithm, task, hyperparameters));
}

/// Expects r2 or accuracy on the rows that were not trained on, and the predictions or probabilities of the
/// first of them.
void
ExpectEqual(const char *algorithm, Target target, const char *hyperparameters, double score,
			const std::vector<double> &first) {
	SCOPED_TRACE(algorithm);
	auto model = Fit(algorithm, target, hyperparameters);
	Dataset held_out = Rows(kTrainingRows, kHeldOutRows, target);
	std::vector<double> predicted = test::Predict(*model, held_out.raw.view());
	double mean = 0, off = 0, spread = 0, right = 0;
	for (double y : held_out.target)
		mean += y / kHeldOutRows;
	for (size_t i = 0; i < kHeldOutRows; i++) {
		double y = held_out.target[i];
		off += (predicted[i] - y) * (predicted[i] - y);
		spread += (y - mean) * (y - mean);
		right += predicted[i] == y;
	}
	EXPECT_NEAR(target == Target::kNumber ? 1 - off / spread : right / kHeldOutRows, score, 1e-5);
	if (target == Target::kNumber) {
		for (size_t i = 0; i < first.size(); i++)
			EXPECT_NEAR(predicted[i], first[i], 1e-5 * std::fabs(first[i])) << i;
		return;
	}
	size_t n_classes = model->class_labels().size();
	std::vector<float> probabilities(kHeldOutRows * n_classes);
	Workspace work;
	model->PredictProbabilities(held_out.raw.view(), work, probabilities.data());
	for (size_t i = 0; i < first.size(); i++)
		EXPECT_NEAR(probabilities[i], first[i], 2e-5) << i;
}

} // namespace

TEST(TreeReference, HistGradientBoosting) {
	const char *name = "hist_gradient_boosting";
	ExpectEqual(
		name, Target::kNumber, "{}", 0.9903704483572019,
		{102.166131656, 123.575381478, 102.972071337, 458.608566181, 375.212604894, 205.798774744});
	// Of classes, several splits of a node are often equally good, and scikit-learn's rounding chooses: the
	// probabilities differ in single leaves.
	ExpectEqual(name, Target::kTwoClasses, R"({"max_iter": 10})", 0.896, {});
	ExpectEqual(name, Target::kThreeClasses, R"({"max_iter": 10})", 0.883, {});
}

TEST(TreeReference, GradientBoosting) {
	const char *name = "gradient_boosting_trees";
	ExpectEqual(
		name, Target::kNumber, "{}", 0.9903210806304913,
		{105.705724884, 132.421603322, 99.44901519, 461.705377959, 366.798906857, 198.959004334});
	ExpectEqual(name, Target::kThreeClasses, "{}", 0.885,
				{0.026713558, 0.970911879, 0.002374563, 0.193903049, 0.800047218, 0.006049734,
				 0.318253395, 0.678573125, 0.003173479, 0.001966326, 0.669007721, 0.329025953});
}

TEST(TreeReference, AValueHalfWayGoesLeft) {
	Dataset data = test::DatasetBuilder()
					   .Number("x", {1, 1, 1, 2, 2, 2})
					   .Target({10, 10, 10, 20, 20, 20})
					   .Build();
	for (const char *algorithm : {"bagging", "gradient_boosting_trees"}) {
		auto model = Train(data, Options(algorithm, Task::kRegression, R"({"n_estimators": 100})"));
		Matrix x(1, 2);
		x.Resize(2);
		x.column(0)[0] = 1.5f;
		x.column(0)[1] = std::nextafter(1.5f, 2.0f);
		std::vector<double> predicted = test::Predict(*model, x.view());
		EXPECT_LT(predicted[0], 12) << algorithm;
		EXPECT_GT(predicted[1], 18) << algorithm;
	}
}

TEST(TreeReference, TreesOfAForestDifferInWhichOfTwoEqualColumnsTheySplit) {
	// Columns that tell the rows apart equally well: a forest that always took the first would ignore the
	// second.
	std::vector<float> x(40);
	std::vector<double> y(40);
	for (size_t i = 0; i < x.size(); i++)
		y[i] = x[i] = i % 2;
	Dataset data = test::DatasetBuilder().Number("a", x).Number("b", x).Target(y).Build();
	for (const char *algorithm : {"bagging", "random_forest"}) {
		auto model = Train(data, Options(algorithm, Task::kRegression, R"({"n_estimators": 200})"));
		Matrix one(2, 1);
		one.Resize(1);
		one.column(0)[0] = 1;
		one.column(1)[0] = 0;
		EXPECT_NEAR(test::Predict(*model, one.view())[0], 0.5, 0.15) << algorithm;
	}
}

} // namespace pgml
