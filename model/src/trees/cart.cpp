// Grows one tree. The search for a split walks the rows of a node in the order of a column: sorted by
// rank, or, for numbers in a node with more rows than ranks, summed per rank.
#include "trees/cart.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "pgml/error.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr float kLargest = std::numeric_limits<float>::max();
constexpr double kNothing = -std::numeric_limits<double>::infinity();

/// Two sides of a split and how good it is, for numbers: the larger the score, the purer the sides.
class NumberSides {
public:
	static constexpr bool kSummable = true;
	struct Sums {
		double value = 0, weight = 0;
		uint32_t count = 0;
	};
	NumberSides(const CartTarget &target, const CartOptions &options)
		: target_(target), l2_(options.l2), poisson_(options.impurity == Impurity::kPoisson) {}

	bool
	SetNode(std::span<const uint32_t> rows) {
		total_ = {};
		bool pure = true;
		uint32_t first = rows.front();
		for (uint32_t row : rows) {
			total_.value += target_.values[row];
			total_.weight += target_.weights[row];
			double own = target_.values[row] * target_.weights[first];
			double other = target_.values[first] * target_.weights[row];
			pure = pure && std::fabs(own - other) <= 1e-14 * std::fabs(own);
		}
		return pure;
	}
	double
	NodeScore() const {
		return Score(total_.value, total_.weight);
	}
	void
	Start() {
		left_ = {};
	}
	void
	Move(uint32_t row) {
		left_.value += target_.values[row];
		left_.weight += target_.weights[row];
	}
	void
	Move(const Sums &sums) {
		left_.value += sums.value;
		left_.weight += sums.weight;
	}
	void
	AddTo(Sums &sums, uint32_t row) const {
		sums.value += target_.values[row];
		sums.weight += target_.weights[row];
		sums.count++;
	}
	double
	LeftWeight() const {
		return left_.weight;
	}
	double
	NodeWeight() const {
		return total_.weight;
	}
	double
	Score() const {
		return Score(left_.value, left_.weight) +
			   Score(total_.value - left_.value, total_.weight - left_.weight);
	}

private:
	double
	Score(double value, double weight) const {
		if (poisson_) // a side without events has no deviance; rounding may leave less than nothing
			return value > 0 && weight > 0 ? value * std::log(value / weight) : 0;
		return weight + l2_ > 0 ? value * value / (weight + l2_) : 0;
	}
	const CartTarget &target_;
	double l2_;
	bool poisson_;
	Sums total_, left_;
};

/// The same for classes: gini is sum c^2 / w, entropy sum c log c - w log w, both kept up to date as rows
/// move, whatever the number of classes.
class ClassSides {
public:
	static constexpr bool kSummable = false;
	struct Sums {
		uint32_t count = 0;
	};
	ClassSides(const CartTarget &target, const CartOptions &options)
		: target_(target), entropy_(options.impurity == Impurity::kEntropy),
		  counts_(target.n_classes), left_(target.n_classes), right_(target.n_classes) {}

