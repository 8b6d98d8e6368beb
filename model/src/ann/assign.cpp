// The list of a vector: the nearest centroid. From kTwoLevelLists lists on only the lists of the nearest groups are compared.
#include <algorithm>
#include <cmath>

#include "ann/blob.h"
#include "ann/kernels.h"

#include "base/no_postgres.h"

namespace pgml::ann {

namespace {

constexpr size_t kSlice = 512; ///< vectors that share the way of centroids into the cache
/// So much of the centroids is compared with a slice before the next: half a second-level cache.
constexpr size_t kCachedBytes = 256 << 10;
constexpr size_t kMaxGroups = 256;
static_assert(kMaxGroups * kMaxGroups >= kMaxLists, "GroupCount is the root of the lists");
/// Whose lists a vector is compared with. Of the clustered vectors of the benchmarks (128 dimensions, 6,304 lists) 3 in a thousand
/// then have another list than the nearest, of noise in 100 dimensions (4,096 lists) 7 in a hundred; the neighbours that a search
/// finds were as many as with the nearest, for it looks through groups too. All lists take 4.5 times as long, 16,384 lists 8 times.
constexpr uint32_t kNearGroups = 8;

/// The nearest lists of a slice of vectors, improved with each range of lists that is compared.
class Slice {
public:
	Slice(const Blob &blob, const float *vectors, size_t n, uint32_t *lists)
		: blob_(blob), kernels_(ActiveKernels()), vectors_(vectors), lists_(lists),
		  scale_(static_cast<float>(blob.scale())) {
		std::fill_n(least_, n, HUGE_VALF);
		std::fill_n(lists, n, 0u); // groups may be empty
	}

	/// Compares vectors with the lists from one up to another; some beside them may be compared as well.
	void
	Compare(const uint16_t *members, size_t n, size_t first, size_t end) {
		constexpr size_t kPair = 2 * kLanes;
		first = first / kPair * kPair;
		end = (end + kPair - 1) / kPair * kPair;
		for (size_t i = 0; i < n; i += kNearestVectors) {
			size_t count = std::min(kNearestVectors, n - i);
			if (count == 1)
				CompareOne(members[i], first, end);
			else
				CompareSome(members + i, count, first, end);
		}
	}

	/// The nearest groups of lists, in no order. @return how many
	uint32_t
	NearGroups(size_t member, uint32_t *groups) {
		float scores[kMaxGroups + 2 * kLanes], nearest[kNearGroups];
		Scores(Internal(member, shifted_[0]), blob_.group_centroids, blob_.group_norms, 0,
			   BlocksOf(blob_.groups) * kLanes, scores);
		uint32_t count = 0;
		for (uint32_t group = 0; group < blob_.groups; group++) {
			if (count == kNearGroups && !(scores[group] < nearest[count - 1]))
				continue;
			uint32_t at = count < kNearGroups ? count++ : count - 1;
			for (; at > 0 && scores[group] < nearest[at - 1]; at--) {
				nearest[at] = nearest[at - 1];
				groups[at] = groups[at - 1];
			}
			nearest[at] = scores[group];
			groups[at] = group;
		}
		return count;
	}

private:
	/// The vector in internal coordinates.
	const float *
	Internal(size_t member, float *memory) const {
		size_t dims = blob_.layout().dims;
		const float *vector = vectors_ + member * dims;
		if (blob_.header->has_shift == 0)
			return vector;
		for (size_t j = 0; j < dims; j++)
			memory[j] = ToInternal(vector[j], blob_.mean[j], scale_);
		return memory;
	}

	void
	Scores(const float *vector, const uint16_t *centroids, const float *norms, size_t first,
		   size_t end, float *scores) const {
		size_t dims = blob_.layout().dims;
		kernels_.products(vector, dims, centroids + first * dims, (end - first) / kLanes, scores);
		for (size_t i = 0; i < end - first; i++)
			scores[i] = norms[first + i] - 2 * scores[i];
	}

	void
	Improve(size_t member, uint32_t list, float score) {
		if (score < least_[member] || (score == least_[member] && list < lists_[member])) {
			least_[member] = score;
			lists_[member] = list;
		}
	}

