// Algorithm "stochastic_gradient_descent": SGDRegressor and SGDClassifier, with their losses,
// penalties and learning rates (Bottou, "Large-scale machine learning with stochastic gradient
// descent", COMPSTAT 2010; the L1 part by cumulative truncation: Tsuruoka et al., ACL 2009). Features
// are taken as they are; unscaled ones make it diverge, as in scikit-learn.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "pgml/error.h"
#include "base/random.h"
#include "training/trainers.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

using Bound = Hyperparameters::Bound;

constexpr size_t kWorkPerPoll = 1000000;
/// A regression that costs so much more than predicting 0 is none. (Classes may still be told apart.)
constexpr double kDiverged = 1e6;

enum class Loss {
	kSquaredError,
	kHuber,
	kEpsilonInsensitive,
	kSquaredEpsilonInsensitive,
	kHinge,
	kLog,
	kModifiedHuber,
	kSquaredHinge,
	kPerceptron
};

struct Settings {
	Loss loss = Loss::kHinge;
	std::string penalty, rate;
	double alpha = 1e-4, l1_ratio = 0.15, epsilon = 0.1, eta0 = 0.01, power_t = 0.25, tol = 1e-3;
	size_t max_iter = 1000, n_iter_no_change = 5;
	bool fit_intercept = true, shuffle = true;
	uint64_t seed = 0;
	ClassWeight weight;
};

struct LossName {
	const char *name;
	Loss loss;
	bool regression, classification;
};
constexpr LossName kLosses[] = {
	{"hinge", Loss::kHinge, false, true},
	{"log_loss", Loss::kLog, false, true},
	{"log", Loss::kLog, false, true}, // the older name of log_loss
	{"modified_huber", Loss::kModifiedHuber, false, true},
	{"squared_hinge", Loss::kSquaredHinge, false, true},
	{"perceptron", Loss::kPerceptron, false, true},
	{"squared_error", Loss::kSquaredError, true, true},
	{"huber", Loss::kHuber, true, true},
	{"epsilon_insensitive", Loss::kEpsilonInsensitive, true, true},
	{"squared_epsilon_insensitive", Loss::kSquaredEpsilonInsensitive, true, true},
};

Settings
ReadSettings(Hyperparameters &from, Task task, const TrainOptions &options) {
	Settings result;
	bool regression = task == Task::kRegression;
	std::vector<std::string> losses;
	for (const LossName &entry : kLosses)
		if (regression ? entry.regression : entry.classification)
			losses.emplace_back(entry.name);
	std::string loss = from.Choice({"loss"}, regression ? "squared_error" : "hinge", losses);
	for (const LossName &entry : kLosses)
		if (loss == entry.name)
			result.loss = entry.loss;
	result.penalty = from.Choice({"penalty"}, "l2", {"l2", "l1", "elasticnet", "none"});
	result.alpha = from.Real({"alpha"}, 1e-4, 0, 1e12);
	result.l1_ratio = from.Real({"l1_ratio"}, 0.15, 0, 1);
	result.epsilon = from.Real({"epsilon"}, 0.1, 0, 1e30);
	result.rate = from.Choice({"learning_rate"}, regression ? "invscaling" : "optimal",
							  {"constant", "optimal", "invscaling", "adaptive"});
	result.eta0 = from.Real({"eta0"}, 0.01, 0, 1e12, Bound::kExclusiveLow);
	result.power_t = from.Real({"power_t"}, regression ? 0.25 : 0.5, -100, 100);
	result.max_iter = static_cast<size_t>(from.Integer({"max_iter"}, 1000, 1, 100000000));
	result.tol = from.Real({"tol"}, 1e-3, 0, 1e30);
	result.n_iter_no_change =
		static_cast<size_t>(from.Integer({"n_iter_no_change"}, 5, 1, 100000000));
	result.fit_intercept = from.Flag({"fit_intercept"}, true);
	result.shuffle = from.Flag({"shuffle"}, true);
	result.seed = from.Seed(options.seed);
	if (!regression)
		result.weight = from.Weight(false);
	from.Finish();
	if (result.rate == "optimal" && result.alpha == 0)
		throw Error(ErrorCode::kInvalidArgument,
					"learning_rate \"optimal\" needs an alpha above 0");
	return result;
}

