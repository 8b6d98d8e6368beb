// Checks that a block can be run without reading or writing outside of it and of the memory that its sizes promise.
#include <bit>

#include "engine/compile.h"
#include "trees/trees.h"

#include "base/no_postgres.h"

namespace pgml::engine {

namespace {

class Checker {
public:
	explicit Checker(std::span<const std::byte> bytes)
		: block_(reinterpret_cast<const BlockHeader *>(bytes.data())), size_(bytes.size()) {}

	const char *
	Problem() const {
		if (size_ < sizeof(BlockHeader) || reinterpret_cast<uintptr_t>(block_) % kAlignment != 0)
			return "a block that is too short or not aligned";
		if (block_->magic != kBlockMagic || block_->version != kBlockVersion)
			return "no block of this version";
		if (block_->size != size_)
			return "a block of another size";
		if (block_->n_groups == 0 || block_->n_columns > kMaxColumns ||
			(block_->wide == 0 && block_->n_columns > kNarrowColumns))
			return "counts that do not fit";
		if (!Has<float>(block_->base_margins, block_->n_groups) ||
			!Has<uint32_t>(block_->groups, block_->n_trees) ||
			!Has<uint32_t>(block_->used, block_->n_used) ||
			!Has<RankTable>(block_->tables, block_->n_tables) ||
			!Has<SetTable>(block_->sets, block_->n_sets) || !Has<Run>(block_->runs, block_->n_runs))
			return "an array outside of the block";
		const uint32_t *groups = At<uint32_t>(block_, block_->groups);
		for (size_t t = 0; t < block_->n_trees; t++)
			if (groups[t] >= block_->n_groups)
				return "a tree of a group that does not exist";
		const RankTable *tables = At<RankTable>(block_, block_->tables);
		for (size_t t = 0; t < block_->n_tables; t++)
			if (const char *problem = TableProblem(tables[t]))
				return problem;
		const SetTable *sets = At<SetTable>(block_, block_->sets);
		for (size_t s = 0; s < block_->n_sets; s++)
			if (sets[s].feature >= block_->n_features || !IsColumn(sets[s].left_column) ||
				!IsColumn(sets[s].right_column) || sets[s].n_words > kCategoryLimit / 32 ||
				!Has<uint32_t>(sets[s].words, sets[s].n_words))
				return "a set of categories that does not fit";
		const Run *runs = At<Run>(block_, block_->runs);
		uint64_t n_trees = 0;
		for (size_t r = 0; r < block_->n_runs; r++) {
			if (runs[r].first_tree != n_trees)
				return "runs that do not follow each other";
			n_trees += runs[r].n_trees;
			if (n_trees > block_->n_trees)
				return "more trees in runs than there are";
			if (const char *problem = RunProblem(runs[r]))
				return problem;
		}
		return n_trees == block_->n_trees ? nullptr : "trees in no run";
	}

private:
	/// Whether `count` elements and `slack` bytes behind them lie inside.
	template <typename T>
	bool
	Has(uint64_t offset, uint64_t count, uint64_t slack = 0) const {
		return offset % alignof(T) == 0 && offset <= size_ && slack <= size_ - offset &&
			   count <= (size_ - offset - slack) / sizeof(T);
	}

	bool
	IsColumn(uint32_t column) const {
		return column == kNoColumn || column < block_->n_columns;
	}

	const char *
	TableProblem(const RankTable &table) const {
		if (table.feature >= block_->n_features || table.levels < 1 || table.levels > 8 ||
			table.n_thresholds < 1 || table.n_thresholds >= 1u << table.levels)
			return "a rank table that does not fit";
		if (!IsColumn(table.left_column) || !IsColumn(table.right_column))
			return "a byte column that does not exist";
		size_t slots = size_t{1} << table.levels;
		if (table.search % kAlignment != 0 || !Has<float>(table.search, slots < 16 ? 16 : slots) ||
			!Has<float>(table.sorted, slots + 16))
			return "thresholds outside of the block";
		return nullptr;
	}

