// Distance kernels. See pgml/distance.h.
#include "pgml/distance.h"

#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/no_postgres.h"

// One source for all instruction sets: the compiler makes a version of each function for those named, and the loader picks
// one. Lanes are the same in all of them, and without contraction to fused multiply-add (-ffp-contract=off) so are the results.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
	!defined(__SANITIZE_ADDRESS__)
#define PGML_FOR_EACH_ISA \
	__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define PGML_FOR_EACH_ISA
#endif

namespace pgml {

namespace {

constexpr size_t kLanes = 16, kSums = 4, kStep = kLanes * kSums;

using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));
using Bits = int32_t __attribute__((vector_size(kLanes * sizeof(float))));

[[gnu::always_inline]] inline Lanes
Load(const float *data) {
	Lanes value;
	memcpy(&value, data, sizeof(value));
	return value;
}

/// The last elements, zeros behind them.
[[gnu::always_inline]] inline Lanes
LoadRest(const float *data, size_t n) {
	Lanes value = {};
	memcpy(&value, data, n * sizeof(float));
	return value;
}

[[gnu::always_inline]] inline Lanes
Absolute(Lanes value) {
	Bits bits;
	memcpy(&bits, &value, sizeof(bits));
	bits &= 0x7fffffff;
	memcpy(&value, &bits, sizeof(bits));
	return value;
}

[[gnu::always_inline]] inline double
Total(const Lanes (&sums)[kSums]) {
	double total = 0;
	for (size_t lane = 0; lane < kLanes; lane++)
		total += (static_cast<double>(sums[0][lane]) + static_cast<double>(sums[1][lane])) +
				 (static_cast<double>(sums[2][lane]) + static_cast<double>(sums[3][lane]));
	return total;
}

/// Calls add(sum, a, b) for all elements, lane by lane.
template <typename Add>
[[gnu::always_inline]] inline void
ForLanes(const float *a, const float *b, size_t n, const Add &add) {
	size_t i = 0;
	for (; i + kStep <= n; i += kStep)
		for (size_t s = 0; s < kSums; s++)
			add(s, Load(a + i + s * kLanes), Load(b + i + s * kLanes));
	size_t s = 0;
	for (; i + kLanes <= n; i += kLanes, s++)
		add(s, Load(a + i), Load(b + i));
	if (i < n)
		add(s, LoadRest(a + i, n - i), LoadRest(b + i, n - i));
}

} // namespace

PGML_FOR_EACH_ISA double
SquaredL2Distance(const float *a, const float *b, size_t n) noexcept {
	Lanes sums[kSums] = {};
	ForLanes(
		a, b, n, [&](size_t s, const Lanes &x, const Lanes &y) __attribute__((always_inline)) {
			Lanes difference = x - y;
			sums[s] += difference * difference;
		});
	return Total(sums);
}

PGML_FOR_EACH_ISA double
InnerProduct(const float *a, const float *b, size_t n) noexcept {
	Lanes sums[kSums] = {};
	ForLanes(
		a, b, n, [&](size_t s, const Lanes &x, const Lanes &y) __attribute__((always_inline)) {
			sums[s] += x * y;
		});
	return Total(sums);
}

PGML_FOR_EACH_ISA double
L1Distance(const float *a, const float *b, size_t n) noexcept {
	Lanes sums[kSums] = {};
	ForLanes(
		a, b, n, [&](size_t s, const Lanes &x, const Lanes &y) __attribute__((always_inline)) {
			sums[s] += Absolute(x - y);
		});
	return Total(sums);
}

PGML_FOR_EACH_ISA double
CosineSimilarity(const float *a, const float *b, size_t n) noexcept {
	Lanes products[kSums] = {}, a_squares[kSums] = {}, b_squares[kSums] = {};
	ForLanes(
		a, b, n, [&](size_t s, const Lanes &x, const Lanes &y) __attribute__((always_inline)) {
			products[s] += x * y;
			a_squares[s] += x * x;
			b_squares[s] += y * y;
		});
	double similarity = Total(products) / std::sqrt(Total(a_squares) * Total(b_squares));
	return similarity > 1 ? 1 : similarity < -1 ? -1 : similarity;
}

} // namespace pgml
