#pragma once
/**
 * One decision tree by the CART method (Breiman et al., 1984), for the algorithms that grow their own:
 * forests, bagging, gradient boosting.
 *
 * Columns are first replaced by the rank of their value (Bins), 2 bytes per cell. Up to 65,535 different
 * values a rank is one value, so the splits are the exact ones that scikit-learn considers, with the same
 * thresholds, half way between neighbours; above, a rank is a run of neighbouring values of equal row count.
 *
 * A missing value has no rank. Both sides are tried for the missing rows of a node, and the split between
 * them and all others; where a node saw none in training, missing values follow the larger child.
 */
#include <cstdint>
#include <span>
#include <vector>

#include "pgml/matrix.h"
#include "pgml/stop_token.h"
#include "base/random.h"
#include "trees/trees.h"

namespace pgml {

/// The threshold t of `x < t` that splits two neighbouring values in the middle: the next float32 above it, so that a
/// value that lies there goes left, as with scikit-learn's `x <= middle`.
float HalfWay(float below, float above);

/// A matrix as ranks. Infinities count as the largest float32. Memory: 2 bytes per cell.
class Bins {
public:
	static constexpr uint16_t kMissing = UINT16_MAX;
	static constexpr size_t kMaxBins = 65535;

	/// @param max_bins  at most kMaxBins
	Bins(MatrixView columns, size_t max_bins, const StopToken &stop);
	size_t
	rows() const {
		return rows_;
	}
	size_t
	n_columns() const {
		return columns_.size();
	}
	const uint16_t *
	ranks(size_t column) const {
		return columns_[column].ranks.data();
	}
	size_t
	count(size_t column) const {
		return columns_[column].low.size();
	}
	/// Smallest and largest value of a rank.
	float
	low(size_t column, size_t rank) const {
		return columns_[column].low[rank];
	}
	float
	high(size_t column, size_t rank) const {
		return columns_[column].high[rank];
	}
	/// The threshold that splits a rank from the next one, whatever values a node has of them.
	float
	cut(size_t column, size_t rank) const {
		return columns_[column].cuts[rank];
	}

private:
	struct Column {
		std::vector<uint16_t> ranks;
		std::vector<float> low, high, cuts;
	};
	std::vector<Column> columns_;
	size_t rows_;
};

enum class Impurity : uint8_t { kSquaredError, kPoisson, kGini, kEntropy };

struct CartOptions {
	Impurity impurity = Impurity::kSquaredError;
	size_t max_depth = TreeEnsemble::kMaxDepth;
	size_t max_leaf_nodes = 0;    ///< 0: no limit; else the best leaf is split first
	size_t min_samples_split = 2; ///< rows, not weights
	size_t min_samples_leaf = 1;
	double min_weight_leaf = 0;
	double min_impurity_decrease = 0;
	size_t max_features = SIZE_MAX; ///< columns looked at per node, drawn anew for each
	bool random_thresholds = false; ///< extremely randomised trees (Geurts et al., 2006)
	bool only_gains = false;        ///< refuse splits that do not improve anything
	/// As histogram trees do: split at the cuts between ranks, and of equally good splits take that of the first
	/// column. Else half way between the values of the node, and that of any column, as scikit-learn's exact
	/// trees do, which makes the trees of a forest differ more.
	bool histogram = false;
	double l2 = 0; ///< added to the weights in the score of a side
};

/// What the rows of a tree are to be told apart by. Numbers: sums of `values` over sums of `weights`.
/// Classes: sums of weights per class.
struct CartTarget {
	std::span<const double> values;    ///< per row, weight included; empty for classes
	std::span<const uint32_t> classes; ///< per row; empty for numbers
	size_t n_classes = 0;
	std::span<const double> weights; ///< per row
};

struct CartNode {
	uint32_t begin = 0, end = 0; ///< its rows in CartTree::rows
	uint32_t left = 0;           ///< 0: a leaf; the right child follows the left one
	uint32_t feature = 0;
	float threshold = 0;
	bool default_left = false;
	uint32_t depth = 0;
	double gain = 0; ///< of a split: by how much the score of the sides exceeds the node's
	bool
	is_leaf() const {
		return left == 0;
	}
};

struct CartTree {
	std::vector<CartNode> nodes;
	std::vector<uint32_t> rows; ///< the training rows, those of a node side by side

	/// The leaf of a row of the training matrix, which need not be one of `rows`.
	size_t LeafOf(const Bins &bins, size_t row) const;
	/// In the order of TreeEnsemble, with the gains of the splits and their numbers of rows as covers.
	/// @param leaf_values  per node, read for leaves; subtrees whose leaves all have one value become one leaf
	/// @param splits  when given: gets the node behind every split of the result
	TreeParts Export(const std::vector<float> &leaf_values,
					 std::vector<uint32_t> *splits = nullptr) const;
};

/**
 * Grows a tree.
 * @param features  columns that may be split
 * @param rows      distinct row numbers, all of positive weight
 * @param max_nodes above it: Error(kLimitExceeded)
 * Deterministic for equal input and state of `random`. Polls `stop` every few thousand cells.
 */
CartTree GrowTree(const Bins &bins, const CartTarget &target, const CartOptions &options,
				  std::vector<uint32_t> features, std::vector<uint32_t> rows, size_t max_nodes,
				  Random &random, const StopToken &stop);

} // namespace pgml
