// Rows to columns with AVX-512: blocks of 16 x 16; words that are there are moved to their places by one expansion.
#include "engine/words.h"

#include <immintrin.h>

#include "base/no_postgres.h"

namespace pgml::engine {

namespace {

inline __attribute__((always_inline)) __mmask16
FirstLanes(size_t n) {
	return static_cast<__mmask16>((1u << n) - 1);
}

struct Isa {
	static constexpr size_t kBlock = 16;
	using Vector = __m512i;

	static inline __attribute__((always_inline)) Vector
	Load(const char *words, size_t n) {
		return _mm512_maskz_loadu_epi32(FirstLanes(n), words);
	}

	static inline __attribute__((always_inline)) Vector
	LoadSparse(const char *words, uint32_t bits) {
		return _mm512_mask_expand_epi32(_mm512_set1_epi32(static_cast<int>(kMissingWord)),
										static_cast<__mmask16>(bits),
										Load(words, static_cast<size_t>(_mm_popcnt_u32(bits))));
	}

	static inline __attribute__((always_inline)) void
	Store(Vector *block, size_t n_columns, size_t n_rows, float *columns, size_t ld) {
		__m512i t[16], *r = block;
#pragma GCC unroll 8
		for (size_t i = 0; i < 16; i += 2) {
			t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
			t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
		}
#pragma GCC unroll 4
		for (size_t i = 0; i < 16; i += 4) {
			r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
			r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
			r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
			r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
		}
		// Quarter q of r[4 k + j] holds column 4 q + j of rows 4 k and on.
#pragma GCC unroll 4
		for (size_t j = 0; j < 4; j++) {
			t[j] = _mm512_shuffle_i32x4(r[j], r[j + 4], 0x88);
			t[j + 4] = _mm512_shuffle_i32x4(r[j], r[j + 4], 0xdd);
			t[j + 8] = _mm512_shuffle_i32x4(r[j + 8], r[j + 12], 0x88);
			t[j + 12] = _mm512_shuffle_i32x4(r[j + 8], r[j + 12], 0xdd);
		}
#pragma GCC unroll 4
		for (size_t j = 0; j < 4; j++) {
			r[j] = _mm512_shuffle_i32x4(t[j], t[j + 8], 0x88);
			r[j + 8] = _mm512_shuffle_i32x4(t[j], t[j + 8], 0xdd);
			r[j + 4] = _mm512_shuffle_i32x4(t[j + 4], t[j + 12], 0x88);
			r[j + 12] = _mm512_shuffle_i32x4(t[j + 4], t[j + 12], 0xdd);
		}
		__mmask16 lanes = FirstLanes(n_rows);
#pragma GCC unroll 16
		for (size_t c = 0; c < 16; c++) {
			if (c >= n_columns)
				break;
			_mm512_mask_storeu_epi32(columns + c * ld, lanes, r[c]);
		}
	}
};

} // namespace

void
TransposeWordsAvx512(const WordRow *rows, size_t n_rows, const WordRange &range, float *columns,
					 size_t ld) {
	TransposeWords<Isa>(rows, n_rows, range, columns, ld);
}

} // namespace pgml::engine
