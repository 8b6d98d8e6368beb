// The text form of a vector. See pgml/vector_text.h.
#include "pgml/vector_text.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "base/no_postgres.h"

namespace pgml {

namespace {

using Problem = VectorText::Problem;

/// As isspace() in the C locale.
bool
IsSpace(char c) {
	return c == ' ' || (c >= '\t' && c <= '\r');
}

const char *
SkipSpace(const char *at) {
	while (IsSpace(*at))
		at++;
	return at;
}

/// The number at *at, which moves behind it.
Problem
ParseElement(const char **at, float *value) {
	char *end;
	errno = 0;
	*value = strtof(*at, &end);
	const char *start = *at;
	if (end == start)
		return Problem::kSyntax;
	*at = end;
	if (errno == ERANGE && std::isinf(*value))
		return Problem::kOutOfRange;
	auto length = static_cast<size_t>(end - start);
	if (memchr(start, 'x', length) != nullptr || memchr(start, 'X', length) != nullptr)
		return Problem::kSyntax;
	if (std::isnan(*value))
		return Problem::kNaN;
	return std::isinf(*value) ? Problem::kInfinite : Problem::kNone;
}

} // namespace

VectorText
ParseVectorText(const char *text, int most, float *x) noexcept {
	VectorText result;
	auto fail = [&](Problem problem) {
		result.problem = problem;
		return result;
	};
	const char *at = SkipSpace(text);
	if (*at != '[')
		return fail(Problem::kStart);
	at = SkipSpace(at + 1);
	if (*at == ']')
		return fail(Problem::kEmpty);
	for (;; at++) {
		if (result.n == most)
			return fail(Problem::kTooMany);
		at = SkipSpace(at);
		const char *element = at;
		if (Problem problem = ParseElement(&at, &x[result.n]); problem != Problem::kNone) {
			result.element = element;
			result.element_length = static_cast<size_t>(at - element);
			return fail(problem);
		}
		result.n++;
		at = SkipSpace(at);
		if (*at == ']')
			break;
		if (*at != ',')
			return fail(Problem::kSyntax);
	}
	if (*SkipSpace(at + 1) != '\0')
		return fail(Problem::kBehindEnd);
	return result;
}

} // namespace pgml
