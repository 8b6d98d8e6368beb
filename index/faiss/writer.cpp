/// Writing whole chains of a faiss index. See writer.h.
#include "index/faiss/writer.h"

extern "C" {
#include "access/generic_xlog.h"
#include "access/xloginsert.h"
#include "storage/lmgr.h"
}

namespace pgml::index {

namespace {

/// Ends the taking of a page that is locked.
BlockNumber
Claim(Relation index, Buffer buffer, PageKind kind, uint32 list, uint32 chain, bool log) {
	BlockNumber block = BufferGetBlockNumber(buffer);
	if (log) {
		GenericXLogState *xlog = GenericXLogStart(index);
		InitPage(GenericXLogRegisterBuffer(xlog, buffer, GENERIC_XLOG_FULL_IMAGE), kind, list,
				 chain);
		GenericXLogFinish(xlog);
	}
	UnlockReleaseBuffer(buffer);
	return block;
}

} // namespace

BlockNumber
TakePage(Relation index, PageKind kind, uint32 list, uint32 chain, bool log) {
	return Claim(index, AllocatePage(index), kind, list, chain, log);
}

BlockNumber
TakePages(Relation index, Size n, PageKind kind, bool log) {
	BlockNumber first = InvalidBlockNumber;
	// Inserts may extend the index too: nobody may come in between.
	LockRelationForExtension(index, ExclusiveLock);
	for (Size i = 0; i < n; i++) {
		BlockNumber block = Claim(index, ExtendIndex(index), kind, 0, 0, log);
		first = i == 0 ? block : first;
	}
	UnlockRelationForExtension(index, ExclusiveLock);
	return first;
}

void
WritePage(Relation index, BlockNumber block, Page image, bool log) {
	Buffer buffer = ReadBuffer(index, block);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	START_CRIT_SECTION();
	memcpy(BufferGetPage(buffer), image, BLCKSZ);
	MarkBufferDirty(buffer);
	if (log && RelationNeedsWAL(index))
		log_newpage_buffer(buffer, true);
	END_CRIT_SECTION();
	UnlockReleaseBuffer(buffer);
}

void
InitWriter(ListWriter *writer, Relation index, const ann::Layout *layout, const Geometry *geometry,
		   bool log) {
	*writer = {};
	writer->index = index;
	writer->layout = layout;
	writer->geometry = geometry;
	writer->log = log;
	writer->codes = (Page)palloc(BLCKSZ);
	writer->rows = (Page)palloc(BLCKSZ);
}

namespace {

void
FlushRows(ListWriter *writer) {
	if (writer->rows_block == InvalidBlockNumber)
		return;
	WritePage(writer->index, writer->rows_block, writer->rows, writer->log);
	writer->rows_block = InvalidBlockNumber;
}

void
BeginRowPage(ListWriter *writer) {
	FlushRows(writer);
	writer->rows_block =
		TakePage(writer->index, PageKind::kRows, writer->list, writer->chain, writer->log);
	InitPage(writer->rows, PageKind::kRows, writer->list, writer->chain);
	CodeTailData *tail = CodeTail(writer->codes);
	tail->row_pages[tail->n_row_pages++] = writer->rows_block;
}

/// Ends the code page at hand, if there is one, with a link to the next.
void
BeginCodePage(ListWriter *writer) {
	// Claimed as a row page, which is nearly empty in WAL.
	BlockNumber block =
		TakePage(writer->index, PageKind::kRows, writer->list, writer->chain, writer->log);
	if (writer->codes_block != InvalidBlockNumber) {
		Tail(writer->codes)->next = block;
		WritePage(writer->index, writer->codes_block, writer->codes, writer->log);
	} else
		writer->head = block;
	writer->codes_block = block;
	InitCodePage(*writer->layout, *writer->geometry, writer->codes, writer->list, writer->chain);
	CodeTailData *tail = CodeTail(writer->codes);
	tail->first_row = writer->n_rows;
	// The row page that the last code page began goes on here.
	if (writer->n_rows % writer->geometry->rows_per_page != 0)
		tail->row_pages[tail->n_row_pages++] = writer->rows_block;
}

void
PutRow(ListWriter *writer, const std::byte *row) {
	const Geometry &geometry = *writer->geometry;
	for (uint32 part = 0; geometry.pages_per_row > 1 && part < geometry.pages_per_row; part++) {
		BeginRowPage(writer);
		Size bytes = RowPartBytes(*writer->layout, part);
		memcpy((char *)writer->rows + kDataOffset, row + part * kPageCapacity, bytes);
		((PageHeader)writer->rows)->pd_lower = (LocationIndex)(kDataOffset + bytes);
	}
	if (geometry.pages_per_row > 1)
		return;
	if (writer->n_rows % geometry.rows_per_page == 0)
		BeginRowPage(writer);
	Size offset = RowOffset(geometry, *writer->layout, writer->n_rows);
	memcpy((char *)writer->rows + offset, row, writer->layout->row_bytes);
	((PageHeader)writer->rows)->pd_lower = (LocationIndex)(offset + writer->layout->row_bytes);
}

} // namespace

void
BeginList(ListWriter *writer, uint32 list, uint32 chain) {
	writer->list = list;
	writer->chain = chain;
	writer->n_rows = 0;
	writer->codes_block = writer->rows_block = InvalidBlockNumber;
	BeginCodePage(writer);
}

void
AppendRow(ListWriter *writer, const uint8_t *code, float t, const std::byte *row, ItemPointer tid) {
	CodeTailData *tail = CodeTail(writer->codes);
	if (tail->count == writer->geometry->slots_per_page) {
		BeginCodePage(writer);
		tail = CodeTail(writer->codes);
	}
	PutRow(writer, row);
	uint32 slot = tail->count++;
	ann::PutCode(*writer->layout, BlockAt(*writer->layout, writer->codes, slot),
				 slot % ann::kBlockVectors, code, t);
	ItemPointerCopy(tid, TidAt(*writer->geometry, writer->codes, slot));
	writer->n_rows++;
}

DirectoryEntryData
EndList(ListWriter *writer, uint32 inserted, float inserted_residual) {
	FlushRows(writer);
	CodeTail(writer->codes)->inserted = inserted;
	CodeTail(writer->codes)->inserted_residual = inserted_residual;
	WritePage(writer->index, writer->codes_block, writer->codes, writer->log);
	return {writer->head, writer->codes_block, writer->chain, 0};
}

} // namespace pgml::index