/// @param p  prediction; y: target, -1 or +1 for classes
double
LossOf(const Settings &s, double p, double y) {
	double z = p * y, miss = std::fabs(y - p);
	switch (s.loss) {
		case Loss::kSquaredError:
			return 0.5 * miss * miss;
		case Loss::kHuber:
			return miss <= s.epsilon ? 0.5 * miss * miss
									 : s.epsilon * miss - 0.5 * s.epsilon * s.epsilon;
		case Loss::kEpsilonInsensitive:
			return std::max(miss - s.epsilon, 0.0);
		case Loss::kSquaredEpsilonInsensitive:
			return std::pow(std::max(miss - s.epsilon, 0.0), 2);
		case Loss::kHinge:
			return std::max(1 - z, 0.0);
		case Loss::kLog:
			return std::log1p(std::exp(-std::fabs(z))) + std::max(-z, 0.0);
		case Loss::kModifiedHuber:
			return z >= 1 ? 0 : z >= -1 ? (1 - z) * (1 - z) : -4 * z;
		case Loss::kSquaredHinge:
			return std::pow(std::max(1 - z, 0.0), 2);
		case Loss::kPerceptron:
			break;
	}
	return std::max(-z, 0.0);
}

/// Derivative of the loss by the prediction.
double
Slope(const Settings &s, double p, double y) {
	double z = p * y, error = p - y, sign = error < 0 ? -1 : 1;
	switch (s.loss) {
		case Loss::kSquaredError:
			return error;
		case Loss::kHuber:
			return std::fabs(error) <= s.epsilon ? error : s.epsilon * sign;
		case Loss::kEpsilonInsensitive:
			return std::fabs(error) > s.epsilon ? sign : 0;
		case Loss::kSquaredEpsilonInsensitive:
			return std::fabs(error) > s.epsilon ? 2 * (error - s.epsilon * sign) : 0;
		case Loss::kHinge:
			return z <= 1 ? -y : 0;
		case Loss::kLog:
			return z > 0 ? -y * std::exp(-z) / (1 + std::exp(-z)) : -y / (1 + std::exp(z));
		case Loss::kModifiedHuber:
			return z >= 1 ? 0 : z >= -1 ? -2 * (1 - z) * y : -4 * y;
		case Loss::kSquaredHinge:
			return z <= 1 ? -2 * (1 - z) * y : 0;
		case Loss::kPerceptron:
			break;
	}
	return z <= 0 ? -y : 0;
}

class Descent {
public:
	Descent(MatrixView x, const Settings &settings, const TrainOptions &options)
		: x_(x), s_(settings), options_(options), weights_(x.cols), truncated_(x.cols) {
		l2_ = s_.penalty == "l2" ? 1 : s_.penalty == "elasticnet" ? 1 - s_.l1_ratio : 0;
		l1_ = s_.penalty == "l1" ? 1 : s_.penalty == "elasticnet" ? s_.l1_ratio : 0;
		// Bottou's starting point: a first step of the size of a typical weight.
		double typical = std::sqrt(1 / std::sqrt(std::max(s_.alpha, 1e-300)));
		double slope = std::max(1.0, Slope(s_, -typical, 1));
		optimal_start_ = 1 / (typical / slope * s_.alpha);
	}

