// Algorithms with a learner or solver of their own: values computed by hand, optimality conditions,
// and what holds for all of them: a row alone and in a batch agree bit for bit, equal seeds give
// equal models, training stops when asked, wrong hyperparameters and data are refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "datasets.h"
#include "linear/linear.h"
#include "artefact/model_impl.h"
#include "pgml/error.h"
#include "pgml/train.h"

namespace pgml {

using test::Options;

namespace {

Matrix
Columns(const std::vector<std::vector<float>> &columns) {
	Matrix result(columns.size(), columns[0].size());
	result.Resize(columns[0].size());
	for (size_t col = 0; col < columns.size(); col++)
		std::copy(columns[col].begin(), columns[col].end(), result.column(col));
	return result;
}

const LinearGroup &
Group(const Model &model) {
	return dynamic_cast<const LinearModel &>(
			   *dynamic_cast<const ModelImpl &>(model).parts().learner)
		.groups()[0];
}

Dataset
Plane(double noise, size_t rows = 400) {
	return test::RandomDataset(rows, 3, 0, 21, [&](auto &x, auto &random) {
		return 3 + 2 * double(x[0]) - double(x[1]) +
			   noise * std::normal_distribution<double>()(random);
	});
}

Dataset
Blobs(size_t n_classes, size_t rows = 300) {
	return test::RandomDataset(rows, 3, 0, 22, [&](auto &x, auto &) {
		return std::floor(std::clamp((double(x[0] + x[1]) + 2) / 4, 0.0, 0.999) *
						  double(n_classes));
	});
}

double
Accuracy(const Model &model, const Dataset &data) {
	std::vector<double> predicted = test::Predict(model, data.raw.view());
	double right = 0;
	for (size_t row = 0; row < predicted.size(); row++)
		right += predicted[row] == data.target[row];
	return right / double(predicted.size());
}

void
ExpectRefused(const std::string &algorithm, Task task, const std::string &hyperparams,
			  const std::string &part) {
	Dataset data = task == Task::kRegression ? Plane(1, 30) : Blobs(2, 30);
	try {
		Train(data, Options(algorithm, task, hyperparams));
		ADD_FAILURE() << algorithm << " " << hyperparams;
	} catch (const Error &e) {
		std::string text = std::string(e.what()) + " " + e.detail() + " " + e.hint();
		EXPECT_NE(text.find(part), std::string::npos) << text;
	}
}

struct Case {
	const char *algorithm;
	Task task;
	const char *hyperparams;
};
const Case kCases[] = {
	{"knn", Task::kRegression, R"({"weights": "distance"})"},
	{"knn", Task::kClassification, "{}"},
	{"svm", Task::kRegression, "{}"},
	{"svm", Task::kClassification, "{}"},
	{"nu_svm", Task::kRegression, "{}"},
	{"nu_svm", Task::kClassification, R"({"nu": 0.1, "gamma": 10})"},
	{"linear_svm", Task::kRegression, "{}"},
	{"linear_svm", Task::kClassification, "{}"},
	{"mlp", Task::kRegression, R"({"max_iter": 5})"},
	{"mlp", Task::kClassification, R"({"max_iter": 5, "activation": "tanh"})"},
	{"stochastic_gradient_descent", Task::kRegression, "{}"},
	{"stochastic_gradient_descent", Task::kClassification, "{}"},
	{"huber", Task::kRegression, "{}"},
	{"quantile", Task::kRegression, "{}"},
};

} // namespace

TEST(Algorithms, OneRowAndBatchAgree) {
	for (const Case &c : kCases) {
		Dataset data = c.task == Task::kRegression ? Plane(1) : Blobs(3);
		auto model = Train(data, Options(c.algorithm, c.task, c.hyperparams));
		std::vector<double> all = test::Predict(*model, data.raw.view());
		for (size_t row = 0; row < all.size(); row++) {
			double alone = test::Predict(*model, data.raw.view().Slice(row, 1))[0];
			EXPECT_EQ(std::memcmp(&alone, &all[row], sizeof(double)), 0) << c.algorithm << row;
		}
		if (c.task != Task::kClassification)
			continue;
		Workspace work;
		size_t groups = model->margin_groups();
		std::vector<float> margins(all.size() * groups), own(groups);
		model->Margins(data.raw.view(), work, margins.data());
		for (size_t row = 0; row < all.size(); row++) {
			model->Margins(data.raw.view().Slice(row, 1), work, own.data());
			EXPECT_EQ(std::memcmp(own.data(), margins.data() + row * groups, groups * 4), 0)
				<< c.algorithm << row;
		}
	}
}

TEST(Algorithms, EqualSeedsGiveEqualModels) {
	for (const Case &c : kCases) {
		Dataset data = c.task == Task::kRegression ? Plane(1) : Blobs(3);
		TrainOptions options = Options(c.algorithm, c.task, c.hyperparams);
		options.seed = 5;
		EXPECT_EQ(Train(data, options)->Encode(), Train(data, options)->Encode()) << c.algorithm;
	}
}

TEST(Algorithms, TrainingStopsWhenAsked) {
	static int polls;
	for (const Case &c : kCases)
		for (int allowed : {2, 5}) {
			Dataset data = c.task == Task::kRegression ? Plane(1, 3000) : Blobs(2, 3000);
			TrainOptions options = Options(c.algorithm, c.task, c.hyperparams);
			polls = allowed;
			options.stop = StopToken([] { return polls-- <= 0; });
			EXPECT_THROW(Train(data, options), Cancelled) << c.algorithm;
		}
}

TEST(Algorithms, InfiniteFeatures) {
	for (const Case &c : kCases) {
		std::vector<float> x = {1, 2, HUGE_VALF, 4, 5, 6, 7, 8, 9, 3};
		Dataset data =
			test::DatasetBuilder().Number("x", x).Target({0, 1, 1, 0, 1, 0, 1, 1, 0, 1}).Build();
		try {
			Train(data, Options(c.algorithm, c.task, c.hyperparams));
			ADD_FAILURE() << c.algorithm;
		} catch (const Error &e) {
			EXPECT_STREQ(e.what(), "column \"x\" holds an infinite value") << c.algorithm;
		}
		// At prediction they count as very large numbers.
		for (size_t row = 0; row < x.size(); row++)
			data.raw.column(0)[row] = float(row);
		auto model = Train(data, Options(c.algorithm, c.task, c.hyperparams));
		Matrix far = Columns({{HUGE_VALF, -HUGE_VALF, NAN}});
		for (double value : test::Predict(*model, far.view()))
			EXPECT_TRUE(std::isfinite(value)) << c.algorithm;
	}
}

TEST(Algorithms, HugeAndTinyData) {
	// One or two rows, more columns than rows, constant and enormous columns: a model or an error,
	// and finite predictions.
	for (const Case &c : kCases)
		for (size_t rows : {2, 3, 8})
			for (float size : {1.0f, 1e30f}) {
				std::mt19937 random(1);
				test::DatasetBuilder builder;
				for (int col = 0; col < 10; col++) {
					std::vector<float> values;
					for (size_t row = 0; row < rows; row++)
						values.push_back(col == 3 ? size : size * float(random() % 100));
					builder.Number("x" + std::to_string(col), values);
				}
				std::vector<double> target;
				for (size_t row = 0; row < rows; row++)
					target.push_back(double(row % 2));
				Dataset data = builder.Target(target).Build();
				try {
					auto model = Train(data, Options(c.algorithm, c.task, c.hyperparams));
					for (double value : test::Predict(*model, data.raw.view()))
						EXPECT_TRUE(std::isfinite(value)) << c.algorithm << rows << size;
				} catch (const Error &e) {
					EXPECT_NE(e.code(), ErrorCode::kInternal) << c.algorithm << e.what();
				}
			}
}

TEST(Algorithms, WrongHyperparametersAreRefused) {
	Task r = Task::kRegression, c = Task::kClassification;
	ExpectRefused("knn", r, R"({"n_neighbors": 0})", "a whole number from 1 to");
	ExpectRefused("knn", r, R"({"n_neighbors": 31})", "there are only 30 training rows");
	ExpectRefused("knn", r, R"({"weights": "x"})", "one of: uniform, distance");
	ExpectRefused("knn", r, R"({"k": 3})", "Available hyperparameters: n_neighbors, weights");
	ExpectRefused("svm", c, R"({"gamma": "high"})",
				  "a number from 0 (exclusive) to 1000000000000, or one of: scale, auto");
	ExpectRefused("svm", c, R"({"gamma": 0})", "or one of: scale, auto");
	ExpectRefused("svm", c, R"({"C": 0})", "Expected");
	ExpectRefused("nu_svm", c, R"({"nu": 1.5})", "from 0 (exclusive) to 1");
	ExpectRefused("nu_svm", c, R"({"C": 1})", "unrecognized hyperparameter \"C\"");
	ExpectRefused("linear_svm", r, R"({"loss": "hinge"})", "one of: epsilon_insensitive");
	ExpectRefused("mlp", r, R"({"hidden_layer_sizes": []})", "whole numbers from 1");
	ExpectRefused("mlp", r, R"({"hidden_layer_sizes": [10, "a"]})", "whole numbers from 1");
	ExpectRefused("mlp", r, R"({"hidden_layer_sizes": [65536, 65536]})",
				  "at most 16777216 weights");
	ExpectRefused("mlp", r, R"({"solver": "lbfgs"})", "one of: adam");
	ExpectRefused("stochastic_gradient_descent", r, R"({"loss": "hinge"})", "squared_error");
	ExpectRefused("stochastic_gradient_descent", c, R"({"alpha": 0})", "alpha above 0");
	ExpectRefused("huber", r, R"({"epsilon": 1})", "from 1 (exclusive)");
	ExpectRefused("quantile", r, R"({"quantile": 1})", "Expected a number from");
	ExpectRefused("huber", c, "{}", "not available for classification");
	ExpectRefused("gaussian_process", c, "{}", "The nearest available one is \"svm\"");
	ExpectRefused("catboost", c, "{}", "cannot be trained here");
	ExpectRefused("nonsense", c, "{}", "does not exist");
}

TEST(Knn, ByHand) {
	Dataset data =
		test::DatasetBuilder().Number("x", {0, 1, 3, 6, 10}).Target({10, 20, 40, 70, 110}).Build();
	Matrix x = Columns({{0, 2, 2.5f, 100}});
	auto mean = Train(data, Options("knn", Task::kRegression, R"({"n_neighbors": 2})"));
	EXPECT_EQ(test::Predict(*mean, x.view()), (std::vector<double>{15, 30, 30, 90}));
	// Distances 1 and 1 (2), 0.5 and 1.5 (2.5): weights 1 / distance. At 0 the row itself counts alone.
	auto near = Train(
		data, Options("knn", Task::kRegression, R"({"n_neighbors": 2, "weights": "distance"})"));
	std::vector<double> predicted = test::Predict(*near, x.view());
	EXPECT_EQ(predicted[0], 10);
	EXPECT_DOUBLE_EQ(predicted[1], 30);
	EXPECT_DOUBLE_EQ(predicted[2], (40 / 0.5 + 20 / 1.5) / (1 / 0.5 + 1 / 1.5));
}

TEST(Knn, TiesGoToTheFirstRowAndTheLowestClass) {
	Dataset data =
		test::DatasetBuilder().Number("x", {1, -1, 1, -1}).TextTarget({"b", "a", "c", "a"}).Build();
	auto model = Train(data, Options("knn", Task::kClassification, R"({"n_neighbors": 3})"));
	Workspace work;
	Matrix x = Columns({{0}});
	float shares[3];
	model->PredictProbabilities(x.view(), work, shares); // rows 0, 1, 2: b, a, c
	for (float share : shares)
		EXPECT_FLOAT_EQ(share, 1.0f / 3);
	EXPECT_EQ(test::Predict(*model, x.view())[0], 0);
}

TEST(Knn, ExactAgainstSorting) {
	Dataset data = Plane(1, 2000);
	for (const char *metric : {"euclidean", "manhattan", "chebyshev", "minkowski"}) {
		auto model = Train(data, Options("knn", Task::kRegression,
										 std::string(R"({"p": 3, "n_neighbors": 7, "metric": ")") +
											 metric + R"("})"));
		std::vector<double> predicted = test::Predict(*model, data.raw.view().Slice(0, 50));
		for (size_t q = 0; q < 50; q++) {
			std::vector<std::pair<double, size_t>> all;
			for (size_t row = 0; row < 2000; row++) {
				double distance = 0;
				for (size_t col = 0; col < 3; col++) {
					double d = std::fabs(double(data.raw.column(col)[row]) -
										 double(data.raw.column(col)[q]));
					switch (metric[0] == 'm' ? metric[1] : metric[0]) {
						case 'e':
							distance += d * d;
							break;
						case 'a':
							distance += d;
							break;
						case 'c':
							distance = std::max(distance, d);
							break;
						default:
							distance += std::pow(d, 3);
					}
				}
				all.emplace_back(distance, row);
			}
			std::sort(all.begin(), all.end());
			double sum = 0;
			for (size_t i = 0; i < 7; i++)
				sum += data.target[all[i].second];
			EXPECT_NEAR(predicted[q], sum / 7, 1e-12) << metric;
		}
	}
}

TEST(Mlp, LearnsWhatLinesCannot) {
	Dataset ring = test::RandomDataset(
		600, 2, 0, 4, [](auto &x, auto &) { return x[0] * x[0] + x[1] * x[1] > 1.4f ? 1 : 0; });
	auto model = Train(ring, Options("mlp", Task::kClassification, R"({"max_iter": 150})"));
	EXPECT_GT(Accuracy(*model, ring), 0.95);
	Dataset three = Blobs(3, 600);
	EXPECT_GT(Accuracy(*Train(three, Options("mlp", Task::kClassification)), three), 0.95);
	for (const char *activation : {"relu", "tanh", "logistic", "identity"}) {
		Dataset plane = Plane(0, 600);
		auto line = Train(plane, Options("mlp", Task::kRegression,
										 std::string(R"({"hidden_layer_sizes": [20],
										 "learning_rate_init": 0.01, "activation": ")") +
											 activation + R"("})"));
		std::vector<double> predicted = test::Predict(*line, plane.raw.view());
		double error = 0;
		for (size_t row = 0; row < predicted.size(); row++)
			error += std::pow(predicted[row] - plane.target[row], 2) / 600;
		EXPECT_LT(error, 0.1) << activation;
	}
}

TEST(Mlp, ProbabilitiesSumToOne) {
	Dataset data = Blobs(3);
	auto model = Train(data, Options("mlp", Task::kClassification, R"({"max_iter": 20})"));
	Workspace work;
	std::vector<float> probabilities(data.raw.rows() * 3);
	model->PredictProbabilities(data.raw.view(), work, probabilities.data());
	for (size_t row = 0; row < data.raw.rows(); row++)
		EXPECT_NEAR(probabilities[row * 3] + probabilities[row * 3 + 1] +
						probabilities[row * 3 + 2],
					1, 1e-6);
}

TEST(Huber, IsOptimal) {
	Dataset data = Plane(0.5);
	for (size_t row = 0; row < data.target.size(); row += 10)
		data.target[row] += 100; // outliers
	const double epsilon = 1.5, alpha = 0.3;
	auto model =
		Train(data, Options("huber", Task::kRegression, R"({"epsilon": 1.5, "alpha": 0.3})"));
	const LinearGroup &group = Group(*model);
	EXPECT_NEAR(group.weights[0], 2, 0.2);
	// The scale that belongs to these weights, by bisection of the derivative, then the gradient.
	std::vector<double> residuals;
	for (size_t row = 0; row < data.target.size(); row++) {
		double f = group.intercept;
		for (size_t col = 0; col < 3; col++)
			f += group.weights[col] * double(data.raw.column(col)[row]);
		residuals.push_back(data.target[row] - f);
	}
	double low = 1e-6, high = 1e6;
	for (int i = 0; i < 200; i++) {
		double scale = std::sqrt(low * high), sum = 0;
		for (double r : residuals)
			sum += std::pow(std::min(std::fabs(r) / scale, epsilon), 2);
		(sum > double(residuals.size()) ? low : high) = scale;
	}
	std::vector<double> gradient(4);
	for (size_t row = 0; row < residuals.size(); row++) {
		double slope = -2 * std::clamp(residuals[row] / low, -epsilon, epsilon);
		for (size_t col = 0; col < 3; col++)
			gradient[col] += slope * double(data.raw.column(col)[row]);
		gradient[3] += slope;
	}
	for (size_t col = 0; col < 3; col++)
		gradient[col] += 2 * alpha * group.weights[col];
	for (double component : gradient)
		EXPECT_NEAR(component, 0, 2e-3);
}

TEST(Quantile, MedianByHand) {
	// Without a slope to gain, the intercept is the quantile.
	Dataset data =
		test::DatasetBuilder().Number("x", {1, 1, 1, 1, 1}).Target({1, 2, 3, 10, 100}).Build();
	auto median = Train(data, Options("quantile", Task::kRegression));
	EXPECT_NEAR(test::Predict(*median, data.raw.view())[0], 3, 1e-5);
	auto upper = Train(data, Options("quantile", Task::kRegression, R"({"quantile": 0.7})"));
	EXPECT_NEAR(test::Predict(*upper, data.raw.view())[0], 10, 1e-4);
}

TEST(Quantile, CoversItsShare) {
	Dataset data = Plane(1, 1000);
	for (double quantile : {0.1, 0.5, 0.9}) {
		auto model =
			Train(data, Options("quantile", Task::kRegression,
								"{\"alpha\": 0, \"quantile\": " + std::to_string(quantile) + "}"));
		std::vector<double> predicted = test::Predict(*model, data.raw.view());
		double below = 0, above = 0, on = 0;
		for (size_t row = 0; row < predicted.size(); row++) {
			double r = data.target[row] - predicted[row];
			(std::fabs(r) < 1e-5 ? on : r < 0 ? below : above)++;
		}
		// A vertex of the linear program: the plane passes through as many rows as it has numbers.
		EXPECT_EQ(on, 4);
		EXPECT_LE(below, quantile * 1000);
		EXPECT_LE(above, (1 - quantile) * 1000);
	}
}

TEST(Quantile, PenaltyShrinksToZero) {
	Dataset data = Plane(1, 300);
	auto strong = Train(data, Options("quantile", Task::kRegression, R"({"alpha": 2})"));
	for (double weight : Group(*strong).weights)
		EXPECT_NEAR(weight, 0, 1e-6);
	auto weak = Train(data, Options("quantile", Task::kRegression, R"({"alpha": 0.1})"));
	EXPECT_GT(Group(*weak).weights[0], 1);
	EXPECT_NEAR(Group(*weak).weights[2], 0, 1e-6);
}

TEST(StochasticGradientDescent, FindsThePlane) {
	Dataset data = Plane(0.1, 1000);
	auto model = Train(data, Options("stochastic_gradient_descent", Task::kRegression));
	EXPECT_NEAR(Group(*model).weights[0], 2, 0.05);
	EXPECT_NEAR(Group(*model).weights[1], -1, 0.05);
	EXPECT_NEAR(Group(*model).intercept, 3, 0.05);
	auto sparse = Train(data, Options("stochastic_gradient_descent", Task::kRegression,
									  R"({"penalty": "l1", "alpha": 0.1})"));
	EXPECT_NEAR(Group(*sparse).weights[2], 0, 0.02);
	EXPECT_LT(Group(*sparse).weights[0], 1.97);
}

TEST(StochasticGradientDescent, EveryLossSeparates) {
	Dataset data = Blobs(2, 600);
	for (const char *loss :
		 {"hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron", "squared_error",
		  "huber", "epsilon_insensitive", "squared_epsilon_insensitive"})
		for (const char *rate : {"optimal", "invscaling", "constant", "adaptive"}) {
			auto model = Train(data, Options("stochastic_gradient_descent", Task::kClassification,
											 std::string(R"({"loss": ")") + loss +
												 R"(", "alpha": 0.001, "learning_rate": ")" + rate +
												 R"("})"));
			EXPECT_GT(Accuracy(*model, data), 0.9) << loss << rate;
		}
}

TEST(StochasticGradientDescent, DivergenceSaysWhy) {
	std::vector<float> x;
	std::vector<double> y;
	for (int i = 0; i < 100; i++) {
		x.push_back(1e6f * float(i));
		y.push_back(i);
	}
	Dataset data = test::DatasetBuilder().Number("x", x).Target(y).Build();
	try {
		Train(data, Options("stochastic_gradient_descent", Task::kRegression));
		FAIL();
	} catch (const Error &e) {
		EXPECT_EQ(e.code(), ErrorCode::kInvalidData);
		EXPECT_NE(e.hint().find("scale"), std::string::npos);
	}
	auto scaled = Train(data, Options("stochastic_gradient_descent", Task::kRegression, "{}",
									  R"({"x": {"scale": "standard"}})"));
	EXPECT_NEAR(test::Predict(*scaled, data.raw.view())[50], 50, 1);
}

} // namespace pgml
