// Algorithm "quantile": QuantileRegressor. Minimises
//   mean of pinball(y - b - Xw) + alpha |w|_1
// as a linear program, by the interior point method for its bounded dual (Portnoy and Koenker, "The
// Gaussian hare and the Laplacian tortoise", Statistical Science 12, 1997; Mehrotra's predictor and
// corrector). The penalty of a weight enters as one more row: n alpha |w| = |0 - (n alpha) w|.
#include <algorithm>
#include <cmath>

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <fmt/format.h>

#include "linear/linear_fit.h"
#include "pgml/error.h"
#include "training/trainers.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Array = Eigen::ArrayXd;

constexpr size_t kBlockRows = 256;

struct Settings {
	double quantile = 0.5, alpha = 1;
	bool fit_intercept = true;
	size_t max_iter = 200;
	double tol = 1e-9; ///< gap between primal and dual, relative
};

/// The rows of the program: data rows [1, centred and scaled columns], then one for each penalty.
class Design {
public:
	Design(MatrixView x, const Settings &settings, const StopToken &stop) : x_(x), stop_(stop) {
		intercept_ = settings.fit_intercept;
		ColumnMoments moments = Moments(x, stop);
		center_ = intercept_ ? moments.mean : std::vector<double>(x.cols, 0.0);
		for (size_t col = 0; col < x.cols; col++) {
			double size = std::hypot(moments.deviation[col], moments.mean[col] - center_[col]);
			factor_.push_back(size > 1e-12 * std::fabs(moments.mean[col]) ? 1 / size : 0);
		}
		double strength = settings.alpha * static_cast<double>(x.rows);
		for (double factor : factor_)
			penalty_.push_back(strength * factor);
	}
	Index
	n_data() const {
		return static_cast<Index>(x_.rows);
	}
	Index
	n_rows() const {
		return static_cast<Index>(x_.rows + x_.cols);
	}
	Index
	dim() const {
		return static_cast<Index>(x_.cols) + 1;
	}

	/// rows * v
	Array
	Times(const VectorXd &v) const {
		Array result(n_rows());
		MatrixXd block;
		for (size_t first = 0; first < x_.rows; first += kBlockRows) {
			Load(first, block);
			result.segment(static_cast<Index>(first), block.rows()) = (block * v).array();
		}
		for (size_t col = 0; col < x_.cols; col++)
			result[n_data() + static_cast<Index>(col)] =
				penalty_[col] * v[static_cast<Index>(col) + 1];
		return result;
	}

	/// rows' * v, and if asked for rows' * diag(weights) * rows (lower part).
	VectorXd
	Transposed(const Array &v, const Array *weights, MatrixXd *normal) const {
		VectorXd result = VectorXd::Zero(dim());
		if (normal != nullptr)
			normal->setZero(dim(), dim());
		MatrixXd block;
		for (size_t first = 0; first < x_.rows; first += kBlockRows) {
			Load(first, block);
			auto from = static_cast<Index>(first);
			result.noalias() += block.transpose() * v.segment(from, block.rows()).matrix();
			if (normal == nullptr)
				continue;
			block.array().colwise() *= weights->segment(from, block.rows()).sqrt();
			normal->selfadjointView<Eigen::Lower>().rankUpdate(block.transpose());
		}
		for (size_t col = 0; col < x_.cols; col++) {
			Index row = n_data() + static_cast<Index>(col), at = static_cast<Index>(col) + 1;
			result[at] += penalty_[col] * v[row];
			if (normal != nullptr)
				(*normal)(at, at) += penalty_[col] * penalty_[col] * (*weights)[row];
		}
		return result;
	}

	LinearGroup
	Group(const VectorXd &at) const {
		LinearGroup group;
		group.intercept = intercept_ ? at[0] : 0;
		for (size_t col = 0; col < x_.cols; col++) {
			double weight = at[static_cast<Index>(col) + 1] * factor_[col];
			group.weights.push_back(weight);
			group.intercept -= weight * center_[col];
		}
		return group;
	}

private:
	void
	Load(size_t first, MatrixXd &block) const {
		stop_.ThrowIfStopped();
		auto rows = static_cast<Index>(std::min(kBlockRows, x_.rows - first));
		block.resize(rows, dim());
		block.col(0).setConstant(intercept_ ? 1 : 0);
		for (size_t col = 0; col < x_.cols; col++) {
			const float *values = x_.column(col) + first;
			double *to = block.col(static_cast<Index>(col) + 1).data();
			for (Index row = 0; row < rows; row++)
				to[row] = (values[row] - center_[col]) * factor_[col];
		}
	}

	MatrixView x_;
	const StopToken &stop_;
	bool intercept_;
	std::vector<double> center_, factor_, penalty_;
};

/// Longest step that keeps every value + step * change positive.
double
Longest(const Array &values, const Array &change) {
	double longest = HUGE_VAL;
	for (Index i = 0; i < values.size(); i++)
		if (change[i] < 0)
			longest = std::min(longest, -values[i] / change[i]);
	return longest;
}

