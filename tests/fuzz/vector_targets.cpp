// The fuzz target of the text form of a vector, beside a slow reader that takes the text apart first and reads numbers by
// another library function.
#include "targets.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgml/vector_text.h"

namespace pgml::fuzz {

namespace {

constexpr int kMost = 40;

void
Require(bool condition, const char *what) {
	if (condition)
		return;
	std::fprintf(stderr, "%s\n", what);
	std::abort();
}

std::string_view
Trim(std::string_view text) {
	constexpr const char *kSpaces = " \t\n\v\f\r";
	size_t from = text.find_first_not_of(kSpaces);
	if (from == std::string_view::npos)
		return {};
	return text.substr(from, text.find_last_not_of(kSpaces) - from + 1);
}

/// A finite number that fills the piece. What is too small for float32 counts as 0, see Same.
std::optional<float>
SlowElement(std::string_view piece) {
	if (piece.starts_with('+')) {
		piece.remove_prefix(1);
		if (piece.starts_with('-'))
			return {};
	}
	float value = 0;
	auto [end, error] = std::from_chars(piece.data(), piece.data() + piece.size(), value);
	if (end != piece.data() + piece.size() || error == std::errc::invalid_argument)
		return {};
	if (error == std::errc::result_out_of_range) {
		// Too large or too small: the sign of the decimal exponent tells.
		long double wide = strtold(std::string(piece).c_str(), nullptr);
		return std::fabs(wide) > 1 ? std::nullopt : std::optional(0.0f);
	}
	return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

std::optional<std::vector<float>>
SlowVector(std::string_view text) {
	text = Trim(text);
	if (text.size() < 2 || text.front() != '[' || text.back() != ']')
		return {};
	text = text.substr(1, text.size() - 2);
	std::vector<float> elements;
	for (;;) {
		size_t comma = text.find(',');
		auto element = SlowElement(Trim(text.substr(0, comma)));
		if (!element || elements.size() == kMost)
			return {};
		elements.push_back(*element);
		if (comma == std::string_view::npos)
			return elements;
		text.remove_prefix(comma + 1);
	}
}

bool
Same(float fast, float slow) {
	if (slow == 0)
		return std::fabs(fast) <= 1.2e-38f;
	return fast == slow;
}

struct Parsed {
	VectorText result;
	std::vector<float> elements;
};

Parsed
Parse(const std::string &text) {
	size_t room = std::min(VectorTextRoom(text.size()), size_t{kMost});
	// Of exactly the size promised, so that a sanitizer sees what is written behind it.
	std::unique_ptr<float[]> x(new float[room]);
	Parsed parsed = {ParseVectorText(text.c_str(), kMost, x.get()), {}};
	Require(parsed.result.n >= 0 && static_cast<size_t>(parsed.result.n) <= room,
			"more elements than there is room for");
	parsed.elements.assign(x.get(), x.get() + parsed.result.n);
	return parsed;
}

} // namespace

/// A text, up to its first zero byte.
int
FuzzVectorText(const uint8_t *data, size_t size) {
	std::string text(reinterpret_cast<const char *>(data), size);
	text.resize(strlen(text.c_str()));
	Parsed parsed = Parse(text);
	bool accepted = parsed.result.problem == VectorText::Problem::kNone;
	auto slow = SlowVector(text);
	Require(accepted == slow.has_value(), "accepted by one reader only");
	if (parsed.result.element != nullptr)
		Require(parsed.result.element >= text.c_str() &&
					parsed.result.element + parsed.result.element_length <=
						text.c_str() + text.size(),
				"an element outside of the text");
	if (!accepted)
		return 0;
	Require(parsed.result.n > 0 && slow->size() == parsed.elements.size(),
			"another number of elements");
	std::string printed = " [ ";
	for (size_t i = 0; i < slow->size(); i++) {
		Require(Same(parsed.elements[i], (*slow)[i]), "another value");
		char number[32];
		auto end = std::to_chars(number, number + sizeof(number), parsed.elements[i]).ptr;
		printed.append(i > 0 ? " ,\t" : "").append(number, end);
	}
	Parsed again = Parse(printed + "\n]\v");
	Require(again.result.problem == VectorText::Problem::kNone &&
				again.elements.size() == parsed.elements.size() &&
				memcmp(again.elements.data(), parsed.elements.data(),
					   sizeof(float) * parsed.elements.size()) == 0,
			"a vector that is not what was printed");
	return 0;
}

} // namespace pgml::fuzz
