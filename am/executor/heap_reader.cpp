/// Rows of heap pages. See heap_reader.h.
#include "am/executor/heap_reader.h"

#include "am/base/compat.h"
#include "am/table/tableam.h"

extern "C" {
#include "miscadmin.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
}

namespace pgml::am {

namespace {

/// The buffer behind the one of the current page when it holds block `next`, else InvalidBuffer: a table that was read in one go
/// lies in the pool in one piece, and a look at the descriptor is cheaper than one at the hash table, which the scan
/// takes anyhow. The buffer may be given to another block meanwhile, which costs a little time only.
Buffer
NextBuffer(const HeapReader *reader, BlockNumber next) {
	if (reader->buffer >= NBuffers)
		return InvalidBuffer;
	BufferTag wanted = GetBufferDescriptor(reader->buffer - 1)->tag;
	wanted.blockNum = next;
	const BufferTag &found = GetBufferDescriptor(reader->buffer)->tag;
	return memcmp(&wanted, &found, sizeof(BufferTag)) == 0 ? reader->buffer + 1 : InvalidBuffer;
}

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
	Buffer buffer = NextBuffer(reader, next);
	if (!BufferIsValid(buffer))
		buffer = PrefetchBuffer(reader->relation, MAIN_FORKNUM, next).recent_buffer;
	if (BufferIsValid(buffer))
		reader->next_page = (const char *)BufferGetPage(buffer);
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
