// Support vector machines: decision values against libsvm's, on the same data with the same
// parameters; linear ones by the optimality conditions of what they minimise.
#include <gtest/gtest.h>

#include <cstring>

#include <libsvm/svm.h>

#include "datasets.h"
#include "linear/linear.h"
#include "artefact/model_impl.h"
#include "pgml/error.h"
#include "svm/support_vectors.h"

namespace pgml {

using test::Options;

namespace {

/// libsvm's own training and prediction.
class Oracle {
public:
	Oracle(const Dataset &data, svm_parameter parameter) : dim_(data.raw.cols()) {
		svm_set_print_string_function([](const char *) {});
		for (size_t row = 0; row < data.raw.rows(); row++)
			nodes_.push_back(Nodes(data.raw, row));
		for (std::vector<svm_node> &row : nodes_)
			rows_.push_back(row.data());
		target_ = data.target;
		problem_ = {static_cast<int>(rows_.size()), target_.data(), rows_.data()};
		EXPECT_EQ(svm_check_parameter(&problem_, &parameter), nullptr);
		model_ = svm_train(&problem_, &parameter);
	}
	~Oracle() { svm_free_and_destroy_model(&model_); }
	Oracle(const Oracle &) = delete;
	Oracle &operator=(const Oracle &) = delete;

	/// Decision values of the pairs of labels in the order in which libsvm met them, and the answer.
	double
	Predict(const Matrix &x, size_t row, std::vector<double> &decisions) const {
		int n = svm_get_nr_class(model_);
		decisions.assign(static_cast<size_t>(std::max(1, n * (n - 1) / 2)), 0);
		return svm_predict_values(model_, Nodes(x, row).data(), decisions.data());
	}
	std::vector<int>
	Labels() const {
		std::vector<int> labels(static_cast<size_t>(svm_get_nr_class(model_)));
		svm_get_labels(model_, labels.data());
		return labels;
	}

private:
	std::vector<svm_node>
	Nodes(const Matrix &x, size_t row) const {
		std::vector<svm_node> nodes;
		for (size_t col = 0; col < dim_; col++)
			nodes.push_back({static_cast<int>(col) + 1, double(x.column(col)[row])});
		nodes.push_back({-1, 0});
		return nodes;
	}
	size_t dim_;
	std::vector<std::vector<svm_node>> nodes_;
	std::vector<svm_node *> rows_;
	std::vector<double> target_;
	svm_problem problem_;
	svm_model *model_;
};

svm_parameter
Parameter(int type, int kernel) {
	svm_parameter p;
	std::memset(&p, 0, sizeof(p));
	p.svm_type = type;
	p.kernel_type = kernel;
	p.degree = 3;
	p.gamma = 0.3;
	p.coef0 = 0.5;
	p.cache_size = 50;
	p.eps = 1e-7;
	p.C = 2;
	p.nu = 0.7; // a linear machine on these classes cannot reach much less
	p.p = 0.1;
	p.shrinking = 1;
	return p;
}

constexpr const char *kKernels[] = {"linear", "poly", "rbf", "sigmoid"};

std::string
Hyperparams(const char *own, int kernel) {
	return std::string("{") + own + R"("kernel": ")" + kKernels[kernel] +
		   R"(", "gamma": 0.3, "coef0": 0.5, "tol": 1e-7})";
}

Dataset
Classes(size_t n_classes, size_t rows) {
	return test::RandomDataset(rows, 3, 0, 11, [&](auto &x, auto &random) {
		double noise = std::normal_distribution<double>(0, 0.4)(random);
		return std::floor(
			std::clamp((double(x[0]) + double(x[1] * x[2]) + noise + 2) / 4, 0.0, 0.999) *
			double(n_classes));
	});
}

Dataset
Values() {
	return test::RandomDataset(150, 3, 0, 12, [](auto &x, auto &random) {
		return std::sin(double(x[0])) + double(x[1]) +
			   std::normal_distribution<double>(0, 0.2)(random);
	});
}

std::vector<float>
Margins(const Model &model, const Matrix &x) {
	Workspace work;
	std::vector<float> margins(x.rows() * model.margin_groups());
	model.Margins(x.view(), work, margins.data());
	return margins;
}

void
CompareTwoClasses(const char *algorithm, int type, const char *own, double tolerance) {
	Dataset data = Classes(2, 160), fresh = Classes(2, 200);
	for (int kernel : {LINEAR, POLY, RBF, SIGMOID}) {
		Oracle oracle(data, Parameter(type, kernel));
		auto model =
			Train(data, Options(algorithm, Task::kClassification, Hyperparams(own, kernel)));
		std::vector<float> margins = Margins(*model, fresh.raw);
		double sign = oracle.Labels()[0] == 1 ? 1 : -1;
		std::vector<double> decisions;
		for (size_t row = 0; row < fresh.raw.rows(); row++) {
			oracle.Predict(fresh.raw, row, decisions);
			EXPECT_NEAR(double(margins[row]), sign * decisions[0],
						tolerance * (1 + std::fabs(decisions[0])))
				<< kKernels[kernel] << " " << row;
		}
	}
}

} // namespace

