// The compiler from a tree ensemble to a block. Three passes over the trees: which form each takes and
// which thresholds there are; which byte columns they need; the bytes themselves.
#include "engine/compile.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <vector>

#include "engine/plain_tree.h"
#include "pgml/error.h"

#include "base/no_postgres.h"

namespace pgml::engine {

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr size_t kMaxBlockSize = size_t{1} << 40;
/// Ranking is for the trees that are walked, too, while it stays cheap beside walking them.
constexpr size_t kWalksPerTable = 4, kMaxWalkColumns = 4096;

/// Arrays of a block, each aligned, written into memory that is laid out first.
class Layout {
public:
	template <typename T>
	uint64_t
	Add(size_t count) {
		if (count > kMaxBlockSize / sizeof(T) ||
			(size_ += RoundUp(count * sizeof(T), kAlignment)) > kMaxBlockSize)
			throw Error(ErrorCode::kLimitExceeded, "model is too large to be compiled");
		return size_ - RoundUp(count * sizeof(T), kAlignment);
	}
	/// Room that vector loads may read behind an array.
	void
	Slack() {
		size_ += kAlignment;
	}
	size_t
	size() const {
		return size_;
	}

private:
	size_t size_ = RoundUp(sizeof(BlockHeader), kAlignment);
};

/// The thresholds of one feature, and its rank tables.
struct Feature {
	std::vector<float> thresholds;
	/// Per table and side (right, left): whether some node needs it, then the byte column.
	std::vector<uint32_t> column[2];
	size_t
	n_tables() const {
		return (thresholds.size() + kChunk - 1) / kChunk;
	}
	void
	SortThresholds() {
		std::sort(thresholds.begin(), thresholds.end());
		thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
		thresholds.shrink_to_fit();
	}
	size_t
	Position(float threshold) const {
		return static_cast<size_t>(
			std::lower_bound(thresholds.begin(), thresholds.end(), threshold) - thresholds.begin());
	}
};

class Compiler {
public:
	explicit Compiler(const TreeEnsemble &trees)
		: trees_(trees), simplify_(trees, sets_), base_margins_(trees.base_margins()),
		  features_(trees.n_columns()) {}

	Block
	Compile() {
		ChooseForms();
		ChooseColumns();
		LayOut();
		Block block(layout_.size());
		Write(block.data());
		return block;
	}

private:
	struct Chosen {
		uint32_t source;
		TreeForm form;
		uint32_t depth;
		uint32_t n_inner, n_leaves;
	};

	void
	ChooseForms() {
		std::vector<char> constant_so_far(trees_.n_groups(), 1);
		std::vector<char> used(trees_.n_columns(), 0);
		for (size_t t = 0; t < trees_.trees().size(); t++) {
			const Tree &tree = trees_.trees()[t];
			const PlainTree &plain = simplify_(tree);
			TreeForm form = FormOf(plain);
			if (form == TreeForm::kConstant && constant_so_far[tree.group]) {
				base_margins_[tree.group] += plain.leaves[0];
				continue;
			}
			constant_so_far[tree.group] = 0;
			chosen_.push_back({static_cast<uint32_t>(t), form, plain.depth,
							   static_cast<uint32_t>(plain.inner.size()),
							   static_cast<uint32_t>(plain.leaves.size())});
			for (const PlainTree::Inner &node : plain.inner)
				used[node.feature] = 1;
			if (form != TreeForm::kRanks)
				AddThresholds(plain, features_);
		}
		for (size_t f = 0; f < used.size(); f++)
			if (used[f])
				used_.push_back(static_cast<uint32_t>(f));
		for (Feature &feature : features_)
			feature.SortThresholds();
		AddWalkedTrees();
		ChooseDepths();
	}

	static void
	AddThresholds(const PlainTree &tree, std::vector<Feature> &features) {
		for (const PlainTree::Inner &node : tree.inner)
			if (node.set == PlainTree::kNoSet)
				features[node.feature].thresholds.push_back(node.threshold);
	}

