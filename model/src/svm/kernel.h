#pragma once
/// Kernels of support vector machines, between one row and many: in training and in prediction the
/// same sums in the same order, in double.
#include <cstddef>
#include <cstdint>

namespace pgml {

enum class KernelKind : uint8_t {
	kLinear = 0,
	kPoly = 1,
	kRbf = 2,
	kSigmoid = 3
}; // stored: do not change values
constexpr uint8_t kKernelKinds = 4;

struct Kernel {
	KernelKind kind = KernelKind::kRbf;
	uint32_t degree = 3;
	double gamma = 1, coef0 = 0;

	/**
	 * @param values  column-major [n_columns][ld], finite; the rows first .. first + rows are taken
	 * @param query   n_columns finite values
	 * @param out     length rows
	 */
	void Row(const float *values, size_t ld, size_t n_columns, size_t first, size_t rows,
			 const float *query, double *out) const;
};

} // namespace pgml
