// The engine for AVX-512 with VBMI and VBMI2. 64 rows per vector: at each level of a complete tree the byte column
// that a row's path wants is blended out of all columns of the level, the threshold comes by a byte permutation. Few
// rows: one node per lane instead, all decisions of a tree in one comparison, paths followed in the bit masks.
#include "engine/engine.h"

#include <immintrin.h>

#include "engine/driver.h"

#include "base/no_postgres.h"

namespace pgml::engine {

namespace {

// ------------------------------------------------------------------------------------------------------- ranking

/// The lanes of the vector that starts at `first` which hold one of `rows` rows.
inline __mmask16
Lanes(size_t rows, size_t first) {
	return first + 16 <= rows
			   ? static_cast<__mmask16>(0xffff)
			   : static_cast<__mmask16>((1u << (rows > first ? rows - first : 0)) - 1);
}

/// Position in the search tree after kLevels steps from the root: 2^kLevels + rank.
template <int kLevels>
inline __attribute__((always_inline)) __m512i
Search(__m512 x, const __m512 *tree) {
	const __m512i one = _mm512_set1_epi32(1);
	__m512i p = one;
	__mmask16 right[8];
#pragma GCC unroll 8
	for (int level = 0; level < kLevels; level++) {
		__m512 threshold;
		if (level < 4) {
			threshold = _mm512_permutexvar_ps(p, tree[0]);
		} else if (level == 4) {
			threshold = _mm512_permutexvar_ps(p, tree[1]);
		} else if (level == 5) {
			threshold = _mm512_permutex2var_ps(tree[2], p, tree[3]);
		} else if (level == 6) {
			// The higher bits of p are the first comparisons.
			threshold = _mm512_mask_blend_ps(right[0], _mm512_permutex2var_ps(tree[4], p, tree[5]),
											 _mm512_permutex2var_ps(tree[6], p, tree[7]));
		} else {
			__m512 low = _mm512_mask_blend_ps(right[1], _mm512_permutex2var_ps(tree[8], p, tree[9]),
											  _mm512_permutex2var_ps(tree[10], p, tree[11]));
			__m512 high =
				_mm512_mask_blend_ps(right[1], _mm512_permutex2var_ps(tree[12], p, tree[13]),
									 _mm512_permutex2var_ps(tree[14], p, tree[15]));
			threshold = _mm512_mask_blend_ps(right[0], low, high);
		}
		right[level] = _mm512_cmp_ps_mask(x, threshold, _CMP_GE_OQ);
		__m512i twice = _mm512_add_epi32(p, p);
		p = _mm512_mask_add_epi32(twice, right[level], twice, one);
	}
	return p;
}

inline void
StoreRanks(uint8_t *to, __m128i ranks) {
	_mm_store_si128(reinterpret_cast<__m128i *>(to), ranks);
}

template <int kLevels>
void
RankColumn(const BlockHeader *block, const RankTable &table, const float *values, size_t rows,
		   size_t tile_size, uint8_t *bytes) {
	constexpr int kVectors = kLevels <= 4 ? 1 : 1 << (kLevels - 4);
	const float *search = At<float>(block, table.search);
	__m512 tree[kVectors];
	for (int i = 0; i < kVectors; i++)
		tree[i] = _mm512_load_ps(search + 16 * i);
	const __m128i missing = _mm_set1_epi8(static_cast<char>(table.n_thresholds));
	for (size_t first = 0; first < rows; first += kTileRows, bytes += tile_size) {
		for (size_t row = 0; row < kTileRows; row += 16) {
			__m512 x = _mm512_maskz_loadu_ps(Lanes(rows, first + row), values + first + row);
			// The lowest byte of 2^levels + rank: only with 8 levels does the sum exceed it by itself.
			__m512i p = Search<kLevels>(x, tree);
			if constexpr (kLevels < 8)
				p = _mm512_sub_epi32(p, _mm512_set1_epi32(1 << kLevels));
			__m128i rank = _mm512_cvtepi32_epi8(p);
			if (table.left_column != kNoColumn)
				StoreRanks(bytes + size_t{table.left_column} * kTileRows + row, rank);
			if (table.right_column != kNoColumn) {
				__mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
				StoreRanks(bytes + size_t{table.right_column} * kTileRows + row,
						   _mm_mask_mov_epi8(rank, nan, missing));
			}
		}
	}
}

// -------------------------------------------------------------------------------------------------- complete trees

/// What position kPosition's descendants kLeft levels below give, chosen by where the rows went.
template <int kLevel, int kLeft, size_t kPosition, typename Load>
inline __attribute__((always_inline)) __m512i
Choose(const __mmask64 *left, const Load &load) {
	if constexpr (kLeft == 0)
		return load(kPosition);
	else
		return _mm512_mask_blend_epi8(left[kLevel],
									  Choose<kLevel + 1, kLeft - 1, 2 * kPosition + 1>(left, load),
									  Choose<kLevel + 1, kLeft - 1, 2 * kPosition>(left, load));
}

/// A table of 2^kBits bytes, repeated to fill a vector.
template <int kBits>
inline __attribute__((always_inline)) __m512i
ByteTable(const uint8_t *table) {
	if constexpr (kBits == 3) {
		long long bytes;
		memcpy(&bytes, table, sizeof(bytes));
		return _mm512_set1_epi64(bytes);
	} else if constexpr (kBits == 4) {
		return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i *>(table)));
	} else if constexpr (kBits == 5) {
		return _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(table)));
	} else {
		return _mm512_load_si512(table);
	}
}

