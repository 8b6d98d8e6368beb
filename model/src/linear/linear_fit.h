#pragma once
/// Solvers of the linear family. Inputs are finite; features are columns x[n_rows, dim], targets
/// one vector per group.
#include <functional>
#include <vector>

#include "linear/linear.h"
#include "pgml/matrix.h"
#include "pgml/stop_token.h"

namespace pgml {

/// Widest problem: the triangular factor takes dim^2 doubles.
constexpr size_t kMaxLinearColumns = 2048;

struct FitContext {
	const StopToken &stop;
	std::function<void(size_t done, size_t total)> progress; ///< may be empty
};

/**
 * Minimises |y - b - Xw|^2 + alpha |w|^2 for each target (alpha = 0: least squares, alpha > 0:
 * ridge). Collinear and constant columns are fine: directions that float32 features cannot resolve
 * get no weight.
 * @throws Error(kLimitExceeded) more than kMaxLinearColumns columns; Cancelled
 * Memory: O(dim^2). Time: O(n_rows * dim^2).
 */
std::vector<LinearGroup> FitLeastSquares(MatrixView x,
										 const std::vector<std::vector<double>> &targets,
										 double alpha, bool fit_intercept,
										 const FitContext &context);

struct ElasticNetOptions {
	double alpha = 1;
	double l1_ratio = 0.5; ///< 1 = lasso
	bool fit_intercept = true;
	size_t max_iter = 10000;
	double tol = 1e-7; ///< largest step of a sweep, relative to the target's norm
};

/// Minimises |y - b - Xw|^2 / (2 n_rows) + alpha l1_ratio |w|_1 + alpha (1 - l1_ratio) |w|^2 / 2 by
/// coordinate descent.
LinearGroup FitElasticNet(MatrixView x, const std::vector<double> &target,
						  const ElasticNetOptions &options, const FitContext &context);

struct LogisticOptions {
	double c = 1; ///< inverse of the L2 penalty
	bool fit_intercept = true;
	size_t max_iter = 1000;
	double tol = 1e-6;                 ///< largest component of the gradient of the mean loss
	std::vector<double> class_weights; ///< what a row of each class counts; empty: 1
};

/**
 * Minimises C * sum of log losses + |w|^2 / 2 (intercepts free), as scikit-learn's
 * LogisticRegression.
 * @param classes  0 .. n_classes - 1 per row
 * @return one group for two classes (margin of class 1), else one per class (softmax)
 */
std::vector<LinearGroup> FitLogistic(MatrixView x, const std::vector<uint32_t> &classes,
									 size_t n_classes, const LogisticOptions &options,
									 const FitContext &context);

/// Mean and standard deviation of every column, in double.
struct ColumnMoments {
	std::vector<double> mean, deviation;
};
ColumnMoments Moments(MatrixView x, const StopToken &stop);

} // namespace pgml
