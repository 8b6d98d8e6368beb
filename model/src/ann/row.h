#pragma once
/// Rows in 8 bits, and what quantizer and query share about vectors.
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "ann/blob.h"
#include "ann/half.h"

namespace pgml::ann {

/// Before the codes of a row. The residual in internal coordinates is minimum + step * code.
struct RowHead {
	uint16_t minimum, step; ///< upper halves of a float32: they reach as far as the data
	float error; ///< norm of what the codes lost, rounded up; infinite: no bound is known
};
static_assert(sizeof(RowHead) == 8);

/// Sub-vectors times their dimensions: the last ones may be padding.
constexpr size_t kMaxCodedDims = kMaxDims + kMaxSubquantizers;

static inline double
NormOf(const float *vector, size_t dims) noexcept {
	double sum = 0;
	for (size_t i = 0; i < dims; i++)
		sum += static_cast<double>(vector[i]) * vector[i];
	return std::sqrt(sum);
}

/**
 * Whether the cosine operator, which sums squares in float32, is right for a vector of this norm: squares of very short and
 * very long ones vanish or overflow, and then what it returns has nothing to do with an angle.
 */
static inline bool
OperatorIsAccurate(double norm, size_t dims) noexcept {
	return norm > 0x1p-60 * std::sqrt(static_cast<double>(dims)) && norm < 0x1p62;
}

} // namespace pgml::ann
