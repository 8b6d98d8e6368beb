/// Measuring recall against settings during the build. See recall.h.
#include "index/faiss/recall.h"

#include "pgml/distance.h"

#include <algorithm>
#include <cmath>

namespace pgml::index {

namespace {

/// From 20 on: to be sure of the order of ten rows the executor takes some more, and a search that has none left looks further.
constexpr uint32 kDepths[] = {20,  30,  40,   60,   80,   100,  150,  200,  300,  400,
							  600, 800, 1200, 1600, 2400, 3200, 4800, 6400, 10000};
constexpr int kNDepths = sizeof(kDepths) / sizeof(kDepths[0]);
constexpr int kMaxLevels = 40;

/// Numbers of lists to open that are tried: 1, 2, 3, 4, 6, 8, 12, 16 ... and all.
int
Levels(uint32 lists, uint32 *levels) {
	int n = 0;
	for (uint32 power = 1; power < lists; power *= 2) {
		levels[n++] = power;
		if (power >= 2 && power + power / 2 < lists)
			levels[n++] = power + power / 2;
	}
	levels[n++] = lists;
	return n;
}

struct Measure {
	Probe *probe;
	Relation index;
	const ann::Layout *layout;
	const Geometry *geometry;
	const DirectoryEntryData *entries;
	ann::Candidate *candidates; ///< of one page
	uint32 levels[kMaxLevels];
	int n_levels;
	uint32 *order;
	// sums over all queries
	double codes[kMaxLevels], pages[kMaxLevels];
	uint64 hits[kMaxLevels][kNDepths];
	double squares[kMaxLevels][kNDepths]; ///< of the hits of each query
	uint64 total;
	uint32 n_queries; ///< that have neighbours
};

/// Calls visit(page, tail) for the code pages of a list, locked.
template <typename Visit>
void
VisitList(const Measure &measure, uint32 list, const Visit &visit) {
	BlockNumber block = measure.entries[list].head;
	while (block != InvalidBlockNumber) {
		Buffer buffer = ReadPage(measure.index, block);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		const CodeTailData *tail = CheckCodePage(measure.index, buffer, *measure.geometry, list,
												 measure.entries[list].chain);
		visit(BufferGetPage(buffer), tail);
		block = tail->common.next;
		UnlockReleaseBuffer(buffer);
	}
}

size_t
ScanCodes(const Measure &measure, const ann::Query &query, Page page, const CodeTailData *tail,
		  uint32 list, float limit) {
	size_t blocks = ((size_t)tail->count + ann::kBlockVectors - 1) / ann::kBlockVectors;
	return query.Scan(BlockAt(*measure.layout, page, 0), blocks, list, limit, measure.candidates,
					  nullptr);
}

/// Finds what the codes of the true neighbours say. @return the largest estimate
float
FindEstimates(const Measure &measure, const ann::Query &query, ProbeNeighbor *neighbors, uint32 n) {
	float largest = -INFINITY;
	for (uint32 i = 0; i < n; i++) {
		bool seen = false;
		for (uint32 k = 0; k < i; k++)
			seen = seen || neighbors[k].list == neighbors[i].list;
		if (seen)
			continue;
		uint32 list = neighbors[i].list;
		VisitList(measure, list, [&](Page page, const CodeTailData *tail) {
			size_t found = ScanCodes(measure, query, page, tail, list, INFINITY);
			for (size_t c = 0; c < found; c++) {
				ItemPointer tid = TidAt(*measure.geometry, page, measure.candidates[c].index);
				for (uint32 k = i; k < n; k++)
					if (neighbors[k].list == list && ItemPointerEquals(&neighbors[k].tid, tid)) {
						neighbors[k].estimate = measure.candidates[c].score;
						neighbors[k].found = true;
						largest = Max(largest, neighbors[k].estimate);
					}
			}
		});
	}
	return largest;
}

void
MeasureQuery(Measure *measure, ann::Query *query, uint32 q) {
	Probe *probe = measure->probe;
	uint32 n = probe->n_neighbors[q];
	ProbeNeighbor *neighbors = probe->neighbors + (Size)q * kProbeNeighbors;
	if (n == 0 || !query->Start(probe->queries + (Size)q * measure->layout->dims))
		return;
	uint32 lists = 0;
	while (size_t given = query->NextLists(measure->layout->lists - lists, measure->order + lists))
		lists += (uint32)given;
	float limit = FindEstimates(*measure, *query, neighbors, n);
	uint64 before[kProbeNeighbors][kMaxLevels] = {};
	int level_of[kProbeNeighbors];
	double codes = 0, pages = 0;
	int level = 0;
	for (uint32 rank = 0; rank < lists; rank++) {
		CHECK_FOR_INTERRUPTS();
		if (rank >= measure->levels[level])
			level++;
		uint32 list = measure->order[rank];
		for (uint32 k = 0; k < n; k++)
			if (neighbors[k].list == list)
				level_of[k] = level;
		VisitList(*measure, list, [&](Page page, const CodeTailData *tail) {
			codes += tail->count;
			pages++;
			// Without codes nothing is left out of an opened list.
			if (measure->layout->subquantizers == 0)
				return;
			size_t found = ScanCodes(*measure, *query, page, tail, list, limit);
			for (size_t c = 0; c < found; c++)
				for (uint32 k = 0; k < n; k++)
					before[k][level] += measure->candidates[c].score < neighbors[k].estimate;
		});
		if (rank + 1 == measure->levels[level]) {
			measure->codes[level] += codes;
			measure->pages[level] += pages;
		}
	}
	uint32 hits[kMaxLevels][kNDepths] = {};
	for (uint32 k = 0; k < n; k++) {
		if (!neighbors[k].found)
			continue;
		uint64 ahead = 0;
		for (int at = 0; at < measure->n_levels; at++) {
			ahead += before[k][at];
			for (int depth = 0; depth < kNDepths; depth++)
				hits[at][depth] += at >= level_of[k] && ahead < kDepths[depth];
		}
	}
	measure->total += n;
	measure->n_queries++;
	for (int at = 0; at < measure->n_levels; at++)
		for (int depth = 0; depth < kNDepths; depth++) {
			measure->hits[at][depth] += hits[at][depth];
			measure->squares[at][depth] += (double)hits[at][depth] * hits[at][depth];
		}
}

/// How many neighbours tell as much as these would if each were found or missed by itself: those of one query often share a fate.
uint32
IndependentNeighbors(const Measure &measure) {
	double queries = measure.n_queries, total = (double)measure.total;
	double variance = 0, independent = 0;
	for (int at = 0; at < measure.n_levels; at++)
		for (int depth = 0; depth < kNDepths; depth++) {
			double hits = (double)measure.hits[at][depth], recall = hits / total;
			if (recall < 0.8 || recall > 0.999)
				continue; // hardly asked for, or nothing to see
			variance += measure.squares[at][depth] / queries - (hits / queries) * (hits / queries);
			independent += total / queries * recall * (1 - recall);
		}
	return (uint32)(variance > independent ? Max(total * independent / variance, 1.0) : total);
}

/// Microseconds of a processor like that of the first measurements; only ratios matter.
float
CostOf(const Measure &measure, int level, uint32 refine) {
	double codes = measure.codes[level] / measure.probe->n,
		   pages = measure.pages[level] / measure.probe->n;
	if (refine == 0)
		return (float)(codes * (0.1 + 0.001 * measure.layout->dims));
	return (float)(codes * (0.0001 + 0.00001 * measure.layout->subquantizers) + pages * 0.2 +
				   refine * (0.15 + 0.001 * measure.layout->dims));
}

/// Of all settings those that no cheaper one equals.
void
PickCurve(const Measure &measure, MetaData *meta) {
	bool codes = measure.layout->subquantizers > 0;
	int n_depths = codes ? kNDepths : 1, n = 0;
	auto *points =
		(CurvePointData *)palloc(sizeof(CurvePointData) * (Size)(measure.n_levels * n_depths));
	for (int level = 0; level < measure.n_levels; level++)
		for (int depth = 0; depth < n_depths; depth++) {
			uint32 refine = codes ? kDepths[depth] : 0;
			double recall =
				(double)measure.hits[level][codes ? depth : kNDepths - 1] / (double)measure.total;
			points[n++] = {(float)recall, measure.levels[level], refine,
						   CostOf(measure, level, refine)};
		}
	std::sort(points, points + n, [](const CurvePointData &a, const CurvePointData &b) {
		return a.cost < b.cost || (a.cost == b.cost && a.recall > b.recall);
	});
	float best = 0;
	for (int i = 0; i < n && meta->n_curve < kMaxCurvePoints; i++) {
		// Steps that shrink towards 1, so that the points suffice.
		bool first = meta->n_curve == 0 || points[i].recall == 1;
		float step = first ? 0 : Max(0.001F, (1 - best) * 0.1F);
		if (points[i].recall < 0.3F || points[i].recall <= best || points[i].recall < best + step)
			continue;
		best = points[i].recall;
		meta->curve[meta->n_curve++] = points[i];
	}
	pfree(points);
}

} // namespace

uint32
ProbeQueries(uint32 dims, uint64 n_rows, uint64 n_sample) {
	double budget = 2e10 / ((double)dims * (double)Max(n_rows, (uint64)1));
	uint32 n = (uint32)Min(Max(budget, 100.0), 200.0);
	if (n_sample < 100)
		return 0;
	return (uint32)Min((uint64)n, n_sample / 2);
}

void
InitProbe(Probe *probe, const ann::Layout &layout, const float *queries,
		  const ItemPointerData *tids, uint32 n) {
	probe->layout = layout;
	probe->n = n;
	probe->queries =
		(float *)palloc_extended(sizeof(float) * layout.dims * Max(n, 1), MCXT_ALLOC_HUGE);
	probe->tids = (ItemPointerData *)palloc(sizeof(ItemPointerData) * Max(n, 1));
	probe->neighbors =
		(ProbeNeighbor *)palloc0(sizeof(ProbeNeighbor) * kProbeNeighbors * Max(n, 1));
	probe->n_neighbors = (uint32 *)palloc0(sizeof(uint32) * Max(n, 1));
	memcpy(probe->queries, queries, sizeof(float) * layout.dims * n);
	memcpy(probe->tids, tids, sizeof(ItemPointerData) * n);
	auto *memory = (char *)palloc_extended(ann::Watch::Bytes(n, layout.dims) + ann::kAlignment,
										   MCXT_ALLOC_HUGE);
	probe->watch = new (palloc(sizeof(ann::Watch))) ann::Watch(
		layout.metric, probe->queries, n, layout.dims, (void *)TYPEALIGN(ann::kAlignment, memory));
	probe->near = (uint32 *)palloc(sizeof(uint32) * Max(n, 1));
	probe->limits = (double *)palloc(sizeof(double) * Max(n, 1));
	for (uint32 q = 0; q < n; q++)
		probe->limits[q] = INFINITY;
}

namespace {

/// Equally near rows are told apart by their TIDs, so that the order of the rows that are seen does not matter.
bool
IsNearer(double score, ItemPointer tid, ProbeNeighbor *than) {
	return score < than->score || (score == than->score && ItemPointerCompare(tid, &than->tid) < 0);
}

void
PutNeighbor(Probe *probe, uint32 q, const ProbeNeighbor &neighbor) {
	uint32 &count = probe->n_neighbors[q];
	ProbeNeighbor *nearest = probe->neighbors + (Size)q * kProbeNeighbors;
	auto *tid = (ItemPointer)&neighbor.tid;
	if (count == kProbeNeighbors && !IsNearer(neighbor.score, tid, &nearest[count - 1]))
		return;
	if (ItemPointerEquals(&probe->tids[q], tid))
		return;
	uint32 place = count < kProbeNeighbors ? count++ : count - 1;
	for (; place > 0 && IsNearer(neighbor.score, tid, &nearest[place - 1]); place--)
		nearest[place] = nearest[place - 1];
	nearest[place] = neighbor;
	if (count == kProbeNeighbors)
		probe->limits[q] = nearest[count - 1].score;
}

} // namespace

void
ObserveRows(Probe *probe, const float *rows, const ItemPointerData *tids, const uint32 *lists,
			int n) {
	uint32 dims = probe->layout.dims;
	bool ip = probe->layout.metric == ann::Metric::kInnerProduct;
	for (int i = 0; i < n; i++) {
		const float *row = rows + (Size)i * dims;
		size_t n_near = probe->watch->Near(row, probe->limits, probe->near);
		for (size_t at = 0; at < n_near; at++) {
			uint32 q = probe->near[at];
			const float *query = probe->queries + (Size)q * dims;
			double score = ip ? -pgml::InnerProduct(query, row, dims)
							  : pgml::SquaredL2Distance(query, row, dims);
			PutNeighbor(probe, q, {score, lists[i], tids[i], 0, false});
		}
	}
}

void
MergeNeighbors(Probe *probe, const ProbeNeighbor *neighbors, const uint32 *n_neighbors) {
	for (uint32 q = 0; q < probe->n; q++)
		for (uint32 k = 0; k < n_neighbors[q]; k++)
			PutNeighbor(probe, q, neighbors[(Size)q * kProbeNeighbors + k]);
}

void
MeasureCurve(Probe *probe, Relation index, const std::byte *blob, const Geometry &geometry,
			 const DirectoryEntryData *entries, MetaData *meta) {
	meta->n_curve = 0;
	meta->curve_neighbors = 0;
	if (probe->n == 0)
		return;
	auto *measure = (Measure *)palloc0(sizeof(Measure));
	measure->probe = probe;
	measure->index = index;
	measure->layout = &probe->layout;
	measure->geometry = &geometry;
	measure->entries = entries;
	measure->candidates =
		(ann::Candidate *)palloc(sizeof(ann::Candidate) * geometry.slots_per_page);
	measure->n_levels = Levels(probe->layout.lists, measure->levels);
	measure->order = (uint32 *)palloc(sizeof(uint32) * probe->layout.lists);
	ann::Quantizer quantizer(blob);
	auto *memory = (char *)palloc_extended(ann::Query::Bytes(probe->layout) + ann::kAlignment,
										   MCXT_ALLOC_HUGE);
	ann::Query query(quantizer, (void *)TYPEALIGN(ann::kAlignment, memory));
	for (uint32 q = 0; q < probe->n; q++)
		MeasureQuery(measure, &query, q);
	if (measure->total > 0) {
		meta->curve_neighbors = IndependentNeighbors(*measure);
		PickCurve(*measure, meta);
	}
}

} // namespace pgml::index
