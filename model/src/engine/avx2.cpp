// The engine for x86-64 with AVX2: 32 rows per vector, complete trees as in avx512.cpp. Thresholds come by byte shuffles
// of 16, leaves by permutations of 8.
#include "engine/engine.h"

#include <immintrin.h>

#include "engine/driver.h"

#include "base/no_postgres.h"

namespace pgml::engine {

namespace {

constexpr size_t kVector = 32;

inline __attribute__((always_inline)) __m256i
Load(const uint8_t *bytes) {
	return _mm256_load_si256(reinterpret_cast<const __m256i *>(bytes));
}

/// Bytes of all ones where a >= b.
inline __attribute__((always_inline)) __m256i
AtLeast(__m256i a, __m256i b) {
	return _mm256_cmpeq_epi8(_mm256_max_epu8(a, b), a);
}

// ------------------------------------------------------------------------------------------------------- ranking

/// 8 floats of a search tree by position, for the levels with up to 32 of them.
inline __attribute__((always_inline)) __m256
TreeAt(const float *part, __m256i p) {
	return _mm256_permutevar8x32_ps(_mm256_loadu_ps(part), p);
}

/// Position in the search tree after kLevels steps from the root: 2^kLevels + rank.
template <int kLevels>
inline __attribute__((always_inline)) __m256i
Search(__m256 x, const float *search) {
	__m256i p = _mm256_set1_epi32(1);
	__m256 right[8];
#pragma GCC unroll 8
	for (int level = 0; level < kLevels; level++) {
		__m256 threshold;
		if (level < 3)
			threshold = TreeAt(search, p);
		else if (level == 3)
			threshold = TreeAt(search + 8, p);
		else if (level == 4)
			// The higher bits of p are the first comparisons.
			threshold = _mm256_blendv_ps(TreeAt(search + 16, p), TreeAt(search + 24, p), right[0]);
		else if (level == 5)
			threshold = _mm256_blendv_ps(
				_mm256_blendv_ps(TreeAt(search + 32, p), TreeAt(search + 40, p), right[1]),
				_mm256_blendv_ps(TreeAt(search + 48, p), TreeAt(search + 56, p), right[1]),
				right[0]);
		else
			threshold = _mm256_i32gather_ps(search, p, 4);
		right[level] = _mm256_cmp_ps(x, threshold, _CMP_GE_OQ);
		p = _mm256_sub_epi32(_mm256_add_epi32(p, p), _mm256_castps_si256(right[level]));
	}
	return p;
}

/// The low bytes of four vectors of 8, in order. Values are 0 .. 255, or all ones when kSigned.
template <bool kSigned>
inline __attribute__((always_inline)) __m256i
Pack(const __m256i *four) {
	__m256i packed;
	if constexpr (kSigned)
		packed = _mm256_packs_epi16(_mm256_packs_epi32(four[0], four[1]),
									_mm256_packs_epi32(four[2], four[3]));
	else
		packed = _mm256_packus_epi16(_mm256_packus_epi32(four[0], four[1]),
									 _mm256_packus_epi32(four[2], four[3]));
	return _mm256_permutevar8x32_epi32(packed, _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0));
}

template <int kLevels>
void
RankColumn(const BlockHeader *block, const RankTable &table, const float *values, size_t rows,
		   size_t tile_size, uint8_t *bytes) {
	const float *search = At<float>(block, table.search);
	const __m256i missing = _mm256_set1_epi8(static_cast<char>(table.n_thresholds));
	float copy[kTileRows];
	for (size_t first = 0; first < rows; first += kTileRows, bytes += tile_size) {
		size_t n = rows - first < kTileRows ? rows - first : kTileRows;
		const float *column = TileColumn(values + first, n, copy);
		for (size_t row = 0; row < kTileRows; row += kVector) {
			__m256i rank[4], nan[4];
			for (size_t i = 0; i < 4; i++) {
				__m256 x = _mm256_loadu_ps(column + row + 8 * i);
				rank[i] =
					_mm256_sub_epi32(Search<kLevels>(x, search), _mm256_set1_epi32(1 << kLevels));
				nan[i] = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
			}
			__m256i ranks = Pack<false>(rank);
			if (table.left_column != kNoColumn)
				_mm256_store_si256(reinterpret_cast<__m256i *>(
									   bytes + size_t{table.left_column} * kTileRows + row),
								   ranks);
			if (table.right_column != kNoColumn)
				_mm256_store_si256(reinterpret_cast<__m256i *>(
									   bytes + size_t{table.right_column} * kTileRows + row),
								   _mm256_blendv_epi8(ranks, missing, Pack<true>(nan)));
		}
	}
}

// -------------------------------------------------------------------------------------------------- complete trees

/// What position kPosition's descendants kLeft levels below give, chosen by where the rows went.
template <int kLevel, int kLeft, size_t kPosition, typename Get>
inline __attribute__((always_inline)) __m256i
Choose(const __m256i *right, const Get &get) {
	if constexpr (kLeft == 0)
		return get(kPosition);
	else
		return _mm256_blendv_epi8(Choose<kLevel + 1, kLeft - 1, 2 * kPosition>(right, get),
								  Choose<kLevel + 1, kLeft - 1, 2 * kPosition + 1>(right, get),
								  right[kLevel]);
}

/// Bytes of a tree's table at the positions of one level. `last` is the slot of position 0.
template <int kLevel>
inline __attribute__((always_inline)) __m256i
AtPositions(__m256i position, const __m256i *right, const uint8_t *last) {
	// 16 slots in both halves; within them slots go down while positions go up: 15 - position.
	auto part = [&](size_t number) __attribute__((always_inline)) {
		const auto *slots = reinterpret_cast<const __m128i *>(last - 16 * number - 15);
		return _mm256_broadcastsi128_si256(_mm_loadu_si128(slots));
	};
	const __m256i low = _mm256_set1_epi8(15);
	__m256i index = _mm256_andnot_si256(position, low);
	if constexpr (kLevel < 4)
		return _mm256_shuffle_epi8(part(0), index);
	else
		// Position 2^(kLevel - 4) of a heap of parts, whose children are told by the first levels.
		return Choose<0, kLevel - 4, 1>(
			right, [&](size_t number) __attribute__((always_inline)) {
				return _mm256_shuffle_epi8(part(number), index);
			});
}

template <int kDepth, int kLevel, typename Id>
inline __attribute__((always_inline)) void
Levels(const Id *last_id, const uint8_t *last_threshold, const uint8_t *tile, __m256i *right,
	   __m256i &position) {
	if constexpr (kLevel < kDepth) {
		__m256i ranks = Choose<0, kLevel, 1>(
			right, [&](size_t at) __attribute__((always_inline)) {
				return Load(tile + size_t{last_id[-static_cast<ptrdiff_t>(at)]} * kTileRows);
			});
		right[kLevel] = AtLeast(ranks, AtPositions<kLevel>(position, right, last_threshold));
		position = _mm256_sub_epi8(_mm256_add_epi8(position, position), right[kLevel]);
		Levels<kDepth, kLevel + 1>(last_id, last_threshold, tile, right, position);
	}
}

/// 8 leaves by slot.
template <int kDepth>
inline __attribute__((always_inline)) __m256
LeavesAt(__m256i slot, const float *leaves) {
	if constexpr (kDepth <= 2) {
		return _mm256_permutevar8x32_ps(
			_mm256_broadcast_ps(reinterpret_cast<const __m128 *>(leaves)), slot);
	} else if constexpr (kDepth <= 6) {
		constexpr int kParts = 1 << (kDepth - 3);
		__m256 value[kParts];
#pragma GCC unroll 8
		for (int i = 0; i < kParts; i++)
			value[i] = _mm256_permutevar8x32_ps(_mm256_loadu_ps(leaves + 8 * i), slot);
#pragma GCC unroll 3
		for (int n = kParts / 2, bit = 3; n >= 1; n /= 2, bit++) {
			__m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(slot, 31 - bit));
#pragma GCC unroll 4
			for (int i = 0; i < n; i++)
				value[i] = _mm256_blendv_ps(value[2 * i], value[2 * i + 1], upper);
		}
		return value[0];
	} else {
		return _mm256_i32gather_ps(leaves, slot, 4);
	}
}

