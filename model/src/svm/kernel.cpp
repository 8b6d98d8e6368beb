// Kernel rows: plain loops over the rows, column by column, so that the value of a pair does not
// depend on the rows beside it.
#include "svm/kernel.h"

#include <algorithm>
#include <cmath>

#include "base/no_postgres.h"

namespace pgml {

namespace {

double
IntegerPower(double base, uint32_t exponent) {
	double result = 1;
	for (; exponent > 0; exponent /= 2, base *= base)
		if (exponent % 2 == 1)
			result *= base;
	return result;
}

} // namespace

void
Kernel::Row(const float *values, size_t ld, size_t n_columns, size_t first, size_t rows,
			const float *query, double *out) const {
	std::fill(out, out + rows, 0.0);
	for (size_t col = 0; col < n_columns; col++) {
		const float *column = values + col * ld + first;
		double own = query[col];
		if (kind == KernelKind::kRbf)
			for (size_t row = 0; row < rows; row++)
				out[row] += (column[row] - own) * (column[row] - own);
		else
			for (size_t row = 0; row < rows; row++)
				out[row] += column[row] * own;
	}
	for (size_t row = 0; row < rows && kind != KernelKind::kLinear; row++) {
		if (kind == KernelKind::kRbf)
			out[row] = std::exp(-gamma * out[row]);
		else if (kind == KernelKind::kPoly)
			out[row] = std::clamp(IntegerPower(gamma * out[row] + coef0, degree), -1e100, 1e100);
		else
			out[row] = std::tanh(gamma * out[row] + coef0);
	}
}

} // namespace pgml