TEST(Svm, TwoClassesAsLibsvm) {
	CompareTwoClasses("svm", C_SVC, R"("C": 2, )", 1e-4);
}

TEST(Svm, NuTwoClassesAsLibsvm) {
	CompareTwoClasses("nu_svm", NU_SVC, R"("nu": 0.7, )", 1e-3);
}

TEST(Svm, RegressionAsLibsvm) {
	Dataset data = Values();
	for (int kernel : {LINEAR, POLY, RBF})
		for (bool nu : {false, true}) {
			Oracle oracle(data, Parameter(nu ? NU_SVR : EPSILON_SVR, kernel));
			auto model = Train(
				data, Options(nu ? "nu_svm" : "svm", Task::kRegression,
							  Hyperparams(nu ? R"("C": 2, "nu": 0.7, )" : R"("C": 2, )", kernel)));
			std::vector<double> predicted = test::Predict(*model, data.raw.view()), decisions;
			for (size_t row = 0; row < predicted.size(); row++)
				EXPECT_NEAR(predicted[row], oracle.Predict(data.raw, row, decisions), 1e-3)
					<< kKernels[kernel] << " " << nu << " " << row;
		}
}

TEST(Svm, SeveralClassesAsLibsvm) {
	Dataset data = Classes(4, 200);
	Oracle oracle(data, Parameter(C_SVC, RBF));
	auto model =
		Train(data, Options("svm", Task::kClassification, Hyperparams(R"("C": 2, )", RBF)));
	std::vector<double> predicted = test::Predict(*model, data.raw.view()), decisions;
	std::vector<float> margins = Margins(*model, data.raw);
	std::vector<int> labels = oracle.Labels();
	size_t unsure = 0;
	for (size_t row = 0; row < predicted.size(); row++) {
		double answer = oracle.Predict(data.raw, row, decisions);
		// Votes, counted here from libsvm's decisions; ties go to the lowest class.
		std::vector<double> votes(4);
		size_t pair = 0;
		bool close = false;
		for (size_t a = 0; a < 4; a++)
			for (size_t b = a + 1; b < 4; b++, pair++) {
				votes[size_t(decisions[pair] > 0 ? labels[a] : labels[b])]++;
				close = close || std::fabs(decisions[pair]) < 1e-3;
			}
		if (close) {
			unsure++;
			continue;
		}
		for (size_t c = 0; c < 4; c++)
			EXPECT_EQ(double(margins[row * 4 + c]), votes[c]) << row;
		if (std::count(votes.begin(), votes.end(), *std::max_element(votes.begin(), votes.end())) ==
			1) {
			EXPECT_EQ(predicted[row], answer) << row;
		}
	}
	EXPECT_LT(unsure, 10u);
}

TEST(Svm, TiesAreBrokenByConfidenceWhenAskedFor) {
	Dataset data = Classes(4, 200);
	auto votes = Train(data, Options("svm", Task::kClassification));
	auto confident = Train(data, Options("svm", Task::kClassification, R"({"break_ties": true})"));
	std::vector<float> plain = Margins(*votes, data.raw), broken = Margins(*confident, data.raw);
	for (size_t i = 0; i < plain.size(); i++)
		EXPECT_LT(std::fabs(plain[i] - broken[i]), 1.0f / 3);
}

TEST(Svm, OneSupportVectorPair) {
	// Two points: the machine lies in the middle, with margins -1 and +1 at them.
	Dataset data = test::DatasetBuilder().Number("x", {1, 3}).Target({0, 1}).Build();
	auto model =
		Train(data, Options("svm", Task::kClassification, R"({"kernel": "linear", "C": 100})"));
	Matrix x(1, 3);
	x.Resize(3);
	std::copy_n(std::vector<float>{1, 2, 3}.begin(), 3, x.column(0));
	std::vector<float> margins = Margins(*model, x);
	EXPECT_NEAR(margins[0], -1, 1e-5);
	EXPECT_NEAR(margins[1], 0, 1e-5);
	EXPECT_NEAR(margins[2], 1, 1e-5);
}

TEST(Svm, SmallCacheGivesTheSame) {
	Dataset data = test::RandomDataset(
		2000, 2, 0, 3, [](auto &x, auto &) { return x[0] * x[0] + x[1] * x[1] > 1.4f ? 1 : 0; });
	auto large = Train(data, Options("svm", Task::kClassification));
	auto small = Train(data, Options("svm", Task::kClassification, R"({"cache_size": 1})"));
	EXPECT_EQ(large->Encode(), small->Encode());
}

TEST(Svm, InfeasibleNu) {
	Dataset data =
		test::DatasetBuilder().Number("x", {1, 2, 3, 4, 5}).Target({0, 0, 0, 0, 1}).Build();
	try {
		Train(data, Options("nu_svm", Task::kClassification));
		FAIL();
	} catch (const Error &e) {
		EXPECT_STREQ(e.what(), "nu 0.5 is infeasible for these classes");
		EXPECT_EQ(e.detail(), "Two classes have 4 and 1 training rows, which allows at most 0.4.");
	}
}

