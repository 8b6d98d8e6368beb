/**
 * Inserting: find the list, encode, append to the last page of its chain.
 *
 * Locks: code page, then row page, then directory page, each exclusively. The tail is read from the directory without
 * holding it: by the time it is locked, VACUUM may have put another chain in its place, or other lists, which the page itself
 * tells (IsCurrentCodePage); then all starts again. Codes are written into the block as it is scanned, one nibble in
 * each row of the block: about 250 bytes of WAL, for which scans need no second kind of block.
 */
#include "index/faiss/faiss.h"

#include "index/faiss/cache.h"

extern "C" {
#include "access/generic_xlog.h"
#include "utils/memutils.h"
}

namespace pgml::index {

namespace {

struct Target {
	Relation index;
	const MetaData *meta;
	const Geometry *geometry;
	uint32 list;
	uint32 chain;
};

/// Writes one page of a row that spans pages. Nothing names it yet: a crash before the code page does leaks it.
BlockNumber
AddRowPart(const Target &target, const std::byte *row, uint32 part) {
	Buffer buffer = AllocatePage(target.index);
	GenericXLogState *xlog = GenericXLogStart(target.index);
	Page page = GenericXLogRegisterBuffer(xlog, buffer, GENERIC_XLOG_FULL_IMAGE);
	InitPage(page, PageKind::kRows, target.list, target.chain);
	Size bytes = RowPartBytes(target.meta->layout, part);
	memcpy((char *)page + kDataOffset, row + part * kPageCapacity, bytes);
	((PageHeader)page)->pd_lower = (LocationIndex)(kDataOffset + bytes);
	GenericXLogFinish(xlog);
	BlockNumber block = BufferGetBlockNumber(buffer);
	UnlockReleaseBuffer(buffer);
	return block;
}

/// Appends to a code page that is exclusively locked and has room.
void
AppendToPage(const Target &target, Buffer buffer, const NewRow &row) {
	const Geometry &geometry = *target.geometry;
	const ann::Layout &layout = target.meta->layout;
	const CodeTailData *old = CodeTail(BufferGetPage(buffer));
	uint32 slot = old->count, position = old->first_row + slot;
	uint32 row_page = RowPageOf(geometry, position) - RowPageOf(geometry, old->first_row);
	Buffer rows = InvalidBuffer;
	bool fresh = false;
	BlockNumber parts[kMaxPagesPerRow];
	if (geometry.pages_per_row > 1) {
		for (uint32 part = 0; part < geometry.pages_per_row; part++)
			parts[part] = AddRowPart(target, row.row, part);
	} else if (row_page < old->n_row_pages) {
		rows = ReadPage(target.index, old->row_pages[row_page]);
		LockBuffer(rows, BUFFER_LOCK_EXCLUSIVE);
		CheckRowPage(target.index, rows, target.list, target.chain);
	} else {
		rows = AllocatePage(target.index);
		fresh = true;
	}

	GenericXLogState *xlog = GenericXLogStart(target.index);
	Page page = GenericXLogRegisterBuffer(xlog, buffer, 0);
	CodeTailData *tail = CodeTail(page);
	if (BufferIsValid(rows)) {
		Page rows_page = GenericXLogRegisterBuffer(xlog, rows, fresh ? GENERIC_XLOG_FULL_IMAGE : 0);
		if (fresh) {
			InitPage(rows_page, PageKind::kRows, target.list, target.chain);
			tail->row_pages[tail->n_row_pages++] = BufferGetBlockNumber(rows);
		}
		Size offset = RowOffset(geometry, layout, position);
		memcpy((char *)rows_page + offset, row.row, layout.row_bytes);
		((PageHeader)rows_page)->pd_lower = (LocationIndex)(offset + layout.row_bytes);
	} else {
		memcpy(&tail->row_pages[row_page], parts, sizeof(BlockNumber) * geometry.pages_per_row);
		tail->n_row_pages = (uint16)(row_page + geometry.pages_per_row);
	}
	ann::PutCode(layout, BlockAt(layout, page, slot), slot % ann::kBlockVectors, row.code, row.t);
	ItemPointerCopy(row.tid, TidAt(geometry, page, slot));
	tail->count = (uint16)(slot + 1);
	tail->inserted++;
	tail->inserted_residual += row.residual;
	GenericXLogFinish(xlog);
	if (BufferIsValid(rows))
		UnlockReleaseBuffer(rows);
}

/// Links a new code page behind a full one. @return the new page, exclusively locked; the old one stays as it was
Buffer
AddCodePage(const Target &target, Buffer full) {
	Buffer fresh = AllocatePage(target.index);
	Buffer directory = ReadPage(target.index, DirectoryBlock(*target.meta, target.list));
	LockBuffer(directory, BUFFER_LOCK_EXCLUSIVE);
	CheckPage(target.index, directory, PageKind::kDirectory);
	GenericXLogState *xlog = GenericXLogStart(target.index);
	Page old_page = GenericXLogRegisterBuffer(xlog, full, 0);
	Page page = GenericXLogRegisterBuffer(xlog, fresh, GENERIC_XLOG_FULL_IMAGE);
	Page entries = GenericXLogRegisterBuffer(xlog, directory, 0);
	InitCodePage(target.meta->layout, *target.geometry, page, target.list, target.chain);
	CodeTailData *old_tail = CodeTail(old_page), *tail = CodeTail(page);
	tail->first_row = old_tail->first_row + old_tail->count;
	if (tail->first_row % target.geometry->rows_per_page != 0)
		tail->row_pages[tail->n_row_pages++] = old_tail->row_pages[old_tail->n_row_pages - 1];
	old_tail->common.next = BufferGetBlockNumber(fresh);
	DirectoryEntries(entries)[target.list % kDirectoryEntries].tail = BufferGetBlockNumber(fresh);
	GenericXLogFinish(xlog);
	UnlockReleaseBuffer(directory);
	return fresh;
}

} // namespace

bool
AppendToList(Relation index, const MetaData &meta, const Geometry &geometry, uint32 list,
			 const NewRow &row) {
	BlockNumber left = InvalidBlockNumber;
	for (;;) {
		CHECK_FOR_INTERRUPTS();
		DirectoryEntryData entry = ReadDirectoryEntry(index, meta, list);
		// One record gives a page a successor and the directory its number.
		if (entry.tail == left && left != InvalidBlockNumber)
			RaiseCorrupted(index, left, "The last page of a list has a successor.");
		Target target = {index, &meta, &geometry, list, entry.chain};
		Buffer buffer = ReadPage(index, entry.tail);
		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		if (!IsCurrentCodePage(buffer, list, entry.chain)) {
			UnlockReleaseBuffer(buffer);
			return false;
		}
		const CodeTailData *tail = CheckCodePage(index, buffer, geometry, list, entry.chain);
		if (tail->count == geometry.slots_per_page) {
			if (tail->common.next != InvalidBlockNumber) {
				UnlockReleaseBuffer(buffer); // another insert was here between the two locks
				left = entry.tail;
				continue;
			}
			if (tail->first_row > PG_UINT32_MAX / 8)
				ereport(ERROR,
						(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						 errmsg("a list of index \"%s\" is full", RelationGetRelationName(index)),
						 errhint("REINDEX it: more lists are made for more rows.")));
			Buffer fresh = AddCodePage(target, buffer);
			UnlockReleaseBuffer(buffer);
			buffer = fresh;
		}
		AppendToPage(target, buffer, row);
		UnlockReleaseBuffer(buffer);
		return true;
	}
}

namespace {

/// @return false: the list was replaced since the cache was read
bool
InsertVector(Relation index, const IndexCache *cache, const float *elements, ItemPointer tid) {
	ann::Quantizer quantizer = cache->quantizer();
	// As pgvector: a zero vector has no direction, and is in no cosine index.
	if (!quantizer.Prepare(elements, cache->prepared))
		return true;
	uint32 list;
	quantizer.Assign(cache->prepared, 1, &list);
	NewRow row = {cache->code, 0, cache->row, tid, 0};
	row.residual =
		quantizer.Encode(cache->prepared, list, cache->code, &row.t, cache->row).residual_squared;
	return AppendToList(index, cache->meta, cache->geometry, list, row);
}

} // namespace

bool
Insert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation, IndexUniqueCheck,
	   bool, IndexInfo *) {
	if (isnull[0])
		return false;
	// What is read and detoasted here may be large, and the caller's context lives as long as the statement's row.
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "faiss insert", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	int n;
	const float *elements = VectorTypeOf(index)->elements(values[0], &n);
	IndexCache *cache = GetCache(index);
	if (cache->IsEmpty()) {
		CheckIndexable(index, n);
		BuildWithoutRows(index, (uint32)n);
		cache = GetCache(index);
	}
	CheckIndexDimensions(cache->meta.layout, n);
	// VACUUM can replace the list, or all lists, between reading the cache and locking the page, but not so often.
	int attempt = 0;
	while (!InsertVector(index, cache, elements, tid)) {
		if (++attempt == 1000)
			RaiseCorrupted(index, cache->meta.directory_start,
						   "The last page of a list is not one of its pages.");
		cache = GetCache(index);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return false;
}

} // namespace pgml::index
