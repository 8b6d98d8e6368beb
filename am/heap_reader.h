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

/// The next row of the page; call only while position < n_rows.
inline HeapRow
NextHeapRow(HeapReader *reader) {
	// The next page's cache lines are asked for little by little, where this page's rows are
	// worked on: tuples fill a page downwards, which the processor's own prefetcher does badly.
	if (reader->next_page != nullptr) {
		constexpr int kLine = 64, kLines = BLCKSZ / kLine, kLinesPerRow = 3;
		for (int i = 0; i < kLinesPerRow && reader->prefetched < kLines; i++)
			__builtin_prefetch(reader->next_page + BLCKSZ - kLine * ++reader->prefetched);
	}
	OffsetNumber offset = ((HeapScanDesc)reader->scan)->rs_vistuples[reader->position++];
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