	/// @param weights  of rows with a negative and a positive target, which classes have
	LinearGroup
	Fit(const std::vector<double> &target, bool is_regression,
		const double (&weights)[2] = {1, 1}) {
		std::vector<size_t> order(x_.rows);
		std::iota(order.begin(), order.end(), size_t{0});
		Random random(s_.seed);
		std::vector<float> row(x_.cols);
		double best = HUGE_VAL, t = 1, eta = s_.eta0;
		size_t without_change = 0, work = 0;
		for (size_t epoch = 0; epoch < s_.max_iter; epoch++) {
			if (s_.shuffle)
				random.Shuffle(order);
			double loss = 0;
			for (size_t at : order) {
				if ((work += x_.cols + 10) >= kWorkPerPoll) {
					options_.stop.ThrowIfStopped();
					work = 0;
				}
				double p = intercept_;
				for (size_t col = 0; col < x_.cols; col++) {
					row[col] = x_.column(col)[at];
					p += weights_[col] * row[col];
				}
				if (s_.rate == "optimal")
					eta = 1 / (s_.alpha * (optimal_start_ + t - 1));
				else if (s_.rate == "invscaling")
					eta = s_.eta0 / std::pow(t, s_.power_t);
				loss += LossOf(s_, p, target[at]);
				Step(row, eta, Slope(s_, p, target[at]), weights[target[at] > 0]);
				t++;
			}
			loss /= static_cast<double>(x_.rows);
			without_change = loss > best - s_.tol ? without_change + 1 : 0;
			best = std::min(best, loss);
			if (without_change >= s_.n_iter_no_change) {
				if (s_.rate != "adaptive" || eta <= 1e-6)
					break;
				eta /= 5;
				without_change = 0;
			}
			if (options_.progress)
				options_.progress(epoch + 1, s_.max_iter);
		}
		double none = 0; // what not learning costs
		for (double y : target)
			none += LossOf(s_, 0, y) / static_cast<double>(x_.rows);
		if (is_regression && !(best <= kDiverged * std::max(none, 1e-300)))
			throw Error(
				ErrorCode::kInvalidData, "training diverged",
				"The loss is far above that of a model that learned nothing.",
				"Scale the features, for example with \"scale\": \"standard\", or lower eta0.");
		LinearGroup group;
		group.weights = weights_;
		group.intercept = intercept_;
		return group;
	}

private:
	void
	Step(const std::vector<float> &row, double eta, double slope, double weight) {
		// A single outlier must not throw the weights away: scikit-learn's bound.
		double update = -eta * std::clamp(slope, -1e12, 1e12) * weight;
		double shrink = std::max(0.0, 1 - l2_ * eta * s_.alpha);
		for (size_t col = 0; col < x_.cols; col++)
			weights_[col] = weights_[col] * shrink + update * row[col];
		if (s_.fit_intercept)
			intercept_ += update;
		if (l1_ == 0)
			return;
		total_l1_ += l1_ * eta * s_.alpha;
		for (size_t col = 0; col < x_.cols; col++) {
			double before = weights_[col];
			if (before > 0)
				weights_[col] = std::max(0.0, before - (total_l1_ + truncated_[col]));
			else if (before < 0)
				weights_[col] = std::min(0.0, before + (total_l1_ - truncated_[col]));
			truncated_[col] += weights_[col] - before;
		}
	}

	MatrixView x_;
	const Settings &s_;
	const TrainOptions &options_;
	std::vector<double> weights_, truncated_; ///< the second: what truncation has taken so far
	double intercept_ = 0, l1_ = 0, l2_ = 0, total_l1_ = 0, optimal_start_ = 0;
};

} // namespace

Trained
TrainStochasticGradientDescent(Hyperparameters &parameters, Task task, const TrainingData *data,
							   const TrainOptions &options) {
	Settings settings = ReadSettings(parameters, task, options);
	if (data == nullptr)
		return {};
	RequireFinite(*data, options.stop);
	if (task == Task::kRegression)
		return LinearResult(Link::kIdentity, *data,
							{Descent(data->columns, settings, options).Fit(data->target, true)});
	// One class against the rest: as in scikit-learn the rest counts 1.
	std::vector<double> weights = WeightsOf(settings.weight, *data);
	std::vector<LinearGroup> groups;
	for (size_t c = data->n_classes == 2 ? 1 : 0; c < data->n_classes; c++) {
		std::vector<double> sign;
		for (uint32_t own : data->classes)
			sign.push_back(own == c ? 1 : -1);
		groups.push_back(
			Descent(data->columns, settings, options)
				.Fit(sign, false, {data->n_classes == 2 ? weights[0] : 1, weights[c]}));
	}
	// Probabilities of several classes would need those of one against the rest to be normalised,
	// which the softmax of margins is not: only two classes have them.
	bool logistic = settings.loss == Loss::kLog && data->n_classes == 2;
	return LinearResult(logistic ? Link::kLogistic : Link::kDecision, *data, std::move(groups));
}

} // namespace pgml
