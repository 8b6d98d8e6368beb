// The kernels for AVX2 with FMA and F16C.
#include "ann/kernels.h"

#include <cfloat>
#include <immintrin.h>

#include "base/no_postgres.h"

namespace pgml::ann {

namespace {

constexpr size_t kLanes = 16; ///< of the stored blocks: two vectors of eight
constexpr size_t kWidth = 8;
constexpr size_t kCacheLine = 64;

#define PGML_INLINE static inline __attribute__((always_inline))

PGML_INLINE __m256
Load(const float *from) {
	return _mm256_loadu_ps(from);
}

PGML_INLINE __m256
Load(const uint16_t *from) {
	return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(from)));
}

PGML_INLINE float
Total(__m256 v) {
	__m128 sums = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
	sums = _mm_add_ps(sums, _mm_movehl_ps(sums, sums));
	return _mm_cvtss_f32(_mm_add_ss(sums, _mm_movehdup_ps(sums)));
}

template <typename Stored>
void
Products(const float *query, size_t dims, const Stored *centroids, size_t n_blocks, float *out) {
	for (size_t block = 0; block < n_blocks; block += 2) {
		const Stored *first = centroids + block * dims * kLanes, *second = first + dims * kLanes;
		__m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
						  _mm256_setzero_ps()};
		for (size_t j = 0; j < dims; j++, first += kLanes, second += kLanes) {
			__m256 x = _mm256_set1_ps(query[j]);
			sums[0] = _mm256_fmadd_ps(x, Load(first), sums[0]);
			sums[1] = _mm256_fmadd_ps(x, Load(first + kWidth), sums[1]);
			sums[2] = _mm256_fmadd_ps(x, Load(second), sums[2]);
			sums[3] = _mm256_fmadd_ps(x, Load(second + kWidth), sums[3]);
		}
		for (size_t k = 0; k < 4; k++)
			_mm256_storeu_ps(out + block * kLanes + k * kWidth, sums[k]);
	}
}

/// 4 vectors against a block of 16 centroids: 8 sums in registers.
template <typename Stored>
PGML_INLINE void
NearestOf(const float *const *vectors, size_t dims, const Stored *centroids, const float *norms,
		  size_t n_blocks, uint32_t *best, float *scores) {
	constexpr size_t kVectors = kNearestVectors / 2;
	__m256 least[kVectors];
	__m256i index[kVectors];
	for (size_t v = 0; v < kVectors; v++) {
		least[v] = _mm256_set1_ps(FLT_MAX);
		index[v] = _mm256_setzero_si256();
	}
	__m256i id = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	for (size_t block = 0; block < n_blocks; block++) {
		__m256 sums[2][kVectors];
		for (size_t h = 0; h < 2; h++)
			for (size_t v = 0; v < kVectors; v++)
				sums[h][v] = _mm256_setzero_ps();
		for (size_t j = 0; j < dims; j++, centroids += kLanes) {
			__m256 a = Load(centroids), b = Load(centroids + kWidth);
			for (size_t v = 0; v < kVectors; v++) {
				__m256 x = _mm256_set1_ps(vectors[v][j]);
				sums[0][v] = _mm256_fmadd_ps(x, a, sums[0][v]);
				sums[1][v] = _mm256_fmadd_ps(x, b, sums[1][v]);
			}
		}
		for (size_t h = 0; h < 2; h++) {
			__m256 norm = _mm256_loadu_ps(norms + block * kLanes + h * kWidth);
			for (size_t v = 0; v < kVectors; v++) {
				__m256 score = _mm256_fnmadd_ps(_mm256_set1_ps(2), sums[h][v], norm);
				__m256 less = _mm256_cmp_ps(score, least[v], _CMP_LT_OQ);
				least[v] = _mm256_blendv_ps(least[v], score, less);
				index[v] = _mm256_blendv_epi8(index[v], id, _mm256_castps_si256(less));
			}
			id = _mm256_add_epi32(id, _mm256_set1_epi32(kWidth));
		}
	}
	for (size_t v = 0; v < kVectors; v++) {
		float lanes[kWidth];
		uint32_t ids[kWidth];
		_mm256_storeu_ps(lanes, least[v]);
		_mm256_storeu_si256(reinterpret_cast<__m256i *>(ids), index[v]);
		size_t least_lane = 0;
		for (size_t lane = 1; lane < kWidth; lane++)
			if (lanes[lane] < lanes[least_lane] ||
				(lanes[lane] == lanes[least_lane] && ids[lane] < ids[least_lane]))
				least_lane = lane;
		best[v] = ids[least_lane];
		scores[v] = lanes[least_lane];
	}
}

