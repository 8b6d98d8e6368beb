#pragma once
/// 16-bit floats as they are stored: IEEE half precision (centroids) and the upper half of a float32 (rows). Everything
/// here has internal linkage: files with an instruction set of their own include it.
#include <cstdint>
#include <cstring>

namespace pgml::ann {

constexpr float kHalfMax = 65504;

static inline uint32_t
FloatBits(float value) {
	uint32_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static inline float
FloatOf(uint32_t bits) {
	float value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

/// Half precision to float, exactly. Finite values only.
static inline float
HalfToFloat(uint16_t half) {
	// The exponent is moved by a multiplication, which also makes subnormal values right.
	float magnitude = FloatOf(static_cast<uint32_t>(half & 0x7fff) << 13) * 0x1p112f;
	return FloatOf(FloatBits(magnitude) | static_cast<uint32_t>(half & 0x8000) << 16);
}

/// Rounds to the nearest half precision value, ties to even; the largest finite one is the limit. No NaN.
static inline uint16_t
FloatToHalf(float value) {
	uint32_t sign = FloatBits(value) >> 16 & 0x8000;
	float magnitude = FloatOf(FloatBits(value) & 0x7fffffff);
	if (!(magnitude < kHalfMax))
		return static_cast<uint16_t>(sign | 0x7bff);
	uint32_t rounded;
	if (magnitude < 0x1p-14f) { // subnormal: the addition rounds
		rounded = FloatBits(magnitude + 0.5f) - FloatBits(0.5f);
	} else {
		uint32_t bits = FloatBits(magnitude) - (112u << 23);
		rounded = (bits + 0xfff + (bits >> 13 & 1)) >> 13;
	}
	return static_cast<uint16_t>(sign | rounded);
}

/// The upper half of a float32: its exponents, so no value is too large or too small.
static inline float
ShortToFloat(uint16_t bits) {
	return FloatOf(static_cast<uint32_t>(bits) << 16);
}

/// The largest such value that is not above `value`, which is finite; the lowest finite one is the limit.
static inline uint16_t
ShortBelow(float value) {
	uint32_t bits = FloatBits(value);
	if (bits >> 31 && (bits & 0xffff) != 0)
		bits += 0x10000; // away from zero
	uint32_t high = bits >> 16;
	return static_cast<uint16_t>(high >= 0xff80 ? 0xff7f : high);
}

/// The smallest such value that is not below `value` >= 0, finite; the largest finite one is the limit.
static inline uint16_t
ShortAbove(float value) {
	uint32_t high = (FloatBits(value) + 0xffff) >> 16;
	return static_cast<uint16_t>(high >= 0x7f80 ? 0x7f7f : high);
}

} // namespace pgml::ann
