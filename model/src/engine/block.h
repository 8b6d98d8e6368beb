#pragma once
/**
 * The compiled form of a tree ensemble: one flat block of bytes that the engines run on.
 *
 * It holds offsets only, so it may lie anywhere (shared memory, mapped at different addresses) as long as
 * its start is aligned to 64 bytes. Nothing in it is ever stored on disk: it belongs to one build of
 * this library on one machine, kBlockVersion says which layout.
 *
 * Ranks. The thresholds of a feature are sorted; rank(x) is the number of thresholds t with x >= t. Then
 * x < t_k is the same as rank(x) < k + 1, exactly, whatever x is, so trees compare bytes. A feature with
 * more than 255 thresholds has several *rank tables* of 255 each. A table gives one or two *byte
 * columns*, which differ in what a missing value becomes: 0 (goes left everywhere) or the number of
 * thresholds (goes right everywhere). Nodes name the byte column, and no inner loop knows missing values.
 *
 * Tile. 64 rows at a time are turned into bytes, tile[column * 64 + row], and run through the trees.
 *
 * Runs. Trees stay in their order, because float sums depend on it; neighbours of the same form and
 * depth make a run. See TreeForm.
 *
 * This header is included by files compiled for newer instruction sets: it may only have types,
 * constants and functions of internal linkage (`static inline`). Anything else could be
 * merged by the linker into code that runs on every processor.
 */
#include <cstddef>
#include <cstdint>

namespace pgml::engine {

constexpr uint64_t kBlockMagic = 0x6b636f6c624c4d50; // "PMLblock"
constexpr uint32_t kBlockVersion = 1;
constexpr size_t kAlignment = 64;
constexpr size_t kTileRows = 64;
constexpr size_t kChunk = 255; ///< thresholds of a rank table
constexpr uint32_t kNoColumn = UINT32_MAX;
constexpr uint32_t kNarrowColumns = 256;  ///< up to here a byte names a column
constexpr uint32_t kMaxColumns = 1 << 16; ///< the other blocks use 16 bits
constexpr uint32_t kMaxCompleteDepth = 8;
constexpr uint32_t kMaxMaskLeaves = 256;

/// A feature's thresholds, or 255 of them.
struct RankTable {
	uint32_t feature;      ///< column of the input matrix
	uint32_t n_thresholds; ///< 1 .. 255
	uint32_t levels;       ///< of the search tree: the least with 2^levels > n_thresholds
	uint32_t left_column;  ///< byte column in which missing is 0, or kNoColumn
	uint32_t right_column; ///< byte column in which missing is n_thresholds, or kNoColumn
	uint32_t padding;
	/// float[max(16, 2^levels)] as a search tree: node p has the children 2p and 2p + 1, the root is 1.
	/// What is not a threshold is NaN, which no value reaches.
	uint64_t search;
	/// float[2^levels + 16] in ascending order, padded with NaN.
	uint64_t sorted;
};

/// A set of categories that some split sends to the right: a byte column of 0 and 1. What is in it: see
/// InCategorySet() of trees.h.
struct SetTable {
	uint32_t feature;
	uint32_t n_words;      ///< 32 categories each
	uint32_t left_column;  ///< byte column in which missing is 0, or kNoColumn
	uint32_t right_column; ///< byte column in which missing is 1, or kNoColumn
	uint64_t words;        ///< uint32_t[n_words]
};

enum class TreeForm : uint32_t {
	/// One leaf. Leading ones are already in the base margins.
	kConstant = 0,
	/// Padded to a complete tree of the run's depth, 1 to 8. Position p of a heap (root 1, children 2p and
	/// 2p + 1) lies in slot 2^depth - 1 - p, the j-th leaf from the left in slot 2^depth - 1 - j: engines
	/// that keep one row per lane walk with `slot = 2 * slot + went_left` and need no masking, and
	/// the one that keeps one node per lane finds position p in bit 63 - p.
	kComplete = 1,
	/// Up to 256 leaves, any depth: for every node the set of rows that reach it is computed.
	kMasks = 2,
	/// More leaves: walked, on ranks.
	kRanks = 3,
	/// More leaves, and thresholds too many to rank: walked, on the features themselves.
	kFloats = 4,
};

struct Run {
	TreeForm form;
	uint32_t depth; ///< of the deepest tree in it
	uint32_t first_tree, n_trees;
	/// kComplete: ids of byte columns, uint8_t[n_trees << table_bits], uint16_t in wide blocks.
	/// kMasks: MaskNode[]; kRanks: RankNode[]; kFloats: FloatNode[].
	uint64_t nodes;
	uint64_t thresholds; ///< kComplete: uint8_t[n_trees << table_bits]; right is rank >= threshold
	uint64_t
		leaves; ///< float[n_trees << depth] (kComplete) or [shape.first_leaf + n_leaves] in all
	uint64_t shapes;     ///< TreeShape[n_trees]; kMasks, kRanks, kFloats
	uint32_t table_bits; ///< kComplete: max(depth, 3), so that a tree's decisions are whole bytes
	uint32_t padding;
};

/// Where a tree's parts lie in the arrays of its run.
struct TreeShape {
	uint32_t first_node, n_nodes; ///< inner nodes, in breadth-first order, root first
	uint32_t first_leaf, n_leaves;
};

/// Children below n_nodes are inner nodes, the others are leaves: child - n_nodes.
struct MaskNode {
	uint16_t column;
	uint8_t threshold; ///< right is rank >= threshold, 1 .. 255
	uint8_t padding;
	uint16_t child[2]; ///< left, right
};

struct RankNode {
	uint16_t column;
	uint8_t threshold;
	uint8_t padding;
	uint32_t child[2];
};

struct FloatNode {
	uint32_t feature; ///< with kMissingLeft, kCategorical
	float
		threshold; ///< right is not (x < threshold); kCategorical: the number of a SetTable, as bits
	uint32_t child[2];
	static constexpr uint32_t kMissingLeft = 1u << 31, kCategorical = 1u << 30;
	static constexpr uint32_t kFlags = kMissingLeft | kCategorical;
};

struct BlockHeader {
	uint64_t magic;
	uint32_t version;
	uint32_t n_features; ///< columns of the matrix that it reads
	uint64_t size;       ///< of the whole block in bytes
	uint32_t n_groups;   ///< margins per row
	uint32_t n_trees;    ///< in runs: without those folded into the base margins
	uint32_t n_tables;
	uint32_t n_columns; ///< byte columns
	uint32_t n_runs;
	uint32_t n_used; ///< features that some tree looks at
	uint32_t wide;   ///< 1: column ids have 16 bits
	uint32_t n_source_trees;
	uint32_t n_sets;
	uint32_t padding;
	uint64_t tables;       ///< RankTable[n_tables], few levels first
	uint64_t sets;         ///< SetTable[n_sets]
	uint64_t runs;         ///< Run[n_runs]
	uint64_t groups;       ///< uint32_t[n_trees]: which margin a tree adds to
	uint64_t base_margins; ///< float[n_groups]
	uint64_t used;         ///< uint32_t[n_used], ascending
};

/// What lies `offset` bytes into the block.
template <typename T>
static inline const T *
At(const BlockHeader *block, uint64_t offset) {
	return reinterpret_cast<const T *>(reinterpret_cast<const char *>(block) + offset);
}

static inline size_t
RoundUp(size_t value, size_t unit) {
	return (value + unit - 1) / unit * unit;
}

} // namespace pgml::engine
