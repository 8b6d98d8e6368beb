// class_weight against scikit-learn (1.2.1): how many of the held-out rows go to each class, for algorithms whose
// solution is unique exactly, for those that draw random numbers on average.
#include <gtest/gtest.h>

#include <cmath>

#include "datasets.h"
#include "pgml/error.h"
#include "pgml/train.h"

namespace pgml {

using test::Options;

namespace {

constexpr size_t kTrainingRows = 700, kHeldOutRows = 1000;

/// Made by integer arithmetic, the same in any language: 570, 108 and 22 training rows of three classes, or the
/// last two of them together.
Dataset
Rows(size_t first, size_t count, bool three) {
	std::vector<float> a, b, c;
	std::vector<double> y;
	for (size_t i = first; i < first + count; i++) {
		size_t own[3] = {i * 7919 % 1009, i * 104729 % 503, i * 31 % 17};
		a.push_back(static_cast<float>(own[0]));
		b.push_back(static_cast<float>(own[1]));
		c.push_back(static_cast<float>(own[2]));
		size_t sum = own[0] + 2 * own[1] + 40 * own[2] + i * 577 % 600;
		y.push_back((sum > 2100) + (three && sum > 2500));
	}
	return test::DatasetBuilder().Number("a", a).Number("b", b).Number("c", c).Target(y).Build();
}

std::unique_ptr<const Model>
Fit(const char *algorithm, bool three, const std::string &hyperparameters) {
	return Train(Rows(0, kTrainingRows, three),
				 Options(algorithm, Task::kClassification, hyperparameters,
						 R"({"*": {"scale": "standard"}})"));
}

/// Held-out rows that the model puts into each class.
std::vector<double>
Counts(const Model &model, bool three) {
	std::vector<double> counts(three ? 3 : 2);
	for (double value : test::Predict(model, Rows(kTrainingRows, kHeldOutRows, three).raw.view()))
		counts[static_cast<size_t>(value)]++;
	return counts;
}

std::string
Quoted(const std::string &weight, const std::string &more) {
	return "{\"class_weight\": " + weight + more + "}";
}

const std::string kBalanced = "\"balanced\"";
const std::string kThree = R"({"0": 1, "1": 3, "2": 0.5})", kTwo = R"({"1": 3})";

std::string
ErrorOf(const char *algorithm, const std::string &hyperparameters) {
	try {
		Fit(algorithm, true, hyperparameters);
	} catch (const Error &e) {
		return std::string(e.what()) + " | " + e.detail() + " | " + e.hint();
	}
	return "";
}

} // namespace

TEST(ClassWeight, UniqueSolutionsEqualScikitLearn) {
	struct Case {
		const char *algorithm;
		std::string more;
		std::vector<double> three_balanced, two_balanced, three, two;
	};
	const Case cases[] = {
		{"linear_svm",
		 R"(, "max_iter": 20000, "tol": 1e-5)",
		 {802, 179, 19},
		 {743, 257},
		 {822, 178, 0},
		 {775, 225}},
		{"linear_svm",
		 R"(, "loss": "hinge", "max_iter": 20000, "tol": 1e-5)",
		 {785, 198, 17},
		 {732, 268},
		 {815, 185, 0},
		 {758, 242}},
		{"svm", R"(, "tol": 1e-8)", {714, 225, 61}, {725, 275}, {762, 238, 0}, {762, 238}},
	};
	for (const Case &c : cases) {
		SCOPED_TRACE(std::string(c.algorithm) + c.more);
		// A row next to a boundary may fall to either side of it in float32.
		auto expect = [&](bool three, const std::string &weight,
						  const std::vector<double> &counts) {
			std::vector<double> found =
				Counts(*Fit(c.algorithm, three, Quoted(weight, c.more)), three);
			for (size_t k = 0; k < counts.size(); k++)
				EXPECT_NEAR(found[k], counts[k], 1) << weight << " class " << k;
		};
		expect(true, kBalanced, c.three_balanced);
		expect(false, kBalanced, c.two_balanced);
		expect(true, kThree, c.three);
		expect(false, kTwo, c.two);
	}
}

TEST(ClassWeight, LogisticProbabilitiesEqualScikitLearn) {
	auto expect = [](bool three, const std::string &weight, const std::vector<double> &first) {
		auto model = Fit("linear", three, Quoted(weight, R"(, "tol": 1e-10)"));
		size_t n_classes = three ? 3 : 2;
		std::vector<float> found(kHeldOutRows * n_classes);
		Workspace work;
		model->PredictProbabilities(Rows(kTrainingRows, kHeldOutRows, three).raw.view(), work,
									found.data());
		for (size_t i = 0; i < first.size(); i++)
			EXPECT_NEAR(found[i], first[i], 1e-5) << weight << " " << i;
	};
	expect(true, kBalanced,
		   {0.932540733, 0.067346188, 0.000113079, 0.964899511, 0.03507515, 0.000025339});
	expect(false, kBalanced, {0.947913482, 0.052086518, 0.974260927, 0.025739073});
	expect(true, kThree,
		   {0.964457345, 0.035494322, 0.000048332, 0.982733829, 0.017250206, 0.000015966});
	expect(false, kTwo, {0.964004413, 0.035995587, 0.982572323, 0.017427677});
}

TEST(ClassWeight, RandomAlgorithmsAreNearScikitLearn) {
	struct Case {
		const char *algorithm;
		bool three;
		std::string weight;
		std::vector<double> counts;
		double off; ///< about three standard errors of both sides
	};
	const Case cases[] = {
		{"random_forest", true, kBalanced, {755.2, 193, 51.8}, 15},
		{"random_forest", true, "\"balanced_subsample\"", {754.4, 193.6, 52}, 15},
		{"random_forest", true, "null", {950.4, 49.6, 0}, 15},
		{"random_forest", true, kThree, {825, 175, 0}, 15},
		{"random_forest", false, kTwo, {807.8, 192.2}, 15},
		{"stochastic_gradient_descent", false, kTwo, {757.9, 242.1}, 50},
		{"stochastic_gradient_descent", true, kThree, {793.75, 206.25, 0}, 50},
	};
	for (const Case &c : cases) {
		SCOPED_TRACE(std::string(c.algorithm) + c.weight);
		bool forest = std::string(c.algorithm) == "random_forest";
		size_t n_seeds = forest ? 5 : 20;
		std::vector<double> mean(c.counts.size());
		for (size_t seed = 0; seed < n_seeds; seed++) {
			std::string more = std::string(forest ? R"(, "max_depth": 3, "random_state": )"
												  : R"(, "random_state": )") +
							   std::to_string(seed);
			std::vector<double> own =
				Counts(*Fit(c.algorithm, c.three, Quoted(c.weight, more)), c.three);
			for (size_t k = 0; k < mean.size(); k++)
				mean[k] += own[k] / static_cast<double>(n_seeds);
		}
		for (size_t k = 0; k < mean.size(); k++)
			EXPECT_NEAR(mean[k], c.counts[k], c.off) << "class " << k;
	}
}

TEST(ClassWeight, RefusesWhatIsWrong) {
	EXPECT_EQ(ErrorOf("svm", R"({"class_weight": {"0": 1, "7": 2}})"),
			  "class_weight names \"7\", which is no class |  | The classes are: 0, 1, 2.");
	for (const char *bad : {"0", "true", "\"even\"", "[]", "{}", R"({"0": 0})", R"({"0": -1})",
							R"({"0": 1e10})", R"({"0": "1"})", "\"balanced_subsample\""})
		EXPECT_NE(ErrorOf("linear", Quoted(bad, "")).find("invalid value for hyperparameter"),
				  std::string::npos)
			<< bad;
	// Nothing to weigh in a regression.
	TrainOptions options = Options("svm", Task::kRegression, Quoted(kBalanced, ""));
	EXPECT_THROW(Train(Rows(0, 50, true), options), Error);
}

} // namespace pgml
