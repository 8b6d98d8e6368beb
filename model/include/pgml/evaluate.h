#pragma once
/// Looking at a model: its errors on given rows, what it rests on, what is inside. Metrics are in train.h.
#include <cstdint>
#include <string>
#include <vector>

#include "pgml/model.h"
#include "pgml/stop_token.h"
#include "pgml/train.h"

namespace pgml {

/// How often rows of one label got another.
struct ConfusionCell {
	std::string actual, predicted;
	uint64_t count;
};

/**
 * The pairs that occur, in class order; labels that the model does not know come behind its own.
 * @throws Error(kInvalidArgument) not a classification, or the data does not fit the model
 */
std::vector<ConfusionCell> ConfusionMatrix(const Model &model, const Dataset &data,
										   const StopToken &stop);

struct RocPoint {
	double
		threshold; ///< rows with at least this score count as the label; infinity in the first point
	double false_positive_rate, true_positive_rate;
};

/**
 * The curve from (0, 0) to (1, 1) by falling threshold, without points on a straight line between
 * their neighbours. The score is the probability of the label, or its margin over the other
 * classes where the model has no probabilities.
 * @param label  nullptr: the second of two classes
 * @throws Error(kInvalidArgument) not a classification, an unknown label, none for more than two
 *         classes; Error(kInvalidData) no rows with the label, or no others
 */
std::vector<RocPoint> RocCurve(const Model &model, const Dataset &data, const std::string *label,
							   const StopToken &stop);

/// XGBoost's kinds. A feature's gain and cover are means over its splits, the totals their sums.
enum class ImportanceKind : uint8_t {
	kDefault,
	kWeight, ///< number of splits
	kGain,
	kCover,
	kTotalGain,
	kTotalCover,
};

/// @throws Error(kInvalidArgument) listing what there is
ImportanceKind ImportanceKindOf(const std::string &name);

struct FeatureImportance {
	std::string feature;
	double importance; ///< share of the whole, >= 0
};

/**
 * How much the model rests on each feature, in the features' order; the sum is 1 unless all are 0.
 * Trees: by default what the program of the algorithm calls importance, the gain for XGBoost's trees and
 * the total gain for others; the weight where no gains are stored. Linear models: |weight| times the
 * spread (standard deviation) of the learner's column, means over the classes.
 * @param columns_json  what DescribeColumnsToJson gave for the training rows, or empty: spreads count
 *                      as 1 then
 * @throws Error(kNotSupported) for other learners, and for a kind that the model does not hold
 */
std::vector<FeatureImportance> FeatureImportances(const Model &model,
												  const std::string &columns_json,
												  ImportanceKind kind = ImportanceKind::kDefault);

/// Task, algorithm, classes, and every feature with its type and preprocessing, as a JSON object.
/// Categories are counted, not named: they are values of the training rows.
std::string DescribeModelToJson(const Model &model);

} // namespace pgml
