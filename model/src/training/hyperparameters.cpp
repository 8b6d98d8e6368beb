// Hyperparameters: a JSON object with checks of name, type and range.
#include "training/hyperparameters.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "pgml/error.h"
#include "base/text.h"

#include "base/no_postgres.h"

namespace pgml {

using Json = nlohmann::json;

// The JSON library's destructor allocates; it cannot fail for what the constructor parsed.
struct Hyperparameters::Data { // NOLINT(bugprone-exception-escape)
	std::string algorithm;
	Json values;
	std::vector<std::string> known;

	/// The value under one of the names, nullptr when none is given.
	const Json *
	Find(Names names, std::string &used) {
		const Json *result = nullptr;
		for (const char *name : names) {
			known.emplace_back(name);
			auto found = values.find(name);
			if (found == values.end())
				continue;
			if (result != nullptr)
				throw Error(
					ErrorCode::kInvalidArgument,
					fmt::format("hyperparameters \"{}\" and \"{}\" are the same", used, name), "",
					"Give only one of them.");
			used = name;
			result = &*found;
		}
		return result;
	}

	static std::string
	Range(double low, double high, bool open) {
		return std::isinf(high)
				   ? fmt::format("a number {} {}", open ? "above" : "not below", low)
				   : fmt::format("a number from {} {}to {}", low, open ? "(exclusive) " : "", high);
	}

	[[noreturn]] static void
	Refuse(const std::string &name, const Json &value, const std::string &expected) {
		std::string shown = value.dump(-1, ' ', false, Json::error_handler_t::replace);
		if (shown.size() > 60)
			shown = shown.substr(0, 57) + "...";
		throw Error(ErrorCode::kInvalidArgument,
					fmt::format("invalid value for hyperparameter \"{}\": {}", name, shown),
					fmt::format("Expected {}.", expected));
	}

