#pragma once
/// JSON and UBJSON of other programs, into one tree of values. Numbers go from their decimal text straight
/// to float32: by way of double they would be rounded twice.
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace pgml {

/// With float as its number type the parser calls strtof on the text.
using FloatJson =
	nlohmann::basic_json<std::map, std::vector, std::string, bool, int64_t, uint64_t, float>;

/// What is wrong with a file; the caller knows what to tell the user.
struct MalformedFile {
	std::string what; ///< no full stop
};

/// NaN and infinities, which are no JSON, become an empty text.
/// @throws MalformedFile
FloatJson ParseBoundedJson(std::string_view text);
/// UBJSON with typed arrays, as XGBoost writes it. Memory: at most 16 times the bytes.
/// @throws MalformedFile
FloatJson ParseUbjson(std::span<const std::byte> bytes);

} // namespace pgml
