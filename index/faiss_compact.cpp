/**
 * Compaction: a list's live rows as a new chain.
 *
 * A live slot is never moved or filled again where it stands: a search reads the row after it let go of the code page, and the
 * row of another vector would give it a bound that is none. So the chain is copied, then one WAL record switches the
 * directory to the copy, raises the generation and marks the old last page as deleted, under its lock, which keeps inserts
 * away: they find the mark and read the directory again. A search sees the old chain or the new one, never both.
 *
 * The old pages keep their content and get a deletion XID: they are used again when no snapshot is older. A crash between the
 * switch and those marks leaves pages of a chain that the directory does not name; the next VACUUM marks them.
 *
 * Locks: old last page, then directory page, then meta page. New pages nobody else can reach.
 */
#include "index/faiss.h"

#include "index/faiss_writer.h"

extern "C" {
#include "access/generic_xlog.h"
#include "access/transam.h"
}

namespace pgml::index {

namespace {

struct Copy {
	Relation index;
	const ann::Layout *layout;
	const Geometry *geometry;
	uint32 list, chain;
	ListWriter writer;
	Page page;      ///< copy of the old code page
	Page rows_page; ///< copy of the old row page at hand
	BlockNumber rows_block;
	std::byte *row;
	uint8_t *code;
	uint32 inserted;
	float inserted_residual;
	BlockNumber *old_pages;
	Size n_old, old_capacity;
};

void
NoteOldPage(Copy *copy, BlockNumber block) {
	if (copy->n_old > 0 && copy->old_pages[copy->n_old - 1] == block)
		return;
	if (copy->n_old == copy->old_capacity) {
		copy->old_capacity *= 2;
		copy->old_pages =
			(BlockNumber *)repalloc_huge(copy->old_pages, sizeof(BlockNumber) * copy->old_capacity);
	}
	copy->old_pages[copy->n_old++] = block;
}

void
ReadRowPage(Copy *copy, BlockNumber block) {
	if (copy->rows_block == block)
		return;
	Buffer buffer = ReadPage(copy->index, block);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	CheckRowPage(copy->index, buffer, copy->list, copy->chain);
	memcpy(copy->rows_page, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);
	copy->rows_block = block;
}

const std::byte *
RowOf(Copy *copy, const CodeTailData *tail, uint32 slot) {
	const Geometry &geometry = *copy->geometry;
	uint32 row = tail->first_row + slot;
	uint32 first = RowPageOf(geometry, row) - RowPageOf(geometry, tail->first_row);
	if (geometry.pages_per_row == 1) {
		ReadRowPage(copy, tail->row_pages[first]);
		return (const std::byte *)copy->rows_page + RowOffset(geometry, *copy->layout, row);
	}
	for (uint32 part = 0; part < geometry.pages_per_row; part++) {
		ReadRowPage(copy, tail->row_pages[first + part]);
		memcpy(copy->row + part * kPageCapacity, (char *)copy->rows_page + kDataOffset,
			   RowPartBytes(*copy->layout, part));
	}
	return copy->row;
}

/// Copies the live rows of the page in copy->page.
void
CopyRows(Copy *copy, BlockNumber block) {
	const CodeTailData *tail = CodeTail(copy->page);
	for (uint32 i = 0; i < tail->n_row_pages; i++)
		NoteOldPage(copy, tail->row_pages[i]);
	NoteOldPage(copy, block);
	// The last row page may have grown since it was copied for the code page before.
	copy->rows_block = InvalidBlockNumber;
	copy->inserted += tail->inserted;
	copy->inserted_residual += tail->inserted_residual;
	for (uint32 slot = 0; slot < tail->count; slot++) {
		const std::byte *from = BlockAt(*copy->layout, copy->page, slot);
		if (!ann::IsLive(*copy->layout, from, slot % ann::kBlockVectors))
			continue;
		float t;
		ann::GetCode(*copy->layout, from, slot % ann::kBlockVectors, copy->code, &t);
		AppendRow(&copy->writer, copy->code, t, RowOf(copy, tail, slot),
				  TidAt(*copy->geometry, copy->page, slot));
	}
}

/// Copies all pages. @return the old last page, exclusively locked
Buffer
CopyChain(Copy *copy, BlockNumber head) {
	for (BlockNumber block = head;;) {
		CHECK_FOR_INTERRUPTS();
		Buffer buffer = ReadPage(copy->index, block);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		const CodeTailData *tail =
			CheckCodePage(copy->index, buffer, *copy->geometry, copy->list, copy->chain);
		if (tail->common.next == InvalidBlockNumber) {
			// Inserts may go on in it, and behind it, until it is locked exclusively.
			LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
			LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
			tail = CheckCodePage(copy->index, buffer, *copy->geometry, copy->list, copy->chain);
			if (tail->common.next == InvalidBlockNumber) {
				memcpy(copy->page, BufferGetPage(buffer), BLCKSZ);
				CopyRows(copy, block);
				return buffer;
			}
		}
		memcpy(copy->page, BufferGetPage(buffer), BLCKSZ);
		UnlockReleaseBuffer(buffer);
		CopyRows(copy, block);
		block = CodeTail(copy->page)->common.next;
		if (copy->n_old / (1 + copy->geometry->max_row_pages) >
			RelationGetNumberOfBlocks(copy->index))
			RaiseCorrupted(copy->index, block, "Its chain has no end.");
	}
}

void
MarkDeleted(Page page, FullTransactionId xid) {
	PageTailData *tail = Tail(page);
	tail->flags |= kPageDeleted;
	tail->delete_xid = U64FromFullTransactionId(xid);
}

/// A chain number that no page has, not even of a compaction that crashed.
uint32
NewChain(Relation index) {
	Buffer buffer = ReadPage(index, kMetaBlock);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	CheckPage(index, buffer, PageKind::kMeta);
	GenericXLogState *xlog = GenericXLogStart(index);
	MetaData *meta = MetaOf(GenericXLogRegisterBuffer(xlog, buffer, 0));
	uint32 chain = ++meta->generation;
	GenericXLogFinish(xlog);
	UnlockReleaseBuffer(buffer);
	return chain;
}

void
Switch(Copy *copy, const MetaData &meta, Buffer last, const DirectoryEntryData &entry) {
	Buffer directory = ReadPage(copy->index, DirectoryBlock(meta, copy->list));
	LockBuffer(directory, BUFFER_LOCK_EXCLUSIVE);
	CheckPage(copy->index, directory, PageKind::kDirectory);
	Buffer meta_buffer = ReadPage(copy->index, kMetaBlock);
	LockBuffer(meta_buffer, BUFFER_LOCK_EXCLUSIVE);
	CheckPage(copy->index, meta_buffer, PageKind::kMeta);
	GenericXLogState *xlog = GenericXLogStart(copy->index);
	Page last_page = GenericXLogRegisterBuffer(xlog, last, 0);
	Page directory_page = GenericXLogRegisterBuffer(xlog, directory, 0);
	Page meta_page = GenericXLogRegisterBuffer(xlog, meta_buffer, 0);
	MarkDeleted(last_page, ReadNextFullTransactionId());
	DirectoryEntries(directory_page)[copy->list % kDirectoryEntries] = entry;
	MetaOf(meta_page)->generation++;
	GenericXLogFinish(xlog);
	UnlockReleaseBuffer(meta_buffer);
	UnlockReleaseBuffer(directory);
}

} // namespace

void
DeletePage(Relation index, BlockNumber block, uint32 list, uint32 chain) {
	Buffer buffer = ReadPage(index, block);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	Page page = BufferGetPage(buffer);
	if (!IsDeletedPage(page)) {
		if (!IsChainPage(page, list, chain))
			RaiseCorrupted(index, block, "The page belongs to something else.");
		GenericXLogState *xlog = GenericXLogStart(index);
		MarkDeleted(GenericXLogRegisterBuffer(xlog, buffer, 0), ReadNextFullTransactionId());
		GenericXLogFinish(xlog);
	}
	UnlockReleaseBuffer(buffer);
}

void
CompactList(Relation index, const MetaData &meta, const Geometry &geometry, uint32 list) {
	DirectoryEntryData old = ReadDirectoryEntry(index, meta, list);
	auto *copy = (Copy *)palloc0(sizeof(Copy));
	copy->index = index;
	copy->layout = &meta.layout;
	copy->geometry = &geometry;
	copy->list = list;
	copy->chain = old.chain;
	copy->page = (Page)palloc(BLCKSZ);
	copy->rows_page = (Page)palloc(BLCKSZ);
	copy->row = (std::byte *)palloc(meta.layout.row_bytes);
	copy->code = (uint8_t *)palloc0(Max(meta.layout.subquantizers, 1));
	copy->old_capacity = 64;
	copy->old_pages = (BlockNumber *)palloc(sizeof(BlockNumber) * copy->old_capacity);
	InitWriter(&copy->writer, index, &meta.layout, &geometry, true);
	BeginList(&copy->writer, list, NewChain(index));
	Buffer last = CopyChain(copy, old.head);
	DirectoryEntryData entry = EndList(&copy->writer, copy->inserted, copy->inserted_residual);
	Switch(copy, meta, last, entry);
	UnlockReleaseBuffer(last);
	for (Size i = 0; i < copy->n_old; i++)
		DeletePage(index, copy->old_pages[i], list, copy->chain);
}

} // namespace pgml::index
