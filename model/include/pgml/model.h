#pragma once
/**
 * A trained model: preprocessing, learner and output mapping, immutable after construction.
 *
 * Data flow at prediction:
 *   raw features  (one float per FeatureSpec element: a number, 0/1, or a category code; NaN = missing)
 *     -> preprocessing inside the model (impute, encode, scale)
 *     -> learner (trees or linear) -> margins -> link -> value, class or probabilities
 *
 * All member functions are const and may be called from several threads at once, each with its own Workspace.
 */
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pgml/matrix.h"
#include "pgml/stop_token.h"

namespace pgml {

enum class Task : uint8_t {
	kRegression = 0,
	kClassification = 1,
	kClustering = 2,
	kDecomposition = 3
}; // stored: do not change values

/// The label of pgml.task: "regression" ...
const char *TaskName(Task task) noexcept;

/// False for the tasks that learn from the features alone.
constexpr bool
HasTarget(Task task) {
	return task == Task::kRegression || task == Task::kClassification;
}

enum class FeatureType : uint8_t {
	kNumber = 0,
	kBoolean = 1,
	kText = 2,
	kTime = 3 ///< a date or timestamp: days since 2000-01-01, with their fraction
};            // stored: do not change values

/// One feature as the user sees it: a column of the training relation.
struct FeatureSpec {
	std::string name;
	FeatureType type = FeatureType::kNumber;
	uint32_t width = 1; ///< elements: 1, or the fixed length of an array feature (flattened)
};

/// Scratch memory of one caller; grows to what is needed and is reused between batches.
class Workspace {
public:
	Matrix transformed;
	std::vector<float> margins;
	AlignedBuffer engine;
};

class Model {
public:
	virtual ~Model();

	/// Reads an artefact (docs/model-format.md). Nothing in the bytes is trusted.
	/// @throws Error(kCorruptModel) with the offset in the detail; Error(kNotSupported) for a newer version
	static std::unique_ptr<const Model> Decode(std::span<const std::byte> bytes);
	/// Deterministic: equal models give equal bytes.
	/// @throws Cancelled
	virtual std::vector<std::byte> Encode(const StopToken &stop = StopToken()) const = 0;

	virtual Task task() const = 0;
	virtual std::string_view algorithm() const = 0;
	virtual const std::vector<FeatureSpec> &features() const = 0;
	/// Columns of the raw matrix: the sum of the features' widths.
	virtual size_t raw_width() const = 0;
	/// Code of a text category, NaN when the training data did not have it.
	virtual float CategoryCode(size_t feature, std::string_view value) const = 0;
	/// Classification: the labels as text, in class order (numeric order for numeric targets, else sorted by bytes).
	virtual const std::vector<std::string> &class_labels() const = 0;
	/// Classification: the value that Predict gives for each class: the label itself for a numeric or boolean
	/// (0/1) target, the position in class_labels() for a text target.
	virtual const std::vector<double> &class_values() const = 0;
	/// Estimated cost of one row in units of the planner's cpu_operator_cost (0.0025), at least 1.
	virtual double RowCost() const = 0;
	/// Of each feature, whether predictions depend on it: not on a feature that no tree looks at. Models that are not made
	/// of trees depend on all.
	virtual std::vector<bool> UsedFeatures() const = 0;
	/// Trees that a row goes through; 0 for a model that is not made of trees.
	virtual size_t n_trees() const = 0;
	/// What evaluates it in this process now: EvaluatorName(), "generic" for what is not made of trees.
	virtual const char *evaluator() const = 0;

	/// Margins before the link, row-major [rows, n_groups]; n_groups = 1, or the number of classes for multi-class.
	virtual size_t margin_groups() const = 0;
	virtual void Margins(MatrixView raw, Workspace &work, float *out) const = 0;

	/// Numbers of a row that PredictVector gives: targets of a joint regression, components of a decomposition; 0
	/// for models of one number or class.
	virtual size_t vector_size() const = 0;
	/// @param out  row-major [rows, vector_size()]
	/// @throws Error(kInvalidArgument) when that is 0
	virtual void PredictVector(MatrixView raw, Workspace &work, float *out) const = 0;

	/// Regression: the value. Classification: class_values() of the most probable class. Clustering: the number of the
	/// cluster. @param out length rows
	/// @throws Error(kInvalidArgument) when vector_size() is not 0
	virtual void Predict(MatrixView raw, Workspace &work, double *out) const = 0;
	/// Classification: index into class_labels() of the most probable class (ties: the lowest). @param out length rows
	virtual void PredictClass(MatrixView raw, Workspace &work, int32_t *out) const = 0;
	/// Classification: probabilities, row-major [rows, number of classes]; each row sums to 1 within rounding.
	virtual void PredictProbabilities(MatrixView raw, Workspace &work, float *out) const = 0;

	/// Classification: the three above from the Margins() of rows, for callers that want more than one of them.
	virtual void PredictFromMargins(const float *margins, size_t rows, double *out) const = 0;
	virtual void PredictClassFromMargins(const float *margins, size_t rows, int32_t *out) const = 0;
	virtual void PredictProbabilitiesFromMargins(const float *margins, size_t rows,
												 float *out) const = 0;
};

} // namespace pgml