/// Bytes of a table of 2^kDepth at the slots of one level.
template <int kDepth, int kLevel>
inline __attribute__((always_inline)) __m512i
AtSlots(__m512i slot, const uint8_t *table) {
	if constexpr (kDepth <= 6)
		return _mm512_permutexvar_epi8(slot, ByteTable < kDepth < 3 ? 3 : kDepth > (table));
	else if constexpr (kLevel <= 5)
		return _mm512_permutexvar_epi8(slot, _mm512_load_si512(table + (1 << kDepth) - 64));
	else if constexpr (kLevel == 6)
		return _mm512_permutexvar_epi8(slot, _mm512_load_si512(table + (1 << kDepth) - 128));
	else
		return _mm512_permutex2var_epi8(_mm512_load_si512(table), slot,
										_mm512_load_si512(table + 64));
}

/// From this level on, gathering bytes is faster than blending all columns of the level.
constexpr int kGatherLevel = 7;

/// A quarter of GatherColumns: 16 lanes.
template <int kPart, typename Id>
inline __attribute__((always_inline)) __m128i
GatherQuarter(__m512i slot, __m512i id_bytes, const Id *ids, const uint8_t *tile) {
	const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	__m512i id;
	if constexpr (sizeof(Id) == 1) {
		id = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(id_bytes, kPart));
	} else {
		__m512i at = _mm512_and_si512(_mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(slot, kPart)),
									  _mm512_set1_epi32(127));
		id = _mm512_and_si512(_mm512_i32gather_epi32(at, ids, 2), _mm512_set1_epi32(0xffff));
	}
	__m512i offset = _mm512_add_epi32(_mm512_slli_epi32(id, 6), lane);
	return _mm512_cvtepi32_epi8(_mm512_i32gather_epi32(offset, tile + 16 * kPart, 1));
}

/// The bytes of the columns at the slots of level 7, each lane from its own row.
template <typename Id>
inline __attribute__((always_inline)) __m512i
GatherColumns(__m512i slot, const Id *ids, const uint8_t *tile) {
	__m512i id_bytes = _mm512_setzero_si512();
	if constexpr (sizeof(Id) == 1)
		id_bytes = AtSlots<8, 7>(slot, ids);
	__m512i result = _mm512_castsi128_si512(GatherQuarter<0>(slot, id_bytes, ids, tile));
	result = _mm512_inserti32x4(result, GatherQuarter<1>(slot, id_bytes, ids, tile), 1);
	result = _mm512_inserti32x4(result, GatherQuarter<2>(slot, id_bytes, ids, tile), 2);
	return _mm512_inserti32x4(result, GatherQuarter<3>(slot, id_bytes, ids, tile), 3);
}

template <int kDepth, int kLevel, typename Id>
inline __attribute__((always_inline)) void
Levels(const Id *ids, const uint8_t *thresholds, const uint8_t *tile, __mmask64 *left,
	   __m512i &slot) {
	if constexpr (kLevel < kDepth) {
		constexpr size_t kLastSlot = (size_t{1} << (kDepth < 3 ? 3 : kDepth)) - 1;
		__m512i ranks;
		if constexpr (kLevel < kGatherLevel)
			ranks = Choose<0, kLevel, 1>(
				left, [&](size_t position) __attribute__((always_inline)) {
					return _mm512_load_si512(tile + size_t{ids[kLastSlot - position]} * kTileRows);
				});
		else
			ranks = GatherColumns(slot, ids, tile);
		__m512i threshold = AtSlots<kDepth, kLevel>(slot, thresholds);
		left[kLevel] = _mm512_cmplt_epu8_mask(ranks, threshold);
		slot = _mm512_add_epi8(slot, slot);
		slot = _mm512_mask_add_epi8(slot, left[kLevel], slot, _mm512_set1_epi8(1));
		Levels<kDepth, kLevel + 1>(ids, thresholds, tile, left, slot);
	}
}