	bool
	SetNode(std::span<const uint32_t> rows) {
		std::fill(counts_.begin(), counts_.end(), 0.0);
		weight_ = 0;
		for (uint32_t row : rows) {
			counts_[target_.classes[row]] += target_.weights[row];
			weight_ += target_.weights[row];
		}
		terms_ = 0;
		for (double count : counts_)
			terms_ += Term(count);
		return counts_[target_.classes[rows.front()]] == weight_;
	}
	double
	NodeScore() const {
		return Score(terms_, weight_);
	}
	void
	Start() {
		std::fill(left_.begin(), left_.end(), 0.0);
		right_ = counts_;
		left_weight_ = left_terms_ = 0;
		right_terms_ = terms_;
	}
	void
	Move(uint32_t row) {
		double weight = target_.weights[row];
		double &to = left_[target_.classes[row]], &from = right_[target_.classes[row]];
		left_terms_ -= Term(to);
		right_terms_ -= Term(from);
		to += weight;
		from -= weight;
		left_terms_ += Term(to);
		right_terms_ += Term(from);
		left_weight_ += weight;
	}
	void
	Move(const Sums &) {}
	void
	AddTo(Sums &, uint32_t) const {}
	double
	LeftWeight() const {
		return left_weight_;
	}
	double
	NodeWeight() const {
		return weight_;
	}
	double
	Score() const {
		return Score(left_terms_, left_weight_) + Score(right_terms_, weight_ - left_weight_);
	}

private:
	double
	Term(double count) const {
		return entropy_ ? (count > 0 ? count * std::log2(count) : 0) : count * count;
	}
	double
	Score(double terms, double weight) const {
		if (!(weight > 0))
			return 0;
		return entropy_ ? terms - weight * std::log2(weight) : terms / weight;
	}
	const CartTarget &target_;
	bool entropy_;
	std::vector<double> counts_, left_, right_;
	double weight_ = 0, terms_ = 0, left_weight_ = 0, left_terms_ = 0, right_terms_ = 0;
};

struct Split {
	double score = kNothing; ///< of the two sides together
	double gain = kNothing;
	uint32_t feature = 0;
	float threshold = 0;
	bool default_left = false;
};

