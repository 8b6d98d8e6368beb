#pragma once
/// Small helpers for messages. (fmt::join warns falsely under g++ 12 -O3, which -Werror turns into
/// an error.)
#include <string>
#include <vector>

namespace pgml {

/// The names separated by commas.
inline std::string
Join(const std::vector<std::string> &names) {
	std::string result;
	for (const std::string &name : names) {
		if (!result.empty())
			result += ", ";
		result += name;
	}
	return result;
}

} // namespace pgml
