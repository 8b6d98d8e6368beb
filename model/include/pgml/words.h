#pragma once
/**
 * From rows to columns: rows of 32 bit words, as they lie in a table's pages, become columns of a column-major matrix. Words are
 * moved, not looked at; one that is missing takes no room in its row and becomes a NaN.
 *
 * There is a kernel for each instruction set, chosen as evaluators are (pgml/evaluator.h). All write the same bits. No kernel reads
 * a byte outside of the words and bitmaps that it is told of, nor writes one outside of the cells.
 */
#include <cstddef>
#include <cstdint>

namespace pgml {

/// Rows that a kernel takes at most at a time.
constexpr size_t kWordRows = 16;

struct WordRow {
	const char *data; ///< start of the row
	const uint8_t
		*present; ///< bit i % 8 of byte i / 8 tells that word i is there; nullptr: all are
};

/// Columns of all rows. Words from `first_bit` on lie one behind the other, those that are there.
struct WordRange {
	size_t offset;    ///< of the word `first_bit` from the row's start, in bytes
	size_t first_bit; ///< in WordRow::present
	size_t skip;      ///< words between that one and the first that is wanted
	size_t n_columns; ///< words that are wanted
};

/**
 * columns[c * ld + r] = the c-th wanted word of row r.
 * @param n_rows  1 .. kWordRows
 */
using TransposeWordsFunction = void (*)(const WordRow *rows, size_t n_rows, const WordRange &range,
										float *columns, size_t ld);

/// The kernel of the active evaluator.
TransposeWordsFunction FindTransposeWords() noexcept;

} // namespace pgml
