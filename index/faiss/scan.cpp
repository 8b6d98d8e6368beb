/**
 * Searching: ORDER BY column <-> query, through amgettuple; and WHERE column <-> query < r without order, also as a bitmap.
 *
 * Rows are returned in the order of a true lower bound of their distance; the executor computes exact distances from the table
 * and holds a row back until no bound is nearer (xs_recheckorderby). So it is exact among what was bounded, no vector is
 * stored twice, and how many rows are wanted need not be known: as rows are taken, more candidates are bounded and more lists
 * are opened, in step, so that what a filter eats is replaced by what is nearest.
 *
 * A row that is found after rows behind it were returned would break ORDER BY, which the executor does not check between
 * rows: pgml.iterative_scan says whether it is left out or returned out of order.
 *
 * No pin is held between reading a TID and returning it. With an MVCC snapshot that is safe: what the snapshot sees is not
 * vacuumed, and a line pointer that is used again holds a row that it does not see. Other snapshots are refused.
 */
#include "index/faiss/scan.h"

#include "am/base/guc.h"

#include <algorithm>
#include <cmath>

extern "C" {
#include "access/htup_details.h"
#include "access/relscan.h"
#include "nodes/tidbitmap.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
}

namespace pgml::index {

namespace {

/// Of the last search of this backend that returned something, for pgml.last_search().
SearchCounters last_search;
Oid last_search_index = InvalidOid;

void
KeepCounters(const Search *search) {
	if (!search->started || search->counters.lists == 0)
		return;
	last_search = search->counters;
	last_search_index = RelationGetRelid(search->index);
}

bool
FartherFirst(const BoundedRow &a, const BoundedRow &b) {
	return b < a;
}

Size
WorkMemory() {
	return (Size)work_mem * 1024;
}

/// Takes what the index holds now. Memory of an earlier run of the scan is kept when it fits.
void
Attach(Search *search) {
	IndexCache *cache = GetCache(search->index);
	if (cache == search->cache)
		return;
	HoldCache(cache, search->context);
	search->cache = cache;
	if (cache->IsEmpty())
		return;
	const ann::Layout &layout = cache->meta.layout;
	MemoryContext old = MemoryContextSwitchTo(search->context);
	auto *memory =
		(char *)palloc_extended(ann::Query::Bytes(layout) + ann::kAlignment, MCXT_ALLOC_HUGE);
	search->query = new (palloc(sizeof(ann::Query)))
		ann::Query(cache->quantizer(), (void *)TYPEALIGN(ann::kAlignment, memory));
	search->lists = (uint32 *)palloc(sizeof(uint32) * kListsAtOnce);
	search->estimates =
		(ann::Candidate *)palloc(sizeof(ann::Candidate) * cache->geometry.slots_per_page);
	search->page_copy = (char *)palloc(BLCKSZ);
	search->row_copy = (std::byte *)palloc(layout.row_bytes);
	// Sizes follow from the layout, which may be another one.
	search->store_capacity = search->pages_capacity = 0;
	search->store = nullptr;
	search->pages = nullptr;
	search->taken = nullptr;
	MemoryContextSwitchTo(old);
}

/// Reads the query and the ranges. @return false: there is nothing to find
bool
ReadQuery(Search *search, IndexScanDesc scan) {
	search->any_order = search->query_is_null = search->unordered = search->passed = false;
	search->recheck = scan->numberOfKeys > 0;
	search->limit = INFINITY;
	MemoryContextReset(search->query_context);
	MemoryContext old = MemoryContextSwitchTo(search->query_context);
	const float *elements = nullptr;
	int n = 0;
	bool found = true;
	if (scan->numberOfOrderBys == 0)
		search->unordered = scan->numberOfKeys > 0;
	else if ((scan->orderByData[0].sk_flags & SK_ISNULL) == 0) {
		elements = search->type->elements(scan->orderByData[0].sk_argument, &n);
		CheckIndexDimensions(search->cache->meta.layout, n);
	}
	if (scan->numberOfKeys > 0)
		found = ReadRanges(search, scan, &elements, &n);
	if (elements == nullptr)
		search->any_order = search->query_is_null = true;
	else
		search->any_order = !search->query->Start(elements);
	MemoryContextSwitchTo(old);
	// A vector without direction is at no distance (NaN) from any other, which is only below NaN.
	return found && (!search->any_order || search->query_is_null || search->limit == INFINITY);
}

void
Start(Search *search, IndexScanDesc scan) {
	search->started = true;
	if (!IsMVCCSnapshot(scan->xs_snapshot))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("an index of access method faiss is only read with an MVCC snapshot")));
	search->snapshot = scan->xs_snapshot;
	// A bitmap scan looks for itself.
	search->table_blocks = scan->heapRelation == nullptr
							   ? InvalidBlockNumber
							   : RelationGetNumberOfBlocks(scan->heapRelation);
	pgstat_count_index_scan(search->index);
	Attach(search);
	search->ended = search->cache->IsEmpty() || !ReadQuery(search, scan);
	if (search->ended)
		return;
	search->settings = ChooseSettings(search->cache->meta);
	search->relaxed = am::guc_iterative_scan == (int)am::IterativeScan::kRelaxedOrder;
	uint64 most = Max(WorkMemory() / 4 / sizeof(ScoredCode) / 2, (Size)1024);
	search->store_keep = (uint32)Min(Max((uint64)search->settings.refine, (uint64)64), most);
	search->heap_limit = search->unordered ? PG_UINT64_MAX // it holds the rows of one page
										   : Max(WorkMemory() / 2 / sizeof(BoundedRow), (Size)1024);
}

