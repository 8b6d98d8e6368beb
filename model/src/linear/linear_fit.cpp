// Least squares, ridge, lasso and elastic net. All four need the data only through the triangular
// factor R of the centred, scaled columns and Q'y, so the rows are folded into R block by block
// (Householder; numerically the QR of the whole matrix, never its normal equations) and the rest
// works on at most dim rows.
#include "linear/linear_fit.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Core>
#include <Eigen/QR>
#include <fmt/format.h>

#include "pgml/error.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr size_t kBlockRows = 256;
/// Directions weaker than this, relative to the strongest, are noise of the features' rounding to
/// float32 (6e-8).
constexpr double kRankTolerance = 1e-6;

/// The data reduced to dim rows: R * diag(scale) stands for the centred X, `rhs` for the centred
/// targets.
struct Reduced {
	MatrixXd r;   ///< [dim, dim], upper triangular, columns of unit variance (or zero)
	MatrixXd rhs; ///< [dim, n_targets]
	std::vector<double> mean, scale;
	std::vector<double> target_mean;
	size_t n_rows = 0;
};

/// Folds the rows of `block` into the triangle: [R; block] -> [R'; 0] by one reflection per column.
void
AppendRows(MatrixXd &triangle, Index dim, MatrixXd &block, const StopToken &stop) {
	Index total = triangle.cols();
	for (Index j = 0; j < dim; j++) {
		stop.ThrowIfStopped();
		auto v = block.col(j);
		double sigma = v.squaredNorm();
		if (sigma == 0)
			continue;
		double x = triangle(j, j);
		double norm = std::sqrt(x * x + sigma);
		double u0 = x > 0 ? x + norm : x - norm;
		double beta = 2 / (u0 * u0 + sigma);
		triangle(j, j) = x > 0 ? -norm : norm;
		for (Index k = j + 1; k < total; k++) {
			double s = beta * (u0 * triangle(j, k) + v.dot(block.col(k)));
			triangle(j, k) -= s * u0;
			block.col(k) -= s * v;
		}
	}
}

Reduced
Reduce(MatrixView x, const std::vector<std::vector<double>> &targets, bool fit_intercept,
	   const FitContext &context) {
	if (x.cols > kMaxLinearColumns)
		throw Error(
			ErrorCode::kLimitExceeded,
			fmt::format("linear models take at most {} columns after encoding", kMaxLinearColumns),
			fmt::format("There are {}.", x.cols),
			"Use algorithm \"xgboost\" or encode text as \"target\".");
	auto dim = static_cast<Index>(x.cols), n_targets = static_cast<Index>(targets.size());
	Reduced result;
	result.n_rows = x.rows;
	ColumnMoments moments = Moments(x, context.stop);
	result.mean = fit_intercept ? moments.mean : std::vector<double>(x.cols, 0.0);
	result.scale.resize(x.cols);
	for (size_t j = 0; j < x.cols; j++) {
		double size = fit_intercept ? moments.deviation[j]
									: std::hypot(moments.deviation[j], moments.mean[j]);
		// A constant column's deviation is rounding; it carries nothing beside an intercept.
		result.scale[j] = size > 1e-12 * std::fabs(moments.mean[j]) ? size : 0;
	}
	for (const std::vector<double> &target : targets) {
		double sum = 0;
		for (double value : target)
			sum += value;
		result.target_mean.push_back(fit_intercept ? sum / static_cast<double>(x.rows) : 0);
	}

	MatrixXd triangle = MatrixXd::Zero(dim, dim + n_targets);
	MatrixXd block;
	for (size_t first = 0; first < x.rows; first += kBlockRows) {
		size_t rows = std::min(kBlockRows, x.rows - first);
		block.resize(static_cast<Index>(rows), dim + n_targets);
		for (size_t j = 0; j < x.cols; j++) {
			double factor = result.scale[j] > 0 ? 1 / result.scale[j] : 0;
			const float *from = x.column(j) + first;
			double *to = block.col(static_cast<Index>(j)).data();
			for (size_t row = 0; row < rows; row++)
				to[row] = factor == 0 ? 0 : (from[row] - result.mean[j]) * factor;
		}
		for (size_t t = 0; t < targets.size(); t++)
			for (size_t row = 0; row < rows; row++)
				block(static_cast<Index>(row), dim + static_cast<Index>(t)) =
					targets[t][first + row] - result.target_mean[t];
		AppendRows(triangle, dim, block, context.stop);
		if (context.progress)
			context.progress(first + rows, x.rows);
	}
	result.r = triangle.leftCols(dim).triangularView<Eigen::Upper>();
	result.rhs = triangle.rightCols(n_targets);
	return result;
}

