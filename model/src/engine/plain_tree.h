#pragma once
/// What the compiler sees of a tree: splits and leaves in arrays of their own, nothing that could be left out.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/block.h"
#include "trees/trees.h"

namespace pgml::engine {

/// A tree without subtrees whose leaves are all equal.
struct PlainTree {
	static constexpr uint32_t kNoSet = UINT32_MAX;
	struct Inner {
		uint32_t feature;
		float threshold; ///< right is not (x < threshold)
		uint32_t set;    ///< categorical: right is in this one of CategorySets; else kNoSet
		bool missing_left;
		uint32_t child[2]; ///< left, right; from inner.size() on: leaves
	};
	std::vector<Inner> inner; ///< breadth-first
	std::vector<float> leaves;
	uint32_t depth = 0;

	bool
	IsLeaf(uint32_t child) const {
		return child >= inner.size();
	}
	float
	Leaf(uint32_t child) const {
		return leaves[child - inner.size()];
	}
};

/// The different sets of categories that the splits of an ensemble have, each of one feature.
class CategorySets {
public:
	struct Set {
		uint32_t feature;
		const uint32_t *words; ///< count, words
		uint32_t column[2];    ///< byte columns, of missing right and of missing left
	};
	/// The number of a set; equal ones of a feature have the same.
	uint32_t Find(uint32_t feature, const uint32_t *words);
	std::vector<Set> &
	all() {
		return sets_;
	}

private:
	std::vector<Set> sets_;
	std::map<std::u32string, uint32_t> numbers_;
};

/// Reads the trees of an ensemble one by one; its memory is used again for each.
class Simplifier {
public:
	Simplifier(const TreeEnsemble &trees, CategorySets &sets) : trees_(trees), sets_(sets) {}
	/// Valid until the next call.
	const PlainTree &operator()(const Tree &tree);

private:
	const TreeEnsemble &trees_;
	CategorySets &sets_;
	PlainTree plain_;
	std::vector<char> same_;
	std::vector<float> value_;
	std::vector<uint32_t> order_;
};

/// Time of a complete tree by depth, in units of what one more leaf costs kMasks, and of going over to another run.
constexpr uint32_t kCompleteCost[kMaxCompleteDepth + 1] = {0, 4, 4, 6, 9, 16, 28, 56, 104};
constexpr uint32_t kRunCost = 12;

/// The form that is fastest with 64 rows per vector; kRanks stands for all that is walked.
TreeForm FormOf(const PlainTree &tree);

} // namespace pgml::engine
