// Golub, Van Loan, Matrix Computations (4th ed.), algorithms 8.3.1 and 8.3.3, on Eigen's matrix operations.
#include "projection/symmetric_eigen.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <Eigen/Householder>
#include <Eigen/Jacobi>

#include "pgml/error.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Steps of the QR iteration per eigenvalue; a handful is usual.
constexpr Index kMaxSteps = 60;

/// matrix = Q T Q'. The reflections that make Q stay below the subdiagonal, their factors in `factors`.
void
MakeTridiagonal(MatrixXd &matrix, VectorXd &diagonal, VectorXd &below, VectorXd &factors,
				const StopToken &stop) {
	Index n = matrix.rows();
	factors.resize(n - 1);
	below.resize(n - 1);
	VectorXd work(n);
	for (Index i = 0; i + 1 < n; i++) {
		stop.ThrowIfStopped();
		Index rest = n - i - 1;
		double factor, beta;
		auto column = matrix.col(i).tail(rest);
		column.makeHouseholderInPlace(factor, beta);
		below[i] = beta;
		factors[i] = factor;
		column[0] = 1;
		auto corner = matrix.bottomRightCorner(rest, rest);
		auto product = work.head(rest);
		product.noalias() = corner.selfadjointView<Eigen::Lower>() * (factor * column);
		product += (-0.5 * factor * product.dot(column)) * column;
		corner.selfadjointView<Eigen::Lower>().rankUpdate(column, product, -1);
	}
	diagonal = matrix.diagonal();
}

/// Q itself, from the last reflection to the first.
MatrixXd
Accumulate(const MatrixXd &matrix, const VectorXd &factors, const StopToken &stop) {
	Index n = matrix.rows();
	MatrixXd q = MatrixXd::Identity(n, n);
	VectorXd work(n);
	for (Index i = n - 2; i >= 0; i--) {
		stop.ThrowIfStopped();
		Index rest = n - i - 1;
		auto column = matrix.col(i).tail(rest);
		auto corner = q.bottomRightCorner(rest, rest);
		work.head(rest).noalias() = corner.transpose() * column;
		corner.noalias() -= (factors[i] * column) * work.head(rest).transpose();
	}
	return q;
}

/// One implicit step with Wilkinson's shift on rows [start, end] of the tridiagonal matrix; q follows.
void
QrStep(VectorXd &diagonal, VectorXd &below, Index start, Index end, MatrixXd &q) {
	double half = (diagonal[end - 1] - diagonal[end]) / 2, e = below[end - 1];
	double shift = diagonal[end];
	if (half == 0)
		shift -= std::fabs(e);
	else if (e != 0) {
		double h = std::hypot(half, e);
		shift -= e / (half + (half > 0 ? h : -h)) * e;
	}
	double x = diagonal[start] - shift, z = below[start];
	for (Index k = start; k < end && z != 0; k++) {
		Eigen::JacobiRotation<double> rotation;
		rotation.makeGivens(x, z);
		double c = rotation.c(), s = rotation.s();
		double sdk = s * diagonal[k] + c * below[k];
		double dkp1 = s * below[k] + c * diagonal[k + 1];
		diagonal[k] =
			c * (c * diagonal[k] - s * below[k]) - s * (c * below[k] - s * diagonal[k + 1]);
		diagonal[k + 1] = s * sdk + c * dkp1;
		below[k] = c * sdk - s * dkp1;
		if (k > start)
			below[k - 1] = c * below[k - 1] - s * z;
		x = below[k];
		if (k + 1 < end) {
			z = -s * below[k + 1];
			below[k + 1] = c * below[k + 1];
		}
		q.applyOnTheRight(k, k + 1, rotation);
	}
}

void
Diagonalize(VectorXd &diagonal, VectorXd &below, MatrixXd &q, const StopToken &stop) {
	Index n = diagonal.size(), end = n - 1, steps = 0;
	constexpr double kPrecision = std::numeric_limits<double>::epsilon();
	double tiny = std::numeric_limits<double>::min();
	while (end > 0) {
		stop.ThrowIfStopped();
		for (Index i = 0; i < end; i++) {
			double scale = std::fabs(diagonal[i]) + std::fabs(diagonal[i + 1]);
			if (std::fabs(below[i]) <= std::max(kPrecision * scale, tiny))
				below[i] = 0;
		}
		while (end > 0 && below[end - 1] == 0)
			end--;
		if (end == 0)
			break;
		if (++steps > kMaxSteps * n)
			throw Error(ErrorCode::kInternal, "eigenvalues did not converge");
		Index start = end - 1;
		while (start > 0 && below[start - 1] != 0)
			start--;
		QrStep(diagonal, below, start, end, q);
	}
}

} // namespace

void
SymmetricEigen(MatrixXd &matrix, VectorXd &values, const StopToken &stop) {
	Index n = matrix.rows();
	VectorXd below, factors;
	if (n == 1) {
		values = matrix.diagonal();
		matrix(0, 0) = 1;
		return;
	}
	double scale = matrix.cwiseAbs().maxCoeff();
	if (scale > 0)
		matrix /= scale;
	MakeTridiagonal(matrix, values, below, factors, stop);
	MatrixXd q = Accumulate(matrix, factors, stop);
	Diagonalize(values, below, q, stop);
	std::vector<Index> order(static_cast<size_t>(n));
	std::iota(order.begin(), order.end(), Index{0});
	std::stable_sort(order.begin(), order.end(),
					 [&](Index a, Index b) { return values[a] > values[b]; });
	VectorXd sorted(n);
	for (Index i = 0; i < n; i++) {
		Index from = order[static_cast<size_t>(i)];
		sorted[i] = values[from] * (scale > 0 ? scale : 1);
		matrix.col(i) = q.col(from);
	}
	values = sorted;
}

} // namespace pgml
