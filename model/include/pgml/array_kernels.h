#pragma once
/**
 * Loops over arrays of float and double: element-wise arithmetic, sums and running aggregates.
 *
 * No function throws or allocates, so they are called without a guard. Loops are written so that the
 * compiler vectorises them: element-wise ones without branches, sums in eight partial sums, which
 * fixes the order of additions for every width of vector. Sums of floats are taken in double.
 * Defined for T = float and double.
 */
#include <cstddef>

namespace pgml {

enum class ArrayOperator : unsigned char { kAdd, kSubtract, kMultiply, kDivide };

/// out[i] = a[i] op b[i]. @return true when every result is finite
template <typename T>
bool CombineArrays(ArrayOperator op, const T *a, const T *b, T *out, size_t n) noexcept;
/// out[i] = a[i] op b. @return true when every result is finite
template <typename T>
bool CombineScalar(ArrayOperator op, const T *a, T b, T *out, size_t n) noexcept;

template <typename T> size_t CountNonZero(const T *a, size_t n) noexcept;
template <typename T> double SumAbsolute(const T *a, size_t n) noexcept;
template <typename T> double SumSquares(const T *a, size_t n) noexcept;
/// Largest |a[i]|, 0 for none; NaN when there is one, as PostgreSQL orders it behind all numbers.
template <typename T> double MaxAbsolute(const T *a, size_t n) noexcept;
template <typename T> double DotProduct(const T *a, const T *b, size_t n) noexcept;
template <typename T> double SumAbsoluteDifferences(const T *a, const T *b, size_t n) noexcept;
template <typename T> double SumSquaredDifferences(const T *a, const T *b, size_t n) noexcept;

/// Euclidean norm, also where the sum of squares leaves the range of double.
template <typename T> double EuclideanNorm(const T *a, size_t n) noexcept;
/// Euclidean norm of a - b, likewise.
template <typename T> double EuclideanDistance(const T *a, const T *b, size_t n) noexcept;
/// Cosine of the angle between a and b, within [-1, 1]; NaN when one of them is zero.
template <typename T> double CosineSimilarity(const T *a, const T *b, size_t n) noexcept;

/// state[i] += x[i]. @return true when every result is finite
template <typename T> bool AccumulateSum(double *state, const T *x, size_t n) noexcept;
/// state[i] = the smaller or larger of state[i] and x[i]; NaN is larger than every number.
template <typename T> void AccumulateMin(double *state, const T *x, size_t n) noexcept;
template <typename T> void AccumulateMax(double *state, const T *x, size_t n) noexcept;
/// The same with |x[i]|.
template <typename T> void AccumulateMinAbsolute(double *state, const T *x, size_t n) noexcept;
template <typename T> void AccumulateMaxAbsolute(double *state, const T *x, size_t n) noexcept;

} // namespace pgml
