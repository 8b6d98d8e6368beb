// The linear algorithms: hyperparameters by scikit-learn's names and defaults, then the solver.
#include <cmath>

#include <fmt/format.h>

#include "linear/linear_fit.h"
#include "pgml/error.h"
#include "training/trainers.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr double kInfinity = HUGE_VAL;

Trained
TrainNet(Hyperparameters &parameters, bool is_lasso, const TrainingData *data,
		 const TrainOptions &options) {
	ElasticNetOptions net;
	net.alpha = parameters.Real({"alpha"}, 1, 0, kInfinity);
	net.l1_ratio = is_lasso ? 1 : parameters.Real({"l1_ratio"}, 0.5, 0, 1);
	net.fit_intercept = parameters.Flag({"fit_intercept"}, true);
	net.max_iter = static_cast<size_t>(parameters.Integer({"max_iter"}, 10000, 1, 100000000));
	net.tol = parameters.Real({"tol"}, 1e-7, 0, 1);
	parameters.Finish();
	if (data == nullptr)
		return {};
	FitContext context{options.stop, options.progress};
	return LinearResult(Link::kIdentity, *data,
						{FitElasticNet(data->columns, data->target, net, context)});
}

} // namespace

Trained
LinearResult(Link link, const TrainingData &data, std::vector<LinearGroup> groups) {
	for (const LinearGroup &group : groups) {
		bool finite = std::isfinite(group.intercept);
		for (double weight : group.weights)
			finite = finite && std::isfinite(weight);
		if (!finite)
			throw Error(ErrorCode::kInvalidData, "training did not give finite weights",
						"Features or target are too large.",
						"Scale them, for example with \"scale\": \"standard\".");
	}
	return {link, std::make_unique<LinearModel>(data.columns.cols, std::move(groups))};
}

Trained
TrainLinear(Hyperparameters &parameters, Task task, const TrainingData *data,
			const TrainOptions &options) {
	FitContext context{options.stop, options.progress};
	LogisticOptions logistic;
	logistic.fit_intercept = parameters.Flag({"fit_intercept"}, true);
	if (task == Task::kRegression) {
		parameters.Finish();
		if (data == nullptr)
			return {};
		return LinearResult(
			Link::kIdentity, *data,
			FitLeastSquares(data->columns, {data->target}, 0, logistic.fit_intercept, context));
	}
	logistic.c = parameters.Real({"C"}, 1, 1e-12, 1e12);
	logistic.max_iter = static_cast<size_t>(parameters.Integer({"max_iter"}, 1000, 1, 100000000));
	logistic.tol = parameters.Real({"tol"}, 1e-6, 0, 1);
	ClassWeight weight = parameters.Weight(false);
	parameters.Finish();
	if (data == nullptr)
		return {};
	logistic.class_weights = WeightsOf(weight, *data);
	return LinearResult(
		data->n_classes == 2 ? Link::kLogistic : Link::kSoftmax, *data,
		FitLogistic(data->columns, data->classes, data->n_classes, logistic, context));
}

Trained
TrainRidge(Hyperparameters &parameters, Task task, const TrainingData *data,
		   const TrainOptions &options) {
	double alpha = parameters.Real({"alpha"}, 1, 0, kInfinity);
	bool fit_intercept = parameters.Flag({"fit_intercept"}, true);
	parameters.Finish();
	if (data == nullptr)
		return {};
	FitContext context{options.stop, options.progress};
	if (task == Task::kRegression)
		return LinearResult(
			Link::kIdentity, *data,
			FitLeastSquares(data->columns, {data->target}, alpha, fit_intercept, context));
	// As RidgeClassifier: regress on -1 / +1, one target per class, and take the largest.
	std::vector<std::vector<double>> targets;
	for (size_t c = data->n_classes == 2 ? 1 : 0; c < data->n_classes; c++) {
		targets.emplace_back();
		for (uint32_t own : data->classes)
			targets.back().push_back(own == c ? 1 : -1);
	}
	return LinearResult(Link::kDecision, *data,
						FitLeastSquares(data->columns, targets, alpha, fit_intercept, context));
}

Trained
TrainLasso(Hyperparameters &parameters, Task, const TrainingData *data,
		   const TrainOptions &options) {
	return TrainNet(parameters, true, data, options);
}

Trained
TrainElasticNet(Hyperparameters &parameters, Task, const TrainingData *data,
				const TrainOptions &options) {
	return TrainNet(parameters, false, data, options);
}

} // namespace pgml
