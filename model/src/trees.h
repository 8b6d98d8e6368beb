#pragma once
/**
 * Tree ensembles: numeric splits `x < threshold` on float32, missing values to a default side, one
 * group of margins per class. The walker here is the oracle that faster engines are compared with:
 * it gives XGBoost's margin bit for bit, because it does the same float32 additions in the same
 * order (base margin first, then the trees in turn).
 *
 * Nodes of a tree lie in breadth-first order, siblings side by side, so the two children of the
 * k-th internal node are nodes 2k+1 and 2k+2. This makes every stored sequence of nodes either a
 * proper tree or refusable at sight: there is no child index that could point anywhere else.
 */
#include <cstdint>
#include <vector>

#include "learner.h"

namespace pgml {

struct TreeNode {
	float value;      ///< threshold, or the leaf's value
	uint32_t feature; ///< column, kDefaultLeft in bit 31; kLeaf for a leaf
	uint32_t
		left; ///< left child, counted from the tree's root; the right one follows it; 0 for a leaf

	static constexpr uint32_t kDefaultLeft = 1u << 31;
	static constexpr uint32_t kLeaf = UINT32_MAX;
	bool
	is_leaf() const {
		return left == 0;
	}
	bool
	default_left() const {
		return (feature & kDefaultLeft) != 0;
	}
	uint32_t
	column() const {
		return feature & ~kDefaultLeft;
	}
};

struct Tree {
	uint32_t group = 0; ///< which margin its leaf is added to
	size_t first = 0;   ///< root in TreeEnsemble::nodes()
	size_t n_nodes = 0;
	uint32_t depth = 0; ///< longest path in edges
};

class TreeEnsemble : public Learner {
public:
	static constexpr uint32_t kMaxDepth = 1024;

	/// @param base_margins  one per group
	TreeEnsemble(size_t n_columns, std::vector<float> base_margins)
		: n_columns_(n_columns), base_margins_(std::move(base_margins)) {}

	/// Appends a tree given as (feature with flags, value) per node in breadth-first order; sets
	/// the children.
	/// @return nullptr, or what is wrong with it (nothing is appended then)
	const char *AddTree(uint32_t group, const std::vector<TreeNode> &nodes);

	const std::vector<float> &
	base_margins() const {
		return base_margins_;
	}
	const std::vector<Tree> &
	trees() const {
		return trees_;
	}
	const std::vector<TreeNode> &
	nodes() const {
		return nodes_;
	}

	LearnerKind
	kind() const override {
		return LearnerKind::kTrees;
	}
	size_t
	n_columns() const override {
		return n_columns_;
	}
	size_t
	n_groups() const override {
		return base_margins_.size();
	}
	void Margins(MatrixView columns, float *out) const override;
	void Values(MatrixView columns, double *out) const override;
	double RowCost() const override;
	void Encode(Writer &writer) const override;
	static std::unique_ptr<const TreeEnsemble> Decode(Reader &reader);

private:
	size_t n_columns_;
	std::vector<float> base_margins_;
	std::vector<Tree> trees_;
	std::vector<TreeNode> nodes_;
};

} // namespace pgml
