// Loops over arrays. See pgml/array_kernels.h.
#include "pgml/array_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr size_t kLanes = 8;

template <typename T>
bool
IsFinite(T value) {
	return std::fabs(value) <= std::numeric_limits<T>::max();
}

/// Sums term(i) over i in eight partial sums.
template <typename Term>
double
SumInLanes(size_t n, const Term &term) {
	double lanes[kLanes] = {};
	size_t i = 0;
	for (; i + kLanes <= n; i += kLanes)
		for (size_t lane = 0; lane < kLanes; lane++)
			lanes[lane] += term(i + lane);
	for (size_t lane = 0; i < n; i++, lane++)
		lanes[lane] += term(i);
	return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +
		   ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

/// Branch-free, so that a NaN in `best` stays.
double
Larger(double best, double value) {
	return value > best || value != value ? value : best;
}

double
Smaller(double best, double value) {
	return value < best || best != best ? value : best;
}

template <typename T, typename Operation>
bool
Map(const T *a, T *out, size_t n, const Operation &operation) {
	unsigned finite = 1;
	for (size_t i = 0; i < n; i++) {
		T value = operation(a[i], i);
		out[i] = value;
		finite &= static_cast<unsigned>(IsFinite(value));
	}
	return finite != 0;
}

template <typename T, typename Right>
bool
Apply(ArrayOperator op, const T *a, T *out, size_t n, const Right &right) {
	switch (op) {
		case ArrayOperator::kAdd:
			return Map(a, out, n, [&](T value, size_t i) { return value + right(i); });
		case ArrayOperator::kSubtract:
			return Map(a, out, n, [&](T value, size_t i) { return value - right(i); });
		case ArrayOperator::kMultiply:
			return Map(a, out, n, [&](T value, size_t i) { return value * right(i); });
		case ArrayOperator::kDivide:
			break;
	}
	return Map(a, out, n, [&](T value, size_t i) { return value / right(i); });
}

/// Below this a sum of squares has lost digits to underflow.
constexpr double kSmallSquares = 1e-280;

/// Square root of a sum of squares of term(i), whose largest absolute value is `largest`; scaled
/// where the sum itself would overflow or lose its digits.
template <typename Term>
double
RootOfSquares(double sum, double largest, size_t n, const Term &term) {
	if ((sum >= kSmallSquares && IsFinite(sum)) || sum != sum || !IsFinite(largest) || largest == 0)
		return std::sqrt(sum);
	return largest * std::sqrt(SumInLanes(n, [&](size_t i) {
			   double scaled = term(i) / largest;
			   return scaled * scaled;
		   }));
}

} // namespace

template <typename T>
bool
CombineArrays(ArrayOperator op, const T *a, const T *b, T *out, size_t n) noexcept {
	return Apply(op, a, out, n, [b](size_t i) { return b[i]; });
}

template <typename T>
bool
CombineScalar(ArrayOperator op, const T *a, T b, T *out, size_t n) noexcept {
	return Apply(op, a, out, n, [b](size_t) { return b; });
}

template <typename T>
size_t
CountNonZero(const T *a, size_t n) noexcept {
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		count += a[i] != 0;
	return count;
}

template <typename T>
double
SumAbsolute(const T *a, size_t n) noexcept {
	return SumInLanes(n, [a](size_t i) { return std::fabs(static_cast<double>(a[i])); });
}

template <typename T>
double
SumSquares(const T *a, size_t n) noexcept {
	return DotProduct(a, a, n);
}

template <typename T>
double
MaxAbsolute(const T *a, size_t n) noexcept {
	double largest = 0;
	for (size_t i = 0; i < n; i++)
		largest = Larger(largest, std::fabs(static_cast<double>(a[i])));
	return largest;
}

template <typename T>
double
DotProduct(const T *a, const T *b, size_t n) noexcept {
	return SumInLanes(
		n, [a, b](size_t i) { return static_cast<double>(a[i]) * static_cast<double>(b[i]); });
}

template <typename T>
double
SumAbsoluteDifferences(const T *a, const T *b, size_t n) noexcept {
	return SumInLanes(n, [a, b](size_t i) {
		return std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
	});
}

template <typename T>
double
SumSquaredDifferences(const T *a, const T *b, size_t n) noexcept {
	return SumInLanes(n, [a, b](size_t i) {
		double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
		return difference * difference;
	});
}

