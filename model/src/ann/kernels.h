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
	const uint8_t *table; ///< [code_rows][16]; no sum of one entry per row exceeds 65535
	float scale, base;    ///< score = base + t + scale * sum
	float limit;
	Candidate *out;
	const std::byte *prefetch;
};

constexpr size_t kNearestVectors = 4;

struct Kernels {
	const char *name;
	/// Inner products with blocks of 16 centroids, an even number of blocks.
	void (*products)(const float *query, size_t dims, const uint16_t *centroids, size_t n_blocks,
					 float *out);
	/// The nearest centroid (norm - 2 * product) of each of kNearestVectors vectors; ties: the first.
	void (*nearest)(const float *const *vectors, size_t dims, const uint16_t *centroids,
					const float *norms, size_t n_blocks, uint32_t *best);
	/// The same with float centroids, for training.
	void (*nearest_float)(const float *const *vectors, size_t dims, const float *centroids,
						  const float *norms, size_t n_blocks, uint32_t *best);
	/// Pgml Query::Scan.
	size_t (*scan)(const ScanJob &job);
	/// factor * product of each sub-vector with each of its 16 codewords: out [n_subvectors][16].
	void (*tables)(const float *query, const float *codebooks, size_t n_subvectors,
				   size_t subvector_dims, float factor, float *out);
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
extern const Kernels kKernelsAvx2, kKernelsAvx512;
#endif

/// What runs now.
const Kernels &ActiveKernels() noexcept;

} // namespace pgml::ann
