// The kernels for AVX-512 (F, BW, VL, DQ).
#include "ann/kernels.h"

#include <cfloat>
#include <immintrin.h>

#include "base/no_postgres.h"

namespace pgml::ann {

namespace {

constexpr size_t kLanes = 16;
constexpr size_t kCacheLine = 64;

#define PGML_INLINE static inline __attribute__((always_inline))

PGML_INLINE __m512
Load(const float *from) {
	return _mm512_loadu_ps(from);
}

PGML_INLINE __m512
Load(const uint16_t *from) {
	return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(from)));
}

PGML_INLINE __mmask16
RestMask(size_t n) {
	return static_cast<__mmask16>((1u << n) - 1);
}

/// Products with kBlocks blocks at once.
template <size_t kBlocks, typename Stored>
PGML_INLINE void
ProductsOf(const float *query, size_t dims, const Stored *centroids, float *out) {
	__m512 sums[kBlocks];
	for (size_t k = 0; k < kBlocks; k++)
		sums[k] = _mm512_setzero_ps();
	for (size_t j = 0; j < dims; j++) {
		__m512 x = _mm512_set1_ps(query[j]);
		for (size_t k = 0; k < kBlocks; k++)
			sums[k] = _mm512_fmadd_ps(x, Load(centroids + (k * dims + j) * kLanes), sums[k]);
	}
	for (size_t k = 0; k < kBlocks; k++)
		_mm512_storeu_ps(out + k * kLanes, sums[k]);
}

template <typename Stored>
void
Products(const float *query, size_t dims, const Stored *centroids, size_t n_blocks, float *out) {
	size_t block = 0;
	for (; block + 4 <= n_blocks; block += 4)
		ProductsOf<4>(query, dims, centroids + block * dims * kLanes, out + block * kLanes);
	for (; block + 2 <= n_blocks; block += 2)
		ProductsOf<2>(query, dims, centroids + block * dims * kLanes, out + block * kLanes);
}

/// 8 vectors against 2 blocks of 16 centroids: 16 sums in registers, each centroid is loaded once for 8 vectors.
template <typename Stored>
PGML_INLINE void
NearestOf(const float *const *vectors, size_t dims, const Stored *centroids, const float *norms,
		  size_t n_blocks, uint32_t *best, float *scores) {
	constexpr size_t kVectors = kNearestVectors;
	__m512 least[kVectors];
	__m512i index[kVectors];
	for (size_t v = 0; v < kVectors; v++) {
		least[v] = _mm512_set1_ps(FLT_MAX);
		index[v] = _mm512_setzero_si512();
	}
	const float *x[kVectors];
	for (size_t v = 0; v < kVectors; v++)
		x[v] = vectors[v];
	__m512i id = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	for (size_t block = 0; block < n_blocks; block += 2) {
		__m512 sums[2][kVectors];
		for (size_t h = 0; h < 2; h++)
			for (size_t v = 0; v < kVectors; v++)
				sums[h][v] = _mm512_setzero_ps();
		const Stored *first = centroids + block * dims * kLanes, *second = first + dims * kLanes;
		for (size_t j = 0; j < dims; j++) {
			__m512 a = Load(first + j * kLanes), b = Load(second + j * kLanes);
			for (size_t v = 0; v < kVectors; v++) {
				__m512 element = _mm512_set1_ps(x[v][j]);
				sums[0][v] = _mm512_fmadd_ps(element, a, sums[0][v]);
				sums[1][v] = _mm512_fmadd_ps(element, b, sums[1][v]);
			}
		}
		for (size_t h = 0; h < 2; h++) {
			__m512 norm = _mm512_loadu_ps(norms + (block + h) * kLanes);
			for (size_t v = 0; v < kVectors; v++) {
				__m512 score = _mm512_fnmadd_ps(_mm512_set1_ps(2), sums[h][v], norm);
				__mmask16 less = _mm512_cmp_ps_mask(score, least[v], _CMP_LT_OQ);
				least[v] = _mm512_mask_mov_ps(least[v], less, score);
				index[v] = _mm512_mask_mov_epi32(index[v], less, id);
			}
			id = _mm512_add_epi32(id, _mm512_set1_epi32(kLanes));
		}
	}
	for (size_t v = 0; v < kVectors; v++) {
		scores[v] = _mm512_reduce_min_ps(least[v]);
		__mmask16 equal = _mm512_cmpeq_ps_mask(least[v], _mm512_set1_ps(scores[v]));
		best[v] = _mm512_mask_reduce_min_epu32(equal, index[v]);
	}
}

