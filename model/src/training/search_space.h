#pragma once
/// From search_params and search_args to a list of candidates.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pgml/search.h"

namespace pgml {

struct SearchArguments {
	size_t n_folds = 5;
	size_t n_iter = 10;
	std::optional<double> time_limit_s;
	uint64_t seed = 0;
};

/// @param seed  what counts when no random_state is given
/// @throws Error(kInvalidArgument)
SearchArguments ReadSearchArguments(const std::string &json_text, uint64_t seed);

/**
 * The candidates in the order in which they are tried: the values of the last name vary fastest in a grid.
 * A random search draws without repetition; a space that has no more than n_iter points is tried whole.
 * @throws Error(kInvalidArgument) for a malformed space; Error(kLimitExceeded) for too large a grid
 */
std::vector<nlohmann::ordered_json> MakeCandidates(SearchKind kind, const std::string &params_json,
												   const SearchArguments &arguments);

} // namespace pgml
