#pragma once
/// Several targets: one learner of one margin for each, over the same columns.
#include <memory>
#include <vector>

#include "artefact/learner.h"

namespace pgml {

class JointModel : public Learner {
public:
	/// @param parts  at least two, of one group each and of equal width; none of them joint
	explicit JointModel(std::vector<std::unique_ptr<const Learner>> parts)
		: parts_(std::move(parts)) {}
	const std::vector<std::unique_ptr<const Learner>> &
	parts() const {
		return parts_;
	}

	LearnerKind
	kind() const override {
		return LearnerKind::kJoint;
	}
	bool takes_missing() const override;
	size_t
	n_columns() const override {
		return parts_[0]->n_columns();
	}
	size_t
	n_groups() const override {
		return parts_.size();
	}
	void Margins(MatrixView columns, float *out) const override;
	void Values(MatrixView columns, double *out) const override;
	double RowCost() const override;
	void Encode(Writer &writer) const override;
	static std::unique_ptr<const JointModel> Decode(Reader &reader);

private:
	std::vector<std::unique_ptr<const Learner>> parts_;
};

/// The learners of the targets as one: linear ones become one linear model of several groups.
/// @param parts  one per target; of one group each
std::unique_ptr<const Learner> JoinLearners(std::vector<std::unique_ptr<const Learner>> parts);

} // namespace pgml