/// Bounds n more candidates, or as many as there are in the lists opened.
void
RefineMore(Search *search, uint64 n) {
	uint64 most = Max(WorkMemory() / 4 / sizeof(ScoredCode) / 2, (Size)1024);
	while (n > 0) {
		CHECK_FOR_INTERRUPTS();
		if (search->n_store == 0) {
			if (!search->is_cut)
				return;
			// Each pass over the opened pages is to bring more than the last.
			search->store_keep = (uint32)Min((uint64)search->store_keep * 2, most);
			CollectLeftOut(search);
			if (search->n_store == 0)
				return;
		}
		uint32 now = (uint32)Min(n, (uint64)search->n_store);
		RefineStore(search, now);
		n -= now;
	}
}

/// Keeps what is bounded, and the lists opened, in proportion to the rows taken.
void
LookFurther(Search *search) {
	uint64 taken = search->counters.returned + search->counters.left_out;
	double share = (double)taken <= kRowsOfFirst ? 1 : kLookAhead * (double)taken / kRowsOfFirst;
	uint64 size = search->n_heap, bounded = search->counters.bounded;
	double lists = search->settings.probes * std::sqrt(share);
	uint32 n_lists = search->cache->meta.layout.lists;
	if (search->opened < n_lists && search->opened < lists) {
		uint32 wanted = (uint32)Min(std::ceil(lists), (double)n_lists) - search->opened;
		OpenLists(search, Max(wanted, search->opened / 2));
	}
	bool all_rows = BoundsEveryRow(search);
	double refine = search->settings.refine * share;
	if (!all_rows && (double)search->counters.bounded < refine &&
		search->n_heap < search->heap_limit)
		RefineMore(search, Max((uint64)(refine - (double)search->counters.bounded),
							   search->counters.bounded / 2));
	while (search->n_heap == 0) {
		if (!all_rows)
			RefineMore(search, Max(search->settings.refine, search->counters.bounded / 2));
		else if (search->is_cut)
			CollectLeftOut(search);
		// In order, whatever comes from now on would stand before what is beyond the range.
		if (search->n_heap == 0 && search->passed && !search->relaxed)
			break;
		if (search->n_heap == 0 && (search->is_cut || search->n_store > 0 ||
									OpenLists(search, Max(search->opened / 2, 1U))))
			continue;
		break;
	}
	if (search->n_heap != size || search->counters.bounded != bounded)
		std::make_heap(search->heap, search->heap + search->n_heap, FartherFirst);
}

/// Is it a row that the table can have? What is behind its end was written after the search began, or is damage: the storage
/// manager must not be asked for it. @throws (ereport) XX002
bool
IsInTable(const Search *search, const BoundedRow &row) {
	OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(&row.tid);
	if (offset == InvalidOffsetNumber || offset > MaxHeapTuplesPerPage)
		RaiseCorrupted(search->index, search->pages[row.page].block, "It names no row.");
	return ItemPointerGetBlockNumberNoCheck(&row.tid) < search->table_blocks;
}