void
Nearest(const float *const *vectors, size_t dims, const uint16_t *centroids, const float *norms,
		size_t n_blocks, uint32_t *best, float *scores) {
	constexpr size_t kHalf = kNearestVectors / 2;
	NearestOf(vectors, dims, centroids, norms, n_blocks, best, scores);
	NearestOf(vectors + kHalf, dims, centroids, norms, n_blocks, best + kHalf, scores + kHalf);
}

void
NearestFloat(const float *const *vectors, size_t dims, const float *centroids, const float *norms,
			 size_t n_blocks, uint32_t *best, float *scores) {
	constexpr size_t kHalf = kNearestVectors / 2;
	NearestOf(vectors, dims, centroids, norms, n_blocks, best, scores);
	NearestOf(vectors + kHalf, dims, centroids, norms, n_blocks, best + kHalf, scores + kHalf);
}

PGML_INLINE __m128i
AddHalves(__m256i v) {
	return _mm_add_epi16(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

/// Table entries of two code rows, one in each half: of vectors 0 to 15 and of 16 to 31.
PGML_INLINE void
LookUp(const std::byte *codes, const uint8_t *table, __m256i *low, __m256i *high) {
	const __m256i nibble = _mm256_set1_epi8(0xf);
	__m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(codes));
	__m256i entries = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(table));
	*low = _mm256_shuffle_epi8(entries, _mm256_and_si256(pairs, nibble));
	*high = _mm256_shuffle_epi8(entries, _mm256_and_si256(_mm256_srli_epi16(pairs, 4), nibble));
}

/// As in the AVX-512 form.
PGML_INLINE void
AddBytes(__m256i bytes, __m256i *even, __m256i *odd) {
	*even = _mm256_add_epi16(*even, bytes);
	*odd = _mm256_add_epi16(*odd, _mm256_srli_epi16(bytes, 8));
}

/// Sums of table entries of a block, eight vectors each, as in the AVX-512 form with two code rows at a time.
template <bool kAhead>
PGML_INLINE void
BlockSums(const std::byte *codes, const uint8_t *table, size_t bytes, const std::byte *ahead,
		  __m128i *sums) {
	__m256i even = _mm256_setzero_si256(), odd = even, even_high = even, odd_high = even;
	constexpr size_t kStep = sizeof(__m256i);
	for (size_t i = 0; i < bytes; i += 2 * kStep) { // code rows are a multiple of four
		if (kAhead)
			__builtin_prefetch(ahead + i);
		__m256i a, b, c, d;
		LookUp(codes + i, table + i, &a, &b);
		LookUp(codes + i + kStep, table + i + kStep, &c, &d);
		AddBytes(_mm256_add_epi8(a, c), &even, &odd);
		AddBytes(_mm256_add_epi8(b, d), &even_high, &odd_high);
	}
	even = _mm256_sub_epi16(even, _mm256_slli_epi16(odd, 8));
	even_high = _mm256_sub_epi16(even_high, _mm256_slli_epi16(odd_high, 8));
	sums[0] = AddHalves(_mm256_unpacklo_epi16(even, odd));
	sums[1] = AddHalves(_mm256_unpackhi_epi16(even, odd));
	sums[2] = AddHalves(_mm256_unpacklo_epi16(even_high, odd_high));
	sums[3] = AddHalves(_mm256_unpackhi_epi16(even_high, odd_high));
}

