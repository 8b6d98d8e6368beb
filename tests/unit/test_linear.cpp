// The linear family against hand-computed solutions and the optimality conditions of the documented
// objectives.
#include <gtest/gtest.h>

#include "datasets.h"
#include "linear/linear.h"
#include "artefact/model_impl.h"
#include "pgml/error.h"
#include "pgml/train.h"

namespace pgml {

using test::Options;

namespace {

const LinearModel &
LinearPart(const Model &model) {
	return dynamic_cast<const LinearModel &>(
		*dynamic_cast<const ModelImpl &>(model).parts().learner);
}

double
Noisy(const std::vector<float> &x, std::mt19937 &random) {
	return 1 + 2 * x[0] - 3 * x[1] + std::normal_distribution<double>(0, 0.5)(random);
}

} // namespace

TEST(Linear, ExactPlane) {
	Dataset data = test::RandomDataset(2000, 3, 0, 1, [](auto &x, auto &) {
		return 5 + 2 * double(x[0]) - 3 * double(x[1]) + 0.5 * double(x[2]);
	});
	auto model = Train(data, Options("linear", Task::kRegression));
	const LinearGroup &group = LinearPart(*model).groups()[0];
	EXPECT_NEAR(group.intercept, 5, 1e-10);
	EXPECT_NEAR(group.weights[0], 2, 1e-10);
	EXPECT_NEAR(group.weights[1], -3, 1e-10);
	EXPECT_NEAR(group.weights[2], 0.5, 1e-10);
}

TEST(Linear, CollinearAndConstantColumns) {
	std::vector<float> x, copy, constant;
	std::vector<double> y;
	for (int i = 0; i < 50; i++) {
		x.push_back(1000.0f + float(i));
		copy.push_back(2 * x.back());
		constant.push_back(0.1f);
		y.push_back(7 + 4 * x.back());
	}
	Dataset data = test::DatasetBuilder()
					   .Number("x", x)
					   .Number("copy", copy)
					   .Number("c", constant)
					   .Target(y)
					   .Build();
	auto model = Train(data, Options("linear", Task::kRegression));
	std::vector<double> predicted = test::Predict(*model, data.raw.view());
	for (size_t i = 0; i < y.size(); i++)
		EXPECT_NEAR(predicted[i], y[i], 1e-6);
	for (double weight : LinearPart(*model).groups()[0].weights)
		EXPECT_LT(std::fabs(weight), 10);
	EXPECT_EQ(LinearPart(*model).groups()[0].weights[2], 0);
}

TEST(Linear, MoreColumnsThanRows) {
	Dataset data = test::RandomDataset(5, 20, 0, 2, Noisy);
	auto model = Train(data, Options("linear", Task::kRegression));
	std::vector<double> predicted = test::Predict(*model, data.raw.view());
	for (size_t i = 0; i < 5; i++)
		EXPECT_NEAR(predicted[i], data.target[i], 1e-9);
}

TEST(Linear, WithoutIntercept) {
	Dataset data = test::DatasetBuilder().Number("x", {1, 2, 3}).Target({2, 3, 7}).Build();
	auto model = Train(data, Options("linear", Task::kRegression, R"({"fit_intercept": false})"));
	EXPECT_NEAR(LinearPart(*model).groups()[0].weights[0], 29.0 / 14, 1e-12);
	EXPECT_EQ(LinearPart(*model).groups()[0].intercept, 0);
}

TEST(Linear, RidgeByHand) {
	// Centred: x = -1, 0, 1; y = -2, -1, 3 (mean 4): w = (2 + 3) / (2 + alpha).
	Dataset data = test::DatasetBuilder().Number("x", {1, 2, 3}).Target({2, 3, 7}).Build();
	auto model = Train(data, Options("ridge", Task::kRegression, R"({"alpha": 3})"));
	EXPECT_NEAR(LinearPart(*model).groups()[0].weights[0], 1, 1e-12);
	EXPECT_NEAR(LinearPart(*model).groups()[0].intercept, 2, 1e-12);
}

TEST(Linear, LassoByHand) {
	// (1/6) sum (y - xw)^2 + alpha |w|: w = (5 - 3 alpha) / 2.
	Dataset data = test::DatasetBuilder().Number("x", {1, 2, 3}).Target({2, 3, 7}).Build();
	auto model = Train(data, Options("lasso", Task::kRegression, R"({"alpha": 0.5})"));
	EXPECT_NEAR(LinearPart(*model).groups()[0].weights[0], 1.75, 1e-12);
	auto none = Train(data, Options("lasso", Task::kRegression, R"({"alpha": 2})"));
	EXPECT_EQ(LinearPart(*none).groups()[0].weights[0], 0);
	EXPECT_NEAR(LinearPart(*none).groups()[0].intercept, 4, 1e-12);
}

TEST(Linear, ElasticNetOptimality) {
	Dataset data = test::RandomDataset(500, 8, 0, 3, Noisy);
	for (size_t row = 0; row < 500; row++) {
		data.raw.column(3)[row] =
			data.raw.column(0)[row] + 0.01f * data.raw.column(3)[row]; // nearly collinear
		data.raw.column(4)[row] *= 1000;
	}
	double alpha = 0.1, ratio = 0.7;
	auto model = Train(
		data, Options("elastic_net", Task::kRegression, R"({"alpha": 0.1, "l1_ratio": 0.7})"));
	std::vector<double> predicted = test::Predict(*model, data.raw.view());
	for (size_t j = 0; j < 8; j++) {
		double gradient = 0, weight = LinearPart(*model).groups()[0].weights[j];
		for (size_t row = 0; row < 500; row++)
			gradient += data.raw.column(j)[row] * (data.target[row] - predicted[row]) / 500;
		gradient -= alpha * (1 - ratio) * weight;
		if (weight == 0)
			EXPECT_LE(std::fabs(gradient), alpha * ratio + 1e-4) << j;
		else
			EXPECT_NEAR(gradient, std::copysign(alpha * ratio, weight), 1e-3) << j;
	}
}

TEST(Linear, LogisticOptimality) {
	Dataset data = test::RandomDataset(800, 3, 0, 4, [](auto &x, std::mt19937 &random) {
		return std::uniform_real_distribution<double>()(random) <
					   1 / (1 + std::exp(-1 - 2.0 * x[0]))
				   ? 1.0
				   : 0.0;
	});
	for (size_t row = 0; row < 800; row++)
		data.raw.column(1)[row] = 1e4f + 100 * data.raw.column(1)[row]; // unscaled, far from zero
	auto model = Train(data, Options("linear", Task::kClassification));
	ASSERT_EQ(model->margin_groups(), 1u);
	Workspace work;
	std::vector<float> probabilities(1600);
	model->PredictProbabilities(data.raw.view(), work, probabilities.data());
	const LinearGroup &group = LinearPart(*model).groups()[0];
	double intercept_gradient = 0;
	for (size_t row = 0; row < 800; row++)
		intercept_gradient += probabilities[row * 2 + 1] - data.target[row];
	EXPECT_NEAR(intercept_gradient, 0, 2e-3);
	for (size_t j : {0, 2}) {
		double gradient = group.weights[j];
		for (size_t row = 0; row < 800; row++)
			gradient += data.raw.column(j)[row] * (probabilities[row * 2 + 1] - data.target[row]);
		EXPECT_NEAR(gradient, 0, 5e-3) << j;
	}
	EXPECT_NEAR(group.weights[0], 2, 0.5);
}

TEST(Linear, MultinomialOptimality) {
	Dataset data = test::RandomDataset(900, 2, 0, 5, [](auto &x, std::mt19937 &) {
		return x[0] > 0.5 ? 7.0 : x[1] > 0 ? -2.5 : 3.0;
	});
	auto model = Train(data, Options("linear", Task::kClassification, R"({"C": 0.5})"));
	EXPECT_EQ(model->class_labels(), (std::vector<std::string>{"-2.5", "3", "7"}));
	EXPECT_EQ(model->class_values(), (std::vector<double>{-2.5, 3, 7}));
	Workspace work;
	std::vector<float> probabilities(2700);
	model->PredictProbabilities(data.raw.view(), work, probabilities.data());
	for (size_t g = 0; g < 3; g++)
		for (size_t j = 0; j < 2; j++) {
			double gradient = LinearPart(*model).groups()[g].weights[j] / 0.5;
			for (size_t row = 0; row < 900; row++)
				gradient +=
					data.raw.column(j)[row] *
					(probabilities[row * 3 + g] - (data.target[row] == model->class_values()[g]));
			EXPECT_NEAR(gradient, 0, 5e-3);
		}
}

TEST(Linear, RidgeClassifierHasNoProbabilities) {
	Dataset data = test::RandomDataset(
		300, 2, 0, 6, [](auto &x, std::mt19937 &) { return x[0] > 0 ? 1.0 : 0.0; });
	auto model = Train(data, Options("ridge", Task::kClassification));
	Workspace work;
	std::vector<float> probabilities(600);
	EXPECT_THROW(model->PredictProbabilities(data.raw.view(), work, probabilities.data()), Error);
	std::vector<double> predicted = test::Predict(*model, data.raw.view());
	size_t right = 0;
	for (size_t row = 0; row < 300; row++)
		right += predicted[row] == data.target[row];
	EXPECT_GT(right, 285u);
}

TEST(Linear, OneRowEqualsBatchBitForBit) {
	Dataset data = test::RandomDataset(3000, 7, 0.05, 7, Noisy);
	auto model = Train(data, Options("linear", Task::kRegression));
	std::vector<double> batch = test::Predict(*model, data.raw.view());
	Workspace work;
	for (size_t row = 0; row < 3000; row++) {
		double single;
		model->Predict(data.raw.view().Slice(row, 1), work, &single);
		ASSERT_EQ(single, batch[row]);
	}
}

TEST(Linear, InfiniteFeaturesGiveNoNan) {
	Dataset data = test::RandomDataset(100, 3, 0, 8, Noisy);
	auto model = Train(data, Options("linear", Task::kRegression));
	std::fill_n(data.raw.column(0), 50, HUGE_VALF);
	std::fill_n(data.raw.column(1), 50, -HUGE_VALF);
	for (double value : test::Predict(*model, data.raw.view()))
		EXPECT_FALSE(std::isnan(value));
}

TEST(Linear, StopsWhenAsked) {
	Dataset data = test::RandomDataset(2000, 4, 0, 9, Noisy);
	for (const char *algorithm : {"linear", "ridge", "lasso", "elastic_net"}) {
		TrainOptions options = Options(algorithm, Task::kRegression);
		options.stop = StopToken([] { return true; });
		EXPECT_THROW(Train(data, options), Cancelled);
	}
}

} // namespace pgml
