#pragma once
/**
 * Sums of products in double for linear models and perceptrons, by the active evaluator's instruction set. Every row's sum is
 * formed in the order of the columns, each product rounded before it is added: all sets give the same bits, and one row
 * gives what it gives in a batch.
 *
 * Included by files compiled for newer instruction sets: nothing here may have external linkage but declarations (block.h).
 */
#include <cstddef>

namespace pgml::engine {

/// Rows of a tile: value (input k, row r) lies at k * kDenseRows + r.
constexpr size_t kDenseRows = 32;

struct DenseKernels {
	/// out[row] = intercept + sum of weight * column; infinite values count as the largest number.
	void (*linear)(const double *weights, double intercept, const float *data, size_t ld,
				   size_t columns, size_t rows, double *out);
	/// One column of a tile: infinite values as the largest number, missing ones as 0.
	void (*load)(const float *column, size_t rows, double *tile);
	/// A layer over a tile. @param weights  [n_outputs][n_inputs]  @param relu  negative sums become 0
	void (*layer)(const double *weights, const double *biases, size_t n_inputs, size_t n_outputs,
				  bool relu, const double *inputs, double *outputs);
	/// A layer over one row, contiguous. @param weights  [n_inputs][n_outputs]
	void (*row_layer)(const double *weights, const double *biases, size_t n_inputs,
					  size_t n_outputs, bool relu, const double *inputs, double *outputs);
};

extern const DenseKernels kDensePortable;
#if defined(__x86_64__)
extern const DenseKernels kDenseAvx2, kDenseAvx512;
#endif

/// Those of the active evaluator.
const DenseKernels &Dense() noexcept;

} // namespace pgml::engine