TEST(Svm, NuBelowWhatTheKernelCanReachIsRefused) {
	// One column and classes at random: no line leaves fewer than about half of the rows in its margin.
	Dataset data = test::RandomDataset(200, 1, 0, 13, [](auto &, auto &random) {
		return double(std::bernoulli_distribution(0.5)(random));
	});
	auto error = [&](const char *hyperparameters) -> std::string {
		try {
			Train(data, Options("nu_svm", Task::kClassification, hyperparameters));
		} catch (const Error &e) {
			return e.what();
		}
		return "";
	};
	EXPECT_EQ(error(R"({"nu": 0.2, "kernel": "linear"})"),
			  "nu 0.2 is too small to tell two classes apart");
	// A kernel that can.
	EXPECT_EQ(error(R"({"nu": 0.2, "kernel": "rbf", "gamma": 1e8})"), "");
}

TEST(Svm, SmallNuAsLibsvm) {
	Dataset data = test::RandomDataset(
		150, 3, 0, 14, [](auto &x, auto &) { return double(x[0] + x[1] * x[1] > 0.7f); });
	svm_parameter parameter = Parameter(NU_SVC, RBF);
	parameter.nu = 0.2;
	Oracle oracle(data, parameter);
	auto model =
		Train(data, Options("nu_svm", Task::kClassification, Hyperparams(R"("nu": 0.2, )", RBF)));
	std::vector<float> margins = Margins(*model, data.raw);
	double sign = oracle.Labels()[0] == 1 ? 1 : -1;
	std::vector<double> decisions;
	for (size_t row = 0; row < data.raw.rows(); row++) {
		oracle.Predict(data.raw, row, decisions);
		EXPECT_NEAR(double(margins[row]), sign * decisions[0],
					1e-3 * (1 + std::fabs(decisions[0])));
	}
}

TEST(Svm, NoProbabilities) {
	auto model = Train(Classes(2, 100), Options("svm", Task::kClassification));
	Workspace work;
	float out[2];
	Matrix x(3, 1);
	x.Resize(1);
	EXPECT_THROW(model->PredictProbabilities(x.view(), work, out), Error);
}

TEST(LinearSvm, SquaredHingeIsOptimal) {
	Dataset data = Classes(2, 300);
	auto model = Train(data, Options("linear_svm", Task::kClassification,
									 R"({"C": 0.5, "tol": 1e-9, "max_iter": 100000})"));
	const auto &group =
		dynamic_cast<const LinearModel &>(*dynamic_cast<const ModelImpl &>(*model).parts().learner)
			.groups()[0];
	// The gradient of |w|^2 / 2 + b^2 / 2 + C sum max(0, 1 - y f)^2 vanishes.
	std::vector<double> gradient = group.weights;
	gradient.push_back(group.intercept);
	for (size_t row = 0; row < data.raw.rows(); row++) {
		double sign = data.target[row] == 1 ? 1 : -1, f = group.intercept;
		for (size_t col = 0; col < 3; col++)
			f += group.weights[col] * double(data.raw.column(col)[row]);
		double slope = -2 * 0.5 * sign * std::max(0.0, 1 - sign * f);
		for (size_t col = 0; col < 3; col++)
			gradient[col] += slope * double(data.raw.column(col)[row]);
		gradient[3] += slope;
	}
	for (double component : gradient)
		EXPECT_NEAR(component, 0, 1e-5);
}

TEST(LinearSvm, HingeAndRegressionAsKernelMachine) {
	// With a constant feature instead of an intercept the linear machine solves what SMO solves,
	// except for the penalty of the intercept, which a large scaling makes small.
	Dataset data = Classes(2, 200);
	auto linear = Train(data, Options("linear_svm", Task::kClassification,
									  R"({"loss": "hinge", "intercept_scaling": 30, "tol": 1e-8,
									  "max_iter": 1000000})"));
	auto kernel =
		Train(data, Options("svm", Task::kClassification, R"({"kernel": "linear", "tol": 1e-8})"));
	std::vector<float> a = Margins(*linear, data.raw), b = Margins(*kernel, data.raw);
	for (size_t row = 0; row < a.size(); row++)
		EXPECT_NEAR(a[row], b[row], 0.02);
	data = Values();
	auto line = Train(data, Options("linear_svm", Task::kRegression,
									R"({"epsilon": 0.1, "intercept_scaling": 30, "tol": 1e-6,
									"max_iter": 1000000})"));
	auto machine =
		Train(data, Options("svm", Task::kRegression, R"({"kernel": "linear", "tol": 1e-8})"));
	std::vector<double> c = test::Predict(*line, data.raw.view()),
						d = test::Predict(*machine, data.raw.view());
	for (size_t row = 0; row < c.size(); row++)
		EXPECT_NEAR(c[row], d[row], 0.02);
}

} // namespace pgml
