// What a model rests on, and what is inside: importances of features, description of the
// preprocessing.
#include "pgml/evaluate.h"

#include <cmath>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "clusters/centroids.h"
#include "linear/linear.h"
#include "artefact/model_impl.h"
#include "pgml/error.h"
#include "projection/projection.h"
#include "trees/trees.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

using Json = nlohmann::ordered_json;

struct KindName {
	ImportanceKind kind;
	const char *name;
};

constexpr KindName kKindNames[] = {{ImportanceKind::kWeight, "weight"},
								   {ImportanceKind::kGain, "gain"},
								   {ImportanceKind::kCover, "cover"},
								   {ImportanceKind::kTotalGain, "total_gain"},
								   {ImportanceKind::kTotalCover, "total_cover"}};

/// The kind that is meant, one that the model holds.
ImportanceKind
StoredKind(const ModelParts &parts, const TreeEnsemble *trees, ImportanceKind wanted) {
	if (trees == nullptr) {
		if (wanted != ImportanceKind::kDefault)
			throw Error(ErrorCode::kNotSupported, "only trees have kinds of feature importance", "",
						"Leave the kind out.");
		return wanted;
	}
	bool has_gains = !trees->gains().empty(), has_covers = !trees->covers().empty();
	if (wanted == ImportanceKind::kDefault) {
		if (!has_gains)
			return ImportanceKind::kWeight;
		return parts.algorithm.starts_with("xgboost") ? ImportanceKind::kGain
													  : ImportanceKind::kTotalGain;
	}
	bool is_gain = wanted == ImportanceKind::kGain || wanted == ImportanceKind::kTotalGain;
	if (wanted != ImportanceKind::kWeight && !(is_gain ? has_gains : has_covers))
		throw Error(
			ErrorCode::kNotSupported,
			fmt::format("model does not hold the {} of its splits", is_gain ? "gains" : "covers"),
			"It was trained by an older version, or imported without them.",
			"Use the kind \"weight\".");
	return wanted;
}

/// Sums over the splits of one feature.
struct SplitSums {
	double count = 0, gain = 0, cover = 0;
	double
	Of(ImportanceKind kind) const {
		switch (kind) {
			case ImportanceKind::kGain:
				return count > 0 ? gain / count : 0;
			case ImportanceKind::kCover:
				return count > 0 ? cover / count : 0;
			case ImportanceKind::kTotalGain:
				return gain;
			case ImportanceKind::kTotalCover:
				return cover;
			default:
				return count;
		}
	}
};

/// Per column of the learner.
std::vector<SplitSums>
SumSplits(const TreeEnsemble &trees) {
	std::vector<SplitSums> sums(trees.n_columns());
	size_t split = 0;
	for (const TreeNode &node : trees.nodes()) {
		if (node.is_leaf())
			continue;
		SplitSums &own = sums[node.column()];
		own.count++;
		if (!trees.gains().empty())
			own.gain += trees.gains()[split];
		if (!trees.covers().empty())
			own.cover += trees.covers()[split];
		split++;
	}
	return sums;
}

/// Mean over the groups of |weight|, per column of the learner.
std::vector<double>
MeanWeights(const LinearModel &linear) {
	std::vector<double> means(linear.n_columns());
	for (const LinearGroup &group : linear.groups())
		for (size_t column = 0; column < means.size(); column++)
			means[column] +=
				std::fabs(group.weights[column]) / static_cast<double>(linear.n_groups());
	return means;
}

/// Statistics of a feature out of pgml.snapshots.columns; null when there are none.
Json
StatisticsOf(const Json &columns, const std::string &feature) {
	if (columns.is_array())
		for (const Json &column : columns)
			if (column.is_object() && column.value("name", Json()) == feature &&
				column.value("label", Json()) != true)
				return column.value("statistics", Json());
	return Json();
}

/// Share of each category among the rows, in the model's codes; empty when it is not known.
std::vector<double>
CategoryShares(const Json &statistics, const StringTable &categories) {
	Json members = statistics.is_object() ? statistics.value("categories", Json()) : Json();
	if (!members.is_object())
		return {};
	std::vector<double> shares(categories.size());
	double total = 0;
	for (const auto &[text, category] : members.items()) {
		Json count = category.is_object() ? category.value("members", Json()) : Json();
		uint32_t code = categories.Find(text);
		if (!count.is_number() || code == HashIndex::kAbsent)
			continue;
		shares[code] = count.get<double>();
		total += shares[code];
	}
	if (!(total > 0))
		return {};
	for (double &share : shares)
		share /= total;
	return shares;
}

/// Standard deviation of an output column of the preprocessing over the training rows.
double
Spread(const FeatureTransform &transform, size_t column, const Json &statistics,
	   const std::vector<double> &shares) {
	double spread = 1;
	if (transform.encoding == Encoding::kNone) {
		Json deviation = statistics.is_object() ? statistics.value("std_dev", Json()) : Json();
		if (deviation.is_number())
			spread = deviation.get<double>();
	} else if (transform.encoding == Encoding::kOneHot) {
		if (column < shares.size())
			spread = std::sqrt(shares[column] * (1 - shares[column]));
	} else if (!shares.empty()) {
		double mean = 0, squares = 0;
		const float *table = transform.table.data() + column * transform.n_categories;
		for (size_t code = 0; code < shares.size() && code < transform.n_categories; code++) {
			mean += shares[code] * table[code];
			squares += shares[code] * table[code] * table[code];
		}
		spread = std::sqrt(std::max(0.0, squares - mean * mean));
	}
	if (column < transform.columns.size() && transform.columns[column].has_scale)
		spread *= std::fabs(transform.columns[column].factor);
	return spread;
}

