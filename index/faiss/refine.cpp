/**
 * Bounding rows: reads their row pages in order of the pages, a few pinned ahead. See scan.h.
 *
 * A row page is locked while no code page is (inserts lock code page, then row page); the block numbers of row pages were
 * copied when the code page was read, and stay true: a row never moves within its chain.
 */
#include "index/faiss/scan.h"

#include <algorithm>
#include <cmath>

extern "C" {
#include "utils/memutils.h"
}

namespace pgml::index {

namespace {

/// Rows pinned ahead: with the page at hand fewer than eight pins, which a backend counts without a hash table.
constexpr uint32 kAhead = 4;

/// Where a row is.
struct RowPlace {
	BlockNumber block;
	uint32 row; ///< in its chain
};

void
PrefetchRow(const Search *search, Buffer buffer, uint32 row) {
	const char *page = (const char *)BufferGetPage(buffer);
	const char *at = page + RowOffset(search->cache->geometry, search->cache->meta.layout, row);
	__builtin_prefetch(page);
	__builtin_prefetch(page + BLCKSZ - sizeof(PageTailData));
	for (Size i = 0; i < search->cache->meta.layout.row_bytes; i += 64)
		__builtin_prefetch(at + i);
}

double
BoundOf(const Search *search, const std::byte *row, uint32 list) {
	double bound = search->query->LowerBound(row, list, nullptr);
#if PGML_PLANT == 6
	bound += std::abs(bound) * 0.01;
#endif
	// A damaged row must not stand before every other and end the statement.
	return std::isnan(bound) ? -INFINITY : bound;
}

/// The bound of a row on a locked page.
double
BoundOnPage(const Search *search, Buffer buffer, uint32 row, uint32 list) {
	Page page = BufferGetPage(buffer);
	const ann::Layout &layout = search->cache->meta.layout;
	Size offset = RowOffset(search->cache->geometry, layout, row);
	if (offset + layout.row_bytes > ((PageHeader)page)->pd_lower)
		RaiseCorrupted(search->index, BufferGetBlockNumber(buffer), "A row is missing.");
	return BoundOf(search, (const std::byte *)page + offset, list);
}

/// The bound of a row that spans pages.
double
BoundOfParts(Search *search, const BlockNumber *blocks, uint32 list, uint32 chain) {
	const ann::Layout &layout = search->cache->meta.layout;
	for (uint32 part = 0; part < search->cache->geometry.pages_per_row; part++) {
		Buffer buffer = ReadCached(search->index, search->cache, blocks[part]);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		CheckRowPage(search->index, buffer, list, chain);
		memcpy(search->row_copy + part * kPageCapacity, (char *)BufferGetPage(buffer) + kDataOffset,
			   RowPartBytes(layout, part));
		UnlockReleaseBuffer(buffer);
	}
	return BoundOf(search, search->row_copy, list);
}

/// The row pages of an opened page: those noted, or read once more.
const BlockNumber *
RowPagesOf(Search *search, const OpenedPage &opened) {
	if (opened.n_inline > 0)
		return opened.row_pages;
	Buffer buffer = ReadCached(search->index, search->cache, opened.block);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	CheckCodePage(search->index, buffer, search->cache->geometry, opened.list, opened.chain);
	memcpy(search->page_copy, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);
	return CodeTail((Page)search->page_copy)->row_pages;
}

inline uint32
IndexInPage(const Geometry &geometry, const OpenedPage &opened, uint32 slot) {
	return RowPageOf(geometry, opened.first_row + slot) - RowPageOf(geometry, opened.first_row);
}

/// Sorted by page and slot: fills where each row is, where rows do not span pages.
void
FindRows(Search *search, const ScoredCode *codes, uint32 n, RowPlace *places) {
	const BlockNumber *row_pages = nullptr;
	for (uint32 i = 0; i < n; i++) {
		const OpenedPage &opened = search->pages[codes[i].page];
		if (i == 0 || codes[i].page != codes[i - 1].page)
			row_pages = RowPagesOf(search, opened);
		places[i].row = opened.first_row + codes[i].slot;
		places[i].block = row_pages[IndexInPage(search->cache->geometry, opened, codes[i].slot)];
	}
}

void
BoundCodes(Search *search, const ScoredCode *codes, uint32 n) {
	auto *places = (RowPlace *)palloc_extended(sizeof(RowPlace) * (Size)n, MCXT_ALLOC_HUGE);
	FindRows(search, codes, n, places);
	Buffer ahead[kAhead];
	auto pin = [&](uint32 i) {
		if (i >= n)
			return;
		ahead[i % kAhead] = ReadCached(search->index, search->cache, places[i].block);
		PrefetchRow(search, ahead[i % kAhead], places[i].row);
	};
	for (uint32 i = 0; i < kAhead; i++)
		pin(i);
	Buffer buffer = InvalidBuffer;
	uint32 checked_list = 0;
	for (uint32 i = 0; i < n; i++) {
		const OpenedPage &opened = search->pages[codes[i].page];
		Buffer next = ahead[i % kAhead];
		if (next != buffer || opened.list != checked_list) {
			if (BufferIsValid(buffer))
				UnlockReleaseBuffer(buffer);
			buffer = next;
			LockBuffer(buffer, BUFFER_LOCK_SHARE);
			CheckRowPage(search->index, buffer, opened.list, opened.chain);
			checked_list = opened.list;
		} else
			ReleaseBuffer(next);
		pin(i + kAhead);
		BoundedRow row = {BoundOnPage(search, buffer, places[i].row, opened.list), codes[i].page,
						  codes[i].slot, codes[i].tid};
		PushRow(search, row);
	}
	if (BufferIsValid(buffer))
		UnlockReleaseBuffer(buffer);
	pfree(places);
}

void
BoundSpanningCodes(Search *search, const ScoredCode *codes, uint32 n) {
	const BlockNumber *row_pages = nullptr;
	for (uint32 i = 0; i < n; i++) {
		CHECK_FOR_INTERRUPTS();
		const OpenedPage &opened = search->pages[codes[i].page];
		if (i == 0 || codes[i].page != codes[i - 1].page)
			row_pages = RowPagesOf(search, opened);
		uint32 first = IndexInPage(search->cache->geometry, opened, codes[i].slot);
		BoundedRow row = {BoundOfParts(search, row_pages + first, opened.list, opened.chain),
						  codes[i].page, codes[i].slot, codes[i].tid};
		PushRow(search, row);
	}
}

/// Of a full heap the farthest half goes, to be found again by CollectLeftOut.
void
ShrinkHeap(Search *search) {
	uint64 keep = search->n_heap / 2;
	std::nth_element(search->heap, search->heap + keep - 1, search->heap + search->n_heap);
	search->cut = search->heap[keep - 1].bound;
	search->is_cut = true;
	search->n_heap = keep;
}

} // namespace

void
PushRow(Search *search, const BoundedRow &row) {
	bool all_rows = BoundsEveryRow(search);
	search->counters.bounded++;
	if (row.bound > search->limit) {
		search->passed = true;
		return;
	}
	if (search->n_heap == search->heap_capacity) {
		if (all_rows && search->heap_capacity >= search->heap_limit)
			ShrinkHeap(search);
		else {
			search->heap_capacity = Max(search->heap_capacity * 2, (uint64)256);
			Size bytes = sizeof(BoundedRow) * search->heap_capacity;
			search->heap = (BoundedRow *)(search->heap == nullptr
											  ? MemoryContextAllocHuge(search->context, bytes)
											  : repalloc_huge(search->heap, bytes));
		}
	}
	if (all_rows && search->is_cut && row.bound >= search->cut)
		return;
	search->heap[search->n_heap++] = row;
}

void
BoundPage(Search *search, uint32 page_number, Page page) {
	const ann::Layout &layout = search->cache->meta.layout;
	const Geometry &geometry = search->cache->geometry;
	const OpenedPage opened = search->pages[page_number];
	const CodeTailData *tail = CodeTail(page);
	Buffer buffer = InvalidBuffer;
	uint32 at = PG_UINT32_MAX;
	for (uint32 slot = 0; slot < opened.count; slot++) {
		if (!ann::IsLive(layout, BlockAt(layout, page, slot), slot % ann::kBlockVectors) ||
			IsTaken(search, page_number, slot))
			continue;
		BoundedRow row = {0, page_number, (uint16)slot, *TidAt(geometry, page, slot)};
		uint32 index = IndexInPage(geometry, opened, slot);
		if (search->any_order)
			;
		else if (geometry.pages_per_row > 1)
			row.bound = BoundOfParts(search, tail->row_pages + index, opened.list, opened.chain);
		else {
			if (index != at) {
				if (BufferIsValid(buffer))
					UnlockReleaseBuffer(buffer);
				buffer = ReadCached(search->index, search->cache, tail->row_pages[index]);
				LockBuffer(buffer, BUFFER_LOCK_SHARE);
				CheckRowPage(search->index, buffer, opened.list, opened.chain);
				at = index;
			}
			row.bound = BoundOnPage(search, buffer, opened.first_row + slot, opened.list);
		}
		PushRow(search, row);
	}
	if (BufferIsValid(buffer))
		UnlockReleaseBuffer(buffer);
}

bool
RefineStore(Search *search, uint32 n) {
	if (search->n_store == 0)
		return false;
	n = Min(n, search->n_store);
	ScoredCode *store = search->store;
	// The best n move to the end, where they are cut off.
	if (n < search->n_store)
		std::nth_element(store, store + search->n_store - n, store + search->n_store,
						 [](const ScoredCode &a, const ScoredCode &b) { return b < a; });
	ScoredCode *best = store + search->n_store - n;
	for (const ScoredCode *code = best; code < store + search->n_store; code++)
		Take(search, code->page, code->slot);
	std::sort(best, store + search->n_store, [](const ScoredCode &a, const ScoredCode &b) {
		return a.page != b.page ? a.page < b.page : a.slot < b.slot;
	});
	if (search->cache->geometry.pages_per_row > 1)
		BoundSpanningCodes(search, best, n);
	else
		BoundCodes(search, best, n);
	search->n_store -= n;
	return true;
}

} // namespace pgml::index