/// 16 leaves by slot: permutations of 32 floats each, blended by the first levels.
template <int kDepth>
inline __attribute__((always_inline)) __m512
LeavesAt(__m512i slot, const __mmask64 *left, int shift, const float *leaves) {
	if constexpr (kDepth == 1) {
		double both;
		memcpy(&both, leaves, sizeof(both));
		return _mm512_permutexvar_ps(slot, _mm512_castpd_ps(_mm512_set1_pd(both)));
	} else if constexpr (kDepth == 2) {
		return _mm512_permutexvar_ps(slot, _mm512_broadcast_f32x4(_mm_loadu_ps(leaves)));
	} else if constexpr (kDepth == 3) {
		return _mm512_permutexvar_ps(slot, _mm512_broadcast_f32x8(_mm256_loadu_ps(leaves)));
	} else if constexpr (kDepth == 4) {
		return _mm512_permutexvar_ps(slot, _mm512_load_ps(leaves));
	} else {
		constexpr int kPairs = 1 << (kDepth - 5);
		__m512 value[kPairs];
#pragma GCC unroll 8
		for (int i = 0; i < kPairs; i++)
			value[i] = _mm512_permutex2var_ps(_mm512_load_ps(leaves + 32 * i), slot,
											  _mm512_load_ps(leaves + 32 * i + 16));
		int level = kDepth - 6;
#pragma GCC unroll 4
		for (int n = kPairs / 2; n >= 1; n /= 2, level--)
#pragma GCC unroll 8
			for (int i = 0; i < n; i++)
				value[i] = _mm512_mask_blend_ps(static_cast<__mmask16>(left[level] >> shift),
												value[2 * i], value[2 * i + 1]);
		return value[0];
	}
}

/// sums[0 .. 63] += values of four vectors.
inline __attribute__((always_inline)) void
AddTo(float *sums, int part, __m512 values) {
	_mm512_store_ps(sums + 16 * part, _mm512_add_ps(_mm512_load_ps(sums + 16 * part), values));
}

template <int kDepth, typename Id>
void
CompleteTrees(const BlockHeader *block, const Run &run, size_t first, size_t end,
			  const uint8_t *tile, float *sums) {
	constexpr int kBits = kDepth < 3 ? 3 : kDepth;
	const uint32_t *groups = At<uint32_t>(block, block->groups) + run.first_tree;
	const Id *ids = At<Id>(block, run.nodes);
	const uint8_t *thresholds = At<uint8_t>(block, run.thresholds);
	const float *leaves = At<float>(block, run.leaves);
	for (size_t tree = first; tree < end; tree++) {
		__mmask64 left[kDepth];
		__m512i slot = _mm512_set1_epi8(static_cast<char>((1 << kBits) - 2));
		Levels<kDepth, 0>(ids + (tree << kBits), thresholds + (tree << kBits), tile, left, slot);
		const float *of_tree = leaves + (tree << kDepth);
		float *sum = sums + size_t{groups[tree]} * kTileRows;
		AddTo(
			sum, 0,
			LeavesAt<kDepth>(_mm512_cvtepu8_epi32(_mm512_castsi512_si128(slot)), left, 0, of_tree));
		AddTo(sum, 1,
			  LeavesAt<kDepth>(_mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(slot, 1)), left, 16,
							   of_tree));
		AddTo(sum, 2,
			  LeavesAt<kDepth>(_mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(slot, 2)), left, 32,
							   of_tree));
		AddTo(sum, 3,
			  LeavesAt<kDepth>(_mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(slot, 3)), left, 48,
							   of_tree));
	}
}

// ------------------------------------------------------------------------------------------------------- few rows

/// One row's bytes at 64 column ids.
inline __attribute__((always_inline)) __m512i
RowAt(__m512i ids, const __m512i *row, size_t n_columns) {
	if (n_columns <= 64)
		return _mm512_permutexvar_epi8(ids, row[0]);
	__m512i low = _mm512_permutex2var_epi8(row[0], ids, row[1]);
	if (n_columns <= 128)
		return low;
	return _mm512_mask_blend_epi8(_mm512_movepi8_mask(ids), low,
								  _mm512_permutex2var_epi8(row[2], ids, row[3]));
}