template <typename T>
double
EuclideanNorm(const T *a, size_t n) noexcept {
	double sum = SumSquares(a, n);
	if (sum >= kSmallSquares && IsFinite(sum))
		return std::sqrt(sum);
	return RootOfSquares(sum, MaxAbsolute(a, n), n,
						 [a](size_t i) { return static_cast<double>(a[i]); });
}

template <typename T>
double
EuclideanDistance(const T *a, const T *b, size_t n) noexcept {
	double sum = SumSquaredDifferences(a, b, n);
	if (sum >= kSmallSquares && IsFinite(sum))
		return std::sqrt(sum);
	auto term = [a, b](size_t i) { return static_cast<double>(a[i]) - static_cast<double>(b[i]); };
	double largest = 0;
	for (size_t i = 0; i < n; i++)
		largest = Larger(largest, std::fabs(term(i)));
	return RootOfSquares(sum, largest, n, term);
}

template <typename T>
double
CosineSimilarity(const T *a, const T *b, size_t n) noexcept {
	double norm_a = EuclideanNorm(a, n), norm_b = EuclideanNorm(b, n);
	if (norm_a == 0 || norm_b == 0)
		return std::numeric_limits<double>::quiet_NaN();
	double dot = DotProduct(a, b, n), product = norm_a * norm_b;
	if (!IsFinite(dot) || !IsFinite(product) || product < kSmallSquares) {
		// Out of range, or digits lost to underflow: norms first.
		dot = SumInLanes(n, [=](size_t i) {
			return static_cast<double>(a[i]) / norm_a * (static_cast<double>(b[i]) / norm_b);
		});
		product = 1;
	}
	double cosine = dot / product;
	return cosine > 1 ? 1 : cosine < -1 ? -1 : cosine;
}

template <typename T>
bool
AccumulateSum(double *state, const T *x, size_t n) noexcept {
	return Map(state, state, n,
			   [x](double sum, size_t i) { return sum + static_cast<double>(x[i]); });
}

template <typename T>
void
AccumulateMin(double *state, const T *x, size_t n) noexcept {
	for (size_t i = 0; i < n; i++)
		state[i] = Smaller(state[i], x[i]);
}

template <typename T>
void
AccumulateMax(double *state, const T *x, size_t n) noexcept {
	for (size_t i = 0; i < n; i++)
		state[i] = Larger(state[i], x[i]);
}

template <typename T>
void
AccumulateMinAbsolute(double *state, const T *x, size_t n) noexcept {
	for (size_t i = 0; i < n; i++)
		state[i] = Smaller(state[i], std::fabs(static_cast<double>(x[i])));
}

template <typename T>
void
AccumulateMaxAbsolute(double *state, const T *x, size_t n) noexcept {
	for (size_t i = 0; i < n; i++)
		state[i] = Larger(state[i], std::fabs(static_cast<double>(x[i])));
}

#define PGML_INSTANTIATE(T)                                                                 \
	template bool CombineArrays(ArrayOperator, const T *, const T *, T *, size_t) noexcept; \
	template bool CombineScalar(ArrayOperator, const T *, T, T *, size_t) noexcept;         \
	template size_t CountNonZero(const T *, size_t) noexcept;                               \
	template double SumAbsolute(const T *, size_t) noexcept;                                \
	template double SumSquares(const T *, size_t) noexcept;                                 \
	template double MaxAbsolute(const T *, size_t) noexcept;                                \
	template double DotProduct(const T *, const T *, size_t) noexcept;                      \
	template double SumAbsoluteDifferences(const T *, const T *, size_t) noexcept;          \
	template double SumSquaredDifferences(const T *, const T *, size_t) noexcept;           \
	template double EuclideanNorm(const T *, size_t) noexcept;                              \
	template double EuclideanDistance(const T *, const T *, size_t) noexcept;               \
	template double CosineSimilarity(const T *, const T *, size_t) noexcept;                \
	template bool AccumulateSum(double *, const T *, size_t) noexcept;                      \
	template void AccumulateMin(double *, const T *, size_t) noexcept;                      \
	template void AccumulateMax(double *, const T *, size_t) noexcept;                      \
	template void AccumulateMinAbsolute(double *, const T *, size_t) noexcept;              \
	template void AccumulateMaxAbsolute(double *, const T *, size_t) noexcept;
PGML_INSTANTIATE(float)
PGML_INSTANTIATE(double)
#undef PGML_INSTANTIATE

} // namespace pgml