template <typename Sides> class Grower {
public:
	Grower(const Bins &bins, const CartTarget &target, const CartOptions &options,
		   std::vector<uint32_t> features, Random &random, const StopToken &stop)
		: bins_(bins), options_(options), features_(std::move(features)), random_(random),
		  stop_(stop), sides_(target, options) {}

	CartTree
	Grow(std::vector<uint32_t> rows, size_t max_nodes) {
		tree_.rows = std::move(rows);
		CartNode root;
		root.end = static_cast<uint32_t>(tree_.rows.size());
		tree_.nodes.push_back(root);
		Consider(0);
		size_t n_leaves = 1;
		bool best_first = options_.max_leaf_nodes > 0;
		while (!open_.empty() && (!best_first || n_leaves < options_.max_leaf_nodes)) {
			if (best_first)
				std::pop_heap(open_.begin(), open_.end(), Worse);
			auto [node, split] = open_.back();
			open_.pop_back();
			if (tree_.nodes.size() + 2 > max_nodes)
				RefuseNodes();
			uint32_t left = Apply(node, split);
			n_leaves++;
			Consider(left + 1);
			Consider(left);
		}
		return std::move(tree_);
	}

private:
	struct Open {
		uint32_t node;
		Split split;
	};
	static bool
	Worse(const Open &a, const Open &b) {
		return a.split.gain != b.split.gain ? a.split.gain < b.split.gain : a.node > b.node;
	}

	void
	Poll(size_t cells) {
		if ((polled_ += cells) < 32768)
			return;
		polled_ = 0;
		stop_.ThrowIfStopped();
	}

	std::span<const uint32_t>
	RowsOf(const CartNode &node) const {
		return std::span(tree_.rows).subspan(node.begin, node.end - node.begin);
	}

	/// Looks for a split of a new node and puts it among the open ones if there is any.
	void
	Consider(uint32_t id) {
		const CartNode &node = tree_.nodes[id];
		std::span<const uint32_t> rows = RowsOf(node);
		Poll(rows.size() + 64);
		if (node.depth >= options_.max_depth || rows.size() < options_.min_samples_split ||
			rows.size() < 2 * options_.min_samples_leaf)
			return;
		if (sides_.SetNode(rows))
			return;
		if (id == 0)
			root_weight_ = sides_.NodeWeight();
		best_ = {};
		// Columns in random order, constant ones do not count.
		size_t looked_at = 0;
		bool in_order = options_.histogram && options_.max_features >= features_.size();
		for (size_t i = 0; i < features_.size() && looked_at < options_.max_features; i++) {
			if (!in_order)
				std::swap(features_[i], features_[i + random_.Below(features_.size() - i)]);
			looked_at += Search(features_[i], rows);
		}
		if (best_.score == kNothing)
			return;
		best_.gain = best_.score - sides_.NodeScore();
		if (!std::isfinite(best_.gain) || (options_.only_gains && !(best_.gain > 0)) ||
			best_.gain / root_weight_ + 1e-15 < options_.min_impurity_decrease)
			return;
		open_.push_back({id, best_});
		if (options_.max_leaf_nodes > 0)
			std::push_heap(open_.begin(), open_.end(), Worse);
	}

	/// @return whether the column has anything to split on
	bool
	Search(uint32_t feature, std::span<const uint32_t> rows) {
		Poll(rows.size());
		if (options_.random_thresholds)
			return SearchRandom(feature, rows);
		size_t n_bins = bins_.count(feature);
		bool summed = Sides::kSummable && rows.size() >= 2 * n_bins;
		if (summed)
			SumByRank(feature, rows, n_bins);
		else
			SortByRank(feature, rows);
		size_t n_missing = summed ? missing_sums_.count : missing_.size();
		if (groups_.size() + (n_missing > 0) < 2)
			return false;
		for (bool missing_left : {false, true}) {
			if (missing_left && n_missing == 0)
				break;
			sides_.Start();
			size_t n_left = 0;
			if (missing_left) {
				n_left = n_missing;
				sides_.Move(missing_sums_);
				for (uint32_t row : missing_)
					sides_.Move(row);
			}
			for (size_t g = 0; g < groups_.size(); g++) {
				const Group &group = groups_[g];
				if (g > 0)
					Try(feature, groups_[g - 1].rank, group.rank, n_left, rows.size(),
						n_missing == 0 ? 2 * n_left >= rows.size() : missing_left);
				if (summed)
					sides_.Move(sums_[group.rank]);
				for (uint32_t i = group.begin; i < group.end; i++)
					sides_.Move(static_cast<uint32_t>(keys_[i]));
				n_left += group.end - group.begin + (summed ? sums_[group.rank].count : 0);
			}
			// All present values against the missing ones.
			if (n_missing > 0 && !missing_left && !groups_.empty() &&
				bins_.high(feature, groups_.back().rank) < kLargest)
				Offer(feature, kLargest, n_left, rows.size(), false);
		}
		return true;
	}

	/// One threshold at random between the smallest and the largest value.
	bool
	SearchRandom(uint32_t feature, std::span<const uint32_t> rows) {
		const uint16_t *ranks = bins_.ranks(feature);
		uint16_t low = Bins::kMissing, high = 0;
		size_t n_missing = 0;
		for (uint32_t row : rows) {
			if (ranks[row] == Bins::kMissing) {
				n_missing++;
				continue;
			}
			low = std::min(low, ranks[row]);
			high = std::max(high, ranks[row]);
		}
		if (low == Bins::kMissing || (low == high && n_missing == 0))
			return false;
		double from = bins_.high(feature, low), to = bins_.low(feature, high);
		double unit = static_cast<double>(random_.Next() >> 11) * 0x1p-53;
		auto threshold = static_cast<float>(from + unit * (to - from));
		if (!(threshold > bins_.high(feature, low)))
			threshold = std::nextafter(bins_.high(feature, low), HUGE_VALF);
		threshold = std::min(threshold, bins_.low(feature, high));
		if (low == high) {
			if (bins_.high(feature, high) == kLargest)
				return false;
			threshold = kLargest;
		}
		for (bool missing_left : {false, true}) {
			if (missing_left && (n_missing == 0 || low == high))
				break;
			sides_.Start();
			size_t n_left = 0;
			for (uint32_t row : rows)
				if (ranks[row] == Bins::kMissing ? missing_left
												 : bins_.low(feature, ranks[row]) < threshold) {
					sides_.Move(row);
					n_left++;
				}
			Offer(feature, threshold, n_left, rows.size(),
				  n_missing == 0 ? 2 * n_left >= rows.size() : missing_left);
		}
		return true;
	}

	void
	SumByRank(uint32_t feature, std::span<const uint32_t> rows, size_t n_bins) {
		const uint16_t *ranks = bins_.ranks(feature);
		sums_.assign(n_bins, {});
		missing_sums_ = {};
		missing_.clear();
		for (uint32_t row : rows)
			sides_.AddTo(ranks[row] == Bins::kMissing ? missing_sums_ : sums_[ranks[row]], row);
		groups_.clear();
		for (size_t rank = 0; rank < n_bins; rank++)
			if (sums_[rank].count > 0)
				groups_.push_back({static_cast<uint16_t>(rank), 0, 0});
	}

	void
	SortByRank(uint32_t feature, std::span<const uint32_t> rows) {
		const uint16_t *ranks = bins_.ranks(feature);
		keys_.clear();
		missing_.clear();
		missing_sums_ = {};
		for (uint32_t row : rows)
			if (ranks[row] == Bins::kMissing)
				missing_.push_back(row);
			else
				keys_.push_back(static_cast<uint64_t>(ranks[row]) << 32 | row);
		if (keys_.size() < 512) {
			std::sort(keys_.begin(), keys_.end());
		} else {
			RadixPass(32);
			if (bins_.count(feature) > 256)
				RadixPass(40);
		}
		groups_.clear();
		for (size_t i = 0; i < keys_.size(); i++) {
			auto rank = static_cast<uint16_t>(keys_[i] >> 32);
			if (groups_.empty() || groups_.back().rank != rank)
				groups_.push_back({rank, static_cast<uint32_t>(i), 0});
			groups_.back().end = static_cast<uint32_t>(i + 1);
		}
	}

	void
	RadixPass(int shift) {
		size_t starts[257] = {};
		for (uint64_t key : keys_)
			starts[(key >> shift & 255) + 1]++;
		std::partial_sum(starts, starts + 257, starts);
		sorted_.resize(keys_.size());
		for (uint64_t key : keys_)
			sorted_[starts[key >> shift & 255]++] = key;
		keys_.swap(sorted_);
	}

	/// A threshold between two neighbouring ranks of the node.
	void
	Try(uint32_t feature, uint16_t last_left, uint16_t first_right, size_t n_left, size_t n_rows,
		bool default_left) {
		float threshold = options_.histogram ? bins_.cut(feature, last_left)
											 : HalfWay(bins_.high(feature, last_left),
													   bins_.low(feature, first_right));
		Offer(feature, threshold, n_left, n_rows, default_left);
	}

	void
	Offer(uint32_t feature, float threshold, size_t n_left, size_t n_rows, bool default_left) {
		size_t least = std::max<size_t>(options_.min_samples_leaf, 1);
		if (n_left < least || n_rows - n_left < least)
			return;
		double left = sides_.LeftWeight();
		if (std::min(left, sides_.NodeWeight() - left) < options_.min_weight_leaf)
			return;
		double score = sides_.Score();
		if (score > best_.score)
			best_ = {score, 0, feature, threshold, default_left};
	}

	/// Splits a node. @return the left child
	uint32_t
	Apply(uint32_t id, const Split &split) {
		auto left = static_cast<uint32_t>(tree_.nodes.size());
		CartNode node = tree_.nodes[id];
		node.left = left;
		node.feature = split.feature;
		node.threshold = split.threshold;
		node.default_left = split.default_left;
		node.gain = split.gain;
		tree_.nodes[id] = node;
		const uint16_t *ranks = bins_.ranks(split.feature);
		auto from = tree_.rows.begin() + node.begin, to = tree_.rows.begin() + node.end;
		// In place and in order: the rows stay ascending, which keeps memory access forward.
		moved_.clear();
		auto out = from;
		for (auto at = from; at != to; ++at) {
			bool goes_left = ranks[*at] == Bins::kMissing
								 ? split.default_left
								 : bins_.low(split.feature, ranks[*at]) < split.threshold;
			if (goes_left)
				*out++ = *at;
			else
				moved_.push_back(*at);
		}
		std::copy(moved_.begin(), moved_.end(), out);
		Poll(node.end - node.begin);
		auto middle = static_cast<uint32_t>(out - tree_.rows.begin());
		CartNode child;
		child.depth = node.depth + 1;
		child.begin = node.begin;
		child.end = middle;
		tree_.nodes.push_back(child);
		child.begin = middle;
		child.end = node.end;
		tree_.nodes.push_back(child);
		return left;
	}

	struct Group {
		uint16_t rank;
		uint32_t begin, end; ///< in keys_; empty when the rank is summed
	};
	const Bins &bins_;
	const CartOptions &options_;
	std::vector<uint32_t> features_;
	Random &random_;
	const StopToken &stop_;
	Sides sides_;
	CartTree tree_;
	std::vector<Open> open_;
	Split best_;
	double root_weight_ = 1;
	size_t polled_ = 0;
	std::vector<uint64_t> keys_, sorted_;
	std::vector<uint32_t> missing_, moved_;
	std::vector<typename Sides::Sums> sums_;
	typename Sides::Sums missing_sums_;
	std::vector<Group> groups_;
};

} // namespace