Eigen::LDLT<MatrixXd>
Factor(MatrixXd &normal) {
	// Directions that the columns cannot resolve get no weight.
	double size = std::max(normal.diagonal().maxCoeff(), 1e-300);
	normal.diagonal().array() += 1e-13 * size;
	return normal.selfadjointView<Eigen::Lower>().ldlt();
}

LinearGroup
FitQuantile(const TrainingData &data, const Settings &settings, const TrainOptions &options) {
	Design design(data.columns, settings, options.stop);
	Index n = design.n_rows(), n_data = design.n_data();
	// Targets of unit size, so that the tolerances below mean the same everywhere.
	Array y = Array::Zero(n);
	double mean = 0, size = 0;
	for (double value : data.target)
		mean += value / static_cast<double>(n_data);
	if (!settings.fit_intercept)
		mean = 0;
	for (double value : data.target)
		size += std::fabs(value - mean) / static_cast<double>(n_data);
	for (Index i = 0; i < n_data; i++)
		y[i] = (data.target[static_cast<size_t>(i)] - mean) / size;

	// Dual variables a in (0, u): d = a - below is what a row pulls with, -below <= d <= above.
	Array u = Array::Ones(n), a(n);
	u.tail(n - n_data) = 2;
	a.head(n_data) = 1 - settings.quantile;
	a.tail(n - n_data) = 1;
	Array s = u - a;
	MatrixXd normal;
	Array even = Array::Ones(n);
	VectorXd right = design.Transposed(y, &even, &normal);
	VectorXd at = Factor(normal).solve(right);
	// z - w = -residual: a row below its quantile has z, one above it w.
	Array residual = y - design.Times(at);
	double margin = std::max(residual.abs().mean(), 1e-3);
	Array z = (-residual).max(0) + margin, w = residual.max(0) + margin;

	for (size_t iteration = 0; iteration < settings.max_iter; iteration++) {
		double gap = (z * a).sum() + (w * s).sum();
		if (gap <= settings.tol * static_cast<double>(n_data))
			break;
		Array q = 1 / (z / a + w / s);
		Array t = w - z; // towards the boundary
		VectorXd step_right = design.Transposed(q * t, &q, &normal);
		Eigen::LDLT<MatrixXd> factor = Factor(normal);
		// `at` is minus the multiplier of the equations, hence the signs.
		VectorXd step = factor.solve(step_right);
		Array da = q * (t - design.Times(step));
		Array dz = -z - z * da / a, dw = -w + w * da / s;
		double primal = std::min({1.0, Longest(a, da), Longest(s, -da)});
		double dual = std::min({1.0, Longest(z, dz), Longest(w, dw)});
		double reached = ((a + primal * da) * (z + dual * dz)).sum() +
						 ((s - primal * da) * (w + dual * dw)).sum();
		double mu = std::pow(reached / gap, 3) * gap / static_cast<double>(2 * n);
		t = (mu - da * dz) / a - (mu + da * dw) / s - z + w;
		Array correction_z = da * dz, correction_w = da * dw;
		step = factor.solve(design.Transposed(q * t, nullptr, nullptr));
		da = q * (t - design.Times(step));
		dz = (mu - correction_z) / a - z - z * da / a;
		dw = (mu + correction_w) / s - w + w * da / s;
		primal = std::min(1.0, 0.9995 * std::min(Longest(a, da), Longest(s, -da)));
		dual = std::min(1.0, 0.9995 * std::min(Longest(z, dz), Longest(w, dw)));
		if (!(primal > 1e-12 || dual > 1e-12) || !step.allFinite())
			break; // rounding: nothing is left to gain
		a += primal * da;
		s -= primal * da;
		at += dual * step;
		z += dual * dz;
		w += dual * dw;
		if (options.progress)
			options.progress(iteration + 1, settings.max_iter);
	}
	at *= size;
	LinearGroup group = design.Group(at);
	if (settings.fit_intercept)
		group.intercept += mean;
	return group;
}

} // namespace

Trained
TrainQuantile(Hyperparameters &parameters, Task, const TrainingData *data,
			  const TrainOptions &options) {
	Settings settings;
	settings.quantile = parameters.Real({"quantile"}, 0.5, 0.0001, 0.9999);
	settings.alpha = parameters.Real({"alpha"}, 1, 0, 1e12);
	settings.fit_intercept = parameters.Flag({"fit_intercept"}, true);
	// scikit-learn's names of solvers; all of them solve the same linear program.
	parameters.Choice({"solver"}, "highs",
					  {"highs", "highs-ds", "highs-ipm", "interior-point", "revised simplex"});
	parameters.Seed(0);
	parameters.Finish();
	if (data == nullptr)
		return {};
	RequireFinite(*data, options.stop);
	if (data->columns.cols > kMaxLinearColumns)
		throw Error(ErrorCode::kLimitExceeded,
					fmt::format("algorithm \"quantile\" takes at most {} columns after encoding",
								kMaxLinearColumns),
					fmt::format("There are {}.", data->columns.cols),
					"Use algorithm \"xgboost\" or encode text as \"target\".");
	return LinearResult(Link::kIdentity, *data, {FitQuantile(*data, settings, options)});
}

} // namespace pgml
