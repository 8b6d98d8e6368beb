// What pgml.snapshots.columns holds: name, type and statistics of every column of a dataset.
#include "pgml/train.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "pgml/error.h"
#include "base/stoppable.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

using Json = nlohmann::ordered_json;

/// Order statistics (median, mode, ventiles, histogram, distinct) sort the values: beyond this many
/// cells they come from evenly spaced ones. The sums are always exact.
constexpr size_t kMaxSorted = 100000;

Json
Number(double value) {
	return std::isfinite(value) ? Json(value) : Json();
}

/// A feature's cell as the user wrote it: the shortest decimal that gives the same float32.
double
Shortest(double value) {
	double result = value;
	std::string text = fmt::format("{}", static_cast<float>(value));
	std::from_chars(text.data(), text.data() + text.size(), result);
	return result;
}

void
AddOrderStatistics(Json &result, std::vector<double> &values, double (*show)(double)) {
	size_t count = values.size();
	std::sort(values.begin(), values.end());
	double low = values.front(), high = values.back();
	result["median"] =
		Number(count % 2 ? values[count / 2] : values[count / 2 - 1] / 2 + values[count / 2] / 2);
	size_t distinct = 0, best_run = 0;
	double mode = low;
	for (size_t i = 0; i < count;) {
		size_t end = i;
		while (end < count && values[end] == values[i])
			end++;
		if (end - i > best_run) {
			best_run = end - i;
			mode = values[i];
		}
		distinct++;
		i = end;
	}
	result["mode"] = Number(show(mode));
	result["distinct"] = distinct;
	std::vector<size_t> histogram(20);
	for (double value : values) {
		double position =
			high > low && std::isfinite(high - low) ? (value - low) / (high - low) * 20 : 0;
		histogram[std::min<size_t>(static_cast<size_t>(position), 19)]++;
	}
	result["histogram"] = histogram;
	Json ventiles = Json::array();
	for (size_t k = 1; k < 20; k++)
		ventiles.push_back(Number(show(values[std::min(count - 1, count * k / 20)])));
	result["ventiles"] = ventiles;
}

double
AsIs(double value) {
	return value;
}

/// @param at    function cell number -> double, NaN = missing
/// @param show  how a single cell is shown
template <typename At>
Json
NumberStatistics(size_t cells, const At &at, double (*show)(double), const StopToken &stop) {
	Json result;
	Poll poll(stop);
	double sum = 0, low = HUGE_VAL, high = -HUGE_VAL;
	size_t count = 0;
	for (size_t i = 0; i < cells; i++) {
		poll();
		double value = at(i);
		if (std::isnan(value))
			continue;
		count++;
		sum += value;
		low = std::min(low, value);
		high = std::max(high, value);
	}
	result["missing"] = cells - count;
	if (count == 0)
		return result;
	double mean = sum / static_cast<double>(count), squares = 0;
	size_t step = (cells + kMaxSorted - 1) / kMaxSorted;
	std::vector<double> sample;
	for (size_t i = 0; i < cells; i++) {
		poll();
		double value = at(i);
		if (std::isnan(value))
			continue;
		squares += (value - mean) * (value - mean);
		if (i % step == 0)
			sample.push_back(value);
	}
	double variance = squares / static_cast<double>(count);
	result["min"] = Number(show(low));
	result["max"] = Number(show(high));
	result["max_abs"] = Number(show(std::max(std::fabs(low), std::fabs(high))));
	result["mean"] = Number(mean);
	result["variance"] = Number(variance);
	result["std_dev"] = Number(std::sqrt(variance));
	result["sampled"] = step > 1;
	if (!sample.empty())
		AddOrderStatistics(result, sample, show);
	return result;
}

template <typename At>
Json
TextStatistics(size_t cells, const std::vector<std::string> &values, const At &at,
			   const StopToken &stop) {
	Poll poll(stop);
	std::vector<size_t> members(values.size());
	size_t missing = 0;
	for (size_t i = 0; i < cells; i++) {
		poll();
		double code = at(i);
		if (code >= 0 && code < static_cast<double>(values.size()))
			members[static_cast<size_t>(code)]++;
		else
			missing++;
	}
	std::vector<size_t> order;
	for (size_t code = 0; code < values.size(); code++)
		if (members[code] > 0)
			order.push_back(code);
	constexpr size_t kMaxListed = 100;
	auto listed = order.begin() + static_cast<ptrdiff_t>(std::min(order.size(), kMaxListed));
	std::partial_sort(order.begin(), listed, order.end(), [&](size_t a, size_t b) {
		poll();
		return members[a] != members[b] ? members[a] > members[b] : values[a] < values[b];
	});
	Json result;
	result["missing"] = missing;
	result["distinct"] = order.size();
	Json categories = Json::object();
	for (size_t i = 0; i < order.size() && i < kMaxListed; i++)
		categories[values[order[i]]] = {{"members", members[order[i]]}};
	result["categories"] = categories;
	return result;
}

const char *
TypeName(FeatureType type) {
	switch (type) {
		case FeatureType::kBoolean:
			return "boolean";
		case FeatureType::kText:
			return "text";
		case FeatureType::kTime:
			return "time";
		case FeatureType::kNumber:
			break;
	}
	return "number";
}

Json
Column(const std::string &name, const char *type, bool label, size_t position, size_t size,
	   Json statistics) {
	Json column;
	column["name"] = name;
	column["type"] = type;
	column["label"] = label;
	column["position"] = position;
	column["size"] = size;
	column["array"] = size > 1;
	column["nullable"] = statistics["missing"] != 0;
	column["statistics"] = std::move(statistics);
	return column;
}

} // namespace

std::string
DescribeColumnsToJson(const Dataset &data, const std::vector<std::string> &target_names,
					  const StopToken &stop) {
	if (target_names.size() != data.n_targets)
		throw Error(ErrorCode::kInternal, "targets and their names differ in number");
	Json columns = Json::array();
	size_t rows = data.raw.rows(), first = 0, position = 1;
	for (size_t f = 0; f < data.features.size(); f++) {
		stop.ThrowIfStopped();
		const FeatureSpec &spec = data.features[f];
		const float *values = data.raw.column(first);
		auto at = [&](size_t cell) -> double {
			// Divisions only for the elements of an array.
			return cell < rows ? values[cell] : data.raw.column(first + cell / rows)[cell % rows];
		};
		Json statistics =
			spec.type == FeatureType::kText
				? TextStatistics(rows * spec.width, data.dictionaries[f].values(), at, stop)
				: NumberStatistics(rows * spec.width, at, Shortest, stop);
		columns.push_back(Column(spec.name, TypeName(spec.type), false, position++, spec.width,
								 std::move(statistics)));
		first += spec.width;
	}
	const char *type = data.target_is_text ? "text" : data.target_is_boolean ? "boolean" : "number";
	for (size_t t = 0; t < data.n_targets; t++) {
		stop.ThrowIfStopped();
		auto target_at = [&](size_t row) { return data.target[row * data.n_targets + t]; };
		Json statistics = data.target_is_text
							  ? TextStatistics(rows, data.target_labels.values(), target_at, stop)
							  : NumberStatistics(rows, target_at, AsIs, stop);
		columns.push_back(
			Column(target_names[t], type, true, position++, 1, std::move(statistics)));
	}
	// Text in another encoding than UTF-8 must not make the description fail.
	return columns.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace pgml
