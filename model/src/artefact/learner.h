#pragma once
/// What a learning algorithm leaves behind: columns -> margins. Immutable; const functions may run
/// on several threads.
#include <cstdint>
#include <limits>
#include <memory>

#include "base/codec.h"
#include "pgml/matrix.h"

namespace pgml {

enum class LearnerKind : uint8_t {
	kTrees = 0,
	kLinear = 1,
	kNeighbors = 2,
	kSupportVectors = 3,
	kPerceptron = 4,
	kCentroids = 5,
	kProjection = 6,
	kJoint = 7,
	kCompiledTrees = 255 ///< never stored: see engine/block_learner.h
};                       // stored: do not change values
constexpr uint8_t kLearnerKinds = 8;

/// Infinite features count as the largest number, so that no prediction becomes NaN.
inline float
ClampFeature(float value) {
	constexpr float kLimit = std::numeric_limits<float>::max();
	return value > kLimit ? kLimit : value >= -kLimit ? value : value < 0 ? -kLimit : 0;
}

/// A margin as float32, kept finite so that softmax of it is defined.
inline float
ClampMargin(double value) {
	constexpr double kLimit = std::numeric_limits<float>::max();
	return static_cast<float>(value > kLimit     ? kLimit
							  : value >= -kLimit ? value
							  : value < 0        ? -kLimit
												 : 0);
}

class Learner {
public:
	virtual ~Learner() = default;
	virtual LearnerKind kind() const = 0;
	/// Whether columns may hold NaN: else the preprocessing imputes them all.
	virtual bool
	takes_missing() const {
		return kind() == LearnerKind::kTrees;
	}
	/// Columns it reads, and margins per row.
	virtual size_t n_columns() const = 0;
	virtual size_t n_groups() const = 0;
	/// Margins, row-major [rows, n_groups]. The result of a row does not depend on the rows beside
	/// it.
	virtual void Margins(MatrixView columns, float *out) const = 0;
	/// Single-group margins in the learner's own precision. @param out length rows
	virtual void Values(MatrixView columns, double *out) const = 0;
	/// In units of cpu_operator_cost.
	virtual double RowCost() const = 0;
	virtual void Encode(Writer &writer) const = 0;
};

} // namespace pgml
