// Decides how each feature is encoded, imputed and scaled, and computes the statistics for it.
//
// Defaults (the user says nothing): numbers and booleans: missing values become the mean for linear
// models and stay missing for trees; text: one-hot up to defaults.max_one_hot categories, target
// means with smoothing above; no scaling. Target means of rare categories are pooled by default:
// otherwise a column of nearly unique texts would carry each row's own target into its features.
#include "data/preprocessing.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "pgml/error.h"
#include "base/stoppable.h"
#include "base/text.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

using Json = nlohmann::json;

/// Weight of the overall mean in a target mean, in rows.
constexpr double kSmoothing = 10;

struct Wish {
	std::optional<std::string> encode, impute, scale;
	std::optional<std::vector<std::string>> ordinal;
};

[[noreturn]] void
Invalid(std::string message, std::string detail = "", std::string hint = "") {
	throw Error(ErrorCode::kInvalidArgument, std::move(message), std::move(detail),
				std::move(hint));
}

std::string
OneOf(const std::string &column, const std::string &key, const Json &value,
	  const std::vector<std::string> &allowed) {
	if (!value.is_string() ||
		std::find(allowed.begin(), allowed.end(), value.get<std::string>()) == allowed.end())
		Invalid(fmt::format("invalid value for \"{}\" of column \"{}\" in preprocess", key, column),
				"",
				fmt::format("Available values: {}{}.", Join(allowed),
							key == "encode" ? ", {\"ordinal\": [...]}" : ""));
	return value.get<std::string>();
}

Wish
ParseWish(const std::string &column, const Json &value) {
	if (!value.is_object())
		Invalid(fmt::format("preprocess of column \"{}\" must be a JSON object", column), "",
				"An example: {\"encode\": \"one_hot\", \"impute\": \"mode\"}.");
	Wish wish;
	for (const auto &[key, item] : value.items()) {
		if (key == "impute") {
			wish.impute =
				OneOf(column, key, item, {"error", "mean", "median", "mode", "min", "max", "zero"});
		} else if (key == "scale") {
			wish.scale =
				OneOf(column, key, item, {"preserve", "standard", "min_max", "max_abs", "robust"});
		} else if (key != "encode") {
			Invalid(
				fmt::format("unrecognized key \"{}\" for column \"{}\" in preprocess", key, column),
				"", "Available keys: encode, impute, scale.");
		} else if (item.is_object() && item.size() == 1 && item.contains("ordinal")) {
			std::vector<std::string> order;
			if (item["ordinal"].is_array())
				for (const Json &entry : item["ordinal"])
					if (entry.is_string())
						order.push_back(entry.get<std::string>());
			std::vector<std::string> unique = order;
			std::sort(unique.begin(), unique.end());
			if (order.empty() || order.size() != item["ordinal"].size() ||
				std::adjacent_find(unique.begin(), unique.end()) != unique.end())
				Invalid(fmt::format(
					"\"ordinal\" of column \"{}\" must be an array of distinct texts", column));
			wish.ordinal = order;
		} else {
			wish.encode = OneOf(column, key, item, {"native", "target", "one_hot"});
		}
	}
	return wish;
}

/// Per feature what the user asked for; "*" stands for every column that has no entry of its own.
std::vector<Wish>
ParseWishes(const Dataset &data, const std::string &text) {
	Json json;
	try {
		json = Json::parse(text);
	} catch (const Json::exception &) {
		Invalid("preprocess is not valid JSON");
	}
	if (json.is_null())
		json = Json::object();
	if (!json.is_object())
		Invalid("preprocess must be a JSON object", "",
				"An example: {\"city\": {\"encode\": \"one_hot\"}}.");
	std::map<std::string, size_t> by_name;
	std::vector<std::string> names;
	for (size_t f = 0; f < data.features.size(); f++) {
		by_name[data.features[f].name] = f;
		names.push_back(data.features[f].name);
	}
	std::vector<Wish> wishes(data.features.size());
	if (json.contains("*") && !by_name.contains("*"))
		std::fill(wishes.begin(), wishes.end(), ParseWish("*", json["*"]));
	for (const auto &[column, value] : json.items()) {
		auto found = by_name.find(column);
		if (found != by_name.end())
			wishes[found->second] = ParseWish(column, value);
		else if (column != "*")
			Invalid(fmt::format("preprocess names column \"{}\", which is no feature", column),
					fmt::format("The features are: {}.", Join(names)));
	}
	return wishes;
}