Json
Number(double value) {
	return std::isfinite(value) ? Json(value) : Json();
}

/// The shortest decimal that gives the same float32.
Json
Shortest(float value) {
	return std::isfinite(value) ? Json(std::stod(fmt::format("{}", value))) : Json();
}

const char *
TypeName(FeatureType type) {
	return type == FeatureType::kText      ? "text"
		   : type == FeatureType::kTime    ? "time"
		   : type == FeatureType::kBoolean ? "boolean"
										   : "number";
}

Json
DescribePreprocessing(const FeatureTransform &transform) {
	Json result = Json::object();
	if (transform.encoding == Encoding::kOneHot) {
		result["encode"] = "one_hot";
		if (transform.fill_category < transform.n_categories)
			result["impute"] = "category";
	} else if (transform.encoding == Encoding::kTable) {
		result["encode"] = "table";
	}
	// One entry for all columns of a feature that are treated alike, as a scalar's one is.
	Json impute = Json::array(), scale = Json::array();
	for (const ColumnTransform &column : transform.columns) {
		impute.push_back(column.has_fill ? Shortest(column.fill) : Json());
		scale.push_back(column.has_scale ? Json{{"center", Number(column.center)},
												{"factor", Number(column.factor)}}
										 : Json());
	}
	for (auto &[name, values] : {std::pair<const char *, Json &>{"impute", impute},
								 std::pair<const char *, Json &>{"scale", scale}}) {
		bool any = false;
		for (const Json &value : values)
			any = any || !value.is_null();
		if (any)
			result[name] = values.size() == 1 ? values[0] : values;
	}
	return result;
}

} // namespace

ImportanceKind
ImportanceKindOf(const std::string &name) {
	std::string known;
	for (const KindName &kind : kKindNames) {
		if (name == kind.name)
			return kind.kind;
		known += (known.empty() ? "" : ", ") + std::string(kind.name);
	}
	throw Error(ErrorCode::kInvalidArgument,
				fmt::format("kind of feature importance \"{}\" does not exist", name), "",
				fmt::format("Available kinds: {}.", known));
}

std::vector<FeatureImportance>
FeatureImportances(const Model &model, const std::string &columns_json, ImportanceKind kind) {
	const ModelParts &parts = dynamic_cast<const ModelImpl &>(model).parts();
	const auto *trees = dynamic_cast<const TreeEnsemble *>(parts.learner.get());
	const auto *linear = dynamic_cast<const LinearModel *>(parts.learner.get());
	if (trees == nullptr && linear == nullptr)
		throw Error(ErrorCode::kNotSupported,
					fmt::format("algorithm \"{}\" has no feature importances", parts.algorithm), "",
					"Tree ensembles and linear models have them.");
	kind = StoredKind(parts, trees, kind);
	std::vector<SplitSums> splits;
	std::vector<double> weights;
	if (trees != nullptr)
		splits = SumSplits(*trees);
	else
		weights = MeanWeights(*linear);
	Json described = Json::parse(columns_json, nullptr, false);
	std::vector<FeatureImportance> result;
	double total = 0;
	for (size_t f = 0; f < parts.features.size(); f++) {
		const FeatureTransform &transform = parts.preprocessor.features()[f];
		Json statistics;
		std::vector<double> shares;
		if (linear != nullptr) {
			statistics = StatisticsOf(described, parts.features[f].name);
			shares = CategoryShares(statistics, parts.categories[f]);
		}
		double importance = 0;
		SplitSums own; // of all columns that the feature became
		for (size_t column = 0; column < transform.width; column++) {
			size_t at = transform.first_column + column;
			if (linear != nullptr) {
				importance += weights[at] * Spread(transform, column, statistics, shares);
				continue;
			}
			own.count += splits[at].count;
			own.gain += splits[at].gain;
			own.cover += splits[at].cover;
		}
		if (trees != nullptr)
			importance = std::max(own.Of(kind), 0.0);
		result.push_back({parts.features[f].name, importance});
		total += importance;
	}
	if (total > 0)
		for (FeatureImportance &feature : result)
			feature.importance /= total;
	return result;
}

std::string
DescribeModelToJson(const Model &model) {
	const ModelParts &parts = dynamic_cast<const ModelImpl &>(model).parts();
	Json result;
	result["task"] = TaskName(parts.task);
	result["algorithm"] = parts.algorithm;
	if (parts.task == Task::kClassification)
		result["classes"] = parts.class_labels;
	if (parts.task == Task::kRegression && model.vector_size() > 0)
		result["targets"] = model.vector_size();
	if (const auto *clusters = dynamic_cast<const CentroidModel *>(parts.learner.get()))
		result["clusters"] = clusters->n_clusters();
	if (const auto *projection = dynamic_cast<const ProjectionModel *>(parts.learner.get())) {
		result["components"] = projection->n_groups();
		Json ratios = Json::array();
		for (double variance : projection->parts().variances)
			ratios.push_back(Number(variance / projection->parts().total_variance));
		result["explained_variance_ratio"] = std::move(ratios);
	}
	Json features = Json::array();
	for (size_t f = 0; f < parts.features.size(); f++) {
		Json feature;
		feature["name"] = parts.features[f].name;
		feature["type"] = TypeName(parts.features[f].type);
		if (parts.features[f].width > 1)
			feature["size"] = parts.features[f].width;
		if (parts.features[f].type == FeatureType::kText)
			feature["categories"] = parts.categories[f].size();
		feature["preprocessing"] = DescribePreprocessing(parts.preprocessor.features()[f]);
		features.push_back(std::move(feature));
	}
	result["features"] = std::move(features);
	return result.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace pgml
