#pragma once
/**
 * The bytes of a trained quantizer: a header and arrays behind it, each aligned to 64 bytes, at offsets that follow from
 * the layout alone. Position-independent; centroids and codebooks lie in the order in which the kernels read them.
 *
 *   header       BlobHeader
 *   centroids    half precision, in blocks of 16 lists, dimension-major: [block][dimension][16]; an even number of blocks
 *   rows         the same row by row, [list][padded dimension]: for what wants one centroid at a time
 *   norms        float per list: squared norm of the centroid as it is stored; +infinity for lists that pad a block
 *   mean         float per dimension
 *   codebooks    float [sub-vector][dimension of it][16 codewords]
 *   groups       only from kTwoLevelLists lists on: centroids of groups of lists, in the same order, their norms, and
 *                the first list of each group (lists are numbered by group)
 *
 * "Internal" coordinates: (vector - mean) * 2^scale_exponent, within +-kInternalLimit. Mean and scale are trivial unless
 * the data needs them: half precision ends at 65504, and squares of float32 overflow or vanish. All arithmetic is in internal
 * coordinates; for inner products the mean's share is added again.
 */
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "pgml/ann.h"

namespace pgml::ann {

constexpr char kMagic[8] = {'P', 'G', 'M', 'L', 'A', 'N', 'N', 'Q'};
constexpr uint32_t kBlobVersion = 1;   // stored: raise it when anything below changes
constexpr uint32_t kLanes = 16;        ///< lists of a block, codewords of a codebook
constexpr int kMaxScaleExponent = 126; ///< the scale is a float32
constexpr uint32_t kTwoLevelLists = 4096;
constexpr float kInternalLimit = 0x1p50f; ///< internal coordinates are clamped to this

struct BlobHeader {
	char magic[8];
	uint32_t version;
	uint32_t crc; ///< CRC-32 of all that follows this field
	uint64_t bytes;
	Layout layout;
	int32_t scale_exponent;
	float mean_norm;    ///< of the internal mean, rounded up
	uint32_t has_shift; ///< 0: internal coordinates are the vector's own
	uint32_t reserved[13];
};
static_assert(sizeof(BlobHeader) == 128);
constexpr size_t kCrcFrom = offsetof(BlobHeader, bytes);

constexpr size_t
Aligned(size_t bytes) {
	return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// Dimensions rounded up to whole vectors of the kernels.
constexpr size_t
PaddedDims(size_t dims) {
	return (dims + kLanes - 1) / kLanes * kLanes;
}

/// Blocks of 16: an even number, because kernels take two at a time.
constexpr size_t
BlocksOf(size_t lists) {
	return (lists + 2 * kLanes - 1) / (2 * kLanes) * 2;
}

/// How many groups of lists there are; 0: one level.
uint32_t GroupCount(uint32_t lists) noexcept;

/// Offsets of the arrays. The layout is a valid one: no sum overflows then.
struct Sections {
	size_t centroids, rows, norms, mean, codebooks, group_centroids, group_norms, group_starts, end;
	explicit Sections(const Layout &layout) noexcept;
};

/// Fills in the sizes. @return nullptr, or which of the six that rule them is out of range
const char *CompleteLayout(Layout &layout) noexcept;

/// Typed pointers into a blob that was checked.
struct Blob {
	const BlobHeader *header;
	const uint16_t *centroids, *rows;
	const float *norms, *mean, *codebooks;
	const uint16_t *group_centroids;
	const float *group_norms;
	const uint32_t *group_starts;
	uint32_t groups;

	explicit Blob(const std::byte *bytes) noexcept;
	const Layout &
	layout() const noexcept {
		return header->layout;
	}
	/// What internal coordinates are multiplied with.
	double
	scale() const noexcept {
		return std::ldexp(1.0, header->scale_exponent);
	}
	/// A centroid in half precision, zeros behind its dimensions.
	const uint16_t *
	Row(uint32_t list) const noexcept {
		return rows + list * PaddedDims(header->layout.dims);
	}
};

/// Internal coordinate of one element: never NaN for finite input.
static inline float
ToInternal(float value, float mean, float scale) noexcept {
	float internal = (value - mean) * scale;
	internal = internal < kInternalLimit ? internal : kInternalLimit;
	return internal > -kInternalLimit ? internal : -kInternalLimit;
}

uint32_t BlobCrc(const std::byte *blob, size_t bytes) noexcept;

} // namespace pgml::ann
