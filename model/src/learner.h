#pragma once
/// What a learning algorithm leaves behind: columns -> margins. Immutable; const functions may run
/// on several threads.
#include <cstdint>
#include <memory>

#include "codec.h"
#include "pgml/matrix.h"

namespace pgml {

enum class LearnerKind : uint8_t { kTrees = 0, kLinear = 1 }; // stored: do not change values

class Learner {
public:
	virtual ~Learner() = default;
	virtual LearnerKind kind() const = 0;
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
