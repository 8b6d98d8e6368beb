#pragma once
/// The kernels for any processor: vectors that the compiler splits as it must. The scan looks up sixteen entries at once where there is an
/// instruction for it; two files include this, one of them compiled for SSSE3, so that x86 tests what arm64 runs.
#include "ann/kernels.h"

#include <cfloat>
#include <cstring>

#if defined(__aarch64__)
#include <arm_neon.h>
#elif defined(__SSSE3__)
#include <tmmintrin.h>
#endif

#include "ann/half.h"

namespace pgml::ann {

namespace {

constexpr size_t kLanes = 16;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
typedef uint32_t Words __attribute__((vector_size(kLanes * sizeof(uint32_t))));
typedef uint16_t Halves __attribute__((vector_size(kLanes * sizeof(uint16_t))));
typedef uint8_t Octets __attribute__((vector_size(kLanes)));
typedef uint16_t Pairs __attribute__((vector_size(kLanes)));

[[gnu::always_inline]] inline void
Load(Lanes &lanes, const float *from) {
	memcpy(&lanes, from, sizeof(lanes));
}

/// Half precision, as HalfToFloat has it.
[[gnu::always_inline]] inline void
Load(Lanes &lanes, const uint16_t *from) {
	Halves halves;
	memcpy(&halves, from, sizeof(halves));
	Words words = __builtin_convertvector(halves, Words);
	Words magnitude = (words & 0x7fff) << 13, sign = (words & 0x8000) << 16;
	memcpy(&lanes, &magnitude, sizeof(lanes));
	lanes *= 0x1p112f;
	memcpy(&magnitude, &lanes, sizeof(lanes));
	magnitude |= sign;
	memcpy(&lanes, &magnitude, sizeof(lanes));
}

[[gnu::always_inline]] inline float
Total(const Lanes &lanes) {
	float total = 0;
	for (size_t lane = 0; lane < kLanes; lane++)
		total += lanes[lane];
	return total;
}

template <typename Stored>
void
Products(const float *query, size_t dims, const Stored *centroids, size_t n_blocks, float *out) {
	for (size_t block = 0; block < n_blocks; block++) {
		Lanes sums = {};
		for (size_t j = 0; j < dims; j++, centroids += kLanes) {
			Lanes centroid;
			Load(centroid, centroids);
			sums += query[j] * centroid;
		}
		memcpy(out + block * kLanes, &sums, sizeof(sums));
	}
}

template <typename Stored>
void
NearestOf(const float *const *vectors, size_t dims, const Stored *centroids, const float *norms,
		  size_t n_blocks, uint32_t *best, float *scores) {
	constexpr size_t kVectors = kNearestVectors / 2;
	for (size_t v = 0; v < kVectors; v++)
		scores[v] = FLT_MAX, best[v] = 0;
	for (size_t block = 0; block < n_blocks; block++) {
		Lanes sums[kVectors] = {};
		for (size_t j = 0; j < dims; j++, centroids += kLanes) {
			Lanes centroid;
			Load(centroid, centroids);
			for (size_t v = 0; v < kVectors; v++)
				sums[v] += vectors[v][j] * centroid;
		}
		for (size_t v = 0; v < kVectors; v++)
			for (size_t lane = 0; lane < kLanes; lane++) {
				float score = norms[block * kLanes + lane] - 2 * sums[v][lane];
				if (score < scores[v]) {
					scores[v] = score;
					best[v] = static_cast<uint32_t>(block * kLanes + lane);
				}
			}
	}
}

template <typename Stored>
void
Nearest(const float *const *vectors, size_t dims, const Stored *centroids, const float *norms,
		size_t n_blocks, uint32_t *best, float *scores) {
	constexpr size_t kHalf = kNearestVectors / 2;
	NearestOf(vectors, dims, centroids, norms, n_blocks, best, scores);
	NearestOf(vectors + kHalf, dims, centroids, norms, n_blocks, best + kHalf, scores + kHalf);
}

#if defined(__aarch64__) || defined(__SSSE3__)
/// Bytes of a table of sixteen.
[[gnu::always_inline]] inline Octets
LookUp(const Octets &table, const Octets &index) {
#if defined(__aarch64__)
	return vqtbl1q_u8(table, index);
#else
	return reinterpret_cast<Octets>(
		_mm_shuffle_epi8(reinterpret_cast<__m128i>(table), reinterpret_cast<__m128i>(index)));
#endif
}

/// Bytes to sums of 16 bits: `even` gets the odd bytes in its upper halves, modulo 2^16, which are taken away at the end.
struct ByteSums {
	Pairs even = {}, odd = {};
	[[gnu::always_inline]] void
	Add(const Octets &octets) {
		auto pairs = reinterpret_cast<Pairs>(octets);
		even += pairs;
		odd += pairs >> 8;
	}
	[[gnu::always_inline]] void
	Store(uint16_t *sums) const {
		Pairs rest = even - (odd << 8);
		for (size_t i = 0; i < kLanes / 2; i++) {
			sums[2 * i] = rest[i];
			sums[2 * i + 1] = odd[i];
		}
	}
};

/// Sums of table entries of a block. Two code rows at a time: two entries fit a byte. What is read next is asked for line by
/// line meanwhile: all at once would hold up these codes.
template <bool kAhead>
[[gnu::always_inline]] inline void
BlockSums(const std::byte *codes, const uint8_t *table, size_t code_rows, const std::byte *ahead,
		  uint16_t *sums) {
	ByteSums low, high;
	for (size_t m = 0; m < code_rows; m += 2, codes += 2 * kLanes, table += 2 * kLanes) {
		if (kAhead && m % 4 == 0) // four rows are a line
			__builtin_prefetch(ahead + m * kLanes);
		Octets a, b, a_entries, b_entries;
		memcpy(&a, codes, sizeof(a));
		memcpy(&b, codes + kLanes, sizeof(b));
		memcpy(&a_entries, table, sizeof(a));
		memcpy(&b_entries, table + kLanes, sizeof(b));
		low.Add(LookUp(a_entries, a & 0xf) + LookUp(b_entries, b & 0xf));
		high.Add(LookUp(a_entries, a >> 4) + LookUp(b_entries, b >> 4));
	}
	low.Store(sums);
	high.Store(sums + kLanes);
}
#else
/// Sums of table entries of a block: eight at a time, which stay in registers.
template <bool kAhead>
[[gnu::always_inline]] inline void
BlockSums(const std::byte *codes, const uint8_t *table, size_t code_rows, const std::byte *ahead,
		  uint16_t *sums) {
	if (kAhead)
		for (size_t at = 0; at < code_rows * kLanes; at += kAlignment)
			__builtin_prefetch(ahead + at);
	constexpr size_t kColumns = 4;
	for (size_t v = 0; v < kLanes; v += kColumns) {
		uint32_t low[kColumns] = {}, high[kColumns] = {};
		for (size_t m = 0; m < code_rows; m++) {
			const uint8_t *entries = table + m * kLanes;
			uint8_t pairs[kColumns];
			memcpy(pairs, codes + m * kLanes + v, sizeof(pairs));
			for (size_t k = 0; k < kColumns; k++) {
				low[k] += entries[pairs[k] & 0xf];
				high[k] += entries[pairs[k] >> 4];
			}
		}
		for (size_t k = 0; k < kColumns; k++) {
			sums[v + k] = static_cast<uint16_t>(low[k]);
			sums[v + k + kLanes] = static_cast<uint16_t>(high[k]);
		}
	}
}
#endif

template <bool kAhead>
[[gnu::always_inline]] inline size_t
ScanBlocks(const ScanJob &job) {
	const size_t code_bytes = job.code_rows * kLanes;
	size_t n = 0;
	const std::byte *block = job.blocks, *ahead = job.prefetch;
	for (size_t b = 0; b < job.n_blocks; b++, block += job.block_bytes) {
		uint16_t sums[kBlockVectors];
		BlockSums<kAhead>(block, job.table, job.code_rows, ahead, sums);
		if (kAhead) {
			for (size_t at = code_bytes; at < job.block_bytes; at += kAlignment)
				__builtin_prefetch(ahead + at);
			ahead += job.block_bytes;
		}
		const std::byte *ts = block + code_bytes;
		for (size_t first = 0; first < kBlockVectors; first += kLanes) {
			Halves entries;
			Lanes t;
			memcpy(&entries, sums + first, sizeof(entries));
			memcpy(&t, ts + first * sizeof(float), sizeof(t));
			Lanes scores = (job.base + t) + job.scale * __builtin_convertvector(entries, Lanes);
			for (size_t lane = 0; lane < kLanes; lane++)
				if (scores[lane] < job.limit) {
					job.out[n].score = scores[lane];
					job.out[n++].index = static_cast<uint32_t>(b * kBlockVectors + first + lane);
				}
		}
	}
	return n;
}

size_t
Scan(const ScanJob &job) {
	return job.prefetch != nullptr ? ScanBlocks<true>(job) : ScanBlocks<false>(job);
}

float
Tables(const float *query, const float *codebooks, size_t n_subvectors, size_t subvector_dims,
	   float factor, float *out, float *sum) {
	float range = 0, total = 0;
	for (size_t m = 0; m < n_subvectors; m++) {
		Lanes sums = {};
		for (size_t j = 0; j < subvector_dims; j++, codebooks += kLanes) {
			Lanes codewords;
			Load(codewords, codebooks);
			sums += factor * *query++ * codewords;
		}
		float low = sums[0], high = sums[0];
		for (size_t c = 1; c < kLanes; c++) {
			low = sums[c] < low ? sums[c] : low;
			high = sums[c] > high ? sums[c] : high;
		}
		sums -= low;
		memcpy(out + m * kLanes, &sums, sizeof(sums));
		range = high - low > range ? high - low : range;
		total += low;
	}
	*sum = total;
	return range;
}

void
ToBytes(const float *entries, size_t n, float factor, uint8_t *out) {
	for (size_t i = 0; i < n; i++) {
		auto entry = static_cast<int32_t>(entries[i] * factor + 0.5f);
		out[i] = static_cast<uint8_t>(entry < static_cast<int32_t>(kMaxEntry) ? entry : kMaxEntry);
	}
}

size_t
Select(const float *scores, size_t n, float above, float up_to, Candidate *out) {
	size_t count = 0;
	for (size_t i = 0; i < n; i++) {
		out[count] = {scores[i], static_cast<uint32_t>(i)};
		count += scores[i] > above && scores[i] <= up_to;
	}
	return count;
}

float
Differences(const float *query, const uint16_t *centroid, size_t n, float *out) {
	Lanes sums = {}, x, y;
	for (size_t i = 0; i < n; i += kLanes) {
		Load(x, query + i);
		Load(y, centroid + i);
		x -= y;
		memcpy(out + i, &x, sizeof(x));
		sums += x * x;
	}
	return Total(sums);
}

void
Encode(const float *residual, const float *codebooks, size_t n_subvectors, size_t subvector_dims,
	   uint8_t *code, float *decoded) {
	for (size_t m = 0; m < n_subvectors; m++) {
		Lanes sums = {};
		for (size_t j = 0; j < subvector_dims; j++) {
			Lanes codewords;
			Load(codewords, codebooks + j * kLanes);
			codewords -= residual[j];
			sums += codewords * codewords;
		}
		size_t best = 0;
		for (size_t c = 1; c < kLanes; c++)
			best = sums[c] < sums[best] ? c : best;
		code[m] = static_cast<uint8_t>(best);
		for (size_t j = 0; j < subvector_dims; j++)
			*decoded++ = codebooks[j * kLanes + best];
		codebooks += subvector_dims * kLanes;
		residual += subvector_dims;
	}
}

[[gnu::always_inline]] inline void
LoadCodes(Lanes &lanes, const uint8_t *codes) {
	Octets octets;
	memcpy(&octets, codes, sizeof(octets));
	lanes = __builtin_convertvector(octets, Lanes);
}

float
Sq8Squared(const float *x, const uint8_t *codes, float minimum, float step, size_t dims) {
	Lanes sums = {}, value, code;
	size_t i = 0;
	for (; i + kLanes <= dims; i += kLanes) {
		Load(value, x + i);
		LoadCodes(code, codes + i);
		value -= code * step + minimum;
		sums += value * value;
	}
	float total = Total(sums);
	for (; i < dims; i++) {
		float difference = x[i] - (static_cast<float>(codes[i]) * step + minimum);
		total += difference * difference;
	}
	return total;
}

float
Sq8Product(const float *x, const uint8_t *codes, size_t dims) {
	Lanes sums = {}, value, code;
	size_t i = 0;
	for (; i + kLanes <= dims; i += kLanes) {
		Load(value, x + i);
		LoadCodes(code, codes + i);
		sums += value * code;
	}
	float total = Total(sums);
	for (; i < dims; i++)
		total += x[i] * static_cast<float>(codes[i]);
	return total;
}

constexpr Kernels
KernelsNamed(const char *name) {
	return {name,
			Products<uint16_t>,
			Products<float>,
			Nearest<uint16_t>,
			Nearest<float>,
			Scan,
			Tables,
			ToBytes,
			Select,
			Differences,
			Encode,
			Sq8Squared,
			Sq8Product};
}

} // namespace

} // namespace pgml::ann
