#pragma once
/**
 * Tree ensembles: numeric splits `x < threshold` on float32, categorical splits by a set, missing
 * values to a default side, one group of margins per class. The walker here is the oracle that faster
 * engines are compared with: it gives XGBoost's margin bit for bit, because it does the same float32
 * additions in the same order (base margin first, then the trees in turn).
 *
 * Nodes of a tree lie in breadth-first order, siblings side by side, so the two children of the
 * k-th internal node are nodes 2k+1 and 2k+2. This makes every stored sequence of nodes either a
 * proper tree or refusable at sight: there is no child index that could point anywhere else.
 *
 * A set of categories is a bitset: a count of 32-bit words, then the words, category c in bit c % 32 of
 * word c / 32. All sets of an ensemble lie in one array; a categorical split holds the place of its set.
 */
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "artefact/learner.h"

namespace pgml {

struct TreeNode {
	float
		value; ///< threshold, or the leaf's value; categorical split: the place of the set, as bits
	uint32_t feature; ///< column, kDefaultLeft, kCategorical; kLeaf for a leaf
	uint32_t
		left; ///< left child, counted from the tree's root; the right one follows it; 0 for a leaf

	static constexpr uint32_t kDefaultLeft = 1u << 31;
	static constexpr uint32_t kCategorical = 1u << 30;
	static constexpr uint32_t kLeaf = UINT32_MAX;

	/// A split that sends the categories of a set to the right.
	/// @param flags  0 or kDefaultLeft
	static TreeNode
	Categorical(uint32_t column, uint32_t flags, size_t set) {
		return {std::bit_cast<float>(static_cast<uint32_t>(set)), column | flags | kCategorical, 0};
	}
	bool
	is_leaf() const {
		return left == 0;
	}
	/// Of a split.
	bool
	default_left() const {
		return (feature & kDefaultLeft) != 0;
	}
	/// Of a split.
	bool
	is_categorical() const {
		return (feature & kCategorical) != 0;
	}
	/// Of a categorical split: the place of its set in TreeEnsemble::sets().
	uint32_t
	set() const {
		return std::bit_cast<uint32_t>(value);
	}
	uint32_t
	column() const {
		return feature & ~(kDefaultLeft | kCategorical);
	}
};

/// Categories are whole numbers from 0 to below this: those that float32 tells apart.
constexpr uint32_t kCategoryLimit = 1u << 24;

/// Whether a value is in a set, as XGBoost decides: the value is truncated to a whole number; what is
/// negative or beyond the words of the set is not in it. @param set  count of words, words
inline bool
InCategorySet(const uint32_t *set, float x) {
	if (!(x >= 0) || x >= static_cast<float>(kCategoryLimit))
		return false;
	auto category = static_cast<uint32_t>(x);
	return category / 32 < set[0] && (set[1 + category / 32] >> category % 32 & 1) != 0;
}

/// A tree that is to be added to an ensemble.
struct TreeParts {
	std::vector<TreeNode> nodes;      ///< breadth-first; `left` is not read
	std::vector<uint32_t> sets;       ///< what the nodes' places refer to
	std::vector<float> gains, covers; ///< of every split, in their order; empty: not known

	/// @return the place of a new set
	size_t
	AddSet(std::span<const uint32_t> words) {
		size_t place = sets.size();
		while (!words.empty() && words.back() == 0) // one form per set
			words = words.first(words.size() - 1);
		sets.push_back(static_cast<uint32_t>(words.size()));
		sets.insert(sets.end(), words.begin(), words.end());
		return place;
	}
};

struct Tree {
	uint32_t group = 0; ///< which margin its leaf is added to
	size_t first = 0;   ///< root in TreeEnsemble::nodes()
	size_t n_nodes = 0;
	uint32_t depth = 0; ///< longest path in edges
};

/// Nodes of all trees of a model: 400 MB in memory, 270 MB stored.
constexpr size_t kMaxEnsembleNodes = size_t{1} << 25;

/// @throws Error(kLimitExceeded): more than kMaxEnsembleNodes
[[noreturn]] void RefuseNodes();

class TreeEnsemble : public Learner {
public:
	static constexpr uint32_t kMaxDepth = 1024;
	/// Of all sets together: 128 MB.
	static constexpr size_t kMaxSetWords = size_t{1} << 25;

	/// @param base_margins  one per group
	TreeEnsemble(size_t n_columns, std::vector<float> base_margins)
		: n_columns_(n_columns), base_margins_(std::move(base_margins)) {}

	/// Appends a tree and sets the children of its nodes.
	/// @return nullptr, or what is wrong with it (nothing is appended then)
	const char *AddTree(uint32_t group, const TreeParts &parts);
	const char *
	AddTree(uint32_t group, std::vector<TreeNode> nodes) {
		return AddTree(group, TreeParts{std::move(nodes), {}, {}, {}});
	}

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
	/// The sets of all categorical splits; empty when there is no such split.
	const std::vector<uint32_t> &
	sets() const {
		return sets_;
	}
	/// By how much each split improved the objective of the training, in the order of the splits among
	/// nodes(); empty unless it is known of all.
	const std::vector<float> &
	gains() const {
		return gains_;
	}
	/// The weight of the training rows that came to each split (XGBoost: sum of hessians), likewise.
	const std::vector<float> &
	covers() const {
		return covers_;
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
	static constexpr uint8_t kHasGains = 1, kHasCovers = 2; // stored
	uint8_t
	StatisticsFlags() const {
		return static_cast<uint8_t>((gains_.empty() ? 0 : kHasGains) |
									(covers_.empty() ? 0 : kHasCovers));
	}

	size_t n_columns_;
	std::vector<float> base_margins_;
	std::vector<Tree> trees_;
	std::vector<TreeNode> nodes_;
	std::vector<uint32_t> sets_;
	std::vector<float> gains_, covers_;
	bool has_gains_ = true, has_covers_ = true; ///< for every split so far
};

} // namespace pgml