/// Values of one column without the missing ones; sorts on demand.
class ColumnStatistics {
public:
	ColumnStatistics(const float *values, size_t rows, const StopToken &stop) : stop_(stop) {
		Poll poll(stop);
		for (size_t row = 0; row < rows; row++) {
			poll();
			if (!std::isnan(values[row]))
				values_.push_back(values[row]);
		}
		missing_ = rows - values_.size();
	}
	bool
	empty() const {
		return values_.empty();
	}
	size_t
	missing() const {
		return missing_;
	}
	double
	Mean() const {
		double sum = 0;
		for (float value : values_)
			sum += value;
		return sum / static_cast<double>(values_.size());
	}
	double
	StandardDeviation() const {
		double mean = Mean(), squares = 0;
		for (float value : values_)
			squares += (value - mean) * (value - mean);
		return std::sqrt(squares / static_cast<double>(values_.size()));
	}
	double
	Min() const {
		return *std::min_element(values_.begin(), values_.end());
	}
	double
	Max() const {
		return *std::max_element(values_.begin(), values_.end());
	}
	/// Linear interpolation between order statistics, as numpy's default.
	double
	Quantile(double q) {
		Sort();
		double position = q * static_cast<double>(values_.size() - 1);
		auto below = static_cast<size_t>(position);
		double low = values_[below], high = values_[std::min(below + 1, values_.size() - 1)];
		return low + (position - static_cast<double>(below)) * (high - low);
	}
	/// Most frequent value, the smallest of several.
	double
	Mode() {
		Sort();
		size_t best = 0;
		float mode = values_.front();
		for (size_t start = 0; start < values_.size();) {
			size_t end = start;
			while (end < values_.size() && values_[end] == values_[start])
				end++;
			if (end - start > best) {
				best = end - start;
				mode = values_[start];
			}
			start = end;
		}
		return mode;
	}
	double
	Impute(const std::string &how) {
		if (empty() || how == "zero")
			return 0;
		if (how == "median")
			return Quantile(0.5);
		if (how == "mode")
			return Mode();
		if (how == "min")
			return Min();
		if (how == "max")
			return Max();
		return Mean();
	}

private:
	void
	Sort() {
		if (!sorted_)
			StoppableSort(values_.begin(), values_.end(), stop_);
		sorted_ = true;
	}
	const StopToken &stop_;
	std::vector<float> values_;
	bool sorted_ = false;
	size_t missing_ = 0;
};

void
RefuseMissing(const std::string &column, size_t missing) {
	if (missing > 0)
		throw Error(
			ErrorCode::kInvalidData, fmt::format("column \"{}\" has missing values", column),
			fmt::format("{} of the values used for training are missing, and preprocess says "
						"\"impute\": \"error\".",
						missing),
			"Choose another way to impute, such as \"mean\".");
}

ColumnTransform
FitColumn(const FeatureSpec &spec, const Wish &wish, const PreprocessDefaults &defaults,
		  const float *values, size_t rows, const StopToken &stop) {
	if (!wish.impute && !wish.scale && !defaults.impute_mean)
		return {}; // most columns of trees: nothing to look at
	ColumnStatistics statistics(values, rows, stop);
	ColumnTransform result;
	std::string impute = wish.impute.value_or(defaults.impute_mean ? "mean" : "none");
	if (impute == "error") {
		RefuseMissing(spec.name, statistics.missing());
		// At prediction a missing value is never an error: the default takes over.
		impute = defaults.impute_mean ? "mean" : "none";
	}
	if (impute != "none") {
		result.has_fill = true;
		result.fill = static_cast<float>(statistics.Impute(impute));
	}
	std::string scale = wish.scale.value_or("preserve");
	if (scale == "preserve" || statistics.empty())
		return result;
	double spread = 1;
	if (scale == "standard") {
		result.center = statistics.Mean();
		spread = statistics.StandardDeviation();
	} else if (scale == "min_max") {
		result.center = statistics.Min();
		spread = statistics.Max() - statistics.Min();
	} else if (scale == "max_abs") {
		spread = std::max(std::fabs(statistics.Min()), std::fabs(statistics.Max()));
	} else {
		result.center = statistics.Quantile(0.5);
		spread = statistics.Quantile(0.75) - statistics.Quantile(0.25);
	}
	result.has_scale = true;
	// A constant column has no spread: it is only moved to zero.
	result.factor = spread > 0 && std::isfinite(1 / spread) ? 1 / spread : 1;
	return result;
}

