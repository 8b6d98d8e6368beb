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
#include "index/faiss/faiss.h"

#include "index/faiss/chain.h"
#include "index/faiss/writer.h"

extern "C" {
#include "access/generic_xlog.h"
#include "access/transam.h"
}

namespace pgml::index {

namespace {

struct Copy {
	ChainReader from;
	ListWriter writer;
	uint8_t *code;
	uint32 inserted;
	float inserted_residual;
};

/// Copies the live rows of the page at hand.
void
CopyRows(Copy *copy) {
	const CodeTailData *tail = CodeTail(copy->from.page);
	const ann::Layout &layout = *copy->from.layout;
	copy->inserted += tail->inserted;
	copy->inserted_residual += tail->inserted_residual;
	for (uint32 slot = 0; slot < tail->count; slot++) {
		const std::byte *row = ChainRow(&copy->from, slot);
		if (row == nullptr)
			continue;
		float t;
		ann::GetCode(layout, BlockAt(layout, copy->from.page, slot), slot % ann::kBlockVectors,
					 copy->code, &t);
		AppendRow(&copy->writer, copy->code, t, row,
				  TidAt(*copy->from.geometry, copy->from.page, slot));
	}
}

/// Copies all pages. @return the old last page, exclusively locked
Buffer
CopyChain(Copy *copy, BlockNumber head) {
	for (BlockNumber block = head;;) {
		CHECK_FOR_INTERRUPTS();
		if (ReadChainPage(&copy->from, block)->common.next == InvalidBlockNumber) {
			// Inserts may have gone on in it, and behind it, until it is locked exclusively.
			Buffer last = LockLastPage(&copy->from, block);
			if (BufferIsValid(last)) {
				CopyRows(copy);
				return last;
			}
		}
		CopyRows(copy);
		block = CodeTail(copy->from.page)->common.next;
	}
}

void
Switch(Relation index, const MetaData &meta, uint32 list, Buffer last,
	   const DirectoryEntryData &entry) {
	Buffer directory = ReadPage(index, DirectoryBlock(meta, list));
	LockBuffer(directory, BUFFER_LOCK_EXCLUSIVE);
	CheckPage(index, directory, PageKind::kDirectory);
	Buffer meta_buffer = ReadPage(index, kMetaBlock);
	LockBuffer(meta_buffer, BUFFER_LOCK_EXCLUSIVE);
	CheckPage(index, meta_buffer, PageKind::kMeta);
	GenericXLogState *xlog = GenericXLogStart(index);
	Page last_page = GenericXLogRegisterBuffer(xlog, last, 0);
	Page directory_page = GenericXLogRegisterBuffer(xlog, directory, 0);
	Page meta_page = GenericXLogRegisterBuffer(xlog, meta_buffer, 0);
	MarkDeleted(last_page, ReadNextFullTransactionId());
	DirectoryEntries(directory_page)[list % kDirectoryEntries] = entry;
	MetaOf(meta_page)->generation++;
	GenericXLogFinish(xlog);
	UnlockReleaseBuffer(meta_buffer);
	UnlockReleaseBuffer(directory);
}

} // namespace

void
CompactList(Relation index, const MetaData &meta, const Geometry &geometry, uint32 list) {
	DirectoryEntryData old = ReadDirectoryEntry(index, meta, list);
	auto *copy = (Copy *)palloc0(sizeof(Copy));
	InitChainReader(&copy->from, index, &meta.layout, &geometry, list, old.chain);
	copy->code = (uint8_t *)palloc0(Max(meta.layout.subquantizers, 1));
	InitWriter(&copy->writer, index, &meta.layout, &geometry, true);
	BeginList(&copy->writer, list, NewChain(index));
	Buffer last = CopyChain(copy, old.head);
	DirectoryEntryData entry = EndList(&copy->writer, copy->inserted, copy->inserted_residual);
	Switch(index, meta, list, last, entry);
	UnlockReleaseBuffer(last);
	DeleteChainPages(copy->from);
}

} // namespace pgml::index
