// Models that other programs trained, put together from their trees and names.
#include "pgml/import.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "import/lightgbm_text.h"
#include "artefact/model_impl.h"
#include "pgml/error.h"
#include "import/xgboost_json.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr size_t kMaxNameLength = 1000;

[[noreturn]] void
Refuse(const char *program, const std::string &what) {
	throw Error(ErrorCode::kCorruptModel, fmt::format("data is no model of {}", program),
				fmt::format("Found: {}.", what));
}

/// A text feature becomes the code that the other program gave its category: a table from our codes, which
/// are in the order of the bytes, to those.
void
SetCategories(const std::vector<std::string> &names, StringTable &categories,
			  FeatureTransform &transform) {
	if (names.size() > CategoryDictionary::kMaxCategories)
		throw MalformedFile{"a feature has too many categories"};
	std::vector<size_t> order(names.size());
	std::iota(order.begin(), order.end(), 0);
	std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return names[a] < names[b]; });
	for (size_t i = 0; i < order.size(); i++) {
		const std::string &name = names[order[i]];
		if (name.find('\0') != std::string::npos || (i > 0 && name == names[order[i - 1]]))
			throw MalformedFile{"a feature's category comes twice or holds a zero byte"};
		categories.Add(name);
		transform.table.push_back(static_cast<float>(order[i]));
	}
	transform.encoding = Encoding::kTable;
	transform.n_categories = order.size();
}

/// Features are numbers and need no preprocessing, or texts whose categories the file names.
/// @param categories  per feature, empty for a number; empty: all are numbers
void
SetFeatures(ModelParts &parts, const std::vector<std::string> &names, size_t count,
			const std::vector<std::vector<std::string>> &categories = {}) {
	for (size_t i = 0; i < count; i++) {
		std::string name = i < names.size() ? names[i] : fmt::format("f{}", i);
		if (name.empty() || name.size() > kMaxNameLength || name.find('\0') != std::string::npos)
			throw MalformedFile{"a feature's name is empty, too long or holds a zero byte"};
		bool is_text = i < categories.size() && !categories[i].empty();
		parts.features.push_back(
			{std::move(name), is_text ? FeatureType::kText : FeatureType::kNumber, 1});
		parts.categories.emplace_back();
		FeatureTransform transform;
		transform.columns.resize(1);
		if (is_text)
			SetCategories(categories[i], parts.categories.back(), transform);
		parts.preprocessor.Add(std::move(transform));
	}
}

/// Classes are numbered: the file does not have their names.
void
SetClasses(ModelParts &parts, size_t count) {
	parts.task = Task::kClassification;
	for (size_t i = 0; i < count; i++) {
		parts.class_labels.push_back(fmt::format("{}", i));
		parts.class_values.push_back(static_cast<double>(i));
	}
}

void
CheckSize(size_t size) {
	if (size > kMaxImportBytes)
		throw Error(ErrorCode::kLimitExceeded, "model file is too large",
					fmt::format("It has {} bytes, the limit is {}.", size, kMaxImportBytes));
}

std::unique_ptr<const Model>
Build(ModelParts parts) {
	if (const char *problem = parts.Inconsistency())
		throw MalformedFile{problem};
	return std::make_unique<ModelImpl>(std::move(parts));
}

} // namespace

std::unique_ptr<const Model>
ImportXgboost(std::span<const std::byte> bytes) {
	CheckSize(bytes.size());
	try {
		std::string_view text(reinterpret_cast<const char *>(bytes.data()), bytes.size());
		if (text.starts_with("binf"))
			throw Error(ErrorCode::kNotSupported,
						"XGBoost's old binary model format is not supported", "",
						"Load the model in XGBoost and save it as model.json or model.ubj.");
		// Both start with a brace. A key follows: quoted in JSON, its length in UBJSON.
		size_t second = text.find_first_not_of(" \t\r\n", 1);
		bool is_json =
			second != std::string_view::npos && (text[second] == '"' || text[second] == '}');
		if (!text.starts_with('{') && text.find_first_not_of(" \t\r\n") != std::string_view::npos)
			is_json = true;
		XgboostModel source;
		{
			FloatJson parsed = is_json ? ParseBoundedJson(text) : ParseUbjson(bytes);
			source = ReadXgboostModel(parsed);
		}
		ModelParts parts;
		parts.algorithm = "xgboost";
		SetFeatures(parts, source.feature_names, source.trees->n_columns(), source.category_names);
		const std::string &objective = source.objective;
		if (objective == "binary:logistic") {
			parts.link = Link::kLogistic;
			SetClasses(parts, 2);
		} else if (objective.starts_with("multi:")) {
			parts.link = Link::kSoftmax;
			SetClasses(parts, source.trees->n_groups());
		} else if (objective == "reg:logistic") {
			parts.link = Link::kLogistic;
		} else if (objective == "count:poisson" || objective == "reg:gamma" ||
				   objective == "reg:tweedie") {
			parts.link = Link::kExp;
		}
		parts.learner = std::move(source.trees);
		return Build(std::move(parts));
	} catch (const MalformedFile &problem) {
		Refuse("XGBoost", problem.what);
	}
}

std::unique_ptr<const Model>
ImportLightgbm(std::span<const std::byte> bytes) {
	CheckSize(bytes.size());
	try {
		LightgbmModel source =
			ReadLightgbmModel({reinterpret_cast<const char *>(bytes.data()), bytes.size()});
		ModelParts parts;
		parts.algorithm = "lightgbm";
		SetFeatures(parts, source.feature_names, source.trees->n_columns());
		if (source.n_classes > 0)
			SetClasses(parts, source.n_classes);
		parts.link = source.link;
		parts.learner = std::move(source.trees);
		return Build(std::move(parts));
	} catch (const MalformedFile &problem) {
		Refuse("LightGBM", problem.what);
	}
}

} // namespace pgml
