// Blocks of 32 codes. Code row m holds sub-vector m of all 32: byte v is the nibble of vector v and, in the upper half, of
// vector v + 16. Behind the code rows 32 floats t; +infinity marks a dead slot.
#include <atomic>
#include <cmath>
#include <cstring>

#include "ann/half.h"
#include "pgml/ann.h"

#include "base/no_postgres.h"

namespace pgml::ann {

namespace {

constexpr uint32_t kHalf = kBlockVectors / 2;

std::byte *
SlotT(const Layout &layout, std::byte *block, uint32_t slot) {
	return block + size_t{layout.code_rows} * kHalf + slot * sizeof(float);
}

} // namespace

void
InitBlock(const Layout &layout, std::byte *block) noexcept {
	memset(block, 0, size_t{layout.code_rows} * kHalf);
	const float dead = HUGE_VALF;
	for (uint32_t slot = 0; slot < kBlockVectors; slot++)
		memcpy(SlotT(layout, block, slot), &dead, sizeof(dead));
}

void
PutCode(const Layout &layout, std::byte *block, uint32_t slot, const uint8_t *code,
		float t) noexcept {
	int shift = slot < kHalf ? 0 : 4;
	for (uint32_t m = 0; m < layout.subquantizers; m++) {
		std::byte &at = block[m * kHalf + slot % kHalf];
		at = (at & std::byte(0xf0 >> shift)) | std::byte((code[m] & 0xf) << shift);
	}
	memcpy(SlotT(layout, block, slot), &t, sizeof(t));
}

void
ClearSlot(const Layout &layout, std::byte *block, uint32_t slot) noexcept {
	// Others may read the slot meanwhile: one store, never half of one.
	auto *t = reinterpret_cast<uint32_t *>(SlotT(layout, block, slot));
	std::atomic_ref<uint32_t>(*t).store(FloatBits(HUGE_VALF), std::memory_order_relaxed);
}

bool
IsLive(const Layout &layout, const std::byte *block, uint32_t slot) noexcept {
	float t;
	memcpy(&t, SlotT(layout, const_cast<std::byte *>(block), slot), sizeof(t));
	return t < HUGE_VALF;
}

void
GetCode(const Layout &layout, const std::byte *block, uint32_t slot, uint8_t *code,
		float *t) noexcept {
	int shift = slot < kHalf ? 0 : 4;
	for (uint32_t m = 0; m < layout.subquantizers; m++)
		code[m] =
			std::to_integer<uint8_t>((block[m * kHalf + slot % kHalf] >> shift) & std::byte(0xf));
	memcpy(t, SlotT(layout, const_cast<std::byte *>(block), slot), sizeof(*t));
}

} // namespace pgml::ann
