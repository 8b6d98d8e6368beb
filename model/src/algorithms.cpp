// The algorithms of the product, and what is said about the other names that PostgresML knows. An
// algorithm that becomes available joins Algorithms(); its entry in kNames stays as it is.
#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "pgml/error.h"
#include "text.h"
#include "trainers.h"

#include "no_postgres.h"

namespace pgml {

namespace {

struct Name {
	std::string_view name;
	std::string_view
		nearest;        ///< tried in this order, separated by blanks; the last resort is linear
	bool never = false; ///< not to be trained here at all
};

/// All labels of pgml.algorithm, in its order.
constexpr Name kNames[] = {
	{"linear", ""},
	{"lasso", "elastic_net"},
	{"ridge", "linear"},
	{"elastic_net", "lasso"},
	{"least_angle", "lasso"},
	{"lasso_least_angle", "lasso"},
	{"orthogonal_matching_pursuit", "lasso"},
	{"bayesian_ridge", "ridge"},
	{"automatic_relevance_determination", "ridge"},
	{"stochastic_gradient_descent", "linear"},
	{"perceptron", "stochastic_gradient_descent"},
	{"passive_aggressive", "stochastic_gradient_descent"},
	{"ransac", "huber"},
	{"theil_sen", "huber"},
	{"huber", "quantile"},
	{"quantile", "huber"},
	{"kernel_ridge", "svm"},
	{"gaussian_process", "svm"},
	{"knn", "svm"},
	{"svm", "nu_svm"},
	{"nu_svm", "svm"},
	{"linear_svm", "svm"},
	{"ada_boost", "gradient_boosting_trees xgboost"},
	{"bagging", "random_forest xgboost"},
	{"extra_trees", "random_forest xgboost"},
	{"gradient_boosting_trees", "hist_gradient_boosting xgboost"},
	{"random_forest", "xgboost_random_forest xgboost"},
	{"hist_gradient_boosting", "xgboost"},
	{"mlp", "svm"},
	{"xgboost", "hist_gradient_boosting"},
	{"xgboost_random_forest", "random_forest xgboost"},
	{"lightgbm", "hist_gradient_boosting xgboost", true},
	{"catboost", "gradient_boosting_trees xgboost", true},
	{"transformers", "mlp", true},
	{"affinity_propagation", "kmeans"},
	{"birch", "kmeans"},
	{"kmeans", "mini_batch_kmeans"},
	{"mini_batch_kmeans", "kmeans"},
	{"mean_shift", "kmeans"},
	{"dbscan", "kmeans"},
	{"feature_agglomeration", "kmeans"},
	{"optics", "kmeans"},
	{"spectral", "kmeans"},
	{"spectral_bi", "kmeans"},
	{"spectral_co", "kmeans"},
	{"pca", ""},
};

/// The first of `candidates` that is available for the task, else the first that there is.
std::string
Nearest(std::string_view candidates, Task task) {
	std::vector<std::string> available = AvailableAlgorithms(task);
	while (!candidates.empty()) {
		std::string_view candidate = candidates.substr(0, candidates.find(' '));
		if (std::find(available.begin(), available.end(), candidate) != available.end())
			return std::string(candidate);
		candidates.remove_prefix(std::min(candidates.size(), candidate.size() + 1));
	}
	return "linear";
}

} // namespace

const std::vector<Algorithm> &
Algorithms() {
	static const std::vector<Algorithm> *const algorithms = new std::vector<Algorithm>{
		{"bagging", true, true, true, TrainBagging},
		{"elastic_net", false, true, false, TrainElasticNet},
		{"extra_trees", true, true, true, TrainExtraTrees},
		{"gradient_boosting_trees", true, true, true, TrainGradientBoosting},
		{"hist_gradient_boosting", true, true, true, TrainHistGradientBoosting},
		{"huber", false, true, false, TrainHuber},
		{"knn", false, true, true, TrainKnn},
		{"lasso", false, true, false, TrainLasso},
		{"linear", false, true, true, TrainLinear},
		{"linear_svm", false, true, true, TrainLinearSvm},
		{"mlp", false, true, true, TrainMlp},
		{"nu_svm", false, true, true, TrainNuSvm},
		{"quantile", false, true, false, TrainQuantile},
		{"random_forest", true, true, true, TrainRandomForest},
		{"ridge", false, true, true, TrainRidge},
		{"stochastic_gradient_descent", false, true, true, TrainStochasticGradientDescent},
		{"svm", false, true, true, TrainSvm},
		{"xgboost", true, true, true, TrainXgboost},
		{"xgboost_random_forest", true, true, true, TrainXgboostForest},
	};
	return *algorithms;
}

std::vector<std::string>
AvailableAlgorithms(Task task) {
	std::vector<std::string> names;
	for (const Algorithm &algorithm : Algorithms())
		if (task == Task::kRegression ? algorithm.regression : algorithm.classification)
			names.emplace_back(algorithm.name);
	return names;
}

void
CheckAlgorithm(const std::string &name, Task task) {
	std::vector<std::string> available = AvailableAlgorithms(task);
	if (std::find(available.begin(), available.end(), name) != available.end())
		return;
	std::string list = fmt::format("Available algorithms for this task: {}.", Join(available));
	for (const Algorithm &algorithm : Algorithms())
		if (name == algorithm.name)
			throw Error(ErrorCode::kNotSupported,
						fmt::format("algorithm \"{}\" is not available for {}", name,
									task == Task::kRegression ? "regression" : "classification"),
						"", list);
	for (const Name &known : kNames)
		if (name == known.name)
			throw Error(
				ErrorCode::kNotSupported,
				fmt::format("algorithm \"{}\" {}", name,
							known.never ? "cannot be trained here" : "is not available yet"),
				"",
				fmt::format("The nearest available one is \"{}\".", Nearest(known.nearest, task)));
	throw Error(ErrorCode::kInvalidArgument, fmt::format("algorithm \"{}\" does not exist", name),
				"", list);
}

} // namespace pgml