/// Smoothed mean of each outcome per category, [outcome][category].
std::vector<float>
TargetMeans(const float *codes, const std::vector<float> &map, size_t n_categories,
			const std::vector<std::vector<float>> &outcomes, size_t min_members,
			const StopToken &stop) {
	Poll poll(stop);
	std::vector<float> table;
	for (const std::vector<float> &outcome : outcomes) {
		std::vector<double> sums(n_categories);
		std::vector<size_t> members(n_categories);
		double total = 0;
		for (size_t row = 0; row < outcome.size(); row++) {
			poll();
			total += outcome[row];
			if (std::isnan(codes[row]))
				continue;
			auto category = static_cast<size_t>(map[static_cast<size_t>(codes[row])]);
			sums[category] += outcome[row];
			members[category]++;
		}
		double prior = total / static_cast<double>(outcome.size());
		for (size_t category = 0; category < n_categories; category++) {
			double count = static_cast<double>(members[category]);
			double mean = members[category] < min_members
							  ? prior
							  : (sums[category] + kSmoothing * prior) / (count + kSmoothing);
			table.push_back(static_cast<float>(mean));
		}
	}
	return table;
}

class TextFitter {
public:
	TextFitter(const Dataset &data, size_t feature, size_t raw_column, const Wish &wish,
			   const std::vector<std::vector<float>> &outcomes, const PreprocessDefaults &defaults,
			   const StopToken &stop)
		: spec_(data.features[feature]), dictionary_(data.dictionaries[feature].values()),
		  codes_(data.raw.column(raw_column)), rows_(data.raw.rows()), wish_(wish),
		  outcomes_(outcomes), defaults_(defaults), stop_(stop) {}

	FeatureTransform
	Fit(StringTable &categories, std::vector<float> &map) {
		CollectCategories(categories, map);
		FeatureTransform result;
		result.n_categories = categories.size();
		std::string encode = wish_.encode.value_or(
			categories.size() <= defaults_.max_one_hot ? "one_hot" : "target");
		if (wish_.ordinal) {
			result.encoding = Encoding::kTable;
			result.table.resize(categories.size());
			for (size_t i = 0; i < wish_.ordinal->size(); i++)
				result.table[categories.Find((*wish_.ordinal)[i])] = static_cast<float>(i + 1);
		} else if (encode == "one_hot") {
			FitOneHot(result, map);
			return result;
		} else if (encode == "native") {
			result.encoding = Encoding::kTable;
			for (size_t code = 0; code < categories.size(); code++)
				result.table.push_back(static_cast<float>(code + 1));
		} else {
			if (outcomes_.empty())
				RefuseTargetEncoding(categories.size());
			result.encoding = Encoding::kTable;
			result.width = outcomes_.size();
			result.table = TargetMeans(codes_, map, categories.size(), outcomes_,
									   wish_.encode ? 1 : defaults_.target_min_members, stop_);
		}
		std::vector<float> encoded(rows_);
		for (size_t k = 0; k < result.width; k++) {
			for (size_t row = 0; row < rows_; row++)
				encoded[row] =
					std::isnan(codes_[row])
						? codes_[row]
						: result.table[k * categories.size() +
									   static_cast<size_t>(map[static_cast<size_t>(codes_[row])])];
			result.columns.push_back(
				FitColumn(spec_, wish_, defaults_, encoded.data(), rows_, stop_));
		}
		return result;
	}

private:
	/// The categories of the training rows, sorted by bytes, and the map from the dictionary's
	/// codes to them.
	void
	CollectCategories(StringTable &categories, std::vector<float> &map) {
		std::vector<bool> used(dictionary_.size());
		for (size_t row = 0; row < rows_; row++)
			if (!std::isnan(codes_[row]))
				used[static_cast<size_t>(codes_[row])] = true;
		std::vector<std::string_view> values;
		for (size_t code = 0; code < used.size(); code++)
			if (used[code])
				values.push_back(dictionary_[code]);
		if (wish_.ordinal) {
			std::vector<std::string_view> order(wish_.ordinal->begin(), wish_.ordinal->end());
			for (std::string_view value : values)
				if (std::find(order.begin(), order.end(), value) == order.end())
					throw Error(
						ErrorCode::kInvalidData,
						fmt::format(
							"column \"{}\" holds a value that is not in its \"ordinal\" list",
							spec_.name),
						"", "List every value of the column, in order.");
			values = order;
		}
		StoppableSort(values.begin(), values.end(), stop_);
		Poll poll(stop_);
		for (std::string_view value : values) {
			poll();
			categories.Add(value);
		}
		map.assign(dictionary_.size(), NAN);
		for (size_t code = 0; code < used.size(); code++, poll())
			if (used[code])
				map[code] = static_cast<float>(categories.Find(dictionary_[code]));
	}

