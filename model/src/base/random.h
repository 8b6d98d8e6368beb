#pragma once
/// A small generator of our own: the standard library's distributions differ between
/// implementations, a split must not.
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "pgml/stop_token.h"

namespace pgml {

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
class Random {
public:
	explicit Random(uint64_t seed) : state_(seed) {}
	uint64_t
	Next() {
		uint64_t z = state_ += 0x9e3779b97f4a7c15u;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		return z ^ z >> 31;
	}
	/// Uniform in [0, bound), without bias. @param bound  > 0
	uint64_t
	Below(uint64_t bound) {
		uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
		uint64_t value = Next();
		while (value >= limit)
			value = Next();
		return value % bound;
	}
	/// Uniform in [0, 1).
	double
	Uniform() {
		return static_cast<double>(Next() >> 11) * 0x1p-53;
	}
	template <typename T>
	void
	Shuffle(std::vector<T> &values, const StopToken &stop = StopToken()) {
		constexpr size_t kSwapsPerPoll = 1 << 16;
		for (size_t i = values.size(); i > 1; i--) {
			if (i % kSwapsPerPoll == 0)
				stop.ThrowIfStopped();
			std::swap(values[i - 1], values[Below(i)]);
		}
	}

private:
	uint64_t state_;
};

} // namespace pgml