	/// Trees with many leaves are walked on ranks, unless that would take too many rank tables.
	void
	AddWalkedTrees() {
		size_t n_walked = 0, before = 0, after = 0;
		std::vector<Feature> extended = features_;
		for (const Chosen &tree : chosen_) {
			if (tree.form != TreeForm::kRanks)
				continue;
			n_walked++;
			AddThresholds(simplify_(trees_.trees()[tree.source]), extended);
		}
		for (Feature &feature : extended)
			feature.SortThresholds();
		for (size_t f = 0; f < features_.size(); f++) {
			before += features_[f].n_tables();
			after += extended[f].n_tables();
		}
		before += sets_.all().size();
		after += sets_.all().size();
		if (after <= kMaxWalkColumns / 2 && after - before <= n_walked * kWalksPerTable) {
			features_ = std::move(extended);
		} else {
			for (Chosen &tree : chosen_)
				if (tree.form == TreeForm::kRanks)
					tree.form = TreeForm::kFloats;
		}
		if (2 * before > kMaxColumns) {
			// Not even the small trees can be ranked.
			for (Chosen &tree : chosen_)
				if (tree.form != TreeForm::kConstant)
					tree.form = TreeForm::kFloats;
			for (Feature &feature : features_)
				feature.thresholds.clear();
		}
	}

	/// Pads complete trees to the depth of their neighbours where that costs less than many short runs: the cheapest
	/// sequence of depths, each at least the tree's own.
	void
	ChooseDepths() {
		constexpr uint32_t kDepths = kMaxCompleteDepth + 1;
		struct Step {
			uint64_t cost[kDepths];
			uint8_t from[kDepths];
		};
		for (size_t first = 0; first < chosen_.size();) {
			size_t end = first;
			while (end < chosen_.size() && chosen_[end].form == TreeForm::kComplete)
				end++;
			std::vector<Step> steps(end - first);
			for (size_t i = 0; i < steps.size(); i++) {
				const Step *before = i > 0 ? &steps[i - 1] : nullptr;
				uint32_t cheapest = 0;
				for (uint32_t d = 0; before != nullptr && d < kDepths; d++)
					if (before->cost[d] < before->cost[cheapest])
						cheapest = d;
				for (uint32_t d = 0; d < kDepths; d++) {
					bool stays =
						before != nullptr && before->cost[d] <= before->cost[cheapest] + kRunCost;
					uint64_t cost = before == nullptr ? 0
									: stays           ? before->cost[d]
													  : before->cost[cheapest] + kRunCost;
					steps[i].from[d] = static_cast<uint8_t>(stays ? d : cheapest);
					steps[i].cost[d] = d < chosen_[first + i].depth
										   ? std::numeric_limits<uint64_t>::max() / 2
										   : cost + kCompleteCost[d];
				}
			}
			if (!steps.empty()) {
				const uint64_t *cost = steps.back().cost;
				size_t depth = static_cast<size_t>(std::min_element(cost, cost + kDepths) - cost);
				for (size_t i = steps.size(); i-- > 0; depth = steps[i].from[depth])
					chosen_[first + i].depth = static_cast<uint32_t>(depth);
			}
			first = end + 1;
		}
	}