	template <typename Id>
	bool
	IdsFit(const Run &run, uint64_t count) const {
		if (!Has<Id>(run.nodes, count, kAlignment))
			return false;
		const Id *ids = At<Id>(block_, run.nodes);
		for (uint64_t i = 0; i < count; i++)
			if (ids[i] >= block_->n_columns)
				return false;
		return true;
	}

	const char *
	RunProblem(const Run &run) const {
		switch (run.form) {
			case TreeForm::kConstant:
				return Has<float>(run.leaves, run.n_trees) ? nullptr
														   : "leaves outside of the block";
			case TreeForm::kComplete: {
				if (run.depth < 1 || run.depth > kMaxCompleteDepth ||
					run.table_bits != (run.depth < 3 ? 3 : run.depth))
					return "a depth that does not fit";
				uint64_t slots = uint64_t{run.n_trees} << run.table_bits;
				bool ids_fit =
					block_->wide ? IdsFit<uint16_t>(run, slots) : IdsFit<uint8_t>(run, slots);
				if (!ids_fit || !Has<uint8_t>(run.thresholds, slots, kAlignment) ||
					(run.nodes | run.thresholds | run.leaves) % kAlignment != 0 ||
					!Has<float>(run.leaves, uint64_t{run.n_trees} << run.depth, kAlignment))
					return "a complete tree that does not fit";
				return nullptr;
			}
			case TreeForm::kMasks:
				return WalkedProblem<MaskNode>(run);
			case TreeForm::kRanks:
				return WalkedProblem<RankNode>(run);
			case TreeForm::kFloats:
				return WalkedProblem<FloatNode>(run);
		}
		return "a form of trees that does not exist";
	}

	bool
	TestFits(const MaskNode &node) const {
		return node.column < block_->n_columns;
	}
	bool
	TestFits(const RankNode &node) const {
		return node.column < block_->n_columns;
	}
	bool
	TestFits(const FloatNode &node) const {
		if ((node.feature & FloatNode::kCategorical) != 0 &&
			std::bit_cast<uint32_t>(node.threshold) >= block_->n_sets)
			return false;
		return (node.feature & ~FloatNode::kFlags) < block_->n_features;
	}

	/// Children come after their parent, so that every walk ends.
	template <typename Node>
	const char *
	WalkedProblem(const Run &run) const {
		if (!Has<TreeShape>(run.shapes, run.n_trees))
			return "shapes outside of the block";
		const TreeShape *shapes = At<TreeShape>(block_, run.shapes);
		for (size_t t = 0; t < run.n_trees; t++) {
			const TreeShape &shape = shapes[t];
			if (shape.n_leaves != uint64_t{shape.n_nodes} + 1 || shape.n_nodes == 0 ||
				(run.form == TreeForm::kMasks && shape.n_leaves > kMaxMaskLeaves) ||
				!Has<float>(run.leaves, uint64_t{shape.first_leaf} + shape.n_leaves, kAlignment) ||
				!Has<Node>(run.nodes, uint64_t{shape.first_node} + shape.n_nodes))
				return "a tree outside of the block";
			const Node *nodes = At<Node>(block_, run.nodes) + shape.first_node;
			for (size_t k = 0; k < shape.n_nodes; k++) {
				if (!TestFits(nodes[k]))
					return "a test of a column that does not exist";
				for (uint64_t child : nodes[k].child)
					if (child <= k || child >= uint64_t{shape.n_nodes} + shape.n_leaves)
						return "a child that does not exist";
			}
		}
		return nullptr;
	}

	const BlockHeader *block_;
	size_t size_;
};

} // namespace

const char *
BlockProblem(std::span<const std::byte> bytes) {
	return Checker(bytes).Problem();
}

} // namespace pgml::engine
