// Algorithm "huber": HuberRegressor (Owen, "A robust hybrid of lasso and ridge regression", 2006).
// Minimises over weights, intercept b and scale s > 0
//   sum of s + H((y - b - Xw) / s) s, plus alpha |w|^2,   H(z) = z^2 up to epsilon, then linear,
// by turns: s has a closed form, and (w, b) the weighted least squares that touches the objective
// from above, so that each turn decreases it (scikit-learn follows the gradient to the same minimum).
#include <algorithm>
#include <cmath>

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <fmt/format.h>

#include "linear/linear_fit.h"
#include "pgml/error.h"
#include "base/stoppable.h"
#include "training/trainers.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

using Bound = Hyperparameters::Bound;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr size_t kBlockRows = 256;

struct Settings {
	double epsilon = 1.35, alpha = 1e-4, tol = 1e-5;
	size_t max_iter = 1000;
	bool fit_intercept = true;
};

class HuberFit {
public:
	HuberFit(const TrainingData &data, const Settings &settings, const TrainOptions &options)
		: x_(data.columns), y_(data.target), s_(settings), options_(options),
		  dim_(static_cast<Index>(x_.cols) + 1), at_(VectorXd::Zero(dim_)), residuals_(y_) {
		ColumnMoments moments = Moments(x_, options.stop);
		center_ = s_.fit_intercept ? moments.mean : std::vector<double>(x_.cols, 0.0);
		for (size_t col = 0; col < x_.cols; col++) {
			double size = std::hypot(moments.deviation[col], moments.mean[col] - center_[col]);
			factor_.push_back(size > 1e-12 * std::fabs(moments.mean[col]) ? 1 / size : 0);
		}
	}

	LinearGroup
	Fit() {
		std::vector<double> ones(y_.size(), 1.0);
		Solve(ones);
		double before = HUGE_VAL;
		for (size_t iteration = 0; iteration < s_.max_iter; iteration++) {
			double scale = Scale();
			if (scale <= 1e-12 * LargestTarget())
				break; // the plane goes through (nearly) all rows
			std::vector<double> weights;
			double objective = 0;
			for (double residual : residuals_) {
				double z = std::fabs(residual) / scale;
				weights.push_back(z <= s_.epsilon ? 1 : s_.epsilon / z);
				objective += scale + scale * (z <= s_.epsilon
												  ? z * z
												  : 2 * s_.epsilon * z - s_.epsilon * s_.epsilon);
			}
			for (Index j = 1; j < dim_; j++)
				objective += s_.alpha * std::pow(at_[j] * factor_[static_cast<size_t>(j) - 1], 2);
			// The decrease of a turn, relative to the objective: far below the tolerance asked for,
			// because turns shrink slowly at the end.
			if (before - objective <= 1e-7 * s_.tol * objective)
				break;
			before = objective;
			penalty_ = s_.alpha * scale;
			Solve(weights);
			if (options_.progress)
				options_.progress(iteration + 1, s_.max_iter);
		}
		LinearGroup group;
		group.intercept = at_[0];
		for (size_t col = 0; col < x_.cols; col++) {
			double weight = at_[static_cast<Index>(col) + 1] * factor_[col];
			group.weights.push_back(weight);
			group.intercept -= weight * center_[col];
		}
		return group;
	}

private:
	double
	LargestTarget() const {
		double largest = 0;
		for (double value : y_)
			largest = std::max(largest, std::fabs(value));
		return largest;
	}

	/// The root of n = sum of min(|r| / s, epsilon)^2, which decreases in s: by the sorted residuals.
	double
	Scale() {
		std::vector<double> sizes;
		for (double residual : residuals_)
			sizes.push_back(std::fabs(residual));
		StoppableSort(sizes.begin(), sizes.end(), options_.stop);
		double inner = 0, bound = s_.epsilon * s_.epsilon,
			   count = static_cast<double>(sizes.size());
		for (double size : sizes)
			inner += size * size;
		double scale = 0;
		for (size_t outliers = 0; outliers < sizes.size(); outliers++) {
			double left = count - bound * static_cast<double>(outliers);
			if (left <= 0)
				break;
			scale = std::sqrt(std::max(inner, 0.0) / left);
			double largest = sizes[sizes.size() - 1 - outliers];
			if (largest <= s_.epsilon * scale)
				break;
			inner -= largest * largest;
		}
		return scale;
	}

