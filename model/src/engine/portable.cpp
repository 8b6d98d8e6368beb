// The engine for every processor: vectors of 16 bytes, which the compiler turns into SSE2, NEON or plain
// instructions. Complete trees: all comparisons of a level are made, then the one that a row's path needs is
// chosen by the comparisons of the levels above.
#include "engine/engine.h"

#include "engine/driver.h"

#include "base/no_postgres.h"

namespace pgml::engine {

namespace {

typedef uint8_t Bytes __attribute__((vector_size(16)));
constexpr size_t kVector = sizeof(Bytes);

inline Bytes
Load(const uint8_t *bytes) {
	Bytes result;
	memcpy(&result, bytes, kVector);
	return result;
}

inline void
Store(uint8_t *to, Bytes bytes) {
	memcpy(to, &bytes, kVector);
}

/// Every byte value in a vector of its own: without a byte shuffle, loading is the fastest way to get one.
struct Splats {
	alignas(kVector) uint8_t bytes[256][kVector];
	constexpr Splats() : bytes() {
		for (size_t value = 0; value < 256; value++)
			for (size_t i = 0; i < kVector; i++)
				bytes[value][i] = static_cast<uint8_t>(value);
	}
};
constexpr Splats kSplats;

/// Bytes of all ones where `a` >= `b`.
inline Bytes
AtLeast(Bytes a, Bytes b) {
	return reinterpret_cast<Bytes>(a >= b);
}

/// The ranks of 64 values, by as many steps of the search tree as it has levels.
inline void
RankColumn(const BlockHeader *block, const RankTable &table, const float *values, uint8_t *ranks) {
	const float *search = At<float>(block, table.search);
	uint32_t p[kTileRows];
	for (size_t row = 0; row < kTileRows; row++)
		p[row] = 1;
	for (uint32_t level = 0; level < table.levels; level++)
		for (size_t row = 0; row < kTileRows; row++)
			p[row] = 2 * p[row] + (values[row] >= search[p[row]]);
	for (size_t row = 0; row < kTileRows; row++)
		ranks[row] = static_cast<uint8_t>(p[row] - (1u << table.levels));
}

/// The comparison that decides at level kLevel, among the 2^kLeft below position kPosition: chosen[i] is what was
/// decided at level i.
template <int kLevel, int kLeft, size_t kPosition, typename Compare>
inline __attribute__((always_inline)) Bytes
Choose(const Bytes *chosen, const Compare &compare) {
	if constexpr (kLeft == 0) {
		return compare(kPosition);
	} else {
		Bytes left = Choose<kLevel + 1, kLeft - 1, 2 * kPosition>(chosen, compare);
		Bytes right = Choose<kLevel + 1, kLeft - 1, 2 * kPosition + 1>(chosen, compare);
		return left ^ ((left ^ right) & chosen[kLevel]);
	}
}

template <int kLevel, int kDepth, typename Compare>
inline __attribute__((always_inline)) void
Levels(Bytes *chosen, Bytes &path, const Compare &compare) {
	if constexpr (kLevel < kDepth) {
		chosen[kLevel] = Choose<0, kLevel, 1>(chosen, compare);
		// Twice what it was, and one more when it goes left (the mask of right is -1).
		path = path + path + chosen[kLevel] + 1;
		Levels<kLevel + 1, kDepth>(chosen, path, compare);
	}
}

/// Deeper than this a level has so many comparisons that following each row is faster.
constexpr int kVectorLevels = 6;

template <typename Id, int kDepth>
void
CompleteTrees(const BlockHeader *block, const Run &run, size_t first, size_t end,
			  const uint8_t *tile, float *sums) {
	const uint32_t *groups = At<uint32_t>(block, block->groups) + run.first_tree;
	const uint32_t last_slot = (1u << run.table_bits) - 1;
	for (size_t tree = first; tree < end; tree++) {
		const Id *ids = At<Id>(block, run.nodes) + (tree << run.table_bits) + last_slot;
		const uint8_t *thresholds =
			At<uint8_t>(block, run.thresholds) + (tree << run.table_bits) + last_slot;
		const float *leaves = At<float>(block, run.leaves) + (tree << kDepth);
		float *sum = sums + size_t{groups[tree]} * kTileRows;
		for (size_t row = 0; row < kTileRows; row += kVector) {
			constexpr int kLevels = kDepth < kVectorLevels ? kDepth : kVectorLevels;
			Bytes chosen[kLevels], path = {};
			Levels<0, kLevels>(chosen, path, [&](size_t position) {
				Bytes ranks =
					Load(tile + size_t{ids[-static_cast<ptrdiff_t>(position)]} * kTileRows + row);
				return AtLeast(ranks,
							   Load(kSplats.bytes[thresholds[-static_cast<ptrdiff_t>(position)]]));
			});
			uint8_t slots[kVector];
			Store(slots, path);
			uint32_t slot[kVector];
			for (size_t i = 0; i < kVector; i++)
				slot[i] = slots[i];
			// `slot` is counted from the last position of its level, 2^(level + 1) - 1.
			for (int level = kLevels; level < kDepth; level++)
				for (size_t i = 0; i < kVector; i++) {
					ptrdiff_t at = static_cast<ptrdiff_t>(slot[i]) - ((ptrdiff_t{2} << level) - 1);
					uint8_t rank = tile[size_t{ids[at]} * kTileRows + row + i];
					slot[i] = 2 * slot[i] + (rank < thresholds[at]);
				}
			for (size_t i = 0; i < kVector; i++)
				sum[row + i] += leaves[slot[i]];
		}
	}
}

struct Portable {
	static constexpr size_t kLeastTileRows = 16;

