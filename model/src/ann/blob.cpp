// The blob: sizes, pointers, checks. See blob.h.
#include "ann/blob.h"

#include <cfloat>
#include <cstring>

#include <zlib.h>

#include "base/no_postgres.h"

namespace pgml::ann {

namespace {

/// Reads arrays of bytes that need no alignment and may hold anything.
class RawArrays {
public:
	explicit RawArrays(const std::byte *bytes) : bytes_(bytes) {}
	/// Whether all of `count` floats at `offset` are numbers of at most `limit`.
	bool
	Bounded(size_t offset, size_t count, float limit) const {
		for (size_t i = 0; i < count; i++)
			if (!(std::fabs(At<float>(offset, i)) <= limit))
				return false;
		return true;
	}
	bool
	FiniteHalves(size_t offset, size_t count) const {
		for (size_t i = 0; i < count; i++)
			if ((At<uint16_t>(offset, i) & 0x7c00) == 0x7c00)
				return false;
		return true;
	}
	/// Squared norms: not negative, infinite behind the last.
	bool
	Norms(size_t offset, size_t count, size_t padded) const {
		for (size_t i = 0; i < padded; i++) {
			float norm = At<float>(offset, i);
			if (!(norm >= 0) || std::isinf(norm) != (i >= count))
				return false;
		}
		return true;
	}
	template <typename T>
	T
	At(size_t offset, size_t i) const {
		T value;
		memcpy(&value, bytes_ + offset + i * sizeof(T), sizeof(T));
		return value;
	}

private:
	const std::byte *bytes_;
};

} // namespace

uint32_t
GroupCount(uint32_t lists) noexcept {
	return lists < kTwoLevelLists ? 0 : static_cast<uint32_t>(std::sqrt(lists));
}

Sections::Sections(const Layout &layout) noexcept {
	size_t dims = layout.dims, groups = GroupCount(layout.lists);
	auto next = [&, at = Aligned(sizeof(BlobHeader))](size_t bytes) mutable {
		size_t start = at;
		at += Aligned(bytes);
		return start;
	};
	centroids = next(BlocksOf(layout.lists) * dims * kLanes * sizeof(uint16_t));
	rows = next(size_t{layout.lists} * PaddedDims(dims) * sizeof(uint16_t));
	norms = next(BlocksOf(layout.lists) * kLanes * sizeof(float));
	mean = next(PaddedDims(dims) * sizeof(float));
	codebooks = next(size_t{layout.subquantizers} * layout.subvector_dims * kLanes * sizeof(float));
	group_centroids = next(BlocksOf(groups) * dims * kLanes * sizeof(uint16_t));
	group_norms = next(BlocksOf(groups) * kLanes * sizeof(float));
	group_starts = next(groups == 0 ? 0 : (groups + 1) * sizeof(uint32_t));
	end = next(0);
}

Blob::Blob(const std::byte *bytes) noexcept : header(reinterpret_cast<const BlobHeader *>(bytes)) {
	Sections at(header->layout);
	centroids = reinterpret_cast<const uint16_t *>(bytes + at.centroids);
	rows = reinterpret_cast<const uint16_t *>(bytes + at.rows);
	norms = reinterpret_cast<const float *>(bytes + at.norms);
	mean = reinterpret_cast<const float *>(bytes + at.mean);
	codebooks = reinterpret_cast<const float *>(bytes + at.codebooks);
	group_centroids = reinterpret_cast<const uint16_t *>(bytes + at.group_centroids);
	group_norms = reinterpret_cast<const float *>(bytes + at.group_norms);
	group_starts = reinterpret_cast<const uint32_t *>(bytes + at.group_starts);
	groups = GroupCount(header->layout.lists);
}

uint32_t
BlobCrc(const std::byte *blob, size_t bytes) noexcept {
	return static_cast<uint32_t>(crc32_z(crc32_z(0, nullptr, 0),
										 reinterpret_cast<const Bytef *>(blob) + kCrcFrom,
										 bytes - kCrcFrom));
}

size_t
Quantizer::Bytes(const Layout &layout) noexcept {
	return Sections(layout).end;
}

const char *
Quantizer::Problem(std::span<const std::byte> blob) noexcept {
	BlobHeader header;
	if (blob.size() < sizeof(header))
		return "the header is cut off";
	memcpy(&header, blob.data(), sizeof(header));
	if (memcmp(header.magic, kMagic, sizeof(kMagic)) != 0)
		return "it does not start as a quantizer does";
	if (header.version != kBlobVersion)
		return "its version is not known";
	Layout complete = header.layout;
	if (const char *problem = CompleteLayout(complete))
		return problem;
	if (!(complete == header.layout))
		return "its sizes contradict each other";
	if (header.bytes != Bytes(complete) || header.bytes != blob.size())
		return "its length is wrong";
	if (header.crc != BlobCrc(blob.data(), blob.size()))
		return "its checksum is wrong";
	if (header.scale_exponent < -kMaxScaleExponent || header.scale_exponent > kMaxScaleExponent ||
		!(header.mean_norm >= 0) || std::isinf(header.mean_norm) || header.has_shift > 1)
		return "its scale is out of range";
	Sections at(complete);
	RawArrays bytes(blob.data());
	size_t dims = complete.dims, lists = complete.lists, groups = GroupCount(complete.lists);
	if (!bytes.FiniteHalves(at.centroids, BlocksOf(lists) * dims * kLanes) ||
		!bytes.FiniteHalves(at.rows, lists * PaddedDims(dims)) ||
		!bytes.FiniteHalves(at.group_centroids, BlocksOf(groups) * dims * kLanes))
		return "a centroid is not finite";
	if (!bytes.Norms(at.norms, lists, BlocksOf(lists) * kLanes) ||
		!bytes.Norms(at.group_norms, groups, BlocksOf(groups) * kLanes))
		return "a norm is not one";
	if (!bytes.Bounded(at.mean, dims, FLT_MAX))
		return "the mean is not finite";
	if (!bytes.Bounded(at.codebooks,
					   size_t{complete.subquantizers} * complete.subvector_dims * kLanes,
					   2 * kInternalLimit))
		return "a codebook is out of range";
	for (size_t g = 0; g < groups; g++)
		if (bytes.At<uint32_t>(at.group_starts, g) > bytes.At<uint32_t>(at.group_starts, g + 1))
			return "its groups are not in order";
	if (groups > 0 && (bytes.At<uint32_t>(at.group_starts, 0) != 0 ||
					   bytes.At<uint32_t>(at.group_starts, groups) != lists))
		return "its groups are not all lists";
	return nullptr;
}

} // namespace pgml::ann