/// Weights of the scaled columns -> weights and intercept of the columns as they are.
LinearGroup
Unscale(const Reduced &reduced, const VectorXd &scaled, size_t target) {
	LinearGroup group;
	group.intercept = reduced.target_mean[target];
	for (size_t j = 0; j < reduced.scale.size(); j++) {
		double weight = reduced.scale[j] > 0 ? scaled[static_cast<Index>(j)] / reduced.scale[j] : 0;
		group.weights.push_back(weight);
		group.intercept -= weight * reduced.mean[j];
	}
	return group;
}

} // namespace

ColumnMoments
Moments(MatrixView x, const StopToken &stop) {
	ColumnMoments result;
	auto count = static_cast<double>(x.rows);
	for (size_t j = 0; j < x.cols; j++) {
		stop.ThrowIfStopped();
		const float *values = x.column(j);
		double sum = 0, squares = 0;
		for (size_t row = 0; row < x.rows; row++)
			sum += values[row];
		double mean = sum / count;
		for (size_t row = 0; row < x.rows; row++)
			squares += (values[row] - mean) * (values[row] - mean);
		result.mean.push_back(mean);
		result.deviation.push_back(std::sqrt(squares / count));
	}
	return result;
}

std::vector<LinearGroup>
FitLeastSquares(MatrixView x, const std::vector<std::vector<double>> &targets, double alpha,
				bool fit_intercept, const FitContext &context) {
	Reduced reduced = Reduce(x, targets, fit_intercept, context);
	auto dim = static_cast<Index>(x.cols);
	if (alpha > 0) {
		// Ridge as least squares with the rows sqrt(alpha) * I below; in scaled weights v = w *
		// scale.
		MatrixXd triangle(dim, dim + reduced.rhs.cols());
		triangle << reduced.r, reduced.rhs;
		MatrixXd penalty = MatrixXd::Zero(dim, dim + reduced.rhs.cols());
		for (Index j = 0; j < dim; j++)
			if (double scale = reduced.scale[static_cast<size_t>(j)]; scale > 0)
				penalty(j, j) = std::sqrt(alpha) / scale;
		AppendRows(triangle, dim, penalty, context.stop);
		reduced.r = triangle.leftCols(dim).triangularView<Eigen::Upper>();
		reduced.rhs = triangle.rightCols(reduced.rhs.cols());
	}
	MatrixXd weights = MatrixXd::Zero(dim, reduced.rhs.cols());
	context.stop.ThrowIfStopped();
	if (dim > 0) {
		Eigen::CompleteOrthogonalDecomposition<MatrixXd> decomposition;
		decomposition.setThreshold(kRankTolerance);
		decomposition.compute(reduced.r);
		weights = decomposition.solve(reduced.rhs);
	}
	std::vector<LinearGroup> groups;
	for (size_t t = 0; t < targets.size(); t++)
		groups.push_back(Unscale(reduced, weights.col(static_cast<Index>(t)), t));
	return groups;
}

LinearGroup
FitElasticNet(MatrixView x, const std::vector<double> &target, const ElasticNetOptions &options,
			  const FitContext &context) {
	Reduced reduced = Reduce(x, {target}, options.fit_intercept, context);
	auto dim = static_cast<Index>(x.cols);
	// Columns of the problem in the user's units: the penalty is on the weights of unscaled
	// features.
	MatrixXd a = reduced.r;
	for (Index j = 0; j < dim; j++)
		a.col(j) *= reduced.scale[static_cast<size_t>(j)];
	VectorXd squared_norm = a.colwise().squaredNorm();
	VectorXd weights = VectorXd::Zero(dim);
	VectorXd residual = reduced.rhs.col(0);
	double n = static_cast<double>(reduced.n_rows);
	double l1 = n * options.alpha * options.l1_ratio,
		   l2 = n * options.alpha * (1 - options.l1_ratio);
	double enough = options.tol * residual.norm();
	for (size_t sweep = 0; sweep < options.max_iter; sweep++) {
		double largest_step = 0;
		for (Index j = 0; j < dim; j++) {
			if (squared_norm[j] == 0)
				continue;
			if (j % 64 == 0)
				context.stop.ThrowIfStopped();
			double old = weights[j];
			double pull = a.col(j).dot(residual) + squared_norm[j] * old;
			double shrunk = std::max(std::fabs(pull) - l1, 0.0) / (squared_norm[j] + l2);
			weights[j] = pull < 0 ? -shrunk : shrunk;
			if (weights[j] != old)
				residual -= (weights[j] - old) * a.col(j);
			largest_step =
				std::max(largest_step, std::fabs(weights[j] - old) * std::sqrt(squared_norm[j]));
		}
		if (largest_step <= enough)
			break;
	}
	VectorXd scaled = weights;
	for (Index j = 0; j < dim; j++)
		scaled[j] *= reduced.scale[static_cast<size_t>(j)];
	return Unscale(reduced, scaled, 0);
}

} // namespace pgml