void
Nearest(const float *const *vectors, size_t dims, const uint16_t *centroids, const float *norms,
		size_t n_blocks, uint32_t *best, float *scores) {
	NearestOf(vectors, dims, centroids, norms, n_blocks, best, scores);
}

void
NearestFloat(const float *const *vectors, size_t dims, const float *centroids, const float *norms,
			 size_t n_blocks, uint32_t *best, float *scores) {
	NearestOf(vectors, dims, centroids, norms, n_blocks, best, scores);
}

/// The four 128-bit parts of 16-bit numbers added up.
PGML_INLINE __m128i
AddQuarters(__m512i v) {
	__m256i halves = _mm256_add_epi16(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
	return _mm_add_epi16(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
}

/// Table entries of four code rows, one in each quarter: of vectors 0 to 15 and of 16 to 31.
PGML_INLINE void
LookUp(const std::byte *codes, const uint8_t *table, __m512i *low, __m512i *high) {
	const __m512i nibble = _mm512_set1_epi8(0xf);
	__m512i pairs = _mm512_loadu_si512(codes), entries = _mm512_loadu_si512(table);
	*low = _mm512_shuffle_epi8(entries, _mm512_and_si512(pairs, nibble));
	*high = _mm512_shuffle_epi8(entries, _mm512_and_si512(_mm512_srli_epi16(pairs, 4), nibble));
}

/// Bytes to sums of 16 bits: `even` gets the odd bytes in its upper halves, modulo 2^16, which are taken away at the end.
PGML_INLINE void
AddBytes(__m512i bytes, __m512i *even, __m512i *odd) {
	*even = _mm512_add_epi16(*even, bytes);
	*odd = _mm512_add_epi16(*odd, _mm512_srli_epi16(bytes, 8));
}

/// Sums of table entries of a block: those of vectors 0 to 15 and of 16 to 31, 16 bits each, in order.
/// What is read next is asked for line by line meanwhile: all at once would hold up these codes.
template <bool kAhead>
PGML_INLINE void
BlockSums(const std::byte *codes, const uint8_t *table, size_t bytes, const std::byte *ahead,
		  __m256i *low, __m256i *high) {
	__m512i even = _mm512_setzero_si512(), odd = even, even_high = even, odd_high = even;
	__m512i a, b, c, d;
	size_t i = 0;
	for (; i + 2 * kCacheLine <= bytes; i += 2 * kCacheLine) {
		if (kAhead) {
			__builtin_prefetch(ahead + i);
			__builtin_prefetch(ahead + i + kCacheLine);
		}
		LookUp(codes + i, table + i, &a, &b);
		LookUp(codes + i + kCacheLine, table + i + kCacheLine, &c, &d);
		AddBytes(_mm512_add_epi8(a, c), &even, &odd); // two entries fit a byte
		AddBytes(_mm512_add_epi8(b, d), &even_high, &odd_high);
	}
	if (i < bytes) {
		LookUp(codes + i, table + i, &a, &b);
		AddBytes(a, &even, &odd);
		AddBytes(b, &even_high, &odd_high);
	}
	even = _mm512_sub_epi16(even, _mm512_slli_epi16(odd, 8));
	even_high = _mm512_sub_epi16(even_high, _mm512_slli_epi16(odd_high, 8));
	*low = _mm256_set_m128i(AddQuarters(_mm512_unpackhi_epi16(even, odd)),
							AddQuarters(_mm512_unpacklo_epi16(even, odd)));
	*high = _mm256_set_m128i(AddQuarters(_mm512_unpackhi_epi16(even_high, odd_high)),
							 AddQuarters(_mm512_unpacklo_epi16(even_high, odd_high)));
}

/// Appends what the mask names, eight pairs of score and index at a time. Writes up to eight pairs behind the end: there is
/// room for all of the block.
PGML_INLINE Candidate *
Append(Candidate *out, __m512 scores, uint32_t mask, uint32_t first) {
	const __m512i lower = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
	const __m512i upper = _mm512_add_epi32(lower, _mm512_set1_epi32(8));
	__m512i index =
		_mm512_add_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
						 _mm512_set1_epi32(static_cast<int>(first)));
	__m512i bits = _mm512_castps_si512(scores);
	if (__mmask8 m = static_cast<__mmask8>(mask)) {
		_mm512_storeu_si512(
			out, _mm512_maskz_compress_epi64(m, _mm512_permutex2var_epi32(bits, lower, index)));
		out += __builtin_popcount(m);
	}
	if (__mmask8 m = static_cast<__mmask8>(mask >> 8)) {
		_mm512_storeu_si512(
			out, _mm512_maskz_compress_epi64(m, _mm512_permutex2var_epi32(bits, upper, index)));
		out += __builtin_popcount(m);
	}
	return out;
}

template <bool kAhead>
PGML_INLINE size_t
ScanBlocks(const ScanJob &job) {
	static_assert(sizeof(Candidate) == 8);
	const size_t code_bytes = job.code_rows * kLanes;
	const __m512 scale = _mm512_set1_ps(job.scale), base = _mm512_set1_ps(job.base),
				 limit = _mm512_set1_ps(job.limit);
	Candidate *out = job.out;
	const std::byte *block = job.blocks, *ahead = job.prefetch;
	for (size_t b = 0; b < job.n_blocks; b++, block += job.block_bytes) {
		__m256i low, high;
		BlockSums<kAhead>(block, job.table, code_bytes, ahead, &low, &high);
		if (kAhead) {
			constexpr size_t kStep = 2 * kCacheLine;
			for (size_t at = code_bytes / kStep * kStep; at < job.block_bytes; at += kCacheLine)
				__builtin_prefetch(ahead + at);
			ahead += job.block_bytes;
		}
		const auto *t = reinterpret_cast<const float *>(block + code_bytes);
		__m512 first = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(low)), scale,
									   _mm512_add_ps(base, _mm512_loadu_ps(t)));
		__m512 second = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(high)), scale,
										_mm512_add_ps(base, _mm512_loadu_ps(t + kLanes)));
		uint32_t below = _mm512_cmp_ps_mask(first, limit, _CMP_LT_OQ),
				 below_high = _mm512_cmp_ps_mask(second, limit, _CMP_LT_OQ);
		if ((below | below_high) == 0)
			continue;
		auto index = static_cast<uint32_t>(b * kBlockVectors);
		out = Append(out, first, below, index);
		out = Append(out, second, below_high, index + kLanes);
	}
	return static_cast<size_t>(out - job.out);
}