	static void
	Rank(const BlockHeader *block, const float *data, size_t ld, size_t rows, uint8_t *bytes) {
		const RankTable *tables = At<RankTable>(block, block->tables);
		float copy[kTileRows];
		uint8_t ranks[kTileRows];
		for (size_t first = 0; first < rows; first += kTileRows, bytes += TileSize(block))
			for (size_t t = 0; t < block->n_tables; t++) {
				const RankTable &table = tables[t];
				size_t n = rows - first < kTileRows ? rows - first : kTileRows;
				const float *values = TileColumn(data + table.feature * ld + first, n, copy);
				RankColumn(block, table, values, ranks);
				if (table.left_column != kNoColumn)
					memcpy(bytes + size_t{table.left_column} * kTileRows, ranks, kTileRows);
				if (table.right_column != kNoColumn) {
					uint8_t *to = bytes + size_t{table.right_column} * kTileRows;
					auto missing = static_cast<uint8_t>(table.n_thresholds);
					for (size_t row = 0; row < kTileRows; row++)
						to[row] = values[row] != values[row] ? missing : ranks[row];
				}
			}
	}

	template <typename Id>
	static void
	CompleteOf(const BlockHeader *block, const Run &run, size_t first, size_t end,
			   const uint8_t *tile, float *sums) {
		switch (run.depth) {
			case 1:
				return CompleteTrees<Id, 1>(block, run, first, end, tile, sums);
			case 2:
				return CompleteTrees<Id, 2>(block, run, first, end, tile, sums);
			case 3:
				return CompleteTrees<Id, 3>(block, run, first, end, tile, sums);
			case 4:
				return CompleteTrees<Id, 4>(block, run, first, end, tile, sums);
			case 5:
				return CompleteTrees<Id, 5>(block, run, first, end, tile, sums);
			case 6:
				return CompleteTrees<Id, 6>(block, run, first, end, tile, sums);
			case 7:
				return CompleteTrees<Id, 7>(block, run, first, end, tile, sums);
			default:
				return CompleteTrees<Id, 8>(block, run, first, end, tile, sums);
		}
	}

	static void
	Complete(const BlockHeader *block, const Run &run, size_t first, size_t end,
			 const uint8_t *tile, float *sums) {
		if (block->wide)
			CompleteOf<uint16_t>(block, run, first, end, tile, sums);
		else
			CompleteOf<uint8_t>(block, run, first, end, tile, sums);
	}

	static void
	Masks(const BlockHeader *block, const Run &run, size_t first, size_t end, const uint8_t *tile,
		  float *sums) {
		const uint32_t *groups = At<uint32_t>(block, block->groups) + run.first_tree;
		const TreeShape *shapes = At<TreeShape>(block, run.shapes);
		constexpr size_t kVectors = kTileRows / kVector;
		// Which rows reach an inner node or, behind those, a leaf.
		Bytes reach[2 * kMaxMaskLeaves][kVectors];
		for (size_t tree = first; tree < end; tree++) {
			const TreeShape &shape = shapes[tree];
			const MaskNode *nodes = At<MaskNode>(block, run.nodes) + shape.first_node;
			for (size_t v = 0; v < kVectors; v++)
				reach[0][v] = Load(kSplats.bytes[255]);
			for (size_t k = 0; k < shape.n_nodes; k++) {
				const MaskNode &node = nodes[k];
				const uint8_t *ranks = tile + size_t{node.column} * kTileRows;
				Bytes threshold = Load(kSplats.bytes[node.threshold]);
				for (size_t v = 0; v < kVectors; v++) {
					Bytes right = AtLeast(Load(ranks + v * kVector), threshold);
					Bytes here = reach[k][v];
					reach[node.child[0]][v] = here & ~right;
					reach[node.child[1]][v] = here & right;
				}
			}
			Bytes number[kVectors] = {};
			for (size_t leaf = 1; leaf < shape.n_leaves; leaf++)
				for (size_t v = 0; v < kVectors; v++)
					number[v] |= reach[shape.n_nodes + leaf][v] & Load(kSplats.bytes[leaf]);
			uint8_t numbers[kTileRows];
			for (size_t v = 0; v < kVectors; v++)
				Store(numbers + v * kVector, number[v]);
			const float *leaves = At<float>(block, run.leaves) + shape.first_leaf;
			float *sum = sums + size_t{groups[tree]} * kTileRows;
			for (size_t row = 0; row < kTileRows; row++)
				sum[row] += leaves[numbers[row]];
		}
	}

	static void
	RankRow(const BlockHeader *block, const float *row, size_t ld, uint8_t *bytes) {
		RankRowScalar(block, row, ld, bytes);
	}

	static void
	CompleteLeaves(const BlockHeader *block, const Run &run, size_t first, size_t end,
				   const uint8_t *bytes, float *leaves) {
		if (block->wide)
			CompleteLeavesScalar<uint16_t>(block, run, first, end, bytes, leaves);
		else
			CompleteLeavesScalar<uint8_t>(block, run, first, end, bytes, leaves);
	}
};

} // namespace

void
MarginsPortable(const BlockHeader *block, const float *data, size_t ld, size_t rows, float *out,
				unsigned char *scratch) {
	Margins<Portable>(block, data, ld, rows, out, scratch);
}

} // namespace pgml::engine
