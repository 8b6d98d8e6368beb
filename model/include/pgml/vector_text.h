#pragma once
/// The text form of a vector, "[1,2.5,-3e4]": what input of the type vector accepts, without a server.
#include <cstddef>

namespace pgml {

/// What a text was read as.
struct VectorText {
	enum class Problem {
		kNone,
		kStart,      ///< it does not start with a bracket
		kSyntax,     ///< an element is no number, or something else than a comma is behind one
		kBehindEnd,  ///< there is more behind the closing bracket
		kOutOfRange, ///< an element is too large for float32
		kNaN,
		kInfinite,
		kEmpty,
		kTooMany,
	};
	Problem problem = Problem::kNone;
	int n = 0;                     ///< elements that were read
	const char *element = nullptr; ///< the one that is out of range
	size_t element_length = 0;
};

/// How many elements a text of so many bytes can have at most: one byte and a comma each.
constexpr size_t
VectorTextRoom(size_t bytes) noexcept {
	return bytes / 2 + 1;
}

/**
 * Reads a vector. White space may stand around elements and brackets; hexadecimal numbers are not meant. Numbers too small
 * for float32 become 0, as pgvector reads them. The decimal point is that of LC_NUMERIC, which the server keeps at "C".
 *
 * @param text  ends in a zero byte
 * @param most  elements allowed
 * @param x     room for min(most, VectorTextRoom(strlen(text))) elements
 */
VectorText ParseVectorText(const char *text, int most, float *x) noexcept;

} // namespace pgml