void
Return(IndexScanDesc scan, const Search *search, const BoundedRow &row) {
	scan->xs_heaptid = row.tid;
	scan->xs_recheck = search->recheck;
	if (scan->numberOfOrderBys == 0)
		return;
	scan->xs_recheckorderby = !search->any_order;
	scan->xs_orderbynulls[0] = search->query_is_null;
	scan->xs_orderbyvals[0] = Float8GetDatum(search->any_order ? std::nan("") : row.bound);
}

} // namespace

IndexScanDesc
BeginScan(Relation index, int n_keys, int n_orderbys) {
	IndexScanDesc scan = RelationGetIndexScan(index, n_keys, n_orderbys);
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "faiss scan", ALLOCSET_DEFAULT_SIZES);
	auto *search = (Search *)MemoryContextAllocZero(context, sizeof(Search));
	search->index = index;
	search->context = context;
	search->query_context = AllocSetContextCreate(context, "faiss query", ALLOCSET_SMALL_SIZES);
	search->type = VectorTypeOf(index);
	if (n_orderbys > 0) {
		scan->xs_orderbyvals = (Datum *)palloc0(sizeof(Datum) * (Size)n_orderbys);
		scan->xs_orderbynulls = (bool *)palloc0(sizeof(bool) * (Size)n_orderbys);
	}
	scan->opaque = search;
	return scan;
}

void
Rescan(IndexScanDesc scan, ScanKey keys, int n_keys, ScanKey orderbys, int n_orderbys) {
	auto *search = (Search *)scan->opaque;
	if (keys != nullptr && scan->numberOfKeys > 0)
		memmove(scan->keyData, keys, sizeof(ScanKeyData) * (Size)scan->numberOfKeys);
	if (orderbys != nullptr && scan->numberOfOrderBys > 0)
		memmove(scan->orderByData, orderbys, sizeof(ScanKeyData) * (Size)scan->numberOfOrderBys);
	KeepCounters(search);
	search->started = search->ended = false;
	search->opened = search->n_pages = search->n_store = 0;
	search->n_heap = 0;
	search->is_cut = false;
	search->walk = {0, 0, 0, 0, InvalidBlockNumber, 0};
	search->counters = {};
	search->number++;
	search->last_bound = -INFINITY;
}

bool
GetTuple(IndexScanDesc scan, ScanDirection direction) {
	auto *search = (Search *)scan->opaque;
	if (!ScanDirectionIsForward(direction))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("access method faiss does not scan backwards")));
	if (!search->started)
		Start(search, scan);
	if (search->unordered && !search->ended) {
		while (FindInRange(search)) {
			const BoundedRow &row = search->heap[--search->n_heap];
			if (!IsInTable(search, row))
				continue;
			search->counters.returned++;
			Return(scan, search, row);
			return true;
		}
		search->ended = true;
	}
	while (!search->ended) {
		LookFurther(search);
		if (search->n_heap == 0) {
			search->ended = true;
			break;
		}
		std::pop_heap(search->heap, search->heap + search->n_heap, FartherFirst);
		BoundedRow row = search->heap[--search->n_heap];
		if (BoundsEveryRow(search))
			Take(search, row.page, row.slot);
		if (!IsInTable(search, row))
			continue;
		if (row.bound < search->last_bound && !search->relaxed) {
			search->counters.left_out++;
			continue;
		}
		search->last_bound = Max(search->last_bound, row.bound);
		search->counters.returned++;
		Return(scan, search, row);
		return true;
	}
	return false;
}

int64
GetBitmap(IndexScanDesc scan, TIDBitmap *bitmap) {
	auto *search = (Search *)scan->opaque;
	if (!search->started)
		Start(search, scan);
	// Without a range, which only a partial index is asked for: all rows.
	if (!search->ended && !search->unordered)
		search->unordered = search->any_order = true;
	while (!search->ended && FindInRange(search)) {
		for (uint64 i = 0; i < search->n_heap; i++)
			if (IsInTable(search, search->heap[i]))
				tbm_add_tuples(bitmap, &search->heap[i].tid, 1, search->recheck);
		search->counters.returned += search->n_heap;
		search->n_heap = 0;
	}
	search->ended = true;
	return (int64)search->counters.returned;
}

void
EndScan(IndexScanDesc scan) {
	auto *search = (Search *)scan->opaque;
	KeepCounters(search);
	MemoryContextDelete(search->context);
}

Oid
LastSearch(SearchCounters *counters) {
	*counters = last_search;
	return last_search_index;
}

} // namespace pgml::index