inline __attribute__((always_inline)) void
AddTo(float *sums, __m256 values) {
	_mm256_store_ps(sums, _mm256_add_ps(_mm256_load_ps(sums), values));
}

template <int kDepth, typename Id>
void
CompleteTrees(const BlockHeader *block, const Run &run, size_t first, size_t end,
			  const uint8_t *tile, float *sums) {
	const uint32_t *groups = At<uint32_t>(block, block->groups) + run.first_tree;
	const size_t last_slot = (size_t{1} << run.table_bits) - 1;
	for (size_t tree = first; tree < end; tree++) {
		const Id *ids = At<Id>(block, run.nodes) + (tree << run.table_bits) + last_slot;
		const uint8_t *thresholds =
			At<uint8_t>(block, run.thresholds) + (tree << run.table_bits) + last_slot;
		const float *leaves = At<float>(block, run.leaves) + (tree << kDepth);
		float *sum = sums + size_t{groups[tree]} * kTileRows;
		for (size_t row = 0; row < kTileRows; row += kVector) {
			__m256i right[kDepth], position = _mm256_set1_epi8(1);
			Levels<kDepth, 0>(ids, thresholds, tile + row, right, position);
			__m256i slots = _mm256_andnot_si256(
				position, _mm256_set1_epi8(static_cast<char>((1 << kDepth) - 1)));
			alignas(kVector) uint8_t slot[kVector];
			_mm256_store_si256(reinterpret_cast<__m256i *>(slot), slots);
			for (size_t i = 0; i < kVector; i += 8)
				AddTo(sum + row + i,
					  LeavesAt<kDepth>(_mm256_cvtepu8_epi32(_mm_loadl_epi64(
										   reinterpret_cast<const __m128i *>(slot + i))),
									   leaves));
		}
	}
}

