// Algorithm "linear_svm": LinearSVC and LinearSVR. Dual coordinate descent, the method of liblinear
// (Hsieh et al., "A dual coordinate descent method for large-scale linear SVM", ICML 2008; Ho and
// Lin, "Large-scale linear support vector regression", JMLR 13, 2012), written anew: the library
// takes its random numbers from the whole process, prints, does not check its allocations, and in
// Debian brings a BLAS with threads into the server. As there, the intercept is the weight of a
// constant column and is penalised.
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

struct Settings {
	double c = 1, tol = 1e-4, epsilon = 0, intercept_scaling = 1;
	bool squared = true, fit_intercept = true;
	size_t max_iter = 1000;
	uint64_t seed = 0;
	ClassWeight weight;
};

/// The rows side by side, with the constant column last.
class Rows {
public:
	Rows(MatrixView x, const Settings &settings, const StopToken &stop)
		: stop_(stop), dim_(x.cols + 1), values_(x.rows * dim_), squares_(x.rows) {
		for (size_t row = 0; row < x.rows; row++) {
			float *to = values_.data() + row * dim_;
			for (size_t col = 0; col < x.cols; col++)
				to[col] = x.column(col)[row];
			to[x.cols] =
				settings.fit_intercept ? static_cast<float>(settings.intercept_scaling) : 0;
			squares_[row] = std::inner_product(to, to + dim_, to, 0.0, std::plus<>(),
											   [](double a, double b) { return a * b; });
			Poll();
		}
	}
	size_t
	size() const {
		return squares_.size();
	}
	size_t
	dim() const {
		return dim_;
	}
	double
	square(size_t row) const {
		return squares_[row];
	}
	double
	Dot(size_t row, const std::vector<double> &weights) {
		Poll();
		const float *values = values_.data() + row * dim_;
		double sum = 0;
		for (size_t col = 0; col < dim_; col++)
			sum += weights[col] * values[col];
		return sum;
	}
	void
	Add(size_t row, double factor, std::vector<double> &weights) const {
		const float *values = values_.data() + row * dim_;
		for (size_t col = 0; col < dim_; col++)
			weights[col] += factor * values[col];
	}

private:
	void
	Poll() {
		if ((work_ += dim_) < kWorkPerPoll)
			return;
		work_ = 0;
		stop_.ThrowIfStopped();
	}
	const StopToken &stop_;
	size_t dim_, work_ = 0;
	std::vector<float> values_;
	std::vector<double> squares_;
};

LinearGroup
Group(const std::vector<double> &weights, const Settings &settings) {
	LinearGroup group;
	group.weights.assign(weights.begin(), weights.end() - 1);
	group.intercept = settings.fit_intercept ? weights.back() * settings.intercept_scaling : 0;
	return group;
}

/// Minimises |w|^2 / 2 + sum of C weight max(0, 1 - y f)^p, p = 1 or 2.
/// @param weights  of the negative and the positive rows
LinearGroup
FitClass(Rows &rows, const std::vector<int8_t> &sign, const double (&weights)[2],
		 const Settings &settings) {
	double diagonals[2] = {}, uppers[2] = {HUGE_VAL, HUGE_VAL};
	for (int side = 0; side < 2; side++)
		(settings.squared ? diagonals : uppers)[side] =
			settings.squared ? 0.5 / (settings.c * weights[side]) : settings.c * weights[side];
	std::vector<double> vector(rows.dim()), alpha(rows.size());
	std::vector<size_t> order(rows.size());
	std::iota(order.begin(), order.end(), size_t{0});
	Random random(settings.seed);
	for (size_t iteration = 0; iteration < settings.max_iter; iteration++) {
		double largest = -HUGE_VAL, smallest = HUGE_VAL;
		random.Shuffle(order);
		for (size_t row : order) {
			double diagonal = diagonals[sign[row] > 0], upper = uppers[sign[row] > 0];
			double gradient = sign[row] * rows.Dot(row, vector) - 1 + diagonal * alpha[row];
			double projected = alpha[row] == 0       ? std::min(gradient, 0.0)
							   : alpha[row] == upper ? std::max(gradient, 0.0)
													 : gradient;
			largest = std::max(largest, projected);
			smallest = std::min(smallest, projected);
			if (std::fabs(projected) <= 1e-12)
				continue;
			double curvature = rows.square(row) + diagonal, before = alpha[row];
			alpha[row] = curvature > 0
							 ? std::clamp(before - gradient / curvature, 0.0, upper)
							 : upper; // a row of zeros without intercept: its loss is fixed
			rows.Add(row, (alpha[row] - before) * sign[row], vector);
		}
		if (largest - smallest <= settings.tol)
			break;
	}
	return Group(vector, settings);
}

