#include "engine/plain_tree.h"

#include <cstring>

#include "base/no_postgres.h"

namespace pgml::engine {

uint32_t
CategorySets::Find(uint32_t feature, const uint32_t *words) {
	std::u32string key(words, words + 1 + words[0]);
	key.push_back(feature);
	auto [found, is_new] = numbers_.try_emplace(key, static_cast<uint32_t>(sets_.size()));
	if (is_new)
		sets_.push_back({feature, words, {kNoColumn, kNoColumn}});
	return found->second;
}

const PlainTree &
Simplifier::operator()(const Tree &tree) {
	const TreeNode *nodes = trees_.nodes().data() + tree.first;
	same_.assign(tree.n_nodes, 0);
	value_.resize(tree.n_nodes);
	for (size_t i = tree.n_nodes; i-- > 0;) {
		if (nodes[i].is_leaf()) {
			value_[i] = nodes[i].value;
			same_[i] = 1;
			continue;
		}
		size_t left = nodes[i].left;
		same_[i] = same_[left] && same_[left + 1] &&
				   std::memcmp(&value_[left], &value_[left + 1], sizeof(float)) == 0;
		value_[i] = value_[left];
	}
	plain_.inner.clear();
	plain_.leaves.clear();
	plain_.depth = 0;
	order_.clear();
	order_.push_back(0);
	size_t level_end = 1;
	for (size_t at = 0; at < order_.size(); at++) {
		if (at == level_end) {
			level_end = order_.size();
			plain_.depth++;
		}
		const TreeNode &node = nodes[order_[at]];
		if (same_[order_[at]])
			continue;
		order_.push_back(node.left);
		order_.push_back(node.left + 1);
		PlainTree::Inner inner = {
			node.column(), node.value, PlainTree::kNoSet, node.default_left(), {0, 0}};
		if (node.is_categorical())
			inner.set = sets_.Find(node.column(), trees_.sets().data() + node.set());
		plain_.inner.push_back(inner);
	}
	// The k-th inner node has the (2k+1)-th and (2k+2)-th of `order_` as its children.
	uint32_t n_inner = static_cast<uint32_t>(plain_.inner.size()), next_inner = 0;
	for (size_t at = 0; at < order_.size(); at++) {
		uint32_t reference;
		if (same_[order_[at]]) {
			reference = n_inner + static_cast<uint32_t>(plain_.leaves.size());
			plain_.leaves.push_back(value_[order_[at]]);
		} else {
			reference = next_inner++;
		}
		if (at > 0)
			plain_.inner[(at - 1) / 2].child[(at - 1) % 2] = reference;
	}
	return plain_;
}

TreeForm
FormOf(const PlainTree &tree) {
	if (tree.inner.empty())
		return TreeForm::kConstant;
	size_t n_leaves = tree.leaves.size();
	if (tree.depth <= kMaxCompleteDepth) {
		constexpr size_t kMaskCost = 10;
		if (n_leaves > kMaxMaskLeaves || kCompleteCost[tree.depth] <= kMaskCost + n_leaves)
			return TreeForm::kComplete;
	}
	return n_leaves <= kMaxMaskLeaves ? TreeForm::kMasks : TreeForm::kRanks;
}

} // namespace pgml::engine
