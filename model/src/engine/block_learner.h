#pragma once
/// A compiled ensemble as a learner: trees that are there only in the form that the engines run.
#include "engine/compiled_trees.h"
#include "artefact/learner.h"

namespace pgml::engine {

class BlockLearner final : public Learner {
public:
	/// @param block       must outlive the learner
	/// @param row_cost    of the ensemble that it was made from
	/// @param vote_scale  of models with link kVotes, see ModelImpl::VoteScale
	BlockLearner(const BlockHeader *block, double row_cost, float vote_scale)
		: block_(block), row_cost_(row_cost), vote_scale_(vote_scale) {}

	const BlockHeader *
	block() const {
		return block_;
	}
	float
	vote_scale() const {
		return vote_scale_;
	}
	LearnerKind
	kind() const override {
		return LearnerKind::kCompiledTrees;
	}
	bool
	takes_missing() const override {
		return true;
	}
	size_t
	n_columns() const override {
		return block_->n_features;
	}
	size_t
	n_groups() const override {
		return block_->n_groups;
	}
	double
	RowCost() const override {
		return row_cost_;
	}
	void Margins(MatrixView columns, float *out) const override;
	void Values(MatrixView columns, double *out) const override;
	/// @throws Error(kInternal): the nodes are gone
	[[noreturn]] void Encode(Writer &writer) const override;

private:
	const BlockHeader *block_;
	double row_cost_;
	float vote_scale_;
};

} // namespace pgml::engine