/// Decisions of trees, one bit per slot: 1 is right.
inline void
Decide(const uint8_t *ids, const uint8_t *thresholds, size_t size, const uint8_t *bytes,
	   size_t n_columns, uint64_t *decisions) {
	__m512i row[4];
	for (size_t i = 0; i < 4; i++)
		row[i] = i * 64 < n_columns ? _mm512_load_si512(bytes + 64 * i) : _mm512_setzero_si512();
	auto all = [&](size_t columns) __attribute__((always_inline)) {
		for (size_t at = 0; at < size; at += 64)
			decisions[at / 64] =
				_mm512_cmpge_epu8_mask(RowAt(_mm512_load_si512(ids + at), row, columns),
									   _mm512_load_si512(thresholds + at));
	};
	if (n_columns <= 64)
		all(64);
	else if (n_columns <= 128)
		all(128);
	else
		all(256);
}

/// Where 8 trees' paths end: position of the heap in each lane, 2^depth + number of the leaf.
inline __attribute__((always_inline)) __m512i
Follow(const uint64_t *decisions, size_t tree, uint32_t bits, uint32_t depth) {
	__m512i p = _mm512_set1_epi64(1);
	// Position q is in bit 63 - q: shifted left by q it is on top, and the double shift appends it to q.
	auto step = [&](__m512i word) __attribute__((always_inline)) {
		p = _mm512_shldi_epi64(p, _mm512_sllv_epi64(word, p), 1);
	};
	const auto *at = reinterpret_cast<const uint8_t *>(decisions) + ((tree << bits) >> 3);
	__m512i word;
	switch (bits) {
		case 3: {
			long long eight;
			memcpy(&eight, at, sizeof(eight));
			word = _mm512_slli_epi64(_mm512_cvtepu8_epi64(_mm_set1_epi64x(eight)), 56);
			break;
		}
		case 4:
			word = _mm512_slli_epi64(
				_mm512_cvtepu16_epi64(_mm_loadu_si128(reinterpret_cast<const __m128i *>(at))), 48);
			break;
		case 5:
			word = _mm512_slli_epi64(
				_mm512_cvtepu32_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(at))),
				32);
			break;
		case 6:
			word = _mm512_loadu_si512(at);
			break;
		default: {
			// Two or four words per tree; the last holds the positions below 64.
			const __m512i index =
				_mm512_slli_epi64(_mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0), bits - 6);
			const auto *words = reinterpret_cast<const long long *>(at);
			int last = (1 << (bits - 6)) - 1;
			word = _mm512_i64gather_epi64(index, words + last, 8);
			for (int level = 0; level < 6; level++)
				step(word);
			const __m512i low = _mm512_set1_epi64(63);
			auto deep_step = [&](__m512i deep) __attribute__((always_inline)) {
				p = _mm512_shldi_epi64(p, _mm512_sllv_epi64(deep, _mm512_and_si512(p, low)), 1);
			};
			deep_step(_mm512_i64gather_epi64(index, words + last - 1, 8));
			if (bits == 8) {
				__mmask8 upper = _mm512_test_epi64_mask(p, _mm512_set1_epi64(64));
				deep_step(_mm512_mask_blend_epi64(upper,
												  _mm512_i64gather_epi64(index, words + 1, 8),
												  _mm512_i64gather_epi64(index, words, 8)));
			}
			return p;
		}
	}
	for (uint32_t level = 0; level < depth; level++)
		step(word);
	return p;
}

/// The leaves of trees [0, n) of which the decisions are known.
inline void
FollowAll(const uint64_t *decisions, size_t n, uint32_t bits, uint32_t depth, const float *leaves,
		  float *leaf_values) {
	const __m512i last = _mm512_set1_epi64((1 << depth) - 1);
	const __m512i start = _mm512_slli_epi64(_mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0), depth);
	for (size_t tree = 0; tree < n; tree += 8) {
		__mmask8 lanes = n - tree >= 8 ? 0xff : static_cast<__mmask8>((1u << (n - tree)) - 1);
		__m512i slot = _mm512_andnot_si512(Follow(decisions, tree, bits, depth), last);
		__m256 values = _mm512_mask_i64gather_ps(
			_mm256_setzero_ps(), lanes, _mm512_add_epi64(slot, start), leaves + (tree << depth), 4);
		_mm256_storeu_ps(leaf_values + tree, values);
	}
}

