// Which lists a query looks at, nearest first. Only as many are sorted as are asked for; from kTwoLevelLists lists on
// only lists of the nearest groups are looked at until more are asked for.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "ann/half.h"
#include "ann/kernels.h"
#include "ann/query.h"

#include "no_postgres.h"

namespace pgml::ann {

namespace {

constexpr uint32_t kLeastOrdered = 32; ///< lists sorted at a time
/// Of the lists this share is looked at first, and so many times what was asked for.
constexpr uint32_t kGroupShare = 8, kGroupReserve = 8;

/// Order of floats as order of integers.
uint64_t
KeyOf(float score, uint32_t list) {
	uint32_t bits = FloatBits(score);
	bits = bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
	return static_cast<uint64_t>(bits) << 32 | list;
}

uint32_t
ListOf(uint64_t key) {
	return static_cast<uint32_t>(key);
}

/// Scores of whole blocks of 16 lists, an even number of them.
void
Score(const QueryState &state, const uint16_t *centroids, const float *norms, size_t n_blocks,
	  float *out) {
	const Layout &layout = state.blob.layout();
	ActiveKernels().products(state.query, layout.dims, centroids, n_blocks, out);
	if (layout.metric == Metric::kInnerProduct)
		for (size_t i = 0; i < n_blocks * kLanes; i++)
			out[i] = -out[i];
	else
		for (size_t i = 0; i < n_blocks * kLanes; i++)
			out[i] = norms[i] - 2 * out[i];
}

/// Scores of the pair of blocks that a list is in; pairs are never scored twice. @return whether they are new
bool
ScorePair(QueryState &state, size_t pair) {
	if (state.scored[pair] != 0)
		return false;
	state.scored[pair] = 1;
	size_t first = pair * 2 * kLanes;
	Score(state, state.blob.centroids + first * state.blob.layout().dims, state.blob.norms + first,
		  2, state.scores + first);
	return true;
}

/// Keys of a pair's lists.
void
AddKeys(QueryState &state, size_t pair) {
	size_t end = std::min<size_t>((pair + 1) * 2 * kLanes, state.blob.layout().lists);
	for (size_t list = pair * 2 * kLanes; list < end; list++)
		state.keys[state.known++] = KeyOf(state.scores[list], static_cast<uint32_t>(list));
}

/// Opens groups until `wanted` lists are known.
void
OpenGroups(QueryState &state, uint32_t wanted) {
	const Blob &blob = state.blob;
	while (state.known < wanted && state.groups_open < blob.groups) {
		uint32_t group = state.groups[state.groups_open++];
		uint32_t first = blob.group_starts[group], end = blob.group_starts[group + 1];
		for (size_t pair = first / (2 * kLanes); pair * 2 * kLanes < end; pair++)
			if ((state.scored[pair] & 2) == 0) {
				ScorePair(state, pair);
				state.scored[pair] |= 2; // its keys are there
				AddKeys(state, pair);
			}
	}
}

void
StartGroups(QueryState &state) {
	const Blob &blob = state.blob;
	memset(state.scored, 0, BlocksOf(blob.layout().lists));
	Score(state, blob.group_centroids, blob.group_norms, BlocksOf(blob.groups), state.entries);
	for (uint32_t group = 0; group < blob.groups; group++)
		state.groups[group] = group;
	const float *scores = state.entries;
	std::sort(state.groups, state.groups + blob.groups, [scores](uint32_t a, uint32_t b) {
		return scores[a] != scores[b] ? scores[a] < scores[b] : a < b;
	});
}

/**
 * Sorts nothing, but puts at least n of the lists before all others, by a histogram of their scores: cheaper than
 * std::nth_element over all of them.
 */
void
Partition(QueryState &state, uint32_t n) {
	constexpr int kBuckets = 256;
	uint32_t lists = state.blob.layout().lists;
	const float *scores = state.scores;
	float low = scores[0], high = scores[0];
	for (uint32_t i = 1; i < lists; i++) {
		low = scores[i] < low ? scores[i] : low;
		high = scores[i] > high ? scores[i] : high;
	}
	float factor = (kBuckets - 1) / std::max(high - low, 1e-30f);
	auto bucket = [=](uint32_t i) {
		return static_cast<uint8_t>(static_cast<int32_t>((scores[i] - low) * factor));
	};
	uint32_t counts[kBuckets] = {};
	for (uint32_t i = 0; i < lists; i++)
		counts[bucket(i)]++;
	int cut = 0;
	uint32_t below = counts[0];
	while (below < n && cut + 1 < kBuckets)
		below += counts[++cut];
	uint32_t front = 0, back = below;
	for (uint32_t i = 0; i < lists; i++) {
		bool in_front = bucket(i) <= cut;
		uint32_t &at = in_front ? front : back;
		state.keys[at++] = KeyOf(scores[i], i);
	}
	state.known = lists;
	state.settled = below;
}

/// Sorts the next n keys, or all that are left.
void
Order(QueryState &state, uint32_t n) {
	uint32_t target = std::min(state.ordered + n, state.known);
	if (state.settled < target) {
		// At least an eighth of the rest at once: asking for one list at a time does not look at all of them each time.
		state.settled = std::min(
			state.known, std::max(target, state.settled + (state.known - state.settled) / 8));
		if (state.settled < state.known)
			std::nth_element(state.keys + state.ordered, state.keys + state.settled,
							 state.keys + state.known);
	}
	if (target < state.settled)
		std::nth_element(state.keys + state.ordered, state.keys + target,
						 state.keys + state.settled);
	std::sort(state.keys + state.ordered, state.keys + target);
	state.ordered = target;
}

} // namespace

void
StartLists(QueryState &state) noexcept {
	const Blob &blob = state.blob;
	state.given = state.ordered = state.settled = state.known = state.groups_open = 0;
	if (blob.groups > 0)
		StartGroups(state);
	else
		Score(state, blob.centroids, blob.norms, BlocksOf(blob.layout().lists), state.scores);
}

void
ScoreList(QueryState &state, uint32_t list) noexcept {
	if (state.blob.groups > 0)
		ScorePair(state, list / (2 * kLanes));
}

size_t
NextLists(QueryState &state, size_t n, uint32_t *lists) noexcept {
	uint32_t all = state.blob.layout().lists;
	auto wanted = static_cast<uint32_t>(std::min<size_t>(n, all - state.given));
	if (wanted == 0)
		return 0;
	if (state.blob.groups > 0) {
		uint64_t reserve =
			all / kGroupShare + uint64_t{kGroupReserve} * (state.given + uint64_t{wanted});
		uint32_t before = state.known;
		OpenGroups(state, static_cast<uint32_t>(std::min<uint64_t>(reserve, all)));
		if (state.known != before) // new ones may be nearer than what was sorted
			state.ordered = state.settled = state.given;
	} else if (state.known == 0) {
		Partition(state, std::max(wanted, std::min(kLeastOrdered, all)));
	}
	if (state.ordered < state.given + wanted)
		Order(state, std::max(state.given + wanted - state.ordered, kLeastOrdered));
	uint32_t end = std::min(state.given + wanted, state.ordered);
	size_t count = end - state.given;
	for (; state.given < end; state.given++)
		*lists++ = ListOf(state.keys[state.given]);
	return count;
}

} // namespace pgml::ann