size_t
Scan(const ScanJob &job) {
	return job.prefetch != nullptr ? ScanBlocks<true>(job) : ScanBlocks<false>(job);
}

float
Tables(const float *query, const float *codebooks, size_t n_subvectors, size_t subvector_dims,
	   float factor, float *out, float *sum) {
	__m512 range = _mm512_setzero_ps();
	float total = 0;
	for (size_t m = 0; m < n_subvectors; m++) {
		__m512 sums = _mm512_setzero_ps();
		for (size_t j = 0; j < subvector_dims; j++, codebooks += kLanes)
			sums = _mm512_fmadd_ps(_mm512_set1_ps(factor * *query++), Load(codebooks), sums);
		float low = _mm512_reduce_min_ps(sums);
		sums = _mm512_sub_ps(sums, _mm512_set1_ps(low));
		_mm512_storeu_ps(out + m * kLanes, sums);
		range = _mm512_max_ps(range, sums);
		total += low;
	}
	*sum = total;
	return _mm512_reduce_max_ps(range);
}

void
ToBytes(const float *entries, size_t n, float factor, uint8_t *out) {
	const __m512 factors = _mm512_set1_ps(factor);
	for (size_t i = 0; i < n; i += kLanes) {
		__m512i rounded = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(entries + i), factors));
		rounded = _mm512_min_epi32(rounded, _mm512_set1_epi32(kMaxEntry));
		_mm_storeu_si128(reinterpret_cast<__m128i *>(out + i), _mm512_cvtepi32_epi8(rounded));
	}
}