	void
	ChooseColumns() {
		for (Feature &feature : features_)
			for (std::vector<uint32_t> &side : feature.column)
				side.assign(feature.n_tables(), kNoColumn);
		for (const Chosen &tree : chosen_) {
			if (tree.form == TreeForm::kConstant || tree.form == TreeForm::kFloats)
				continue;
			for (const PlainTree::Inner &node : simplify_(trees_.trees()[tree.source]).inner) {
				Feature &feature = features_[node.feature];
				if (node.set != PlainTree::kNoSet)
					sets_.all()[node.set].column[node.missing_left] = 0;
				else
					feature.column[node.missing_left][feature.Position(node.threshold) / kChunk] =
						0;
			}
		}
		for (uint32_t f = 0; f < features_.size(); f++)
			for (size_t k = 0; k < features_[f].n_tables(); k++) {
				RankTable table = {};
				table.feature = f;
				table.n_thresholds = static_cast<uint32_t>(
					std::min(kChunk, features_[f].thresholds.size() - k * kChunk));
				while ((1u << table.levels) <= table.n_thresholds)
					table.levels++;
				tables_.push_back({table, k});
			}
		std::stable_sort(tables_.begin(), tables_.end(), [](const auto &a, const auto &b) {
			return a.first.levels < b.first.levels;
		});
		for (auto &[table, k] : tables_) {
			Feature &feature = features_[table.feature];
			for (size_t side : {0, 1})
				if (feature.column[side][k] != kNoColumn)
					feature.column[side][k] = n_columns_++;
			table.right_column = feature.column[0][k];
			table.left_column = feature.column[1][k];
		}
		for (CategorySets::Set &set : sets_.all())
			for (uint32_t &column : set.column)
				if (column != kNoColumn)
					column = n_columns_++;
	}

	uint32_t
	CheckedCount(size_t count) const {
		if (count > UINT32_MAX)
			throw Error(ErrorCode::kLimitExceeded, "model is too large to be compiled");
		return static_cast<uint32_t>(count);
	}

	void
	LayOut() {
		header_.magic = kBlockMagic;
		header_.version = kBlockVersion;
		header_.n_features = CheckedCount(trees_.n_columns());
		header_.n_groups = CheckedCount(trees_.n_groups());
		header_.n_trees = CheckedCount(chosen_.size());
		header_.n_source_trees = CheckedCount(trees_.trees().size());
		header_.n_tables = CheckedCount(tables_.size());
		header_.n_sets = CheckedCount(sets_.all().size());
		header_.n_columns = n_columns_;
		header_.n_used = CheckedCount(used_.size());
		header_.wide = n_columns_ > kNarrowColumns;
		header_.base_margins = layout_.Add<float>(header_.n_groups);
		header_.groups = layout_.Add<uint32_t>(header_.n_trees);
		header_.used = layout_.Add<uint32_t>(header_.n_used);
		header_.tables = layout_.Add<RankTable>(header_.n_tables);
		header_.sets = layout_.Add<SetTable>(header_.n_sets);
		for (const CategorySets::Set &set : sets_.all())
			set_words_.push_back(layout_.Add<uint32_t>(set.words[0]));
		for (auto &[table, k] : tables_) {
			table.search = layout_.Add<float>(std::max<size_t>(16, size_t{1} << table.levels));
			table.sorted = layout_.Add<float>((size_t{1} << table.levels) + 16);
		}
		for (size_t t = 0; t < chosen_.size(); t++) {
			bool joins =
				!runs_.empty() && runs_.back().form == chosen_[t].form &&
				(chosen_[t].form != TreeForm::kComplete || runs_.back().depth == chosen_[t].depth);
			if (!joins) {
				Run run = {};
				run.form = chosen_[t].form;
				run.first_tree = static_cast<uint32_t>(t);
				runs_.push_back(run);
			}
			runs_.back().depth = std::max(runs_.back().depth, chosen_[t].depth);
			runs_.back().n_trees++;
		}
		header_.n_runs = CheckedCount(runs_.size());
		header_.runs = layout_.Add<Run>(header_.n_runs);
		for (Run &run : runs_)
			LayOutRun(run);
		layout_.Slack();
		header_.size = layout_.size();
	}

