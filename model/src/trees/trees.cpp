// The generic tree walker and the stored form of an ensemble.
#include "trees/trees.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "pgml/error.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr size_t kTile = 1024;

/// The leaf that a row falls into. @param sets  nullptr: no split is categorical
inline float
Walk(const TreeNode *tree, const uint32_t *sets, MatrixView columns, size_t row) {
	const TreeNode *node = tree;
	while (!node->is_leaf()) {
		float x = columns.column(node->column())[row];
		bool go_left = false;
		if (std::isnan(x))
			go_left = node->default_left();
		else if (sets != nullptr && node->is_categorical())
			go_left = !InCategorySet(sets + node->set(), x);
		else
			go_left = x < node->value;
		node = tree + node->left + !go_left;
	}
	return node->value;
}

/// Whether a set lies at a place, in its one form.
bool
IsSet(const std::vector<uint32_t> &sets, size_t place) {
	if (place >= sets.size())
		return false;
	size_t n_words = sets[place];
	return n_words <= kCategoryLimit / 32 && n_words < sets.size() - place &&
		   (n_words == 0 || sets[place + n_words] != 0);
}

/// Appends the numbers of a tree's splits, or gives up on those of the whole ensemble.
void
AppendStatistics(const std::vector<float> &from, size_t n_splits, bool &has,
				 std::vector<float> &to) {
	has = has && from.size() == n_splits;
	if (has)
		to.insert(to.end(), from.begin(), from.end());
	else
		std::vector<float>().swap(to);
}

} // namespace

void
RefuseNodes() {
	throw Error(ErrorCode::kLimitExceeded, "trees have too many nodes",
				fmt::format("All trees together may have {} nodes.", kMaxEnsembleNodes),
				"Choose fewer trees, a smaller \"max_depth\" or \"max_leaf_nodes\", or a larger "
				"\"min_samples_leaf\".");
}

const char *
TreeEnsemble::AddTree(uint32_t group, const TreeParts &parts) {
	const std::vector<TreeNode> &nodes = parts.nodes;
	if (group >= n_groups())
		return "a tree of a group that does not exist";
	if (nodes.empty())
		return "a tree without nodes";
	if (parts.sets.size() > kMaxSetWords - sets_.size())
		return "too many categories in its splits";
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
		node.left = 0;
		bool is_leaf = node.feature == TreeNode::kLeaf;
		if (!is_leaf && node.is_categorical()) {
			if (!IsSet(parts.sets, node.set()))
				return "a split without its categories";
			node.value = std::bit_cast<float>(static_cast<uint32_t>(sets_.size() + node.set()));
		} else if (!std::isfinite(node.value)) {
			return "a threshold or leaf that is not finite";
		}
		if (is_leaf)
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
	AppendStatistics(parts.gains, nodes.size() / 2, has_gains_, gains_);
	AppendStatistics(parts.covers, nodes.size() / 2, has_covers_, covers_);
	sets_.insert(sets_.end(), parts.sets.begin(), parts.sets.end());
	nodes_.insert(nodes_.end(), checked.begin(), checked.end());
	trees_.push_back(tree);
	return nullptr;
}

void
TreeEnsemble::Margins(MatrixView columns, float *out) const {
	size_t n_groups = base_margins_.size();
	const uint32_t *sets = sets_.empty() ? nullptr : sets_.data();
	for (size_t first = 0; first < columns.rows; first += kTile) {
		size_t rows = std::min(kTile, columns.rows - first);
		float *sums = out + first * n_groups;
		for (size_t row = 0; row < rows; row++)
			std::copy(base_margins_.begin(), base_margins_.end(), sums + row * n_groups);
		for (const Tree &tree : trees_) {
			const TreeNode *root = nodes_.data() + tree.first;
			for (size_t row = 0; row < rows; row++)
				sums[row * n_groups + tree.group] += Walk(root, sets, columns, first + row);
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
	// About 3 ns per tree of depth 6 with the slowest engine, where the planner's unit is about 6 ns.
	double cost = 0;
	for (const Tree &tree : trees_)
		cost += 0.07 * std::log2(static_cast<double>(tree.n_nodes) + 1);
	return cost;
}

void
TreeEnsemble::Encode(Writer &writer) const {
	writer.Count(n_columns_);
	writer.Count(n_groups());
	for (float margin : base_margins_)
		writer.F32(margin);
	writer.U8(StatisticsFlags());
	writer.Count(trees_.size());
	size_t first_split = 0;
	for (const Tree &tree : trees_) {
		writer.U32(tree.group);
		writer.Count(tree.n_nodes);
		for (size_t i = tree.first; i < tree.first + tree.n_nodes; i++) {
			const TreeNode &node = nodes_[i];
			writer.U32(node.feature);
			if (node.is_leaf() || !node.is_categorical()) {
				writer.F32(node.value);
				continue;
			}
			const uint32_t *set = sets_.data() + node.set();
			writer.Count(set[0]);
			for (size_t word = 1; word <= set[0]; word++)
				writer.U32(set[word]);
		}
		size_t n_splits = tree.n_nodes / 2;
		for (const std::vector<float> *numbers : {&gains_, &covers_})
			for (size_t i = 0; i < n_splits && !numbers->empty(); i++)
				writer.F32((*numbers)[first_split + i]);
		first_split += n_splits;
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
	bool is_first_version = reader.version() == 1; // had neither categories nor statistics
	uint8_t flags = is_first_version ? 0 : reader.Enum((kHasGains | kHasCovers) + 1, "statistics");
	size_t n_trees = reader.Count(4 + 4 + 8, "trees");
	TreeParts parts;
	for (size_t t = 0; t < n_trees; t++) {
		uint32_t group = reader.U32();
		parts.sets.clear();
		parts.nodes.resize(reader.Count(8, "nodes"));
		for (TreeNode &node : parts.nodes) {
			node.feature = reader.U32();
			if (node.feature == TreeNode::kLeaf || !node.is_categorical()) {
				node.value = reader.F32();
				continue;
			}
			reader.Check(!is_first_version, "a split on a column that does not exist");
			node.value = std::bit_cast<float>(static_cast<uint32_t>(parts.sets.size()));
			size_t n_words = reader.Count(4, "categories");
			parts.sets.push_back(static_cast<uint32_t>(n_words));
			for (size_t word = 0; word < n_words; word++)
				parts.sets.push_back(reader.U32());
		}
		for (auto [flag, numbers] :
			 {std::pair{kHasGains, &parts.gains}, std::pair{kHasCovers, &parts.covers}}) {
			numbers->resize((flags & flag) != 0 ? parts.nodes.size() / 2 : 0);
			for (float &number : *numbers)
				number = reader.FiniteF32("a split's statistic");
		}
		if (const char *problem = result->AddTree(group, parts))
			reader.Fail(problem);
	}
	reader.Check(result->StatisticsFlags() == flags, "statistics of splits that do not exist");
	return result;
}

} // namespace pgml
