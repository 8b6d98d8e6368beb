#pragma once
/**
 * Distances between float32 vectors: the kernels behind the operators of the vector type.
 *
 * Sums run in 64 float32 partial sums that are added in double at the end, in the same order
 * whatever instructions the processor has (chosen when the library is loaded), so that results do not
 * depend on the machine. The relative error against exact arithmetic is below 1e-5 for vectors of
 * up to 16,000 elements of like size.
 *
 * Both vectors have n elements and need no alignment. Overflow gives infinity, infinity minus infinity NaN.
 */
#include <cstddef>

namespace pgml {

/// Sum of (a[i] - b[i])^2.
double SquaredL2Distance(const float *a, const float *b, size_t n) noexcept;
/// Sum of a[i] * b[i].
double InnerProduct(const float *a, const float *b, size_t n) noexcept;
/// Sum of |a[i] - b[i]|.
double L1Distance(const float *a, const float *b, size_t n) noexcept;
/// Cosine of the angle between a and b, in [-1, 1]; NaN when either is zero.
double CosineSimilarity(const float *a, const float *b, size_t n) noexcept;

} // namespace pgml