	void
	LayOutRun(Run &run) {
		size_t n_inner = 0, n_leaves = 0;
		for (size_t t = run.first_tree; t < run.first_tree + run.n_trees; t++) {
			n_inner += chosen_[t].n_inner;
			n_leaves += chosen_[t].n_leaves;
		}
		CheckedCount(n_inner);
		CheckedCount(n_leaves);
		switch (run.form) {
			case TreeForm::kConstant:
				break;
			case TreeForm::kComplete: {
				run.table_bits = std::max(run.depth, 3u);
				size_t slots = size_t{run.n_trees} << run.table_bits;
				run.nodes =
					header_.wide ? layout_.Add<uint16_t>(slots) : layout_.Add<uint8_t>(slots);
				run.thresholds = layout_.Add<uint8_t>(slots);
				layout_.Slack();
				n_leaves = size_t{run.n_trees} << run.depth;
				break;
			}
			case TreeForm::kMasks:
				run.nodes = layout_.Add<MaskNode>(n_inner);
				break;
			case TreeForm::kRanks:
				run.nodes = layout_.Add<RankNode>(n_inner);
				break;
			case TreeForm::kFloats:
				run.nodes = layout_.Add<FloatNode>(n_inner);
				break;
		}
		run.leaves = layout_.Add<float>(n_leaves);
		layout_.Slack();
		if (run.form == TreeForm::kMasks || run.form == TreeForm::kRanks ||
			run.form == TreeForm::kFloats)
			run.shapes = layout_.Add<TreeShape>(run.n_trees);
	}

	template <typename T>
	T *
	Array(uint64_t offset) const {
		return reinterpret_cast<T *>(bytes_ + offset);
	}

	void
	Write(std::byte *bytes) {
		bytes_ = bytes;
		std::memcpy(bytes, &header_, sizeof(header_));
		std::copy(base_margins_.begin(), base_margins_.end(), Array<float>(header_.base_margins));
		std::copy(used_.begin(), used_.end(), Array<uint32_t>(header_.used));
		std::copy(runs_.begin(), runs_.end(), Array<Run>(header_.runs));
		for (size_t t = 0; t < chosen_.size(); t++)
			Array<uint32_t>(header_.groups)[t] = trees_.trees()[chosen_[t].source].group;
		for (size_t i = 0; i < tables_.size(); i++) {
			Array<RankTable>(header_.tables)[i] = tables_[i].first;
			WriteTable(tables_[i].first, tables_[i].second);
		}
		for (size_t i = 0; i < sets_.all().size(); i++) {
			const CategorySets::Set &set = sets_.all()[i];
			Array<SetTable>(header_.sets)[i] = {set.feature, set.words[0], set.column[1],
												set.column[0], set_words_[i]};
			std::copy_n(set.words + 1, set.words[0], Array<uint32_t>(set_words_[i]));
		}
		for (const Run &run : runs_)
			WriteRun(run);
	}

	void
	WriteTable(const RankTable &table, size_t chunk) {
		const float *thresholds = features_[table.feature].thresholds.data() + chunk * kChunk;
		size_t slots = size_t{1} << table.levels;
		float *sorted = Array<float>(table.sorted), *search = Array<float>(table.search);
		std::fill_n(sorted, slots + 16, kNaN);
		std::copy_n(thresholds, table.n_thresholds, sorted);
		std::fill_n(search, std::max<size_t>(16, slots), kNaN);
		for (size_t level = 0; level < table.levels; level++) {
			size_t step = slots >> level;
			for (size_t k = 0; k < size_t{1} << level; k++)
				search[(size_t{1} << level) + k] = sorted[k * step + step / 2 - 1];
		}
	}

	void
	WriteRun(const Run &run) {
		TreeShape shape = {};
		for (size_t i = 0; i < run.n_trees; i++) {
			const PlainTree &tree = simplify_(trees_.trees()[chosen_[run.first_tree + i].source]);
			if (run.form == TreeForm::kComplete) {
				WriteComplete(run, i, tree, 1, 0, 0);
				continue;
			}
			std::copy(tree.leaves.begin(), tree.leaves.end(),
					  Array<float>(run.leaves) + shape.first_leaf);
			shape.n_nodes = static_cast<uint32_t>(tree.inner.size());
			shape.n_leaves = static_cast<uint32_t>(tree.leaves.size());
			if (run.form != TreeForm::kConstant) {
				Array<TreeShape>(run.shapes)[i] = shape;
				for (size_t k = 0; k < tree.inner.size(); k++)
					WriteNode(run, shape.first_node + k, tree.inner[k]);
			}
			shape.first_node += shape.n_nodes;
			shape.first_leaf += shape.n_leaves;
		}
	}