	/// One vector alone would leave most of what the kernel for several does unused.
	void
	CompareOne(size_t member, size_t first, size_t end) {
		constexpr size_t kAtOnce = 16 * kLanes;
		float scores[kAtOnce];
		const float *vector = Internal(member, shifted_[0]);
		for (; first < end; first += kAtOnce) {
			size_t until = std::min(first + kAtOnce, end);
			Scores(vector, blob_.centroids, blob_.norms, first, until, scores);
			size_t least =
				static_cast<size_t>(std::min_element(scores, scores + (until - first)) - scores);
			Improve(member, static_cast<uint32_t>(first + least), scores[least]);
		}
	}

	void
	CompareSome(const uint16_t *members, size_t n, size_t first, size_t end) {
		const float *vectors[kNearestVectors];
		for (size_t v = 0; v < kNearestVectors; v++)
			vectors[v] = v < n ? Internal(members[v], shifted_[v]) : vectors[n - 1];
		uint32_t best[kNearestVectors];
		float scores[kNearestVectors];
		size_t dims = blob_.layout().dims;
		kernels_.nearest(vectors, dims, blob_.centroids + first * dims, blob_.norms + first,
						 (end - first) / kLanes, best, scores);
		for (size_t v = 0; v < n; v++)
			Improve(members[v], static_cast<uint32_t>(first + best[v]), scores[v]);
	}

	const Blob &blob_;
	const Kernels &kernels_;
	const float *vectors_;
	uint32_t *lists_;
	const float scale_;
	float least_[kSlice];
	float shifted_[kNearestVectors][PaddedDims(kMaxDims)];
};

/// All lists, a part that fits the cache after the other.
void
CompareAll(const Blob &blob, Slice &slice, size_t n) {
	uint16_t members[kSlice];
	for (size_t i = 0; i < n; i++)
		members[i] = static_cast<uint16_t>(i);
	size_t lists = blob.layout().lists, list_bytes = blob.layout().dims * sizeof(uint16_t);
	size_t at_once = std::max<size_t>(kCachedBytes / list_bytes / (2 * kLanes), 1) * (2 * kLanes);
	for (size_t first = 0; first < lists; first += at_once)
		slice.Compare(members, n, first, std::min(first + at_once, lists));
}

/// Group by group: the lists of each with the vectors that it is near to.
void
CompareNearGroups(const Blob &blob, Slice &slice, size_t n) {
	uint32_t groups[kSlice][kNearGroups], n_groups = 0;
	uint16_t starts[kMaxGroups + 1] = {}, members[kSlice * kNearGroups];
	static_assert(kSlice * kNearGroups <= UINT16_MAX);
	for (size_t i = 0; i < n; i++) {
		n_groups = slice.NearGroups(i, groups[i]); // the same for all
		for (uint32_t k = 0; k < n_groups; k++)
			starts[groups[i][k]]++;
	}
	// Behind each group's members, then, as they are put in backwards, in front of them.
	for (uint32_t group = 0; group < blob.groups; group++)
		starts[group + 1] = static_cast<uint16_t>(starts[group + 1] + starts[group]);
	for (size_t i = n; i-- > 0;)
		for (uint32_t k = 0; k < n_groups; k++)
			members[--starts[groups[i][k]]] = static_cast<uint16_t>(i);
	for (uint32_t group = 0; group < blob.groups; group++)
		if (starts[group] < starts[group + 1])
			slice.Compare(members + starts[group], starts[group + 1] - starts[group],
						  blob.group_starts[group], blob.group_starts[group + 1]);
}

} // namespace

void
Quantizer::Assign(const float *vectors, size_t n, uint32_t *lists) const noexcept {
	const Blob blob(blob_);
	for (size_t i = 0; i < n; i += kSlice) {
		size_t count = std::min(kSlice, n - i);
		Slice slice(blob, vectors + i * blob.layout().dims, count, lists + i);
		if (blob.groups > 0)
			CompareNearGroups(blob, slice, count);
		else
			CompareAll(blob, slice, count);
	}
}

} // namespace pgml::ann
