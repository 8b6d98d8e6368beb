#pragma once
/**
 * Rows of a table whose pages are heap's, page by page: the server chooses the pages and decides
 * which rows are visible (heap's page-at-a-time scan, with everything that belongs to it: parallel
 * and synchronised scans, ring buffers, serializable conflicts), the reader walks the visible rows
 * of the page in the buffer without a call per row.
 *
 * How: the first row of a page comes through the table AM as usual; the scan descriptor then lists
 * all visible rows of that page, and is moved to its last one, so that the next call goes to the
 * next page. The page stays pinned until then, and a row that was visible stays where it is as long
 * as its page is pinned.
 */
#include "am/base/pg.h"

extern "C" {
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "storage/bufpage.h"
}

namespace pgml::am {

struct HeapReader {
	Relation relation;
	TableScanDesc scan; ///< nullptr until the first row is asked for
	TupleTableSlot *slot;
	Page page;
	Buffer buffer;
	BlockNumber block;
	int position, n_rows;  ///< in the page's list of visible rows
	const char *next_page; ///< to be prefetched, or nullptr
	int prefetched;        ///< cache lines of it
	int prefetch_pause;    ///< pages for which not to look for the next one
};

/// One visible row in the current page.
struct HeapRow {
	HeapTupleHeader header;
	OffsetNumber offset;
	uint32 length;
};

/// A table whose pages HeapReader can read.
bool HasHeapPages(Relation relation);

/// @param parallel  state of a parallel scan in shared memory, or nullptr
void BeginHeapReader(HeapReader *reader, Snapshot snapshot, ParallelTableScanDesc parallel);
void RescanHeapReader(HeapReader *reader);
void EndHeapReader(HeapReader *reader);

/// Goes to the next page with visible rows. @return false at the end
bool NextHeapPage(HeapReader *reader);

/// Asks for more cache lines of the next page, for each row of this one: tuples fill a page downwards, which the processor's own
/// prefetcher does badly. Into the second-level cache: it takes more requests at a time than the first-level one, and
/// the page is not needed at once (measured 22 ns per row of 28 float4, against 31).
inline void
PrefetchNextPage(HeapReader *reader) {
	constexpr int kLine = 64, kLines = BLCKSZ / kLine, kLinesPerRow = 4;
	if (reader->next_page == nullptr)
		return;
	int last = Min(reader->prefetched + kLinesPerRow, kLines);
	for (int i = reader->prefetched; i < last; i++)
		__builtin_prefetch(reader->next_page + BLCKSZ - kLine * (i + 1), 0, 2);
	reader->prefetched = last;
}

/// Numbers of the visible rows of the page that are not read yet; n_rows - position of them.
inline const OffsetNumber *
HeapRowOffsets(const HeapReader *reader) {
	return ((HeapScanDesc)reader->scan)->rs_vistuples + reader->position;
}

/// The next row of the page; call only while position < n_rows.
inline HeapRow
NextHeapRow(HeapReader *reader) {
	PrefetchNextPage(reader);
	OffsetNumber offset = *HeapRowOffsets(reader);
	reader->position++;
	ItemId item = PageGetItemId(reader->page, offset);
	return {(HeapTupleHeader)PageGetItem(reader->page, item), offset, ItemIdGetLength(item)};
}

/// Puts the row into the reader's slot.
inline void
StoreHeapRow(HeapReader *reader, const HeapRow &row, HeapTupleData *tuple) {
	tuple->t_len = row.length;
	tuple->t_tableOid = RelationGetRelid(reader->relation);
	tuple->t_data = row.header;
	ItemPointerSet(&tuple->t_self, reader->block, row.offset);
	ExecStoreBufferHeapTuple(tuple, reader->slot, reader->buffer);
}

} // namespace pgml::am
