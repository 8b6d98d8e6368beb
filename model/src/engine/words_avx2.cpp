// Rows to columns with AVX2: blocks of 8 x 8; words that are there are moved to their places by a table of permutations.
#include "engine/words.h"

#include <immintrin.h>

#include "base/no_postgres.h"

namespace pgml::engine {

namespace {

/// For 8 bits: which word goes to each place; where there is none, any.
struct Places {
	alignas(8) uint8_t word[256][8];
	constexpr Places() : word() {
		for (unsigned bits = 0; bits < 256; bits++) {
			uint8_t next = 0;
			for (unsigned i = 0; i < 8; i++)
				word[bits][i] = (bits >> i & 1) != 0 ? next++ : 0;
		}
	}
};
constexpr Places kPlaces;

/// All ones in the first `n` lanes.
alignas(32) constexpr int32_t kLanes[16] = {-1, -1, -1, -1, -1, -1, -1, -1};

inline __attribute__((always_inline)) __m256i
FirstLanes(size_t n) {
	return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(kLanes + 8 - n));
}

struct Isa {
	static constexpr size_t kBlock = 8;
	using Vector = __m256;

	static inline __attribute__((always_inline)) Vector
	Load(const char *words, size_t n) {
		auto *floats = reinterpret_cast<const float *>(words);
		return n == kBlock ? _mm256_loadu_ps(floats) : _mm256_maskload_ps(floats, FirstLanes(n));
	}

	static inline __attribute__((always_inline)) Vector
	LoadSparse(const char *words, uint32_t bits) {
		if (bits == 0xff)
			return Load(words, kBlock);
		__m256 packed = Load(words, static_cast<size_t>(_mm_popcnt_u32(bits)));
		long long places;
		memcpy(&places, kPlaces.word[bits], sizeof(places));
		__m256i place = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(places));
		__m256i bit = _mm256_set_epi32(128, 64, 32, 16, 8, 4, 2, 1);
		__m256i here = _mm256_cmpeq_epi32(
			_mm256_and_si256(_mm256_set1_epi32(static_cast<int>(bits)), bit), bit);
		return _mm256_blendv_ps(
			_mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(kMissingWord))),
			_mm256_permutevar8x32_ps(packed, place), _mm256_castsi256_ps(here));
	}

	static inline __attribute__((always_inline)) void
	Store(const Vector *block, size_t n_columns, size_t n_rows, float *columns, size_t ld) {
		__m256 pairs[8], fours[8], out[8];
#pragma GCC unroll 4
		for (size_t i = 0; i < 8; i += 2) {
			pairs[i] = _mm256_unpacklo_ps(block[i], block[i + 1]);
			pairs[i + 1] = _mm256_unpackhi_ps(block[i], block[i + 1]);
		}
#pragma GCC unroll 2
		for (size_t i = 0; i < 8; i += 4) {
			fours[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
			fours[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
			fours[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
			fours[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
		}
#pragma GCC unroll 4
		for (size_t i = 0; i < 4; i++) {
			out[i] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x20);
			out[i + 4] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x31);
		}
		__m256i lanes = FirstLanes(n_rows);
#pragma GCC unroll 8
		for (size_t c = 0; c < 8; c++) {
			if (c >= n_columns)
				break;
			if (n_rows == kBlock)
				_mm256_storeu_ps(columns + c * ld, out[c]);
			else
				_mm256_maskstore_ps(columns + c * ld, lanes, out[c]);
		}
	}
};

} // namespace

void
TransposeWordsAvx2(const WordRow *rows, size_t n_rows, const WordRange &range, float *columns,
				   size_t ld) {
	TransposeWords<Isa>(rows, n_rows, range, columns, ld);
}

} // namespace pgml::engine
