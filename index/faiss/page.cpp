/// Pages of the faiss index: their shape, their checks, where new ones come from. See page.h.
#include "index/faiss/page.h"

#include "am/base/compat.h"

extern "C" {
#include "access/transam.h"
#include "access/xlog.h"
#include "storage/indexfsm.h"
#include "storage/lmgr.h"
#include "utils/snapmgr.h"
}

namespace pgml::index {

Geometry
GeometryOf(const ann::Layout &layout) {
	Geometry geometry = {};
	geometry.pages_per_row = (layout.row_bytes + kPageCapacity - 1) / kPageCapacity;
	geometry.rows_per_page =
		geometry.pages_per_row > 1 ? 1 : (uint32)(kPageCapacity / layout.row_bytes);
	// As many blocks as fit beside their TIDs and the block numbers of their rows. Rows are dense: the first row of a code page
	// may be anywhere in a row page, so that one more is needed.
	for (uint32 blocks = 1;; blocks++) {
		uint32 slots = blocks * ann::kBlockVectors;
		uint32 row_pages = geometry.pages_per_row > 1
							   ? slots * geometry.pages_per_row
							   : (slots + geometry.rows_per_page - 1) / geometry.rows_per_page +
									 (geometry.rows_per_page > 1 ? 1 : 0);
		Size special =
			MAXALIGN(offsetof(CodeTailData, row_pages) + row_pages * sizeof(BlockNumber));
		Size tids = kCodeOffset + (Size)blocks * layout.block_bytes;
		if (tids + slots * sizeof(ItemPointerData) + special > BLCKSZ)
			break;
		geometry.slots_per_page = slots;
		geometry.tid_offset = (uint32)tids;
		geometry.code_special = (uint32)special;
		geometry.max_row_pages = row_pages;
	}
	// Layouts are limited such that a block always fits (ann::kMaxSubquantizers).
	if (geometry.slots_per_page == 0)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("vectors of %u dimensions do not fit the pages of this server",
							   layout.dims)));
	return geometry;
}

namespace {

void
InitPageWithTail(Page page, Size special, PageKind kind, uint32 list, uint32 chain) {
	PageInit(page, BLCKSZ, special);
	PageTailData *tail = Tail(page);
	tail->next = InvalidBlockNumber;
	tail->list = list;
	tail->chain = chain;
	tail->kind = (uint16)kind;
	tail->flags = 0;
	tail->delete_xid = 0;
	// There are no line pointers. What lies between pd_lower and pd_upper counts as a hole that WAL leaves out, so there must
	// be none; only row pages keep pd_lower behind their last row.
	((PageHeader)page)->pd_lower = ((PageHeader)page)->pd_upper;
}

/// Nothing of a page is trusted before this.
bool
HasTail(Page page, Size special) {
	auto *header = (PageHeader)page;
	return !PageIsNew(page) && header->pd_special == BLCKSZ - special &&
		   header->pd_upper == header->pd_special && header->pd_lower >= kDataOffset &&
		   header->pd_lower <= header->pd_upper;
}

/// Pages of one chain are only written for that chain. When a scan meets another one it came through a page that was
/// deleted after the scan began: on the primary such pages wait until no snapshot is that old.
[[noreturn]] void
RaiseOtherPage(Relation index, BlockNumber block) {
	if (RecoveryInProgress())
		ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						errmsg("canceling statement due to conflict with recovery"),
						errdetail("A page of index \"%s\" was used again on the primary while this "
								  "statement read the index.",
								  RelationGetRelationName(index)),
						errhint("Try again, or set hot_standby_feedback = on.")));
	RaiseCorrupted(index, block, "The page belongs to something else.");
}

} // namespace

void
InitPage(Page page, PageKind kind, uint32 list, uint32 chain) {
	InitPageWithTail(page, sizeof(PageTailData), kind, list, chain);
	if (kind == PageKind::kRows)
		((PageHeader)page)->pd_lower = kDataOffset;
}

void
InitCodePage(const ann::Layout &layout, const Geometry &geometry, Page page, uint32 list,
			 uint32 chain) {
	InitPageWithTail(page, geometry.code_special, PageKind::kCodes, list, chain);
	for (uint32 slot = 0; slot < geometry.slots_per_page; slot += ann::kBlockVectors)
		ann::InitBlock(layout, BlockAt(layout, page, slot));
}

void
RaiseCorrupted(Relation index, BlockNumber block, const char *what) {
	ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
					errmsg("index \"%s\" has a damaged page at block %u",
						   RelationGetRelationName(index), block),
					errdetail_internal("%s", what), errhint("REINDEX it.")));
}

bool
IsRowPage(Page page) {
	return HasTail(page, sizeof(PageTailData)) && Tail(page)->kind == (uint16)PageKind::kRows;
}

void
CheckPage(Relation index, Buffer buffer, PageKind kind) {
	Page page = BufferGetPage(buffer);
	if (!HasTail(page, sizeof(PageTailData)) || Tail(page)->kind != (uint16)kind)
		RaiseCorrupted(index, BufferGetBlockNumber(buffer),
					   "The page is not of the kind expected.");
}