/// Minimises |w|^2 / 2 + C sum of max(0, |y - f| - epsilon)^p, p = 1 or 2.
LinearGroup
FitValue(Rows &rows, const std::vector<double> &target, const Settings &settings) {
	double diagonal = settings.squared ? 0.5 / settings.c : 0;
	double upper = settings.squared ? HUGE_VAL : settings.c;
	std::vector<double> weights(rows.dim()), beta(rows.size());
	std::vector<size_t> order(rows.size());
	std::iota(order.begin(), order.end(), size_t{0});
	Random random(settings.seed);
	double first_violation = -1;
	for (size_t iteration = 0; iteration < settings.max_iter; iteration++) {
		double violation = 0;
		random.Shuffle(order);
		for (size_t row : order) {
			double curvature = rows.square(row) + diagonal;
			if (curvature <= 0)
				continue;
			double gradient = rows.Dot(row, weights) - target[row] + diagonal * beta[row];
			double up = gradient + settings.epsilon, down = gradient - settings.epsilon;
			if (beta[row] == 0)
				violation += std::max({-up, down, 0.0});
			else if (beta[row] >= upper)
				violation += std::max(up, 0.0);
			else if (beta[row] <= -upper)
				violation += std::max(-down, 0.0);
			else
				violation += std::fabs(beta[row] > 0 ? up : down);
			double step = up < curvature * beta[row]     ? -up / curvature
						  : down > curvature * beta[row] ? -down / curvature
														 : -beta[row];
			if (std::fabs(step) < 1e-12)
				continue;
			double before = beta[row];
			beta[row] = std::clamp(before + step, -upper, upper);
			rows.Add(row, beta[row] - before, weights);
		}
		if (iteration == 0)
			first_violation = violation;
		if (violation <= settings.tol * first_violation)
			break;
	}
	return Group(weights, settings);
}

} // namespace

Trained
TrainLinearSvm(Hyperparameters &parameters, Task task, const TrainingData *data,
			   const TrainOptions &options) {
	Settings settings;
	bool regression = task == Task::kRegression;
	settings.c = parameters.Real({"C"}, 1, 0, 1e12, Bound::kExclusiveLow);
	if (regression) {
		settings.epsilon = parameters.Real({"epsilon"}, 0, 0, 1e30);
		settings.squared =
			parameters.Choice({"loss"}, "epsilon_insensitive",
							  {"epsilon_insensitive", "squared_epsilon_insensitive"}) !=
			"epsilon_insensitive";
	} else {
		settings.squared = parameters.Choice({"loss"}, "squared_hinge",
											 {"hinge", "squared_hinge"}) == "squared_hinge";
		parameters.Choice({"penalty"}, "l2", {"l2"});
		parameters.Choice({"multi_class"}, "ovr", {"ovr"});
		settings.weight = parameters.Weight(false);
	}
	settings.fit_intercept = parameters.Flag({"fit_intercept"}, true);
	settings.intercept_scaling =
		parameters.Real({"intercept_scaling"}, 1, 0, 1e12, Bound::kExclusiveLow);
	settings.tol = parameters.Real({"tol"}, 1e-4, 0, 1, Bound::kExclusiveLow);
	settings.max_iter = static_cast<size_t>(parameters.Integer({"max_iter"}, 1000, 1, 100000000));
	settings.seed = parameters.Seed(options.seed);
	parameters.Finish();
	if (data == nullptr)
		return {};
	RequireFinite(*data, options.stop);
	Rows rows(data->columns, settings, options.stop);
	if (regression)
		return LinearResult(Link::kIdentity, *data, {FitValue(rows, data->target, settings)});
	// One class against the rest: as in scikit-learn the rest counts 1.
	std::vector<double> weights = WeightsOf(settings.weight, *data);
	std::vector<LinearGroup> groups;
	for (size_t c = data->n_classes == 2 ? 1 : 0; c < data->n_classes; c++) {
		std::vector<int8_t> sign;
		for (uint32_t own : data->classes)
			sign.push_back(own == c ? 1 : -1);
		groups.push_back(
			FitClass(rows, sign, {data->n_classes == 2 ? weights[0] : 1, weights[c]}, settings));
		if (options.progress)
			options.progress(c + 1, data->n_classes);
	}
	return LinearResult(Link::kDecision, *data, std::move(groups));
}

} // namespace pgml
