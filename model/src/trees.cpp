// The generic tree walker and the stored form of an ensemble.
#include "trees.h"

#include <algorithm>
#include <cmath>

#include "no_postgres.h"

namespace pgml {

namespace {

constexpr size_t kTile = 1024;

/// The leaf that a row falls into.
inline float
Walk(const TreeNode *tree, MatrixView columns, size_t row) {
	const TreeNode *node = tree;
	while (!node->is_leaf()) {
		float x = columns.column(node->column())[row];
		bool go_left = std::isnan(x) ? node->default_left() : x < node->value;
		node = tree + node->left + !go_left;
	}
	return node->value;
}

} // namespace

const char *
TreeEnsemble::AddTree(uint32_t group, const std::vector<TreeNode> &nodes) {
	if (group >= n_groups())
		return "a tree of a group that does not exist";
	if (nodes.empty())
		return "a tree without nodes";
	Tree tree;
	tree.group = group;
	tree.first = nodes_.size();
	tree.n_nodes = nodes.size();
	// Levels are runs of nodes: the children of one run are the next.
	size_t next_child = 1, level_end = 1;
	std::vector<TreeNode> checked = nodes;
	for (size_t i = 0; i < checked.size(); i++) {
		if (i >= next_child)
			return "a node without parent";
		TreeNode &node = checked[i];
		if (i == level_end) {
			level_end = next_child;
			tree.depth++;
		}
		if (!std::isfinite(node.value))
			return "a threshold or leaf that is not finite";
		node.left = 0;
		if (node.feature == TreeNode::kLeaf)
			continue;
		if (node.column() >= n_columns_)
			return "a split on a column that does not exist";
		if (next_child + 2 > checked.size())
			return "a node without children";
		node.left = static_cast<uint32_t>(next_child);
		next_child += 2;
	}
	if (next_child != checked.size())
		return "a node without parent";
	if (tree.depth > kMaxDepth)
		return "a tree that is too deep";
	nodes_.insert(nodes_.end(), checked.begin(), checked.end());
	trees_.push_back(tree);
	return nullptr;
}

void
TreeEnsemble::Margins(MatrixView columns, float *out) const {
	size_t n_groups = base_margins_.size();
	for (size_t first = 0; first < columns.rows; first += kTile) {
		size_t rows = std::min(kTile, columns.rows - first);
		float *sums = out + first * n_groups;
		for (size_t row = 0; row < rows; row++)
			std::copy(base_margins_.begin(), base_margins_.end(), sums + row * n_groups);
		for (const Tree &tree : trees_) {
			const TreeNode *root = nodes_.data() + tree.first;
			for (size_t row = 0; row < rows; row++)
				sums[row * n_groups + tree.group] += Walk(root, columns, first + row);
		}
	}
}

void
TreeEnsemble::Values(MatrixView columns, double *out) const {
	float sums[kTile];
	for (size_t first = 0; first < columns.rows; first += kTile) {
		size_t rows = std::min(kTile, columns.rows - first);
		Margins(columns.Slice(first, rows), sums);
		std::copy_n(sums, rows, out + first);
	}
}

double
TreeEnsemble::RowCost() const {
	// About 18 ns per tree of depth 6, where the planner's unit is about 6 ns.
	double cost = 0;
	for (const Tree &tree : trees_)
		cost += 0.5 * std::log2(static_cast<double>(tree.n_nodes) + 1);
	return cost;
}

void
TreeEnsemble::Encode(Writer &writer) const {
	writer.Count(n_columns_);
	writer.Count(n_groups());
	for (float margin : base_margins_)
		writer.F32(margin);
	writer.Count(trees_.size());
	for (const Tree &tree : trees_) {
		writer.U32(tree.group);
		writer.Count(tree.n_nodes);
		for (size_t i = tree.first; i < tree.first + tree.n_nodes; i++) {
			writer.U32(nodes_[i].feature);
			writer.F32(nodes_[i].value);
		}
	}
}

std::unique_ptr<const TreeEnsemble>
TreeEnsemble::Decode(Reader &reader) {
	size_t n_columns = reader.U32();
	std::vector<float> base_margins(reader.Count(4, "margins"));
	reader.Check(!base_margins.empty(), "an ensemble without margins");
	for (float &margin : base_margins)
		margin = reader.FiniteF32("base margin");
	auto result = std::make_unique<TreeEnsemble>(n_columns, std::move(base_margins));
	size_t n_trees = reader.Count(4 + 4 + 8, "trees");
	std::vector<TreeNode> nodes;
	for (size_t t = 0; t < n_trees; t++) {
		uint32_t group = reader.U32();
		nodes.resize(reader.Count(8, "nodes"));
		for (TreeNode &node : nodes) {
			node.feature = reader.U32();
			node.value = reader.F32();
		}
		if (const char *problem = result->AddTree(group, nodes))
			reader.Fail(problem);
	}
	return result;
}

} // namespace pgml
