// Reads what XGBoost says about categories. A list of categories becomes a bitset, so a short file could
// ask for much memory: words are counted before they are made.
#include "import/xgboost_categories.h"

#include <algorithm>

#include <fmt/format.h>

#include "pgml/error.h"
#include "pgml/train.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

/// A whole number from 0 to `limit` - 1.
size_t
IndexOf(const FloatJson &value, size_t limit, const char *what) {
	if (!value.is_number_integer())
		throw MalformedFile{fmt::format("{} is no whole number", what)};
	auto number = value.get<int64_t>();
	if (number < 0 || static_cast<uint64_t>(number) >= limit)
		throw MalformedFile{fmt::format("{} is out of range", what)};
	return static_cast<size_t>(number);
}

/// An array, or an empty one where the file has none.
const FloatJson &
ArrayIn(const FloatJson &object, const char *name) {
	static const FloatJson *const empty = new FloatJson(FloatJson::array());
	auto found = object.find(name);
	if (found == object.end())
		return *empty;
	if (!found->is_array())
		throw MalformedFile{fmt::format("{} is no array", name)};
	return *found;
}

/// Names that lie one behind the other in an array of bytes.
std::vector<std::string>
TextCategories(const FloatJson &column) {
	const FloatJson &ends = ArrayIn(column, "offsets"), &bytes = ArrayIn(column, "values");
	std::string text;
	text.reserve(bytes.size());
	for (const FloatJson &byte : bytes) { // signed bytes
		if (!byte.is_number_integer())
			throw MalformedFile{"the name of a category is no text"};
		text.push_back(static_cast<char>(byte.get<int64_t>()));
	}
	std::vector<std::string> names;
	for (size_t i = 0; i + 1 < ends.size(); i++) {
		size_t begin = IndexOf(ends[i], text.size() + 1, "the place of a category's name");
		size_t end = IndexOf(ends[i + 1], text.size() + 1, "the place of a category's name");
		if (begin > end || (i == 0 && begin != 0))
			throw MalformedFile{"the places of category names are not in order"};
		names.push_back(text.substr(begin, end - begin));
	}
	return names;
}

/// Numbers are categories that mean themselves, or else values that this program would have to look up.
void
RequireCodes(const FloatJson &values, size_t feature) {
	for (size_t i = 0; i < values.size(); i++)
		if (!values[i].is_number_integer() || values[i].get<int64_t>() != static_cast<int64_t>(i))
			throw Error(
				ErrorCode::kNotSupported, "categories that are numbers are not supported",
				fmt::format("Feature {} has categories that are not 0, 1, 2 and so on.", feature),
				"Train the model on the codes of the categories, or on texts.");
}

} // namespace

SplitCategories::SplitCategories(const FloatJson &tree, size_t n_nodes)
	: categories_(&ArrayIn(tree, "categories")) {
	const FloatJson &nodes = ArrayIn(tree, "categories_nodes");
	const FloatJson &begins = ArrayIn(tree, "categories_segments");
	const FloatJson &sizes = ArrayIn(tree, "categories_sizes");
	if (nodes.size() != begins.size() || nodes.size() != sizes.size() || nodes.size() > n_nodes)
		throw MalformedFile{"the arrays of a tree's categories differ in length"};
	if (nodes.empty())
		return;
	segment_of_.assign(n_nodes, SIZE_MAX);
	size_t total = 0, n_categories = categories_->size();
	for (size_t i = 0; i < nodes.size(); i++) {
		segment_of_[IndexOf(nodes[i], n_nodes, "a categorical node")] = i;
		begins_.push_back(IndexOf(begins[i], n_categories + 1, "a segment of categories"));
		sizes_.push_back(
			IndexOf(sizes[i], n_categories - begins_[i] + 1, "a number of categories"));
		total += sizes_[i];
	}
	// Without this, segments that overlap would make time of nothing.
	if (total > n_categories)
		throw MalformedFile{"a tree's segments of categories overlap"};
}

size_t
SplitCategories::AddSet(size_t node, TreeParts &parts) const {
	if (segment_of_.empty() || segment_of_[node] == SIZE_MAX)
		throw MalformedFile{"a categorical split has no categories"};
	size_t begin = begins_[segment_of_[node]], size = sizes_[segment_of_[node]];
	words_.clear();
	for (size_t i = begin; i < begin + size; i++) {
		size_t category = IndexOf((*categories_)[i], kCategoryLimit, "a category");
		words_.resize(std::max(words_.size(), category / 32 + 1));
		words_[category / 32] |= 1u << category % 32;
	}
	if (words_.size() + 1 > TreeEnsemble::kMaxSetWords - parts.sets.size())
		throw Error(ErrorCode::kLimitExceeded, "model has too many categories in its splits");
	return parts.AddSet(words_);
}

std::vector<std::vector<std::string>>
CategoryNames(const FloatJson &model, size_t n_columns) {
	auto cats = model.find("cats");
	if (cats == model.end() || !cats->is_object())
		return {};
	const FloatJson &columns = ArrayIn(*cats, "enc");
	if (columns.empty())
		return {};
	if (columns.size() != n_columns)
		throw MalformedFile{"the categories do not fit num_feature"};
	std::vector<std::vector<std::string>> names(n_columns);
	for (size_t i = 0; i < n_columns; i++) {
		if (!columns[i].is_object())
			throw MalformedFile{"the categories of a feature are no object"};
		if (columns[i].contains("offsets"))
			names[i] = TextCategories(columns[i]);
		else
			RequireCodes(ArrayIn(columns[i], "values"), i);
	}
	return names;
}

} // namespace pgml
