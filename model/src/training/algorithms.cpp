// The algorithms of the product, and what is said about the other names that PostgresML knows. An
// algorithm that becomes available joins Algorithms(); its entry in kNames stays as it is.
#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "pgml/error.h"
#include "base/text.h"
#include "training/trainers.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

struct Name {
	std::string_view name;
	std::string_view
		nearest; ///< tried in this order, separated by blanks; the last resort is the task's default
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

constexpr unsigned kRegressionOnly = TaskBit(Task::kRegression);
constexpr unsigned kClusters = TaskBit(Task::kClustering);
constexpr unsigned kComponents = TaskBit(Task::kDecomposition);
constexpr unsigned kSupervised = kRegressionOnly | TaskBit(Task::kClassification);

/// How a model of a program that is not here can come in all the same.
std::string_view
ImportHint(std::string_view name) {
	if (name == "lightgbm")
		return " A model that LightGBM trained can be brought in by pgml.import_model(project, "
			   "file, "
			   "'lightgbm').";
	if (name == "catboost")
		return " pgml.import_model() takes models of XGBoost and LightGBM.";
	return "";
}

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
	return DefaultAlgorithm(task);
}

} // namespace

const std::vector<Algorithm> &
Algorithms() {
	static const std::vector<Algorithm> *const algorithms = new std::vector<Algorithm>{
		{"bagging", true, kSupervised, TrainBagging},
		{"elastic_net", false, kRegressionOnly, TrainElasticNet},
		{"extra_trees", true, kSupervised, TrainExtraTrees},
		{"gradient_boosting_trees", true, kSupervised, TrainGradientBoosting},
		{"hist_gradient_boosting", true, kSupervised, TrainHistGradientBoosting},
		{"huber", false, kRegressionOnly, TrainHuber},
		{"kmeans", false, kClusters, TrainKmeans},
		{"knn", false, kSupervised, TrainKnn},
		{"lasso", false, kRegressionOnly, TrainLasso},
		{"linear", false, kSupervised, TrainLinear},
		{"linear_svm", false, kSupervised, TrainLinearSvm},
		{"mini_batch_kmeans", false, kClusters, TrainMiniBatchKmeans},
		{"mlp", false, kSupervised, TrainMlp},
		{"nu_svm", false, kSupervised, TrainNuSvm},
		{"pca", false, kComponents, TrainPca},
		{"quantile", false, kRegressionOnly, TrainQuantile},
		{"random_forest", true, kSupervised, TrainRandomForest},
		{"ridge", false, kSupervised, TrainRidge},
		{"stochastic_gradient_descent", false, kSupervised, TrainStochasticGradientDescent},
		{"svm", false, kSupervised, TrainSvm},
		{"xgboost", true, kSupervised, TrainXgboost},
		{"xgboost_random_forest", true, kSupervised, TrainXgboostForest},
	};
	return *algorithms;
}

const char *
DefaultAlgorithm(Task task) noexcept {
	return task == Task::kClustering ? "kmeans" : task == Task::kDecomposition ? "pca" : "linear";
}

std::vector<std::string>
AvailableAlgorithms(Task task) {
	std::vector<std::string> names;
	for (const Algorithm &algorithm : Algorithms())
		if ((algorithm.tasks & TaskBit(task)) != 0)
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
			throw Error(
				ErrorCode::kNotSupported,
				fmt::format("algorithm \"{}\" is not available for {}", name, TaskName(task)), "",
				list);
	for (const Name &known : kNames)
		if (name == known.name)
			throw Error(
				ErrorCode::kNotSupported,
				fmt::format("algorithm \"{}\" {}", name,
							known.never ? "cannot be trained here" : "is not available yet"),
				"",
				fmt::format("The nearest available one is \"{}\".{}", Nearest(known.nearest, task),
							ImportHint(name)));
	throw Error(ErrorCode::kInvalidArgument, fmt::format("algorithm \"{}\" does not exist", name),
				"", list);
}

} // namespace pgml