// ------------------------------------------------------------------------------------------------------ the engine

struct Avx2 {
	static constexpr size_t kLeastTileRows = 16;

	static void
	Rank(const BlockHeader *block, const float *data, size_t ld, size_t rows, uint8_t *bytes) {
		const RankTable *tables = At<RankTable>(block, block->tables);
		size_t tile_size = TileSize(block);
		for (size_t t = 0; t < block->n_tables; t++) {
			const RankTable &table = tables[t];
			const float *values = data + table.feature * ld;
			switch (table.levels) {
				case 1:
					RankColumn<1>(block, table, values, rows, tile_size, bytes);
					break;
				case 2:
					RankColumn<2>(block, table, values, rows, tile_size, bytes);
					break;
				case 3:
					RankColumn<3>(block, table, values, rows, tile_size, bytes);
					break;
				case 4:
					RankColumn<4>(block, table, values, rows, tile_size, bytes);
					break;
				case 5:
					RankColumn<5>(block, table, values, rows, tile_size, bytes);
					break;
				case 6:
					RankColumn<6>(block, table, values, rows, tile_size, bytes);
					break;
				case 7:
					RankColumn<7>(block, table, values, rows, tile_size, bytes);
					break;
				default:
					RankColumn<8>(block, table, values, rows, tile_size, bytes);
					break;
			}
		}
	}

	template <typename Id>
	static void
	CompleteOf(const BlockHeader *block, const Run &run, size_t first, size_t end,
			   const uint8_t *tile, float *sums) {
		switch (run.depth) {
			case 1:
				return CompleteTrees<1, Id>(block, run, first, end, tile, sums);
			case 2:
				return CompleteTrees<2, Id>(block, run, first, end, tile, sums);
			case 3:
				return CompleteTrees<3, Id>(block, run, first, end, tile, sums);
			case 4:
				return CompleteTrees<4, Id>(block, run, first, end, tile, sums);
			case 5:
				return CompleteTrees<5, Id>(block, run, first, end, tile, sums);
			case 6:
				return CompleteTrees<6, Id>(block, run, first, end, tile, sums);
			case 7:
				return CompleteTrees<7, Id>(block, run, first, end, tile, sums);
			default:
				return CompleteTrees<8, Id>(block, run, first, end, tile, sums);
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
		// Which rows reach an inner node or, behind those, a leaf.
		__m256i reach[2 * kMaxMaskLeaves][2];
		for (size_t tree = first; tree < end; tree++) {
			const TreeShape &shape = shapes[tree];
			const MaskNode *nodes = At<MaskNode>(block, run.nodes) + shape.first_node;
			reach[0][0] = reach[0][1] = _mm256_set1_epi8(-1);
			for (size_t k = 0; k < shape.n_nodes; k++) {
				const MaskNode &node = nodes[k];
				const uint8_t *ranks = tile + size_t{node.column} * kTileRows;
				__m256i threshold = _mm256_set1_epi8(static_cast<char>(node.threshold));
				for (size_t v = 0; v < 2; v++) {
					__m256i right = AtLeast(Load(ranks + v * kVector), threshold);
					__m256i here = reach[k][v];
					reach[node.child[0]][v] = _mm256_andnot_si256(right, here);
					reach[node.child[1]][v] = _mm256_and_si256(right, here);
				}
			}
			const __m256i one = _mm256_set1_epi8(1);
			__m256i number[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()}, leaf_number = one;
			for (size_t leaf = 1; leaf < shape.n_leaves; leaf++) {
				for (size_t v = 0; v < 2; v++)
					number[v] = _mm256_or_si256(
						number[v], _mm256_and_si256(reach[shape.n_nodes + leaf][v], leaf_number));
				leaf_number = _mm256_add_epi8(leaf_number, one);
			}
			alignas(kVector) uint8_t numbers[kTileRows];
			for (size_t v = 0; v < 2; v++)
				_mm256_store_si256(reinterpret_cast<__m256i *>(numbers + v * kVector), number[v]);
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
MarginsAvx2(const BlockHeader *block, const float *data, size_t ld, size_t rows, float *out,
			unsigned char *scratch) {
	Margins<Avx2>(block, data, ld, rows, out, scratch);
}

} // namespace pgml::engine