	static int64_t
	IntegerOf(const std::string &name, const Json &value, int64_t low, int64_t high) {
		std::string range = fmt::format("a whole number from {} to {}", low, high);
		if (!value.is_number())
			Refuse(name, value, range);
		auto number = value.get<double>(); // the bounds in use are exact in double
		if (!(number >= static_cast<double>(low) && number <= static_cast<double>(high)) ||
			number != std::floor(number))
			Refuse(name, value, range);
		return static_cast<int64_t>(number);
	}
};

Hyperparameters::Hyperparameters(std::string_view algorithm, const std::string &json_text)
	: data_(std::make_unique<Data>()) {
	data_->algorithm = algorithm;
	try {
		data_->values = Json::parse(json_text);
	} catch (const Json::exception &) {
		throw Error(ErrorCode::kInvalidArgument, "hyperparameters are not valid JSON");
	}
	if (data_->values.is_null())
		data_->values = Json::object();
	if (!data_->values.is_object())
		throw Error(ErrorCode::kInvalidArgument, "hyperparameters must be a JSON object", "",
					"An example: {\"max_iter\": 100}.");
}

Hyperparameters::~Hyperparameters() = default;

std::optional<double>
Hyperparameters::OptionalReal(Names names, double low, double high, Bound bound) {
	std::string name;
	const Json *value = data_->Find(names, name);
	if (value == nullptr)
		return std::nullopt;
	bool open = bound == Bound::kExclusiveLow;
	std::string range = Data::Range(low, high, open);
	if (!value->is_number())
		Data::Refuse(name, *value, range);
	auto number = value->get<double>();
	if (!std::isfinite(number) || number < low || number > high || (open && number == low))
		Data::Refuse(name, *value, range);
	return number;
}

double
Hyperparameters::Real(Names names, double fallback, double low, double high, Bound bound) {
	return OptionalReal(names, low, high, bound).value_or(fallback);
}

int64_t
Hyperparameters::Integer(Names names, int64_t fallback, int64_t low, int64_t high) {
	std::string name;
	const Json *value = data_->Find(names, name);
	return value == nullptr ? fallback : Data::IntegerOf(name, *value, low, high);
}

std::optional<int64_t>
Hyperparameters::IntegerOrWord(Names names, std::optional<int64_t> fallback, const char *word,
							   int64_t low, int64_t high) {
	std::string name;
	const Json *value = data_->Find(names, name);
	if (value == nullptr)
		return fallback;
	if (value->is_string() && value->get<std::string>() == word)
		return std::nullopt;
	if (!value->is_number())
		Data::Refuse(name, *value,
					 fmt::format("a whole number from {} to {}, or \"{}\"", low, high, word));
	return Data::IntegerOf(name, *value, low, high);
}

std::optional<int64_t>
Hyperparameters::NullableInteger(Names names, std::optional<int64_t> fallback, int64_t low,
								 int64_t high) {
	std::string name;
	const Json *value = data_->Find(names, name);
	if (value == nullptr)
		return fallback;
	if (value->is_null())
		return std::nullopt;
	return Data::IntegerOf(name, *value, low, high);
}

std::optional<Hyperparameters::Amount>
Hyperparameters::OptionalAmount(Names names, int64_t low, const std::vector<std::string> &allowed) {
	std::string name;
	const Json *value = data_->Find(names, name);
	if (value == nullptr)
		return std::nullopt;
	Amount amount;
	if (value->is_number_float()) {
		amount.share = value->get<double>();
		if (*amount.share > 0 && *amount.share <= 1)
			return amount;
	} else if (value->is_number()) {
		auto count = value->get<double>();
		amount.count = static_cast<int64_t>(std::min(count, 1e15));
		if (count >= static_cast<double>(low))
			return amount;
	} else if (value->is_string() || value->is_null()) {
		amount.name = value->is_null() ? "null" : value->get<std::string>();
		if (std::find(allowed.begin(), allowed.end(), amount.name) != allowed.end())
			return amount;
	}
	Data::Refuse(name, *value,
				 fmt::format("a whole number from {}, a fraction above 0 to 1.0{}", low,
							 allowed.empty() ? "" : fmt::format(", or one of: {}", Join(allowed))));
}

size_t
Hyperparameters::Amount::Of(size_t total, size_t low) const {
	size_t amount = total;
	if (count)
		amount = static_cast<size_t>(*count);
	else if (share)
		amount = static_cast<size_t>(std::ceil(*share * static_cast<double>(total)));
	return std::max(amount, low);
}

ClassWeight
Hyperparameters::Weight(bool per_tree) {
	ClassWeight result;
	std::string name;
	const Json *value = data_->Find({"class_weight"}, name);
	if (value == nullptr || value->is_null())
		return result;
	if (*value == "balanced" || (per_tree && *value == "balanced_subsample")) {
		result.balanced = true;
		result.per_tree = *value == "balanced_subsample";
		return result;
	}
	std::string expected =
		fmt::format("null, \"balanced\"{} or an object of labels and weights above 0 and up to 1e9",
					per_tree ? ", \"balanced_subsample\"" : "");
	if (!value->is_object() || value->empty())
		Data::Refuse(name, *value, expected);
	for (const auto &[label, weight] : value->items()) {
		double number = weight.is_number() ? weight.get<double>() : 0;
		if (!(number > 0 && number <= 1e9))
			Data::Refuse(name, *value, expected);
		result.by_label.emplace_back(label, number);
	}
	return result;
}

bool
Hyperparameters::Flag(Names names, bool fallback) {
	std::string name;
	const Json *value = data_->Find(names, name);
	if (value == nullptr)
		return fallback;
	if (!value->is_boolean())
		Data::Refuse(name, *value, "true or false");
	return value->get<bool>();
}

std::string
Hyperparameters::FlagOrChoice(Names names, const std::string &fallback,
							  const std::vector<std::string> &words) {
	std::string name;
	const Json *value = data_->Find(names, name);
	if (value == nullptr)
		return fallback;
	if (value->is_boolean())
		return value->get<bool>() ? "true" : "false";
	if (!value->is_string() ||
		std::find(words.begin(), words.end(), value->get<std::string>()) == words.end())
		Data::Refuse(name, *value, fmt::format("true, false, or one of: {}", Join(words)));
	return value->get<std::string>();
}

std::string
Hyperparameters::Choice(Names names, const std::string &fallback,
						const std::vector<std::string> &allowed) {
	std::string name;
	const Json *value = data_->Find(names, name);
	if (value == nullptr)
		return fallback;
	if (!value->is_string() ||
		std::find(allowed.begin(), allowed.end(), value->get<std::string>()) == allowed.end())
		Data::Refuse(name, *value, fmt::format("one of: {}", Join(allowed)));
	return value->get<std::string>();
}

std::vector<std::string>
Hyperparameters::Choices(Names names, const std::vector<std::string> &allowed) {
	std::string name;
	const Json *value = data_->Find(names, name);
	if (value == nullptr)
		return {};
	Json list = value->is_array() ? *value : Json::array({*value});
	std::vector<std::string> result;
	for (const Json &element : list) {
		if (!element.is_string() ||
			std::find(allowed.begin(), allowed.end(), element.get<std::string>()) == allowed.end())
			Data::Refuse(name, *value, fmt::format("one or several of: {}", Join(allowed)));
		result.push_back(element.get<std::string>());
	}
	return result;
}

std::optional<double>
Hyperparameters::RealOrChoice(Names names, const std::string &fallback,
							  const std::vector<std::string> &words, double low, double high,
							  Bound bound, std::string &word) {
	std::string name;
	const Json *value = data_->Find(names, name);
	if (value == nullptr) {
		word = fallback;
		return std::nullopt;
	}
	bool open = bound == Bound::kExclusiveLow;
	if (value->is_string() &&
		std::find(words.begin(), words.end(), value->get<std::string>()) != words.end()) {
		word = value->get<std::string>();
		return std::nullopt;
	}
	double number = value->is_number() ? value->get<double>() : NAN;
	if (!std::isfinite(number) || number < low || number > high || (open && number == low))
		Data::Refuse(name, *value,
					 fmt::format("{}, or one of: {}", Data::Range(low, high, open), Join(words)));
	return number;
}

std::vector<int64_t>
Hyperparameters::Integers(Names names, std::vector<int64_t> fallback, int64_t low, int64_t high,
						  size_t most) {
	std::string name;
	const Json *value = data_->Find(names, name);
	if (value == nullptr)
		return fallback;
	std::string range = fmt::format("one or up to {} whole numbers from {} to {}", most, low, high);
	Json list = value->is_array() ? *value : Json::array({*value});
	if (list.empty() || list.size() > most)
		Data::Refuse(name, *value, range);
	std::vector<int64_t> result;
	for (const Json &element : list) {
		double number = element.is_number() ? element.get<double>() : NAN;
		if (!(number >= static_cast<double>(low) && number <= static_cast<double>(high)) ||
			number != std::floor(number))
			Data::Refuse(name, *value, range);
		result.push_back(static_cast<int64_t>(number));
	}
	return result;
}

uint64_t
Hyperparameters::Seed(uint64_t fallback) {
	int64_t seed = Integer({"random_state", "seed"}, -1, 0, 4294967295);
	return seed < 0 ? fallback : static_cast<uint64_t>(seed);
}

void
Hyperparameters::Finish() const {
	for (const auto &[name, value] : data_->values.items()) {
		if (std::find(data_->known.begin(), data_->known.end(), name) != data_->known.end())
			continue;
		std::string known =
			data_->known.empty()
				? fmt::format("The algorithm \"{}\" has no hyperparameters.", data_->algorithm)
				: fmt::format("Available hyperparameters: {}.", Join(data_->known));
		throw Error(ErrorCode::kInvalidArgument,
					fmt::format("unrecognized hyperparameter \"{}\" for algorithm \"{}\"", name,
								data_->algorithm),
					"", known);
	}
}

} // namespace pgml
