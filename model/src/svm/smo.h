#pragma once
/// The quadratic programs of support vector machines.
#include <cstdint>
#include <vector>

#include "svm/kernel.h"
#include "pgml/matrix.h"
#include "pgml/stop_token.h"

namespace pgml {

/**
 * Minimises a'Qa / 2 + linear'a subject to 0 <= a <= upper, sign'a = sign'start, and with `nu` also
 * sum a = sum start; Q[s, t] = sign[s] sign[t] K(row[s], row[t]).
 */
struct SmoProblem {
	std::vector<uint32_t> row; ///< of `x`, for each variable
	std::vector<int8_t> sign;  ///< +1 or -1
	std::vector<double> linear, upper, start;
	bool nu = false;
};

struct SmoOptions {
	double tol = 1e-3;
	size_t cache_bytes = size_t{200} << 20;
	int64_t max_iter = -1; ///< -1: libsvm's own limit
};

struct SmoResult {
	std::vector<double> alpha;
	double rho = 0;   ///< decision = sum sign a K - rho
	double scale = 1; ///< nu only: the margin's size
};

/// @param x  finite. @throws Cancelled. Deterministic.
SmoResult SolveSmo(MatrixView x, const Kernel &kernel, const SmoProblem &problem,
				   const SmoOptions &options, const StopToken &stop);

} // namespace pgml
