#pragma once
/// Linear models: margin = intercept + sum of weight * column, summed in double in column order.
#include <vector>

#include "artefact/learner.h"

namespace pgml {

struct LinearGroup {
	double intercept = 0;
	std::vector<double> weights;
};

class LinearModel : public Learner {
public:
	/// @param groups  one for regression and two classes, one per class otherwise; all of the same
	/// width
	LinearModel(size_t n_columns, std::vector<LinearGroup> groups)
		: n_columns_(n_columns), groups_(std::move(groups)) {}
	const std::vector<LinearGroup> &
	groups() const {
		return groups_;
	}

	LearnerKind
	kind() const override {
		return LearnerKind::kLinear;
	}
	size_t
	n_columns() const override {
		return n_columns_;
	}
	size_t
	n_groups() const override {
		return groups_.size();
	}
	void Margins(MatrixView columns, float *out) const override;
	void Values(MatrixView columns, double *out) const override;
	double RowCost() const override;
	void Encode(Writer &writer) const override;
	static std::unique_ptr<const LinearModel> Decode(Reader &reader);

private:
	size_t n_columns_;
	std::vector<LinearGroup> groups_;
};

} // namespace pgml
