#pragma once
/**
 * The inner loops, once per instruction set. They agree up to float rounding; sums of table entries are exact.
 *
 * Files with an instruction set of their own define nothing that the linker may share: everything they include and
 * define has internal linkage but the table itself (tests/lint/isa.sh).
 */
#include <cstddef>
#include <cstdint>

#include "pgml/ann.h"

namespace pgml::ann {

struct ScanJob {
	const std::byte *blocks;
	size_t n_blocks;
	size_t block_bytes;
	uint32_t code_rows;
	const uint8_t *table; ///< [code_rows][16], entries of at most kMaxEntry
	float scale, base;    ///< score = base + t + scale * sum
	float limit;
	Candidate *out;
	const std::byte *prefetch;
};

/// Two entries fit a byte, one of each row of the largest code 16 bits.
constexpr uint32_t kMaxEntry = 127;
static_assert(kMaxEntry * (kMaxSubquantizers + 3) <= 65535);

constexpr size_t kNearestVectors = 8;
constexpr size_t kSelectSlack = 8;

struct Kernels {
	const char *name;
	/// Inner products with blocks of 16 centroids, an even number of blocks.
	void (*products)(const float *query, size_t dims, const uint16_t *centroids, size_t n_blocks,
					 float *out);
	/// The same with float vectors.
	void (*products_float)(const float *query, size_t dims, const float *vectors, size_t n_blocks,
						   float *out);
	/// The nearest centroid of each of kNearestVectors vectors, and its score (norm - 2 * product); ties: the first.
	/// Scores are those that follow from `products`, bit by bit.
	void (*nearest)(const float *const *vectors, size_t dims, const uint16_t *centroids,
					const float *norms, size_t n_blocks, uint32_t *best, float *scores);
	/// The same with float centroids, for training.
	void (*nearest_float)(const float *const *vectors, size_t dims, const float *centroids,
						  const float *norms, size_t n_blocks, uint32_t *best, float *scores);
	/// See Query::Scan.
	size_t (*scan)(const ScanJob &job);
	/// factor * product of each sub-vector with each of its 16 codewords, less the smallest of the 16: out [n_subvectors][16].
	/// @return the largest of all; *sum: of the smallest ones
	float (*tables)(const float *query, const float *codebooks, size_t n_subvectors,
					size_t subvector_dims, float factor, float *out, float *sum);
	/// Entries times a factor, rounded to bytes of at most kMaxEntry; n is a multiple of 16.
	void (*to_bytes)(const float *entries, size_t n, float factor, uint8_t *out);
	/// The scores above one and up to another limit, in the order of their numbers. What lies behind
	/// them, up to kSelectSlack candidates, is overwritten.
	size_t (*select)(const float *scores, size_t n, float above, float up_to, Candidate *out);
	/// query - centroid, n a multiple of 16. @return the squared norm
	float (*differences)(const float *query, const uint16_t *centroid, size_t n, float *out);
	/// The nearest codeword of each sub-vector, and the codewords themselves.
	void (*encode)(const float *residual, const float *codebooks, size_t n_subvectors,
				   size_t subvector_dims, uint8_t *code, float *decoded);
	/// Sum of (x[i] - (minimum + step * code[i]))^2.
	float (*sq8_squared)(const float *x, const uint8_t *codes, float minimum, float step,
						 size_t dims);
	/// Sum of x[i] * code[i].
	float (*sq8_product)(const float *x, const uint8_t *codes, size_t dims);
};

extern const Kernels kKernelsPortable;
#if defined(__x86_64__)
extern const Kernels kKernelsSsse3, kKernelsAvx2, kKernelsAvx512;
#endif

/// What runs now.
const Kernels &ActiveKernels() noexcept;

} // namespace pgml::ann