	/// Byte column and threshold of a node that compares ranks.
	std::pair<uint32_t, uint8_t>
	RankTest(const PlainTree::Inner &node) {
		if (node.set != PlainTree::kNoSet)
			return {sets_.all()[node.set].column[node.missing_left], 1};
		const Feature &feature = features_[node.feature];
		size_t position = feature.Position(node.threshold);
		return {feature.column[node.missing_left][position / kChunk],
				static_cast<uint8_t>(position % kChunk + 1)};
	}

	void
	WriteNode(const Run &run, size_t at, const PlainTree::Inner &node) {
		if (run.form == TreeForm::kFloats) {
			FloatNode result = {node.feature, node.threshold, {node.child[0], node.child[1]}};
			if (node.missing_left)
				result.feature |= FloatNode::kMissingLeft;
			if (node.set != PlainTree::kNoSet) {
				result.feature |= FloatNode::kCategorical;
				result.threshold = std::bit_cast<float>(node.set);
			}
			Array<FloatNode>(run.nodes)[at] = result;
			return;
		}
		auto [column, threshold] = RankTest(node);
		if (run.form == TreeForm::kRanks)
			Array<RankNode>(run.nodes)[at] = {
				static_cast<uint16_t>(column), threshold, 0, {node.child[0], node.child[1]}};
		else
			Array<MaskNode>(run.nodes)[at] = {
				static_cast<uint16_t>(column),
				threshold,
				0,
				{static_cast<uint16_t>(node.child[0]), static_cast<uint16_t>(node.child[1])}};
	}

	/// Writes what lies at `position` of the heap and below; below a leaf every test goes right.
	void
	WriteComplete(const Run &run, size_t tree_number, const PlainTree &tree, size_t position,
				  uint32_t level, uint32_t child) {
		bool leaf = tree.IsLeaf(child);
		if (level == run.depth) {
			size_t leaves = size_t{1} << run.depth;
			Array<float>(run.leaves)[tree_number * leaves + 2 * leaves - 1 - position] =
				tree.Leaf(child);
			return;
		}
		size_t slots = size_t{1} << run.table_bits;
		size_t slot = tree_number * slots + slots - 1 - position;
		auto [column, threshold] =
			leaf ? std::pair<uint32_t, uint8_t>() : RankTest(tree.inner[child]);
		if (header_.wide)
			Array<uint16_t>(run.nodes)[slot] = static_cast<uint16_t>(column);
		else
			Array<uint8_t>(run.nodes)[slot] = static_cast<uint8_t>(column);
		Array<uint8_t>(run.thresholds)[slot] = threshold;
		for (size_t side : {0, 1})
			WriteComplete(run, tree_number, tree, 2 * position + side, level + 1,
						  leaf ? child : tree.inner[child].child[side]);
	}

	const TreeEnsemble &trees_;
	CategorySets sets_;
	Simplifier simplify_;
	std::vector<float> base_margins_;
	std::vector<Feature> features_;
	std::vector<Chosen> chosen_;
	std::vector<uint32_t> used_;
	std::vector<std::pair<RankTable, size_t>> tables_; ///< with the number of the chunk
	std::vector<Run> runs_;
	std::vector<uint64_t> set_words_;
	uint32_t n_columns_ = 0;
	BlockHeader header_ = {};
	Layout layout_;
	std::byte *bytes_ = nullptr;
};

} // namespace

void
Block::Free::operator()(std::byte *bytes) const {
	::operator delete(bytes, std::align_val_t(kAlignment));
}

Block::Block(size_t size)
	: bytes_(static_cast<std::byte *>(::operator new(size, std::align_val_t(kAlignment)))),
	  size_(size) {
	std::memset(bytes_.get(), 0, size);
}

Block
CompileTrees(const TreeEnsemble &trees) {
	return Compiler(trees).Compile();
}

} // namespace pgml::engine