	/// Weighted ridge on the centred, scaled columns; the residuals follow.
	void
	Solve(const std::vector<double> &weights) {
		MatrixXd normal = MatrixXd::Zero(dim_, dim_);
		VectorXd right = VectorXd::Zero(dim_);
		MatrixXd block;
		for (size_t first = 0; first < x_.rows; first += kBlockRows) {
			options_.stop.ThrowIfStopped();
			Load(first, block);
			Eigen::Map<const VectorXd> own(weights.data() + first, block.rows());
			Eigen::Map<const VectorXd> target(y_.data() + first, block.rows());
			right.noalias() += block.transpose() * own.cwiseProduct(target);
			block.array().colwise() *= own.array().sqrt();
			normal.selfadjointView<Eigen::Lower>().rankUpdate(block.transpose());
		}
		double size = normal.diagonal().maxCoeff();
		for (Index j = 0; j < dim_; j++) {
			double factor = j == 0 ? 0 : factor_[static_cast<size_t>(j) - 1];
			// The last term: directions that float32 features cannot resolve get no weight.
			normal(j, j) += penalty_ * factor * factor + 1e-12 * size;
		}
		at_ = normal.selfadjointView<Eigen::Lower>().ldlt().solve(right);
		for (size_t first = 0; first < x_.rows; first += kBlockRows) {
			options_.stop.ThrowIfStopped();
			Load(first, block);
			Eigen::Map<VectorXd>(residuals_.data() + first, block.rows()) =
				Eigen::Map<const VectorXd>(y_.data() + first, block.rows()) - block * at_;
		}
	}

	/// A column of ones (or zeros, without intercept), then the columns.
	void
	Load(size_t first, MatrixXd &block) const {
		auto rows = static_cast<Index>(std::min(kBlockRows, x_.rows - first));
		block.resize(rows, dim_);
		block.col(0).setConstant(s_.fit_intercept ? 1 : 0);
		for (size_t col = 0; col < x_.cols; col++) {
			const float *values = x_.column(col) + first;
			double *to = block.col(static_cast<Index>(col) + 1).data();
			for (Index row = 0; row < rows; row++)
				to[row] = (values[row] - center_[col]) * factor_[col];
		}
	}

	MatrixView x_;
	const std::vector<double> &y_;
	const Settings &s_;
	const TrainOptions &options_;
	Index dim_;
	VectorXd at_; ///< intercept, then weights of the centred, scaled columns
	std::vector<double> residuals_, center_, factor_;
	double penalty_ = 0;
};

} // namespace

Trained
TrainHuber(Hyperparameters &parameters, Task, const TrainingData *data,
		   const TrainOptions &options) {
	Settings settings;
	settings.epsilon = parameters.Real({"epsilon"}, 1.35, 1, 1e12, Bound::kExclusiveLow);
	settings.alpha = parameters.Real({"alpha"}, 1e-4, 0, 1e12);
	settings.fit_intercept = parameters.Flag({"fit_intercept"}, true);
	settings.max_iter = static_cast<size_t>(parameters.Integer({"max_iter"}, 1000, 1, 100000000));
	settings.tol = parameters.Real({"tol"}, 1e-5, 0, 1);
	parameters.Seed(0);
	parameters.Finish();
	if (data == nullptr)
		return {};
	RequireFinite(*data, options.stop);
	if (data->columns.cols > kMaxLinearColumns)
		throw Error(ErrorCode::kLimitExceeded,
					fmt::format("algorithm \"huber\" takes at most {} columns after encoding",
								kMaxLinearColumns),
					fmt::format("There are {}.", data->columns.cols),
					"Use algorithm \"xgboost\" or encode text as \"target\".");
	return LinearResult(Link::kIdentity, *data, {HuberFit(*data, settings, options).Fit()});
}

} // namespace pgml
