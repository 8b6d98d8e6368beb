#pragma once
/**
 * What all engines share: how a batch is cut into tiles and small rests, how trees without a vector form are
 * walked, how sums come out. Each engine's file includes this and gives its own Isa, a struct with
 *
 *   static constexpr size_t kLeastTileRows;  // fewer rows are walked one by one
 *   static void Rank(block, data, ld, rows, bytes);           // rows -> byte columns of one or more tiles
 *   static void Complete(block, run, first, end, tile, sums); // trees [first, end) of a run
 *   static void Masks(block, run, first, end, tile, sums);
 *   static void RankRow(block, row, ld, bytes);               // one row -> one byte per column
 *   static void CompleteLeaves(block, run, first, end, bytes, leaves); // the leaf of each tree, one row
 *
 * sums is float[n_groups][64]. As in block.h, everything here has internal linkage.
 */
#include <cstring>

#include "engine/block.h"

namespace pgml::engine {

/// Trees that go over several tiles before the next ones do: they stay in the first-level cache.
constexpr size_t kTreesAtATime = 32;
constexpr size_t kMaxTiles = 4;
/// Bytes of the tiles that are worked on together, with their sums.
constexpr size_t kTileBytes = 24576;
/// Rows that one walk keeps in flight, so that their cache misses and comparisons overlap.
constexpr size_t kRowsInFlight = 16, kTreesInFlight = 8;

static inline size_t
TileSize(const BlockHeader *block) {
	return size_t{block->n_columns} * kTileRows;
}

static inline size_t
TilesAtATime(const BlockHeader *block) {
	size_t size = TileSize(block) + size_t{block->n_groups} * kTileRows * sizeof(float);
	return size * kMaxTiles <= kTileBytes ? kMaxTiles : size >= kTileBytes ? 1 : kTileBytes / size;
}

/// Bytes of one row's ranks, with room for whole vectors.
static inline size_t
RowSize(const BlockHeader *block) {
	return RoundUp(block->n_columns, kAlignment) + kAlignment;
}

/// Scratch memory that an engine needs, aligned to kAlignment.
static inline size_t
ScratchSize(const BlockHeader *block) {
	size_t tiles = TilesAtATime(block);
	size_t large = tiles * (RoundUp(TileSize(block), kAlignment) +
							size_t{block->n_groups} * kTileRows * sizeof(float));
	size_t small = RowSize(block) * kTileRows;
	// Gathers of bytes read four.
	return (large > small ? large : small) + kAlignment;
}

/// A column of a tile: where it lies, or a copy with zeros behind when the matrix may not be read any further.
static inline const float *
TileColumn(const float *data, size_t rows, float *copy) {
	if (rows == kTileRows)
		return data;
	memset(copy, 0, kTileRows * sizeof(float));
	memcpy(copy, data, rows * sizeof(float));
	return copy;
}

/// InCategorySet() of trees.h, for a set of a block.
static inline bool
InSet(const BlockHeader *block, const SetTable &set, float x) {
	if (!(x >= 0) || x >= static_cast<float>(set.n_words) * 32)
		return false;
	auto category = static_cast<uint32_t>(x);
	return (At<uint32_t>(block, set.words)[category / 32] >> category % 32 & 1) != 0;
}

/// One step of a walk on the features themselves.
static inline uint32_t
FloatChild(const BlockHeader *block, const FloatNode &node, const float *data, size_t ld,
		   size_t row) {
	float x = data[size_t{node.feature & ~FloatNode::kFlags} * ld + row];
	if ((node.feature & FloatNode::kCategorical) != 0 && x == x) {
		uint32_t set;
		memcpy(&set, &node.threshold, sizeof(set));
		return node.child[InSet(block, At<SetTable>(block, block->sets)[set], x)];
	}
	bool right = x != x ? (node.feature & FloatNode::kMissingLeft) == 0 : !(x < node.threshold);
	return node.child[right];
}

/**
 * Leaves of kRowsInFlight or fewer rows of one tree. child(node, row) gives the next reference. Rows that
 * have arrived look at the root until the last has: no branch depends on a row.
 */
template <typename Node, typename Child>
static inline void
Walk(const Node *nodes, const TreeShape &shape, size_t rows, const Child &child, uint32_t *leaf) {
	uint32_t at[kRowsInFlight] = {};
	bool walking = true;
	while (walking) {
		walking = false;
		for (size_t row = 0; row < rows; row++) {
			bool inside = at[row] < shape.n_nodes;
			uint32_t next = child(nodes[inside ? at[row] : 0], row);
			at[row] = inside ? next : at[row];
			walking |= at[row] < shape.n_nodes;
		}
	}
	for (size_t row = 0; row < rows; row++)
		leaf[row] = at[row] - shape.n_nodes;
}

/// Trees that are walked, 64 rows: on ranks (kRanks) or on the features (kFloats).
static inline void
WalkTile(const BlockHeader *block, const Run &run, size_t first, size_t end, const uint8_t *tile,
		 const float *data, size_t ld, size_t rows, float *sums) {
	const uint32_t *groups = At<uint32_t>(block, block->groups) + run.first_tree;
	const TreeShape *shapes = At<TreeShape>(block, run.shapes);
	uint32_t leaf[kRowsInFlight];
	for (size_t tree = first; tree < end; tree++) {
		const TreeShape &shape = shapes[tree];
		const float *leaves = At<float>(block, run.leaves) + shape.first_leaf;
		float *sum = sums + size_t{groups[tree]} * kTileRows;
		for (size_t row = 0; row < rows; row += kRowsInFlight) {
			size_t n = rows - row < kRowsInFlight ? rows - row : kRowsInFlight;
			if (run.form == TreeForm::kRanks)
				Walk(
					At<RankNode>(block, run.nodes) + shape.first_node, shape, n,
					[&](const RankNode &node, size_t i) {
						return node.child[tile[size_t{node.column} * kTileRows + row + i] >=
										  node.threshold];
					},
					leaf);
			else
				Walk(
					At<FloatNode>(block, run.nodes) + shape.first_node, shape, n,
					[&](const FloatNode &node, size_t i) {
						return FloatChild(block, node, data, ld, row + i);
					},
					leaf);
			for (size_t i = 0; i < n; i++)
				sum[row + i] += leaves[leaf[i]];
		}
	}
}

/// The rank of one value: the number of thresholds that it reaches.
static inline uint8_t
RankOf(const BlockHeader *block, const RankTable &table, float x) {
	const float *search = At<float>(block, table.search);
	uint32_t p = 1;
	for (uint32_t level = 0; level < table.levels; level++)
		p = 2 * p + (x >= search[p]);
	return static_cast<uint8_t>(p - (1u << table.levels));
}

/// Isa::RankRow for engines without a vector form of it.
static inline void
RankRowScalar(const BlockHeader *block, const float *row, size_t ld, uint8_t *bytes) {
	const RankTable *tables = At<RankTable>(block, block->tables);
	for (size_t t = 0; t < block->n_tables; t++) {
		const RankTable &table = tables[t];
		float x = row[table.feature * ld];
		uint8_t rank = RankOf(block, table, x);
		if (table.left_column != kNoColumn)
			bytes[table.left_column] = rank;
		if (table.right_column != kNoColumn)
			bytes[table.right_column] = x != x ? static_cast<uint8_t>(table.n_thresholds) : rank;
	}
}

/// The byte columns of sets of categories, for the rows of one or more tiles.
static inline void
RankSets(const BlockHeader *block, const float *data, size_t ld, size_t rows, uint8_t *bytes) {
	const SetTable *sets = At<SetTable>(block, block->sets);
	for (size_t s = 0; s < block->n_sets; s++) {
		const SetTable &set = sets[s];
		const float *values = data + set.feature * ld;
		if (set.left_column == kNoColumn && set.right_column == kNoColumn)
			continue; // only trees that are walked on the features have it
		for (size_t row = 0; row < rows; row++) {
			uint8_t *to = bytes + row / kTileRows * TileSize(block) + row % kTileRows;
			bool in_set = InSet(block, set, values[row]);
			if (set.left_column != kNoColumn)
				to[size_t{set.left_column} * kTileRows] = in_set;
			if (set.right_column != kNoColumn)
				to[size_t{set.right_column} * kTileRows] = in_set || values[row] != values[row];
		}
	}
}

/// The same for one row, one byte per column.
static inline void
RankRowSets(const BlockHeader *block, const float *row, size_t ld, uint8_t *bytes) {
	const SetTable *sets = At<SetTable>(block, block->sets);
	for (size_t s = 0; s < block->n_sets; s++) {
		float x = row[sets[s].feature * ld];
		bool in_set = InSet(block, sets[s], x);
		if (sets[s].left_column != kNoColumn)
			bytes[sets[s].left_column] = in_set;
		if (sets[s].right_column != kNoColumn)
			bytes[sets[s].right_column] = in_set || x != x;
	}
}

/// Isa::CompleteLeaves without vectors: several trees in flight.
template <typename Id>
static inline void
CompleteLeavesScalar(const BlockHeader *block, const Run &run, size_t first, size_t end,
					 const uint8_t *bytes, float *leaf_values) {
	const uint32_t last_slot = (1u << run.table_bits) - 1, last_leaf = (1u << run.depth) - 1;
	for (size_t tree = first; tree < end; tree += kTreesInFlight) {
		size_t n = end - tree < kTreesInFlight ? end - tree : kTreesInFlight;
		const Id *ids = At<Id>(block, run.nodes) + (tree << run.table_bits);
		const uint8_t *thresholds = At<uint8_t>(block, run.thresholds) + (tree << run.table_bits);
		const float *leaves = At<float>(block, run.leaves) + (tree << run.depth);
		uint32_t slot[kTreesInFlight];
		for (size_t j = 0; j < n; j++)
			slot[j] = last_slot - 1;
		for (uint32_t level = 0; level < run.depth; level++)
			for (size_t j = 0; j < n; j++) {
				size_t at = (j << run.table_bits) + slot[j];
				slot[j] = (2 * slot[j] + (bytes[ids[at]] < thresholds[at])) & last_slot;
			}
		for (size_t j = 0; j < n; j++)
			leaf_values[tree - first + j] = leaves[(j << run.depth) + (slot[j] & last_leaf)];
	}
}

/// The leaf of each of the trees [first, end) of a run that one row falls into.
template <typename Isa>
static inline void
RowLeaves(const BlockHeader *block, const Run &run, size_t first, size_t end, const uint8_t *bytes,
		  const float *row, size_t ld, float *leaf_values) {
	const TreeShape *shapes = At<TreeShape>(block, run.shapes);
	const float *leaves = At<float>(block, run.leaves);
	switch (run.form) {
		case TreeForm::kConstant:
			memcpy(leaf_values, leaves + first, (end - first) * sizeof(float));
			return;
		case TreeForm::kComplete:
			Isa::CompleteLeaves(block, run, first, end, bytes, leaf_values);
			return;
		case TreeForm::kMasks:
			for (size_t tree = first; tree < end; tree++) {
				const TreeShape &shape = shapes[tree];
				const MaskNode *nodes = At<MaskNode>(block, run.nodes) + shape.first_node;
				uint32_t at = 0;
				while (at < shape.n_nodes)
					at = nodes[at].child[bytes[nodes[at].column] >= nodes[at].threshold];
				leaf_values[tree - first] = leaves[shape.first_leaf + at - shape.n_nodes];
			}
			return;
		case TreeForm::kRanks:
			for (size_t tree = first; tree < end; tree++) {
				const TreeShape &shape = shapes[tree];
				const RankNode *nodes = At<RankNode>(block, run.nodes) + shape.first_node;
				uint32_t at = 0;
				while (at < shape.n_nodes)
					at = nodes[at].child[bytes[nodes[at].column] >= nodes[at].threshold];
				leaf_values[tree - first] = leaves[shape.first_leaf + at - shape.n_nodes];
			}
			return;
		case TreeForm::kFloats:
			for (size_t tree = first; tree < end; tree++) {
				const TreeShape &shape = shapes[tree];
				const FloatNode *nodes = At<FloatNode>(block, run.nodes) + shape.first_node;
				uint32_t at = 0;
				while (at < shape.n_nodes)
					at = FloatChild(block, nodes[at], row, ld, 0);
				leaf_values[tree - first] = leaves[shape.first_leaf + at - shape.n_nodes];
			}
			return;
	}
}

/// A few rows: each is ranked, then groups of trees go over all of them.
template <typename Isa>
static inline void
FewRows(const BlockHeader *block, const float *data, size_t ld, size_t rows, float *out,
		unsigned char *scratch) {
	constexpr size_t kTrees = 128;
	float leaf_values[kTrees + 16];
	const float *base = At<float>(block, block->base_margins);
	size_t n_groups = block->n_groups, row_size = RowSize(block);
	for (size_t row = 0; row < rows; row++) {
		memcpy(out + row * n_groups, base, n_groups * sizeof(float));
		Isa::RankRow(block, data + row, ld, scratch + row * row_size);
		RankRowSets(block, data + row, ld, scratch + row * row_size);
	}
	const Run *runs = At<Run>(block, block->runs);
	for (size_t r = 0; r < block->n_runs; r++) {
		const Run &run = runs[r];
		const uint32_t *groups = At<uint32_t>(block, block->groups) + run.first_tree;
		for (size_t first = 0; first < run.n_trees; first += kTrees) {
			size_t end = run.n_trees - first < kTrees ? run.n_trees : first + kTrees;
			for (size_t row = 0; row < rows; row++) {
				RowLeaves<Isa>(block, run, first, end, scratch + row * row_size, data + row, ld,
							   leaf_values);
				float *sums = out + row * n_groups;
				if (n_groups == 1) {
					float sum = sums[0];
					for (size_t tree = first; tree < end; tree++)
						sum += leaf_values[tree - first];
					sums[0] = sum;
				} else {
					for (size_t tree = first; tree < end; tree++)
						sums[groups[tree]] += leaf_values[tree - first];
				}
			}
		}
	}
}

/// The widest vectors of the including file's instruction set.
#if defined(__AVX512F__)
typedef float Floats __attribute__((vector_size(64)));
#elif defined(__AVX2__)
typedef float Floats __attribute__((vector_size(32)));
#else
typedef float Floats __attribute__((vector_size(16)));
#endif

/// Trees of one leaf. They cannot be summed up beforehand, which would round otherwise; but as long as they add to
/// the same margin, that margin stays in registers.
static inline void
AddConstants(const float *leaves, const uint32_t *groups, size_t first, size_t end, float *sums) {
	constexpr size_t kPerVector = sizeof(Floats) / sizeof(float);
	constexpr size_t kVectors = kTileRows / kPerVector < 8 ? kTileRows / kPerVector : 8;
	while (first < end) {
		size_t stop = first + 1;
		while (stop < end && groups[stop] == groups[first])
			stop++;
		float *to = sums + size_t{groups[first]} * kTileRows;
		for (size_t row = 0; row < kTileRows; row += kVectors * kPerVector) {
			Floats sum[kVectors];
			memcpy(sum, to + row, sizeof(sum));
			for (size_t tree = first; tree < stop; tree++) {
				Floats leaf = leaves[tree] - Floats{};
#pragma GCC unroll 8
				for (size_t i = 0; i < kVectors; i++)
					sum[i] += leaf;
			}
			memcpy(to + row, sum, sizeof(sum));
		}
		first = stop;
	}
}

/// A tile's trees [first, end) of one run.
template <typename Isa>
static inline void
RunTile(const BlockHeader *block, const Run &run, size_t first, size_t end, const uint8_t *tile,
		const float *data, size_t ld, size_t rows, float *sums) {
	switch (run.form) {
		case TreeForm::kConstant:
			AddConstants(At<float>(block, run.leaves),
						 At<uint32_t>(block, block->groups) + run.first_tree, first, end, sums);
			return;
		case TreeForm::kComplete:
			Isa::Complete(block, run, first, end, tile, sums);
			return;
		case TreeForm::kMasks:
			Isa::Masks(block, run, first, end, tile, sums);
			return;
		case TreeForm::kRanks:
		case TreeForm::kFloats:
			WalkTile(block, run, first, end, tile, data, ld, rows, sums);
			return;
	}
}

/// Up to TilesAtATime() tiles.
template <typename Isa>
static inline void
Tiles(const BlockHeader *block, const float *data, size_t ld, size_t rows, float *out,
	  unsigned char *scratch) {
	const float *base = At<float>(block, block->base_margins);
	size_t n_groups = block->n_groups, n_tiles = (rows + kTileRows - 1) / kTileRows;
	size_t tile_size = TileSize(block), sums_size = n_groups * kTileRows;
	auto *sums = reinterpret_cast<float *>(scratch);
	uint8_t *bytes = scratch + n_tiles * sums_size * sizeof(float);
	auto rows_of = [&](size_t tile) {
		return rows - tile * kTileRows < kTileRows ? rows - tile * kTileRows : kTileRows;
	};
	Isa::Rank(block, data, ld, rows, bytes);
	RankSets(block, data, ld, rows, bytes);
	for (size_t tile = 0; tile < n_tiles; tile++)
		for (size_t g = 0; g < n_groups; g++)
			for (size_t row = 0; row < kTileRows; row++)
				sums[tile * sums_size + g * kTileRows + row] = base[g];
	const Run *runs = At<Run>(block, block->runs);
	for (size_t r = 0; r < block->n_runs; r++)
		for (size_t first = 0; first < runs[r].n_trees; first += kTreesAtATime) {
			size_t end =
				runs[r].n_trees - first < kTreesAtATime ? runs[r].n_trees : first + kTreesAtATime;
			for (size_t tile = 0; tile < n_tiles; tile++)
				RunTile<Isa>(block, runs[r], first, end, bytes + tile * tile_size,
							 data + tile * kTileRows, ld, rows_of(tile), sums + tile * sums_size);
		}
	for (size_t tile = 0; tile < n_tiles; tile++) {
		const float *from = sums + tile * sums_size;
		float *to = out + tile * kTileRows * n_groups;
		if (n_groups == 1)
			memcpy(to, from, rows_of(tile) * sizeof(float));
		else
			for (size_t row = 0; row < rows_of(tile); row++)
				for (size_t g = 0; g < n_groups; g++)
					to[row * n_groups + g] = from[g * kTileRows + row];
	}
}

/// Margins of any number of rows, row-major [rows, n_groups].
template <typename Isa>
static inline void
Margins(const BlockHeader *block, const float *data, size_t ld, size_t rows, float *out,
		unsigned char *scratch) {
	size_t at_a_time = TilesAtATime(block) * kTileRows;
	for (size_t first = 0; first < rows;) {
		size_t n = rows - first < at_a_time ? rows - first : at_a_time;
		size_t rest = n % kTileRows;
		// A rest too small for a tile of its own.
		if (n > rest && rest < Isa::kLeastTileRows)
			n -= rest;
		float *to = out + first * block->n_groups;
		if (n < Isa::kLeastTileRows)
			FewRows<Isa>(block, data + first, ld, n, to, scratch);
		else
			Tiles<Isa>(block, data + first, ld, n, to, scratch);
		first += n;
	}
}

} // namespace pgml::engine