const CodeTailData *
CheckCodePage(Relation index, Buffer buffer, const Geometry &geometry, uint32 list, uint32 chain) {
	Page page = BufferGetPage(buffer);
	if (!HasTail(page, geometry.code_special)) {
		if (!PageIsNew(page) && HasTail(page, sizeof(PageTailData)))
			RaiseOtherPage(index, BufferGetBlockNumber(buffer));
		RaiseCorrupted(index, BufferGetBlockNumber(buffer),
					   "The page is not of the kind expected.");
	}
	const CodeTailData *tail = CodeTail(page);
	if (tail->common.kind != (uint16)PageKind::kCodes || tail->common.list != list ||
		tail->common.chain != chain)
		RaiseOtherPage(index, BufferGetBlockNumber(buffer));
	if (tail->count > geometry.slots_per_page || tail->n_row_pages > geometry.max_row_pages ||
		tail->first_row > PG_UINT32_MAX - geometry.slots_per_page ||
		(tail->count > 0 && RowPageOf(geometry, tail->first_row + tail->count - 1) -
									RowPageOf(geometry, tail->first_row) + geometry.pages_per_row >
								tail->n_row_pages))
		RaiseCorrupted(index, BufferGetBlockNumber(buffer), "Its counters are out of range.");
	return tail;
}

void
CheckRowPage(Relation index, Buffer buffer, uint32 list, uint32 chain) {
	Page page = BufferGetPage(buffer);
	if (PageIsNew(page))
		RaiseCorrupted(index, BufferGetBlockNumber(buffer), "The page is empty.");
	if (!HasTail(page, sizeof(PageTailData)) || Tail(page)->kind != (uint16)PageKind::kRows ||
		Tail(page)->list != list || Tail(page)->chain != chain)
		RaiseOtherPage(index, BufferGetBlockNumber(buffer));
}

bool
HasSomeTail(Page page) {
	auto *header = (PageHeader)page;
	if (PageIsNew(page) || header->pd_special < kDataOffset ||
		header->pd_special > BLCKSZ - sizeof(PageTailData) ||
		header->pd_special != MAXALIGN(header->pd_special))
		return false;
	return Tail(page)->kind > (uint16)PageKind::kMeta &&
		   Tail(page)->kind <= (uint16)PageKind::kRows;
}

bool
IsDeletedPage(Page page) {
	return HasSomeTail(page) && (Tail(page)->flags & kPageDeleted) != 0;
}

bool
IsPageOf(Page page, uint32 list, uint32 chain) {
	return HasSomeTail(page) && Tail(page)->list == list && Tail(page)->chain == chain;
}

bool
IsCurrentCodePage(Buffer buffer, uint32 list, uint32 chain) {
	Page page = BufferGetPage(buffer);
	return IsPageOf(page, list, chain) && !IsDeletedPage(page) &&
		   Tail(page)->kind == (uint16)PageKind::kCodes;
}

bool
IsRecyclable(Page page) {
	return PageIsNew(page) ||
		   (IsDeletedPage(page) && GlobalVisCheckRemovableFullXid(
									   nullptr, FullTransactionIdFromU64(Tail(page)->delete_xid)));
}

Buffer
AllocatePage(Relation index) {
	for (;;) {
		BlockNumber block = GetFreeIndexPage(index);
		if (block == InvalidBlockNumber)
			break;
		Buffer buffer = ReadBuffer(index, block);
		// The map is a hint that a crash can make wrong: whoever holds the page is using it.
		if (ConditionalLockBuffer(buffer)) {
			if (IsRecyclable(BufferGetPage(buffer)))
				return buffer;
			LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		}
		ReleaseBuffer(buffer);
	}
	return ExtendIndex(index);
}

Buffer
ExtendIndex(Relation index) {
	bool shared = !RELATION_IS_LOCAL(index);
	if (shared)
		LockRelationForExtension(index, ExclusiveLock);
	Buffer buffer = ReadBufferExtended(index, MAIN_FORKNUM, P_NEW, RBM_ZERO_AND_LOCK, nullptr);
	if (shared)
		UnlockRelationForExtension(index, ExclusiveLock);
	return buffer;
}

void
CheckBlock(Relation index, BlockNumber block) {
	if (block == InvalidBlockNumber)
		RaiseCorrupted(index, kMetaBlock, "A page that it needs is not named.");
	// Of some blocks behind the end the storage manager says that their file is missing, others P_NEW stands for.
	if (block >= RelationGetNumberOfBlocks(index))
		RaiseCorrupted(index, block, "The index ends before this block.");
}

Buffer
ReadPage(Relation index, BlockNumber block) {
	CheckBlock(index, block);
	return ReadBuffer(index, block);
}

void
ReadMeta(Relation index, MetaData *meta) {
	Buffer buffer = ReadPage(index, kMetaBlock);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	CheckPage(index, buffer, PageKind::kMeta);
	memcpy(meta, MetaOf(BufferGetPage(buffer)), sizeof(MetaData));
	UnlockReleaseBuffer(buffer);
	if (meta->magic != kMagic)
		RaiseCorrupted(index, kMetaBlock, "It is no page of a faiss index.");
	if (meta->version != kFormatVersion)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("index \"%s\" has format %u, this library reads format %u",
							   RelationGetRelationName(index), meta->version, kFormatVersion),
						errhint("REINDEX it.")));
	// Sizes of pages and rows are computed from the layout, also where the quantizer is not read: by VACUUM.
	if ((meta->layout.dims > 0 && !meta->layout.IsWhole()) || meta->n_curve > kMaxCurvePoints)
		RaiseCorrupted(index, kMetaBlock, "Its sizes are out of range.");
	for (uint32 i = 0; i < meta->n_curve; i++)
		if (!(meta->curve[i].recall >= 0 && meta->curve[i].recall <= 1))
			RaiseCorrupted(index, kMetaBlock, "A recall is out of range.");
}

DirectoryEntryData
ReadDirectoryEntry(Relation index, const MetaData &meta, uint32 list) {
	Buffer buffer = ReadPage(index, DirectoryBlock(meta, list));
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	CheckPage(index, buffer, PageKind::kDirectory);
	DirectoryEntryData entry = DirectoryEntries(BufferGetPage(buffer))[list % kDirectoryEntries];
	UnlockReleaseBuffer(buffer);
	return entry;
}

} // namespace pgml::index
