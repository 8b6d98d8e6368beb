// The space of a hyperparameter search: lists of values, ranges, and drawing from them. See
// search_space.h.
#include "training/search_space.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "pgml/error.h"
#include "base/random.h"
#include "base/text.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void
Refuse(std::string message, std::string detail = "", std::string hint = "") {
	throw Error(ErrorCode::kInvalidArgument, std::move(message), std::move(detail),
				std::move(hint));
}

Json
ParseObject(const std::string &text, const char *what) {
	Json value = Json::parse(text, nullptr, false);
	if (!value.is_object())
		Refuse(fmt::format("{} must be a JSON object", what));
	return value;
}

/// Values that one hyperparameter may take: a list, or the numbers from low to high.
struct Dimension {
	std::string name;
	std::vector<Json> values; ///< empty: a range
	double low = 0, high = 0;
	bool logarithmic = false, whole = false;

	/// Number of different values, infinity for real numbers.
	double
	Size() const {
		if (!values.empty())
			return static_cast<double>(values.size());
		return whole ? high - low + 1 : HUGE_VAL;
	}
	Json
	At(size_t position) const {
		return values.empty() ? Json(static_cast<int64_t>(low) + static_cast<int64_t>(position))
							  : values[position];
	}
	Json
	Draw(Random &random) const {
		if (!values.empty())
			return values[random.Below(values.size())];
		if (whole && !logarithmic)
			return At(random.Below(static_cast<uint64_t>(high - low) + 1));
		double share = random.Uniform(), value;
		if (logarithmic) {
			// Whole numbers: each owns the stretch from half below to half above it.
			double from = std::log(whole ? low - 0.5 : low),
				   to = std::log(whole ? high + 0.5 : high);
			value = std::exp(from + share * (to - from));
		} else {
			value = low + share * (high - low);
		}
		value = std::clamp(whole ? std::round(value) : value, low, high);
		return whole ? Json(static_cast<int64_t>(value)) : Json(value);
	}
};

double
RangeEnd(const std::string &name, const Json &range, const char *key) {
	auto found = range.find(key);
	if (found == range.end() || !found->is_number())
		Refuse(fmt::format("range of \"{}\" needs a number \"{}\"", name, key), "",
			   "For example {\"min\": 1, \"max\": 100, \"scale\": \"log\"}.");
	auto number = found->get<double>();
	if (!(std::fabs(number) <= 1e300))
		Refuse(fmt::format("range of \"{}\" is too large", name));
	return number;
}

Dimension
ReadRange(const std::string &name, const Json &range) {
	Dimension result;
	result.name = name;
	for (const auto &[key, value] : range.items())
		if (key != "min" && key != "max" && key != "scale")
			Refuse(fmt::format("unrecognized key \"{}\" in the range of \"{}\"", key, name), "",
				   "Available keys: min, max, scale.");
	result.low = RangeEnd(name, range, "min");
	result.high = RangeEnd(name, range, "max");
	if (result.low >= result.high)
		Refuse(fmt::format("range of \"{}\" is empty", name), "\"min\" must be below \"max\".");
	result.whole = range["min"].is_number_integer() && range["max"].is_number_integer();
	if (result.whole && std::max(-result.low, result.high) >= 0x1p53)
		Refuse(fmt::format("range of \"{}\" is too large", name));
	if (auto scale = range.find("scale"); scale != range.end()) {
		if (*scale != "linear" && *scale != "log")
			Refuse(fmt::format("scale of the range of \"{}\" must be \"linear\" or \"log\"", name));
		result.logarithmic = *scale == "log";
	}
	if (result.logarithmic && result.low <= 0)
		Refuse(fmt::format("range of \"{}\" with scale \"log\" must be above 0", name));
	return result;
}

