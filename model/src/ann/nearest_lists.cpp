// Which lists a query looks at, nearest first. Only as many are sorted as are asked for; from kTwoLevelLists lists on
// only lists of the nearest groups are looked at until more are asked for.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "ann/half.h"
#include "ann/kernels.h"
#include "ann/query.h"

#include "base/no_postgres.h"

namespace pgml::ann {

namespace {

constexpr uint32_t kLeastOrdered = 32; ///< lists sorted at a time
/// Of the lists this share is looked at first, and so many times what was asked for.
constexpr uint32_t kGroupShare = 8, kGroupReserve = 8;

bool
Nearer(const Candidate &a, const Candidate &b) {
	return a.score != b.score ? a.score < b.score : a.index < b.index;
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

/// Makes a pair's lists known.
void
AddPair(QueryState &state, size_t pair) {
	size_t end = std::min<size_t>((pair + 1) * 2 * kLanes, state.blob.layout().lists);
	for (size_t list = pair * 2 * kLanes; list < end; list++)
		state.nearest[state.known++] = {state.scores[list], static_cast<uint32_t>(list)};
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
				state.scored[pair] |= 2; // they are known
				AddPair(state, pair);
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
 * Makes the nearest lists known, at least n of them or all. How far to reach is guessed from the scores of some lists:
 * one pass over all then picks few, where ordering all of them would take longer than their distances did.
 */
void
SelectNearest(QueryState &state, uint32_t n) {
	constexpr uint32_t kSamples = 64;
	uint32_t lists = state.blob.layout().lists;
	float reach = HUGE_VALF;
	if (state.known == 0 && lists >= 4 * kSamples) {
		float samples[kSamples];
		for (uint32_t i = 0; i < kSamples; i++)
			samples[i] = state.scores[static_cast<size_t>(i) * lists / kSamples];
		// A few more than are asked for: it is a guess.
		uint32_t rank = static_cast<uint32_t>(uint64_t{n} * kSamples / lists) + 3;
		if (rank < kSamples / 2) {
			std::nth_element(samples, samples + rank, samples + kSamples);
			reach = samples[rank];
		}
	}
	const Kernels &kernels = ActiveKernels();
	for (;;) {
		state.known += static_cast<uint32_t>(kernels.select(state.scores, lists, state.selected,
															reach, state.nearest + state.known));
		state.selected = reach;
		if (state.known >= n || reach == HUGE_VALF)
			break;
		reach = HUGE_VALF;
	}
}

/// Sorts the next n of the known lists, or all that are left.
void
Order(QueryState &state, uint32_t n) {
	uint32_t target = std::min(state.ordered + n, state.known);
	Candidate *lists = state.nearest;
	if (state.settled < target) {
		// At least an eighth of the rest at once: asking for one list at a time does not look at all of them each time.
		state.settled = std::min(
			state.known, std::max(target, state.settled + (state.known - state.settled) / 8));
		if (state.settled < state.known)
			std::nth_element(lists + state.ordered, lists + state.settled, lists + state.known,
							 Nearer);
	}
	if (target < state.settled)
		std::nth_element(lists + state.ordered, lists + target, lists + state.settled, Nearer);
	std::sort(lists + state.ordered, lists + target, Nearer);
	state.ordered = target;
}

} // namespace

void
StartLists(QueryState &state) noexcept {
	const Blob &blob = state.blob;
	state.given = state.ordered = state.settled = state.known = state.groups_open = 0;
	state.selected = -HUGE_VALF;
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
	} else if (state.known < state.given + wanted) {
		SelectNearest(state, std::max(state.given + wanted, std::min(kLeastOrdered, all)));
	}
	if (state.ordered < state.given + wanted)
		Order(state, std::max(state.given + wanted - state.ordered, kLeastOrdered));
	uint32_t end = std::min(state.given + wanted, state.ordered);
	size_t count = end - state.given;
	for (; state.given < end; state.given++)
		*lists++ = state.nearest[state.given].index;
	return count;
}

} // namespace pgml::ann