CartTree
GrowTree(const Bins &bins, const CartTarget &target, const CartOptions &options,
		 std::vector<uint32_t> features, std::vector<uint32_t> rows, size_t max_nodes,
		 Random &random, const StopToken &stop) {
	if (target.n_classes > 0)
		return Grower<ClassSides>(bins, target, options, std::move(features), random, stop)
			.Grow(std::move(rows), max_nodes);
	return Grower<NumberSides>(bins, target, options, std::move(features), random, stop)
		.Grow(std::move(rows), max_nodes);
}

size_t
CartTree::LeafOf(const Bins &bins, size_t row) const {
	size_t id = 0;
	while (!nodes[id].is_leaf()) {
		const CartNode &node = nodes[id];
		uint16_t rank = bins.ranks(node.feature)[row];
		bool goes_left = rank == Bins::kMissing ? node.default_left
												: bins.low(node.feature, rank) < node.threshold;
		id = node.left + !goes_left;
	}
	return id;
}

TreeParts
CartTree::Export(const std::vector<float> &leaf_values, std::vector<uint32_t> *splits) const {
	// Children stand behind their parent, so going backwards sees them first.
	std::vector<float> value = leaf_values;
	std::vector<char> is_leaf(nodes.size());
	for (size_t id = nodes.size(); id-- > 0;) {
		uint32_t left = nodes[id].left;
		is_leaf[id] =
			left == 0 || (is_leaf[left] && is_leaf[left + 1] && value[left] == value[left + 1]);
		if (left != 0 && is_leaf[id])
			value[id] = value[left];
	}
	std::vector<uint32_t> order = {0};
	TreeParts result;
	// Entropy and Poisson's deviance may lose a rounding error where nothing is gained.
	constexpr double kLargestGain = std::numeric_limits<float>::max();
	for (size_t i = 0; i < order.size(); i++) {
		const CartNode &node = nodes[order[i]];
		if (is_leaf[order[i]]) {
			result.nodes.push_back({value[order[i]], TreeNode::kLeaf, 0});
			continue;
		}
		result.nodes.push_back(
			{node.threshold, node.feature | (node.default_left ? TreeNode::kDefaultLeft : 0), 0});
		result.gains.push_back(static_cast<float>(std::clamp(node.gain, 0.0, kLargestGain)));
		result.covers.push_back(static_cast<float>(node.end - node.begin));
		if (splits != nullptr)
			splits->push_back(order[i]);
		order.push_back(node.left);
		order.push_back(node.left + 1);
	}
	return result;
}

} // namespace pgml