size_t
Select(const float *scores, size_t n, float above, float up_to, Candidate *out) {
	const __m512 low = _mm512_set1_ps(above), high = _mm512_set1_ps(up_to);
	Candidate *end = out;
	for (size_t i = 0; i < n; i += kLanes) {
		__mmask16 there = n - i >= kLanes ? __mmask16{0xffff} : RestMask(n - i);
		__m512 values = _mm512_maskz_loadu_ps(there, scores + i);
		__mmask16 in = _mm512_mask_cmp_ps_mask(
			_mm512_mask_cmp_ps_mask(there, values, low, _CMP_GT_OQ), values, high, _CMP_LE_OQ);
		if (in != 0)
			end = Append(end, values, in, static_cast<uint32_t>(i));
	}
	return static_cast<size_t>(end - out);
}

float
Differences(const float *query, const uint16_t *centroid, size_t n, float *out) {
	__m512 sums = _mm512_setzero_ps();
	for (size_t i = 0; i < n; i += kLanes) {
		__m512 difference = _mm512_sub_ps(Load(query + i), Load(centroid + i));
		_mm512_storeu_ps(out + i, difference);
		sums = _mm512_fmadd_ps(difference, difference, sums);
	}
	return _mm512_reduce_add_ps(sums);
}

void
Encode(const float *residual, const float *codebooks, size_t n_subvectors, size_t subvector_dims,
	   uint8_t *code, float *decoded) {
	for (size_t m = 0; m < n_subvectors; m++) {
		__m512 sums = _mm512_setzero_ps();
		for (size_t j = 0; j < subvector_dims; j++) {
			__m512 difference =
				_mm512_sub_ps(Load(codebooks + j * kLanes), _mm512_set1_ps(residual[j]));
			sums = _mm512_fmadd_ps(difference, difference, sums);
		}
		__mmask16 least = _mm512_cmpeq_ps_mask(sums, _mm512_set1_ps(_mm512_reduce_min_ps(sums)));
		auto best = static_cast<uint32_t>(__builtin_ctz(least | 0x8000u));
		code[m] = static_cast<uint8_t>(best);
		for (size_t j = 0; j < subvector_dims; j++)
			*decoded++ = codebooks[j * kLanes + best];
		codebooks += subvector_dims * kLanes;
		residual += subvector_dims;
	}
}

PGML_INLINE __m512
LoadCodes(const uint8_t *codes) {
	return _mm512_cvtepi32_ps(
		_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i *>(codes))));
}

PGML_INLINE __m512
LoadCodes(const uint8_t *codes, __mmask16 mask) {
	return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, codes)));
}

float
Sq8Squared(const float *x, const uint8_t *codes, float minimum, float step, size_t dims) {
	const __m512 low = _mm512_set1_ps(minimum), width = _mm512_set1_ps(step);
	__m512 sums[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
	size_t i = 0;
	for (; i + 2 * kLanes <= dims; i += 2 * kLanes)
		for (size_t h = 0; h < 2; h++) {
			__m512 difference =
				_mm512_sub_ps(Load(x + i + h * kLanes),
							  _mm512_fmadd_ps(LoadCodes(codes + i + h * kLanes), width, low));
			sums[h] = _mm512_fmadd_ps(difference, difference, sums[h]);
		}
	for (; i < dims; i += kLanes) {
		__mmask16 mask = dims - i >= kLanes ? __mmask16{0xffff} : RestMask(dims - i);
		__m512 difference =
			_mm512_maskz_sub_ps(mask, _mm512_maskz_loadu_ps(mask, x + i),
								_mm512_fmadd_ps(LoadCodes(codes + i, mask), width, low));
		sums[0] = _mm512_fmadd_ps(difference, difference, sums[0]);
	}
	return _mm512_reduce_add_ps(_mm512_add_ps(sums[0], sums[1]));
}

float
Sq8Product(const float *x, const uint8_t *codes, size_t dims) {
	__m512 sums = _mm512_setzero_ps();
	size_t i = 0;
	for (; i + kLanes <= dims; i += kLanes)
		sums = _mm512_fmadd_ps(Load(x + i), LoadCodes(codes + i), sums);
	if (i < dims) {
		__mmask16 mask = RestMask(dims - i);
		sums =
			_mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, x + i), LoadCodes(codes + i, mask), sums);
	}
	return _mm512_reduce_add_ps(sums);
}

} // namespace

const Kernels kKernelsAvx512 = {
	"avx512", Products<uint16_t>, Products<float>, Nearest,    NearestFloat, Scan, Tables, ToBytes,
	Select,   Differences,        Encode,          Sq8Squared, Sq8Product};

} // namespace pgml::ann
