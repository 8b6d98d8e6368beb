/// Reading and giving up chains. See chain.h.
#include "index/faiss/chain.h"

extern "C" {
#include "access/generic_xlog.h"
#include "access/transam.h"
#include "utils/memutils.h"
}

namespace pgml::index {

namespace {

void
NotePage(ChainReader *reader, BlockNumber block) {
	// The row page at the end of a code page may go on in the next one.
	for (Size back = 1; back <= 2 && back <= reader->n_pages; back++)
		if (reader->pages[reader->n_pages - back] == block)
			return;
	if (reader->n_pages == reader->pages_capacity) {
		reader->pages_capacity *= 2;
		reader->pages = (BlockNumber *)repalloc_huge(reader->pages,
													 sizeof(BlockNumber) * reader->pages_capacity);
	}
	reader->pages[reader->n_pages++] = block;
}

void
ReadRowPage(ChainReader *reader, BlockNumber block) {
	if (reader->rows_block == block)
		return;
	Buffer buffer = ReadPage(reader->index, block);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	CheckRowPage(reader->index, buffer, reader->list, reader->chain);
	memcpy(reader->rows_page, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);
	reader->rows_block = block;
}

} // namespace

void
InitChainReader(ChainReader *reader, Relation index, const ann::Layout *layout,
				const Geometry *geometry, uint32 list, uint32 chain) {
	*reader = {};
	reader->index = index;
	reader->layout = layout;
	reader->geometry = geometry;
	reader->list = list;
	reader->chain = chain;
	reader->page = (Page)palloc(BLCKSZ);
	reader->rows_page = (Page)palloc(BLCKSZ);
	reader->rows_block = InvalidBlockNumber;
	reader->row = (std::byte *)palloc(layout->row_bytes);
	reader->pages_capacity = 64;
	reader->pages = (BlockNumber *)palloc(sizeof(BlockNumber) * reader->pages_capacity);
}

const CodeTailData *
CopyChainPage(ChainReader *reader, Buffer buffer) {
	memcpy(reader->page, BufferGetPage(buffer), BLCKSZ);
	const CodeTailData *tail = CodeTail(reader->page);
	// The last row page may have grown since it was copied for the code page before.
	reader->rows_block = InvalidBlockNumber;
	for (uint32 i = 0; i < tail->n_row_pages; i++)
		NotePage(reader, tail->row_pages[i]);
	NotePage(reader, BufferGetBlockNumber(buffer));
	// The last page may be read twice.
	if (++reader->n_visits / 2 > RelationGetNumberOfBlocks(reader->index))
		RaiseCorrupted(reader->index, BufferGetBlockNumber(buffer), "Its chain has no end.");
	return tail;
}

const CodeTailData *
ReadChainPage(ChainReader *reader, BlockNumber block) {
	Buffer buffer = ReadPage(reader->index, block);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	CheckCodePage(reader->index, buffer, *reader->geometry, reader->list, reader->chain);
	const CodeTailData *tail = CopyChainPage(reader, buffer);
	UnlockReleaseBuffer(buffer);
	return tail;
}

const std::byte *
ChainRow(ChainReader *reader, uint32 slot) {
	const CodeTailData *tail = CodeTail(reader->page);
	const Geometry &geometry = *reader->geometry;
	if (!ann::IsLive(*reader->layout, BlockAt(*reader->layout, reader->page, slot),
					 slot % ann::kBlockVectors))
		return nullptr;
	uint32 row = tail->first_row + slot;
	uint32 first = RowPageOf(geometry, row) - RowPageOf(geometry, tail->first_row);
	if (geometry.pages_per_row == 1) {
		ReadRowPage(reader, tail->row_pages[first]);
		return (const std::byte *)reader->rows_page + RowOffset(geometry, *reader->layout, row);
	}
	for (uint32 part = 0; part < geometry.pages_per_row; part++) {
		ReadRowPage(reader, tail->row_pages[first + part]);
		memcpy(reader->row + part * kPageCapacity, (char *)reader->rows_page + kDataOffset,
			   RowPartBytes(*reader->layout, part));
	}
	return reader->row;
}

Buffer
LockLastPage(ChainReader *reader, BlockNumber block) {
	Buffer buffer = ReadPage(reader->index, block);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	CheckCodePage(reader->index, buffer, *reader->geometry, reader->list, reader->chain);
	if (CopyChainPage(reader, buffer)->common.next == InvalidBlockNumber)
		return buffer;
	UnlockReleaseBuffer(buffer);
	return InvalidBuffer;
}

void
MarkDeleted(Page page, FullTransactionId xid) {
	PageTailData *tail = Tail(page);
	tail->flags |= kPageDeleted;
	tail->delete_xid = U64FromFullTransactionId(xid);
}

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
DeletePage(Relation index, BlockNumber block, uint32 list, uint32 chain) {
	Buffer buffer = ReadPage(index, block);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	Page page = BufferGetPage(buffer);
	if (!IsDeletedPage(page)) {
		if (!IsPageOf(page, list, chain))
			RaiseCorrupted(index, block, "The page belongs to something else.");
		GenericXLogState *xlog = GenericXLogStart(index);
		MarkDeleted(GenericXLogRegisterBuffer(xlog, buffer, 0), ReadNextFullTransactionId());
		GenericXLogFinish(xlog);
	}
	UnlockReleaseBuffer(buffer);
}

void
DeleteChainPages(const ChainReader &reader) {
	for (Size i = 0; i < reader.n_pages; i++)
		DeletePage(reader.index, reader.pages[i], reader.list, reader.chain);
}

} // namespace pgml::index