// ------------------------------------------------------------------------------------------------------ the engine

struct Avx512 {
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
		uint64_t reach[2 * kMaxMaskLeaves];
		for (size_t tree = first; tree < end; tree++) {
			const TreeShape &shape = shapes[tree];
			const MaskNode *nodes = At<MaskNode>(block, run.nodes) + shape.first_node;
			reach[0] = ~uint64_t{0};
			for (size_t k = 0; k < shape.n_nodes; k++) {
				const MaskNode &node = nodes[k];
				__m512i ranks = _mm512_load_si512(tile + size_t{node.column} * kTileRows);
				uint64_t right = _mm512_cmpge_epu8_mask(
					ranks, _mm512_set1_epi8(static_cast<char>(node.threshold)));
				uint64_t here = reach[k];
				reach[node.child[0]] = here & ~right;
				reach[node.child[1]] = here & right;
			}
			const __m512i one = _mm512_set1_epi8(1);
			__m512i number = _mm512_setzero_si512(), leaf_number = one;
			for (size_t leaf = 1; leaf < shape.n_leaves; leaf++) {
				number = _mm512_mask_mov_epi8(number, reach[shape.n_nodes + leaf], leaf_number);
				leaf_number = _mm512_add_epi8(leaf_number, one);
			}
			const float *leaves = At<float>(block, run.leaves) + shape.first_leaf;
			float *sum = sums + size_t{groups[tree]} * kTileRows;
			AddTo(sum, 0,
				  _mm512_i32gather_ps(_mm512_cvtepu8_epi32(_mm512_castsi512_si128(number)), leaves,
									  4));
			AddTo(sum, 1,
				  _mm512_i32gather_ps(_mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(number, 1)),
									  leaves, 4));
			AddTo(sum, 2,
				  _mm512_i32gather_ps(_mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(number, 2)),
									  leaves, 4));
			AddTo(sum, 3,
				  _mm512_i32gather_ps(_mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(number, 3)),
									  leaves, 4));
		}
	}

	/// Two comparisons per feature: with the pivots (the first levels of the search tree), then inside of what
	/// lies between two of them.
	static void
	RankRow(const BlockHeader *block, const float *row, size_t ld, uint8_t *bytes) {
		const RankTable *tables = At<RankTable>(block, block->tables);
		for (size_t t = 0; t < block->n_tables; t++) {
			const RankTable &table = tables[t];
			float value = row[table.feature * ld];
			__m512 x = _mm512_set1_ps(value);
			auto reached = [&](const float *thresholds) {
				return static_cast<uint32_t>(
					_mm_popcnt_u32(_mm512_cmp_ps_mask(x, _mm512_loadu_ps(thresholds), _CMP_GE_OQ)));
			};
			uint32_t rank = reached(At<float>(block, table.search));
			if (table.levels > 4) {
				rank <<= table.levels - 4;
				rank += reached(At<float>(block, table.sorted) + rank);
			}
			if (table.left_column != kNoColumn)
				bytes[table.left_column] = static_cast<uint8_t>(rank);
			if (table.right_column != kNoColumn)
				bytes[table.right_column] =
					static_cast<uint8_t>(value != value ? table.n_thresholds : rank);
		}
	}

	static void
	CompleteLeaves(const BlockHeader *block, const Run &run, size_t first, size_t end,
				   const uint8_t *bytes, float *leaf_values) {
		if (block->wide)
			return CompleteLeavesScalar<uint16_t>(block, run, first, end, bytes, leaf_values);
		constexpr size_t kTrees = 128; // of which FewRows gives at most that many
		uint64_t decisions[(kTrees << kMaxCompleteDepth) / 64 + 8];
		size_t start = first << run.table_bits, size = (end - first) << run.table_bits;
		Decide(At<uint8_t>(block, run.nodes) + start, At<uint8_t>(block, run.thresholds) + start,
			   size, bytes, block->n_columns, decisions);
		FollowAll(decisions, end - first, run.table_bits, run.depth,
				  At<float>(block, run.leaves) + (first << run.depth), leaf_values);
	}
};

} // namespace

void
MarginsAvx512(const BlockHeader *block, const float *data, size_t ld, size_t rows, float *out,
			  unsigned char *scratch) {
	Margins<Avx512>(block, data, ld, rows, out, scratch);
}

} // namespace pgml::engine