std::vector<Dimension>
ReadSpace(SearchKind kind, const std::string &params_json) {
	std::vector<Dimension> space;
	const Json object = ParseObject(params_json, "search_params");
	for (const auto &[name, value] : object.items()) {
		if (name == "random_state" || name == "seed")
			Refuse(fmt::format("\"{}\" cannot be searched", name),
				   "It says which random numbers are drawn, not how well a model can be.",
				   "Give it in hyperparams, or in search_args for the folds and draws alone.");
		if (value.is_array()) {
			if (value.empty())
				Refuse(fmt::format("search_params \"{}\" has no values", name));
			space.push_back({name, std::vector<Json>(value.begin(), value.end())});
		} else if (value.is_object() && kind == SearchKind::kRandom) {
			space.push_back(ReadRange(name, value));
		} else {
			Refuse(
				fmt::format("search_params \"{}\" must be an array of values{}", name,
							kind == SearchKind::kRandom ? " or a range" : ""),
				value.is_object() ? "Only a random search takes ranges." : "",
				kind == SearchKind::kRandom
					? "For example [1, 2, 3], or {\"min\": 0.001, \"max\": 1, \"scale\": \"log\"}."
					: "For example [1, 2, 3].");
		}
	}
	return space;
}

std::vector<Json>
Grid(const std::vector<Dimension> &space, size_t n_points) {
	std::vector<Json> result;
	result.reserve(n_points);
	std::vector<size_t> position(space.size(), 0);
	while (result.size() < n_points) {
		Json candidate = Json::object();
		for (size_t i = 0; i < space.size(); i++)
			candidate[space[i].name] = space[i].At(position[i]);
		result.push_back(std::move(candidate));
		for (size_t i = space.size(); i-- > 0;) {
			if (static_cast<double>(++position[i]) < space[i].Size())
				break;
			position[i] = 0;
		}
	}
	return result;
}

std::vector<Json>
Draw(const std::vector<Dimension> &space, const SearchArguments &arguments) {
	std::vector<Json> result;
	std::set<std::string> seen;
	Random random(arguments.seed);
	// A list may hold a value twice, and some values of a logarithmic range are rare: drawing ends.
	for (size_t tries = 1000 + 100 * arguments.n_iter; tries > 0; tries--) {
		Json candidate = Json::object();
		for (const Dimension &dimension : space)
			candidate[dimension.name] = dimension.Draw(random);
		if (seen.insert(candidate.dump()).second)
			result.push_back(std::move(candidate));
		if (result.size() == arguments.n_iter)
			break;
	}
	return result;
}

} // namespace

SearchArguments
ReadSearchArguments(const std::string &json_text, uint64_t seed) {
	SearchArguments result;
	result.seed = seed;
	const Json object = ParseObject(json_text, "search_args");
	for (const auto &[name, value] : object.items()) {
		double number = value.is_number() ? value.get<double>() : NAN;
		auto whole = [&, &name = name](double low, double high) {
			if (!(number >= low && number <= high) || number != std::floor(number))
				Refuse(fmt::format("search_args \"{}\" must be a whole number from {} to {}", name,
								   low, high));
			return static_cast<uint64_t>(number);
		};
		if (name == "cv") {
			result.n_folds = whole(2, HyperparameterSearch::kMaxFolds);
		} else if (name == "n_iter") {
			result.n_iter = whole(1, HyperparameterSearch::kMaxCandidates);
		} else if (name == "random_state") {
			result.seed = whole(0, 4294967295);
		} else if (name == "time_limit") {
			if (!(number >= 0))
				Refuse("search_args \"time_limit\" must be a number of seconds, 0 or more");
			result.time_limit_s = number;
		} else {
			Refuse(fmt::format("unrecognized search argument \"{}\"", name), "",
				   "Available search_args: cv, n_iter, random_state, time_limit.");
		}
	}
	return result;
}

std::vector<Json>
MakeCandidates(SearchKind kind, const std::string &params_json, const SearchArguments &arguments) {
	std::vector<Dimension> space = ReadSpace(kind, params_json);
	double n_points = 1;
	for (const Dimension &dimension : space)
		n_points *= dimension.Size();
	if (kind == SearchKind::kRandom && n_points > static_cast<double>(arguments.n_iter))
		return Draw(space, arguments);
	constexpr size_t kMost = HyperparameterSearch::kMaxCandidates;
	if (n_points > static_cast<double>(kMost))
		throw Error(
			ErrorCode::kLimitExceeded,
			fmt::format("search space has {:.0f} combinations, more than {}", n_points, kMost), "",
			"A search of kind \"random\" tries \"n_iter\" of them.");
	return Grid(space, static_cast<size_t>(n_points));
}

} // namespace pgml