template <bool kAhead>
PGML_INLINE size_t
ScanBlocks(const ScanJob &job) {
	const size_t code_bytes = job.code_rows * kLanes;
	const __m256 scale = _mm256_set1_ps(job.scale), base = _mm256_set1_ps(job.base),
				 limit = _mm256_set1_ps(job.limit);
	size_t n = 0;
	const std::byte *block = job.blocks, *ahead = job.prefetch;
	for (size_t b = 0; b < job.n_blocks; b++, block += job.block_bytes) {
		__m128i sums[4];
		BlockSums<kAhead>(block, job.table, code_bytes, ahead, sums);
		if (kAhead) {
			for (size_t at = code_bytes; at < job.block_bytes; at += kCacheLine)
				__builtin_prefetch(ahead + at);
			ahead += job.block_bytes;
		}
		const auto *t = reinterpret_cast<const float *>(block + code_bytes);
		float scores[kBlockVectors];
		uint32_t below = 0;
		for (size_t k = 0; k < 4; k++) {
			__m256 score =
				_mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(sums[k])), scale,
								_mm256_add_ps(base, _mm256_loadu_ps(t + k * kWidth)));
			_mm256_storeu_ps(scores + k * kWidth, score);
			below |=
				static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(score, limit, _CMP_LT_OQ)))
				<< k * kWidth;
		}
		for (; below != 0; below &= below - 1) {
			auto slot = static_cast<uint32_t>(__builtin_ctz(below));
			job.out[n].score = scores[slot];
			job.out[n++].index = static_cast<uint32_t>(b * kBlockVectors) + slot;
		}
	}
	return n;
}

size_t
Scan(const ScanJob &job) {
	return job.prefetch != nullptr ? ScanBlocks<true>(job) : ScanBlocks<false>(job);
}

/// The least of 16, in all lanes.
PGML_INLINE __m256
Least(__m256 low, __m256 high) {
	__m256 least = _mm256_min_ps(low, high);
	least = _mm256_min_ps(least, _mm256_permute2f128_ps(least, least, 1));
	least = _mm256_min_ps(least, _mm256_shuffle_ps(least, least, _MM_SHUFFLE(1, 0, 3, 2)));
	return _mm256_min_ps(least, _mm256_shuffle_ps(least, least, _MM_SHUFFLE(2, 3, 0, 1)));
}

float
Tables(const float *query, const float *codebooks, size_t n_subvectors, size_t subvector_dims,
	   float factor, float *out, float *sum) {
	__m256 range = _mm256_setzero_ps();
	float total = 0;
	for (size_t m = 0; m < n_subvectors; m++) {
		__m256 low = _mm256_setzero_ps(), high = low;
		for (size_t j = 0; j < subvector_dims; j++, codebooks += kLanes) {
			__m256 x = _mm256_set1_ps(factor * *query++);
			low = _mm256_fmadd_ps(x, Load(codebooks), low);
			high = _mm256_fmadd_ps(x, Load(codebooks + kWidth), high);
		}
		__m256 least = Least(low, high);
		low = _mm256_sub_ps(low, least);
		high = _mm256_sub_ps(high, least);
		_mm256_storeu_ps(out + m * kLanes, low);
		_mm256_storeu_ps(out + m * kLanes + kWidth, high);
		range = _mm256_max_ps(range, _mm256_max_ps(low, high));
		total += _mm256_cvtss_f32(least);
	}
	*sum = total;
	float ranges[kWidth], largest = 0;
	_mm256_storeu_ps(ranges, range);
	for (size_t lane = 0; lane < kWidth; lane++)
		largest = ranges[lane] > largest ? ranges[lane] : largest;
	return largest;
}

void
ToBytes(const float *entries, size_t n, float factor, uint8_t *out) {
	const __m256 factors = _mm256_set1_ps(factor);
	const __m128i largest = _mm_set1_epi8(kMaxEntry);
	for (size_t i = 0; i < n; i += kLanes) {
		__m256i a = _mm256_cvtps_epi32(_mm256_mul_ps(Load(entries + i), factors));
		__m256i b = _mm256_cvtps_epi32(_mm256_mul_ps(Load(entries + i + kWidth), factors));
		__m128i words = _mm_packs_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
		__m128i more = _mm_packs_epi32(_mm256_castsi256_si128(b), _mm256_extracti128_si256(b, 1));
		_mm_storeu_si128(reinterpret_cast<__m128i *>(out + i),
						 _mm_min_epu8(_mm_packus_epi16(words, more), largest));
	}
}

