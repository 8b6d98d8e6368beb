#pragma once
/**
 * The kernels behind pgml/words.h: what they share, and their names. Each moves square blocks of its own size and gives an Isa, a
 * struct with
 *
 *   static constexpr size_t kBlock;  // rows and columns of a block
 *   /// Words of a row: `n` of them, or where bits are given as many as bits are set; they are spread to the bits' places.
 *   static Vector Load(const char *words, size_t n);
 *   static Vector LoadSparse(const char *words, uint32_t bits);
 *   static void Store(Vector *block, size_t n_columns, size_t n_rows, float *columns, size_t ld);  // transposes it
 *
 * Included by files compiled for newer instruction sets: everything here has internal linkage (block.h).
 */
#include <cstring>

#include "pgml/words.h"

namespace pgml::engine {

void TransposeWordsPortable(const WordRow *rows, size_t n_rows, const WordRange &range,
							float *columns, size_t ld);
#if defined(__x86_64__)
void TransposeWordsAvx2(const WordRow *rows, size_t n_rows, const WordRange &range, float *columns,
						size_t ld);
void TransposeWordsAvx512(const WordRow *rows, size_t n_rows, const WordRange &range,
						  float *columns, size_t ld);
#endif

/// What stands for a missing word: the NaN of std::numeric_limits.
#if PGML_PLANT == 5
static constexpr uint32_t kMissingWord = 0;
#else
static constexpr uint32_t kMissingWord = 0x7fc00000;
#endif

/// `n` (1 .. 16) bits of a bitmap from `first` on. Reads no byte in which none of them lies.
static inline __attribute__((always_inline)) uint32_t
BitsAt(const uint8_t *bitmap, size_t first, size_t n) {
	const uint8_t *bytes = bitmap + first / 8;
	size_t shift = first % 8;
	uint32_t bits = bytes[0];
	if (shift + n > 8)
		bits |= static_cast<uint32_t>(bytes[1]) << 8;
	if (shift + n > 16)
		bits |= static_cast<uint32_t>(bytes[2]) << 16;
	return bits >> shift & ((1u << n) - 1);
}

/// Number of bits that are set among the `n` from `first` on.
static inline size_t
CountBits(const uint8_t *bitmap, size_t first, size_t n) {
	size_t count = 0;
	for (size_t i = 0; i < n; i += 16)
		count += static_cast<size_t>(
			__builtin_popcount(BitsAt(bitmap, first + i, n - i < 16 ? n - i : 16)));
	return count;
}

/// The columns of up to kBlock rows. kSparse: some of them have a bitmap.
template <typename Isa, bool kSparse>
static inline __attribute__((always_inline)) void
TransposeRows(const WordRow *rows, size_t n_rows, const WordRange &range, float *columns,
			  size_t ld) {
	constexpr size_t kBlock = Isa::kBlock;
	const char *at[kBlock];
	for (size_t r = 0; r < kBlock; r++) {
		// Lanes without a row take the last one, so that no load needs a condition.
		const WordRow &row = rows[r < n_rows ? r : n_rows - 1];
		size_t skip = range.skip;
		if (kSparse && skip > 0 && row.present != nullptr)
			skip = CountBits(row.present, range.first_bit, skip);
		at[r] = row.data + range.offset + 4 * skip;
	}
	typename Isa::Vector block[kBlock];
	for (size_t c = 0; c < range.n_columns; c += kBlock) {
		size_t n = range.n_columns - c < kBlock ? range.n_columns - c : kBlock;
#pragma GCC unroll 16
		for (size_t r = 0; r < kBlock; r++) {
			if constexpr (kSparse) {
				const WordRow &row = rows[r < n_rows ? r : n_rows - 1];
				uint32_t bits = row.present == nullptr
									? (1u << n) - 1
									: BitsAt(row.present, range.first_bit + range.skip + c, n);
				block[r] = Isa::LoadSparse(at[r], bits);
				at[r] += 4 * __builtin_popcount(bits);
			} else {
				block[r] = Isa::Load(at[r] + 4 * c, n);
			}
		}
		Isa::Store(block, n, n_rows, columns + c * ld, ld);
	}
}

template <typename Isa>
static inline __attribute__((always_inline)) void
TransposeWords(const WordRow *rows, size_t n_rows, const WordRange &range, float *columns,
			   size_t ld) {
	bool sparse = false;
	for (size_t r = 0; r < n_rows; r++)
		sparse |= rows[r].present != nullptr;
	for (size_t r = 0; r < n_rows; r += Isa::kBlock) {
		size_t n = n_rows - r < Isa::kBlock ? n_rows - r : Isa::kBlock;
		if (sparse)
			TransposeRows<Isa, true>(rows + r, n, range, columns + r, ld);
		else
			TransposeRows<Isa, false>(rows + r, n, range, columns + r, ld);
	}
}

} // namespace pgml::engine
