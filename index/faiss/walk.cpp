/**
 * Opening lists: pages in the order of their chains, one page pinned ahead so that it is in the processor's cache when its
 * turn comes. A page is locked only while it is read. See scan.h.
 */
#include "index/faiss/scan.h"

#include "am/base/compat.h"

#include <algorithm>
#include <cmath>

extern "C" {
#include "utils/memutils.h"
}

namespace pgml::index {

namespace {

void *
Grow(MemoryContext context, void *memory, Size bytes) {
	return memory == nullptr ? MemoryContextAllocExtended(context, bytes, MCXT_ALLOC_HUGE)
							 : repalloc_huge(memory, bytes);
}

/// Keeps the nearest of a full store and lowers the cut.
void
ShrinkStore(Search *search) {
	ScoredCode *store = search->store;
	std::nth_element(store, store + search->store_keep - 1, store + search->n_store);
	search->n_store = search->store_keep;
	search->cut = store[search->store_keep - 1].score;
	search->is_cut = true;
}

/// Room for the codes of one more page.
void
ReserveStore(Search *search) {
	uint32 needed = search->store_keep * 2 + search->cache->geometry.slots_per_page;
	if (search->store_capacity < needed) {
		search->store =
			(ScoredCode *)Grow(search->context, search->store, sizeof(ScoredCode) * (Size)needed);
		search->store_capacity = needed;
	}
	if (search->n_store + search->cache->geometry.slots_per_page > search->store_capacity)
		ShrinkStore(search);
}

/// Estimates the codes of a page and stores those before the cut that were not taken.
void
EstimatePage(Search *search, uint32 number, Page page, const std::byte *ahead) {
	const OpenedPage &opened = search->pages[number];
	ReserveStore(search);
	float limit = search->is_cut ? (float)search->cut : INFINITY;
	size_t blocks = ((size_t)opened.count + ann::kBlockVectors - 1) / ann::kBlockVectors;
#if PGML_PLANT == 7
	blocks = opened.count / ann::kBlockVectors;
#endif
	size_t found = search->query->Scan(BlockAt(search->cache->meta.layout, page, 0), blocks,
									   opened.list, limit, search->estimates, ahead);
	// TIDs lie apart from the codes and are not in the processor's cache: all are asked for before the first is read.
	for (size_t i = 0; i < found; i++)
		__builtin_prefetch(TidAt(search->cache->geometry, page, search->estimates[i].index));
	ScoredCode *out = search->store + search->n_store;
	for (size_t i = 0; i < found; i++) {
		const ann::Candidate &estimate = search->estimates[i];
		ScoredCode code;
		code.score = estimate.score;
		code.page = number;
		code.slot = (uint16)estimate.index;
		if (estimate.index >= opened.count || IsTaken(search, number, estimate.index))
			continue;
		code.tid = *TidAt(search->cache->geometry, page, estimate.index);
		*out++ = code;
	}
	search->n_store = (uint32)(out - search->store);
	search->counters.codes += opened.count;
}

/// Visits one page; releases it.
void
VisitPage(Search *search, uint32 number, Buffer buffer, const std::byte *ahead) {
	Page page = BufferGetPage(buffer);
	search->counters.pages++;
	if (!BoundsEveryRow(search)) {
		EstimatePage(search, number, page, ahead);
		UnlockReleaseBuffer(buffer);
		return;
	}
	// Rows are visited without the lock on their code page.
	memcpy(search->page_copy, page, BLCKSZ);
	UnlockReleaseBuffer(buffer);
	BoundPage(search, number, (Page)search->page_copy);
}

const std::byte *
BlocksOf(Buffer buffer) {
	return BufferIsValid(buffer) ? (const std::byte *)BufferGetPage(buffer) + kCodeOffset : nullptr;
}

/// Pins the page that comes next, and asks for what is looked at before its blocks.
Buffer
PinAhead(Search *search, BlockNumber block) {
	Buffer buffer = ReadCached(search->index, search->cache, block);
	const char *page = (const char *)BufferGetPage(buffer);
	__builtin_prefetch(page);
	__builtin_prefetch(page + BLCKSZ - search->cache->geometry.code_special);
	return buffer;
}

/// Reads all pages of the lists given.
void
OpenChains(Search *search, const uint32 *lists, uint32 n) {
	IndexCache *cache = search->cache;
	Buffer ahead = InvalidBuffer;
	for (uint32 i = 0; i < n; i++) {
		// Heads belong to one generation of the index; the pages of an older one stay as long as this scan's snapshot.
		ListHead head = cache->heads[lists[i]];
		uint32 n_list_pages = 0;
		for (BlockNumber block = head.head; block != InvalidBlockNumber;) {
			CHECK_FOR_INTERRUPTS();
			Buffer buffer = BufferIsValid(ahead) ? ahead : ReadCached(search->index, cache, block);
			ahead = InvalidBuffer;
			LockBuffer(buffer, BUFFER_LOCK_SHARE);
			pg::CheckSnapshotAge(search->snapshot, search->index, BufferGetPage(buffer));
			const CodeTailData *tail =
				CheckCodePage(search->index, buffer, cache->geometry, lists[i], head.chain);
			uint32 number = NotePage(search, block, tail);
			block = tail->common.next;
			BlockNumber after = block;
			if (after == InvalidBlockNumber && i + 1 < n)
				after = cache->heads[lists[i + 1]].head;
			if (after != InvalidBlockNumber)
				ahead = PinAhead(search, after);
			VisitPage(search, number, buffer, BlocksOf(ahead));
			CheckChainLength(search, block, ++n_list_pages);
		}
	}
	if (BufferIsValid(ahead))
		ReleaseBuffer(ahead);
}

} // namespace

void
CheckChainLength(const Search *search, BlockNumber block, uint32 n_pages) {
	// The size of the index is asked for at powers of two: that is a system call.
	if (n_pages >= 64 && (n_pages & (n_pages - 1)) == 0 &&
		n_pages > RelationGetNumberOfBlocks(search->index))
		RaiseCorrupted(search->index, block, "Its chain has no end.");
}

uint32
NotePage(Search *search, BlockNumber block, const CodeTailData *tail) {
	if (search->n_pages == search->pages_capacity) {
		uint32 capacity = search->pages_capacity == 0 ? 256 : search->pages_capacity * 2;
		search->pages =
			(OpenedPage *)Grow(search->context, search->pages, sizeof(OpenedPage) * (Size)capacity);
		Size words = (Size)capacity * (search->cache->geometry.slots_per_page / 32);
		search->taken = (uint32 *)Grow(search->context, search->taken, sizeof(uint32) * words);
		search->pages_capacity = capacity;
	}
	memset(&TakenWord(search, search->n_pages, 0), 0, search->cache->geometry.slots_per_page / 8);
	OpenedPage *page = &search->pages[search->n_pages];
	page->block = block;
	page->list = tail->common.list;
	page->chain = tail->common.chain;
	page->first_row = tail->first_row;
	page->count = tail->count;
	page->n_inline = tail->n_row_pages <= kInlineRowPages ? tail->n_row_pages : 0;
	memcpy(page->row_pages, tail->row_pages, sizeof(BlockNumber) * page->n_inline);
	return search->n_pages++;
}

uint32
NextLists(Search *search, uint32 n) {
	n = Min(n, kListsAtOnce);
	uint32 given = 0;
	if (search->any_order)
		// In the order of their numbers: there is no nearest.
		for (; given < n && search->opened + given < search->cache->meta.layout.lists; given++)
			search->lists[given] = search->opened + given;
	else
		given = (uint32)search->query->NextLists(n, search->lists);
	search->opened += given;
	return given;
}

bool
OpenLists(Search *search, uint32 n) {
	bool any = false;
	while (n > 0) {
		uint32 given = NextLists(search, n);
		if (given == 0)
			break;
		OpenChains(search, search->lists, given);
		search->counters.lists += given;
		n -= given;
		any = true;
	}
	return any;
}

void
CollectLeftOut(Search *search) {
	search->is_cut = false;
	Buffer ahead = InvalidBuffer;
	for (uint32 number = 0; number < search->n_pages; number++) {
		CHECK_FOR_INTERRUPTS();
		// By value: bounding rows may note no page, but the array may not be relied on.
		OpenedPage opened = search->pages[number];
		Buffer buffer =
			BufferIsValid(ahead) ? ahead : ReadCached(search->index, search->cache, opened.block);
		ahead = InvalidBuffer;
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		CheckCodePage(search->index, buffer, search->cache->geometry, opened.list, opened.chain);
		if (number + 1 < search->n_pages)
			ahead = PinAhead(search, search->pages[number + 1].block);
		VisitPage(search, number, buffer, BlocksOf(ahead));
	}
}

} // namespace pgml::index