size_t
Select(const float *scores, size_t n, float above, float up_to, Candidate *out) {
	const __m256 low = _mm256_set1_ps(above), high = _mm256_set1_ps(up_to);
	size_t count = 0, i = 0;
	for (; i + kWidth <= n; i += kWidth) {
		__m256 values = Load(scores + i);
		auto in = static_cast<uint32_t>(_mm256_movemask_ps(_mm256_and_ps(
			_mm256_cmp_ps(values, low, _CMP_GT_OQ), _mm256_cmp_ps(values, high, _CMP_LE_OQ))));
		for (; in != 0; in &= in - 1, count++) {
			out[count].index = static_cast<uint32_t>(i) + static_cast<uint32_t>(__builtin_ctz(in));
			out[count].score = scores[out[count].index];
		}
	}
	for (; i < n; i++)
		if (scores[i] > above && scores[i] <= up_to) {
			out[count].score = scores[i];
			out[count++].index = static_cast<uint32_t>(i);
		}
	return count;
}

float
Differences(const float *query, const uint16_t *centroid, size_t n, float *out) {
	__m256 sums = _mm256_setzero_ps();
	for (size_t i = 0; i < n; i += kWidth) {
		__m256 difference = _mm256_sub_ps(Load(query + i), Load(centroid + i));
		_mm256_storeu_ps(out + i, difference);
		sums = _mm256_fmadd_ps(difference, difference, sums);
	}
	return Total(sums);
}

void
Encode(const float *residual, const float *codebooks, size_t n_subvectors, size_t subvector_dims,
	   uint8_t *code, float *decoded) {
	for (size_t m = 0; m < n_subvectors; m++) {
		__m256 low = _mm256_setzero_ps(), high = low;
		for (size_t j = 0; j < subvector_dims; j++) {
			__m256 x = _mm256_set1_ps(residual[j]);
			__m256 a = _mm256_sub_ps(Load(codebooks + j * kLanes), x);
			__m256 b = _mm256_sub_ps(Load(codebooks + j * kLanes + kWidth), x);
			low = _mm256_fmadd_ps(a, a, low);
			high = _mm256_fmadd_ps(b, b, high);
		}
		__m256 least = Least(low, high);
		auto equal = static_cast<uint32_t>(
			_mm256_movemask_ps(_mm256_cmp_ps(low, least, _CMP_EQ_OQ)) |
			_mm256_movemask_ps(_mm256_cmp_ps(high, least, _CMP_EQ_OQ)) << kWidth);
		auto best = static_cast<uint32_t>(__builtin_ctz(equal | 0x8000u));
		code[m] = static_cast<uint8_t>(best);
		for (size_t j = 0; j < subvector_dims; j++)
			*decoded++ = codebooks[j * kLanes + best];
		codebooks += subvector_dims * kLanes;
		residual += subvector_dims;
	}
}

PGML_INLINE __m256
LoadCodes(const uint8_t *codes) {
	return _mm256_cvtepi32_ps(
		_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(codes))));
}

float
Sq8Squared(const float *x, const uint8_t *codes, float minimum, float step, size_t dims) {
	const __m256 low = _mm256_set1_ps(minimum), width = _mm256_set1_ps(step);
	__m256 sums[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
	size_t i = 0;
	for (; i + kLanes <= dims; i += kLanes)
		for (size_t h = 0; h < 2; h++) {
			__m256 difference =
				_mm256_sub_ps(Load(x + i + h * kWidth),
							  _mm256_fmadd_ps(LoadCodes(codes + i + h * kWidth), width, low));
			sums[h] = _mm256_fmadd_ps(difference, difference, sums[h]);
		}
	float total = Total(_mm256_add_ps(sums[0], sums[1]));
	for (; i < dims; i++) {
		float difference = x[i] - (static_cast<float>(codes[i]) * step + minimum);
		total += difference * difference;
	}
	return total;
}

float
Sq8Product(const float *x, const uint8_t *codes, size_t dims) {
	__m256 sums[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
	size_t i = 0;
	for (; i + kLanes <= dims; i += kLanes)
		for (size_t h = 0; h < 2; h++)
			sums[h] = _mm256_fmadd_ps(Load(x + i + h * kWidth), LoadCodes(codes + i + h * kWidth),
									  sums[h]);
	float total = Total(_mm256_add_ps(sums[0], sums[1]));
	for (; i < dims; i++)
		total += x[i] * static_cast<float>(codes[i]);
	return total;
}

} // namespace

const Kernels kKernelsAvx2 = {
	"avx2", Products<uint16_t>, Products<float>, Nearest,    NearestFloat, Scan, Tables, ToBytes,
	Select, Differences,        Encode,          Sq8Squared, Sq8Product};

} // namespace pgml::ann