	[[noreturn]] void
	RefuseTargetEncoding(size_t n_categories) const {
		if (wish_.encode)
			Invalid(fmt::format("column \"{}\" cannot be encoded by a target", spec_.name),
					"The task has no target.", "Use \"one_hot\", \"native\" or \"ordinal\".");
		throw Error(
			ErrorCode::kInvalidData,
			fmt::format("text column \"{}\" has {} categories, too many to give each a column",
						spec_.name, n_categories),
			fmt::format("The limit without a target is {}.", defaults_.max_one_hot),
			"Say how to encode it, for example with \"encode\": \"native\", or leave it out with a "
			"view.");
	}

	void
	FitOneHot(FeatureTransform &result, const std::vector<float> &map) {
		result.encoding = Encoding::kOneHot;
		result.width = result.n_categories;
		std::string impute = wish_.impute.value_or("zero");
		std::vector<size_t> members(result.n_categories);
		size_t missing = 0;
		for (size_t row = 0; row < rows_; row++)
			if (std::isnan(codes_[row]))
				missing++;
			else
				members[static_cast<size_t>(map[static_cast<size_t>(codes_[row])])]++;
		if (impute == "error") {
			RefuseMissing(spec_.name, missing);
		} else if (impute == "mode") {
			if (!members.empty())
				result.fill_category = static_cast<uint32_t>(
					std::max_element(members.begin(), members.end()) - members.begin());
		} else if (impute != "zero") {
			Invalid(fmt::format(
						"text column \"{}\" cannot be imputed by \"{}\" when it is one-hot encoded",
						spec_.name, impute),
					"", "Use \"error\", \"mode\" or \"zero\", or another encoding.");
		}
	}

	const FeatureSpec &spec_;
	const std::vector<std::string> &dictionary_;
	const float *codes_;
	size_t rows_;
	const Wish &wish_;
	const std::vector<std::vector<float>> &outcomes_;
	const PreprocessDefaults &defaults_;
	const StopToken &stop_;
};

/// Training data must hold numbers or nothing; codes must be of the dictionary.
void
CheckColumn(const Dataset &data, size_t feature, const float *values, const StopToken &stop) {
	Poll poll(stop);
	const FeatureSpec &spec = data.features[feature];
	bool is_text = spec.type == FeatureType::kText;
	for (size_t row = 0; row < data.raw.rows(); row++) {
		poll();
		if (std::isinf(values[row]))
			throw Error(ErrorCode::kInvalidData,
						fmt::format("column \"{}\" holds an infinite value", spec.name),
						"Values beyond the range of real count as infinite.",
						"Leave such rows out, or make the value NULL.");
		if (is_text && !std::isnan(values[row]) &&
			!(values[row] >= 0 &&
			  values[row] < static_cast<float>(data.dictionaries[feature].values().size())))
			throw Error(ErrorCode::kInternal,
						fmt::format("category code of column \"{}\" is unknown", spec.name));
	}
}

} // namespace

FittedPreprocessor
FitPreprocessor(const Dataset &data, const std::string &json,
				const std::vector<std::vector<float>> &outcomes, const PreprocessDefaults &defaults,
				const StopToken &stop) {
	std::vector<Wish> wishes = ParseWishes(data, json);
	FittedPreprocessor result;
	result.categories.resize(data.features.size());
	result.maps.resize(data.features.size());
	for (size_t f = 0; f < data.features.size(); f++) {
		const FeatureSpec &spec = data.features[f];
		size_t raw_column = result.preprocessor.raw_width();
		for (size_t k = 0; k < spec.width; k++) {
			stop.ThrowIfStopped();
			CheckColumn(data, f, data.raw.column(raw_column + k), stop);
		}
		FeatureTransform transform;
		if (spec.type == FeatureType::kText) {
			if (spec.width != 1)
				throw Error(
					ErrorCode::kNotSupported,
					fmt::format("column \"{}\" is an array of texts, which cannot be a feature",
								spec.name));
			TextFitter fitter(data, f, raw_column, wishes[f], outcomes, defaults, stop);
			transform = fitter.Fit(result.categories[f], result.maps[f]);
		} else {
			if (wishes[f].ordinal || (wishes[f].encode && *wishes[f].encode != "native"))
				Invalid(fmt::format("column \"{}\" is not text and cannot be encoded", spec.name),
						"", "Leave \"encode\" out, or cast the column to text.");
			transform.width = spec.width;
			for (size_t k = 0; k < spec.width; k++) {
				stop.ThrowIfStopped();
				transform.columns.push_back(FitColumn(spec, wishes[f], defaults,
													  data.raw.column(raw_column + k),
													  data.raw.rows(), stop));
			}
		}
		transform.raw_width = spec.width;
		result.preprocessor.Add(std::move(transform));
	}
	return result;
}

} // namespace pgml
