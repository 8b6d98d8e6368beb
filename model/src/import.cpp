// Models that other programs trained, put together from their trees and names.
#include "pgml/import.h"

#include <fmt/format.h>

#include "model_impl.h"
#include "pgml/error.h"
#include "xgboost_json.h"

#include "no_postgres.h"

namespace pgml {

namespace {

constexpr size_t kMaxNameLength = 1000;

[[noreturn]] void
Refuse(const char *program, const std::string &what) {
	throw Error(ErrorCode::kCorruptModel, fmt::format("data is no model of {}", program),
				fmt::format("Found: {}.", what));
}

/// Features are numbers and need no preprocessing.
void
SetFeatures(ModelParts &parts, const std::vector<std::string> &names, size_t count) {
	for (size_t i = 0; i < count; i++) {
		std::string name = i < names.size() ? names[i] : fmt::format("f{}", i);
		if (name.empty() || name.size() > kMaxNameLength || name.find('\0') != std::string::npos)
			throw MalformedFile{"a feature's name is empty, too long or holds a zero byte"};
		parts.features.push_back({std::move(name), FeatureType::kNumber, 1});
		parts.categories.emplace_back();
		FeatureTransform transform;
		transform.columns.resize(1);
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

std::unique_ptr<const Model>
Build(ModelParts parts) {
	if (const char *problem = parts.Inconsistency())
		throw MalformedFile{problem};
	return std::make_unique<ModelImpl>(std::move(parts));
}

} // namespace

std::unique_ptr<const Model>
ImportXgboost(std::span<const std::byte> bytes) {
	if (bytes.size() > kMaxImportBytes)
		throw Error(
			ErrorCode::kLimitExceeded, "model file is too large",
			fmt::format("It has {} bytes, the limit is {}.", bytes.size(), kMaxImportBytes));
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
		SetFeatures(parts, source.feature_names, source.trees->n_columns());
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

} // namespace pgml
