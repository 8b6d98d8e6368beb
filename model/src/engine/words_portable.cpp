// Rows to columns, for every processor: blocks of 4 x 4.
#include "engine/words.h"

#include "base/no_postgres.h"

namespace pgml::engine {

namespace {

struct Isa {
	static constexpr size_t kBlock = 4;
	using Vector = uint32_t __attribute__((vector_size(16)));

	static inline Vector
	Load(const char *words, size_t n) {
		Vector value = {};
		if (n == kBlock)
			memcpy(&value, words, sizeof(value));
		else
			memcpy(&value, words, 4 * n);
		return value;
	}

	static inline Vector
	LoadSparse(const char *words, uint32_t bits) {
		if (bits == (1u << kBlock) - 1)
			return Load(words, kBlock);
		Vector value;
		for (size_t i = 0; i < kBlock; i++) {
			uint32_t word = kMissingWord;
			if ((bits >> i & 1) != 0) {
				memcpy(&word, words, 4);
				words += 4;
			}
			value[i] = word;
		}
		return value;
	}

	static inline void
	Store(const Vector *block, size_t n_columns, size_t n_rows, float *columns, size_t ld) {
		Vector ab_low = __builtin_shufflevector(block[0], block[1], 0, 4, 1, 5);
		Vector ab_high = __builtin_shufflevector(block[0], block[1], 2, 6, 3, 7);
		Vector cd_low = __builtin_shufflevector(block[2], block[3], 0, 4, 1, 5);
		Vector cd_high = __builtin_shufflevector(block[2], block[3], 2, 6, 3, 7);
		Vector out[kBlock] = {__builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5),
							  __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
							  __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5),
							  __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)};
		for (size_t c = 0; c < n_columns; c++)
			if (n_rows == kBlock)
				memcpy(columns + c * ld, &out[c], sizeof(Vector));
			else
				memcpy(columns + c * ld, &out[c], 4 * n_rows);
	}
};

} // namespace

void
TransposeWordsPortable(const WordRow *rows, size_t n_rows, const WordRange &range, float *columns,
					   size_t ld) {
	TransposeWords<Isa>(rows, n_rows, range, columns, ld);
}

} // namespace pgml::engine
