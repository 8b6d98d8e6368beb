/// Rows of heap pages. See heap_reader.h.
#include "am/heap_reader.h"

#include "am/base/compat.h"
#include "am/tableam.h"

extern "C" {
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
}

namespace pgml::am {

namespace {

/// Where the next page is in the buffer pool, if it is. The guess that it is the next block may be
/// wrong (parallel scans, the wrap-around of a synchronised one), which costs a little time only.
void
FindNextPage(HeapReader *reader) {
	reader->next_page = nullptr;
	reader->prefetched = 0;
	if (reader->prefetch_pause > 0) {
		reader->prefetch_pause--;
		return;
	}
	BlockNumber next = reader->block + 1;
	if (next >= ((HeapScanDesc)reader->scan)->rs_nblocks ||
		RelationUsesLocalBuffers(reader->relation))
		return;
	PrefetchBufferResult result = PrefetchBuffer(reader->relation, MAIN_FORKNUM, next);
	if (BufferIsValid(result.recent_buffer))
		reader->next_page = (const char *)BufferGetPage(result.recent_buffer);
	else
		reader->prefetch_pause = 64; // the table is being read from disk: leave read-ahead to that
}

} // namespace

bool
HasHeapPages(Relation relation) {
	return relation->rd_tableam == GetHeapamTableAmRoutine() || IsPgmlRelation(relation);
}

void
BeginHeapReader(HeapReader *reader, Snapshot snapshot, ParallelTableScanDesc parallel) {
	reader->scan = parallel != nullptr ? table_beginscan_parallel(reader->relation, parallel)
									   : table_beginscan(reader->relation, snapshot, 0, nullptr);
	reader->position = reader->n_rows = 0;
}

void
RescanHeapReader(HeapReader *reader) {
	if (reader->scan != nullptr)
		table_rescan(reader->scan, nullptr);
	reader->position = reader->n_rows = 0;
	reader->next_page = nullptr;
}

void
EndHeapReader(HeapReader *reader) {
	if (reader->scan != nullptr)
		table_endscan(reader->scan);
	reader->scan = nullptr;
}

bool
NextHeapPage(HeapReader *reader) {
	CHECK_FOR_INTERRUPTS();
	reader->position = reader->n_rows = 0;
	if (!table_scan_getnextslot(reader->scan, ForwardScanDirection, reader->slot))
		return false;
	auto *scan = (HeapScanDesc)reader->scan;
	Assert((scan->rs_base.rs_flags & SO_ALLOW_PAGEMODE) != 0);
	reader->position = (int)scan->rs_cindex;
	reader->n_rows = (int)scan->rs_ntuples;
	reader->buffer = scan->rs_cbuf;
	reader->block = scan->rs_cblock;
	reader->page = BufferGetPage(scan->rs_cbuf);
	scan->rs_cindex = scan->rs_ntuples - 1;
	pg::CountRowsRead(reader->relation, reader->n_rows - reader->position - 1);
	FindNextPage(reader);
	return true;
}

} // namespace pgml::am
