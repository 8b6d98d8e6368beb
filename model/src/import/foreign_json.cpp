// Bounded readers of JSON and UBJSON. Nesting is limited before a value is built, so that neither parsing nor
// freeing recurses far; a UBJSON count is compared with the bytes that are left.
#include "import/foreign_json.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include <fmt/format.h>

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr size_t kMaxNesting = 64;

[[noreturn]] void
Malformed(const std::string &what) {
	throw MalformedFile{what};
}

/// Bounds the nesting, and turns NaN, Infinity and -Infinity, which XGBoost writes and JSON does not have, into an
/// empty text: what must be a number is not one then. XGBoost's categorical splits have NaN as their threshold.
/// @return the text, or the copy with such numbers replaced
std::string_view
Prepared(std::string_view text, std::string &copy) {
	size_t depth = 0;
	bool in_string = false;
	auto blank = [&](size_t at, std::string_view token) {
		if (text.substr(at, token.size()) != token)
			return;
		if (copy.empty())
			copy = text;
		size_t begin = at > 0 && text[at - 1] == '-' ? at - 1 : at;
		std::fill(copy.begin() + static_cast<ptrdiff_t>(begin),
				  copy.begin() + static_cast<ptrdiff_t>(at + token.size()), ' ');
		copy[begin] = copy[begin + 1] = '"';
	};
	for (size_t i = 0; i < text.size(); i++) {
		char c = text[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > kMaxNesting)
				Malformed("values are nested too deeply");
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		} else if (c == 'N') {
			blank(i, "NaN");
		} else if (c == 'I') {
			blank(i, "Infinity");
		}
	}
	return copy.empty() ? text : std::string_view(copy);
}

class UbjsonReader {
public:
	explicit UbjsonReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

	FloatJson
	Document() {
		FloatJson value = Value(Marker(), 0);
		while (at_ < bytes_.size() && Peek() == 'N')
			at_++;
		if (at_ != bytes_.size())
			Malformed("there are bytes after the end");
		return value;
	}

private:
	char
	Peek() const {
		if (at_ >= bytes_.size())
			Malformed("the data ends too early");
		return static_cast<char>(bytes_[at_]);
	}
	char
	Byte() {
		char c = Peek();
		at_++;
		return c;
	}
	/// The next type marker; N means nothing.
	char
	Marker() {
		char c = Byte();
		while (c == 'N')
			c = Byte();
		return c;
	}
	uint64_t
	BigEndian(size_t size) {
		if (size > bytes_.size() - at_)
			Malformed("the data ends too early");
		uint64_t value = 0;
		for (size_t i = 0; i < size; i++)
			value = value << 8 | std::to_integer<uint64_t>(bytes_[at_ + i]);
		at_ += size;
		return value;
	}
	/// Bytes of a value of a fixed size, 0 for any other type.
	static size_t
	SizeOf(char type) {
		switch (type) {
			case 'i':
			case 'U':
			case 'C':
				return 1;
			case 'I':
				return 2;
			case 'l':
			case 'd':
				return 4;
			case 'L':
			case 'D':
				return 8;
			default:
				return 0;
		}
	}
	FloatJson
	Scalar(char type) {
		uint64_t bits = BigEndian(SizeOf(type));
		switch (type) {
			case 'i':
				return static_cast<int64_t>(static_cast<int8_t>(bits));
			case 'U':
				return static_cast<int64_t>(bits);
			case 'I':
				return static_cast<int64_t>(static_cast<int16_t>(bits));
			case 'l':
				return static_cast<int64_t>(static_cast<int32_t>(bits));
			case 'L':
				return static_cast<int64_t>(bits);
			case 'd':
				return std::bit_cast<float>(static_cast<uint32_t>(bits));
			case 'D':
				return static_cast<float>(std::bit_cast<double>(bits));
			default:
				return std::string(1, static_cast<char>(bits));
		}
	}
	/// A count of things of at least `bytes_each` bytes.
	size_t
	Count(size_t bytes_each) {
		char type = Marker();
		if (type == 'd' || type == 'D' || type == 'C' || SizeOf(type) == 0)
			Malformed("a count is no whole number");
		auto count = Scalar(type).get<int64_t>();
		if (count < 0 || static_cast<uint64_t>(count) > (bytes_.size() - at_) / bytes_each)
			Malformed("a count is more than the data can hold");
		return static_cast<size_t>(count);
	}
	std::string
	String() {
		size_t length = Count(1);
		std::string text(reinterpret_cast<const char *>(bytes_.data() + at_), length);
		at_ += length;
		return text;
	}
	FloatJson
	Value(char type, size_t depth) {
		if (depth > kMaxNesting)
			Malformed("values are nested too deeply");
		if (SizeOf(type) > 0)
			return Scalar(type);
		switch (type) {
			case 'Z':
				return nullptr;
			case 'T':
				return true;
			case 'F':
				return false;
			case 'S':
			case 'H':
				return String();
			case '[':
				return Array(depth);
			case '{':
				return Object(depth);
			default:
				Malformed(fmt::format("unknown type 0x{:02x}", static_cast<unsigned char>(type)));
		}
	}
	FloatJson
	Array(size_t depth) {
		FloatJson result = FloatJson::array();
		auto &items = result.get_ref<FloatJson::array_t &>();
		if (Peek() == '$') {
			Byte();
			char type = Byte();
			if (SizeOf(type) == 0) // a type without bytes would make memory of nothing
				Malformed("an array of a type that is not supported");
			if (Byte() != '#')
				Malformed("a typed array without count");
			size_t count = Count(SizeOf(type));
			items.reserve(count);
			for (size_t i = 0; i < count; i++)
				items.push_back(Scalar(type));
			return result;
		}
		if (Peek() == '#') {
			Byte();
			size_t count = Count(1);
			for (size_t i = 0; i < count; i++)
				items.push_back(Value(Marker(), depth + 1));
			return result;
		}
		for (char type = Marker(); type != ']'; type = Marker())
			items.push_back(Value(type, depth + 1));
		return result;
	}
	FloatJson
	Object(size_t depth) {
		FloatJson result = FloatJson::object();
		if (Peek() == '$')
			Malformed("a typed object is not supported");
		size_t count = SIZE_MAX;
		if (Peek() == '#') {
			Byte();
			count = Count(2);
		}
		for (size_t i = 0; i < count && (count != SIZE_MAX || Peek() != '}'); i++) {
			if (Peek() == 'N') {
				Byte();
				i--;
				continue;
			}
			std::string key = String();
			result[key] = Value(Marker(), depth + 1);
		}
		if (count == SIZE_MAX)
			Byte();
		return result;
	}

	std::span<const std::byte> bytes_;
	size_t at_ = 0;
};

} // namespace

FloatJson
ParseBoundedJson(std::string_view text) {
	std::string copy;
	text = Prepared(text, copy);
	try {
		return FloatJson::parse(text.begin(), text.end());
	} catch (const FloatJson::exception &) {
		Malformed("this is no JSON");
	}
}

FloatJson
ParseUbjson(std::span<const std::byte> bytes) {
	return UbjsonReader(bytes).Document();
}

} // namespace pgml
