/**
 * VACUUM: dead rows become dead slots, lists of which a quarter is dead are compacted, pages of old chains are given back.
 *
 * A slot is cleared under an exclusive lock on its code page. No cleanup lock is needed: a search that has read the TID
 * finds no row that its snapshot sees. Lists are compacted while rows are removed, one list at a time.
 */
#include "index/faiss/faiss.h"

#include "am/base/compat.h"
#include "index/faiss/chain.h"

extern "C" {
#include "access/generic_xlog.h"
#include "commands/vacuum.h"
#include "storage/indexfsm.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
}

namespace pgml::index {

namespace {

/// A list is written anew when more than this share of it is dead, if that wins something.
constexpr double kDeadShare = 0.25;

struct Vacuum {
	Relation index;
	BufferAccessStrategy strategy;
	MetaData meta;
	Geometry geometry;
	IndexBulkDeleteCallback callback; ///< nullptr: only count
	void *state;
	uint64 live, removed;
};

struct ListCounts {
	uint64 live, dead, pages;
};

inline bool
IsLiveSlot(const Vacuum &vacuum, Page page, uint32 slot) {
	return ann::IsLive(vacuum.meta.layout, BlockAt(vacuum.meta.layout, page, slot),
					   slot % ann::kBlockVectors);
}

/// Clears the slots of dead rows. The page is exclusively locked.
uint32
ClearDead(Vacuum *vacuum, Buffer buffer) {
	GenericXLogState *xlog = GenericXLogStart(vacuum->index);
	Page page = GenericXLogRegisterBuffer(xlog, buffer, 0);
	const ann::Layout &layout = vacuum->meta.layout;
	uint32 cleared = 0;
	for (uint32 slot = 0; slot < CodeTail(page)->count; slot++)
		if (IsLiveSlot(*vacuum, page, slot) &&
			vacuum->callback(TidAt(vacuum->geometry, page, slot), vacuum->state)) {
			ann::ClearSlot(layout, BlockAt(layout, page, slot), slot % ann::kBlockVectors);
			cleared++;
		}
	if (cleared > 0)
		GenericXLogFinish(xlog);
	else
		GenericXLogAbort(xlog);
	return cleared;
}

bool
HasDead(const Vacuum &vacuum, Page page) {
	for (uint32 slot = 0; slot < CodeTail(page)->count; slot++)
		if (IsLiveSlot(vacuum, page, slot) &&
			vacuum.callback(TidAt(vacuum.geometry, page, slot), vacuum.state))
			return true;
	return false;
}

ListCounts
VacuumList(Vacuum *vacuum, uint32 list) {
	DirectoryEntryData entry = ReadDirectoryEntry(vacuum->index, vacuum->meta, list);
	ListCounts counts = {};
	for (BlockNumber block = entry.head; block != InvalidBlockNumber;) {
		vacuum_delay_point();
		CheckBlock(vacuum->index, block);
		Buffer buffer =
			ReadBufferExtended(vacuum->index, MAIN_FORKNUM, block, RBM_NORMAL, vacuum->strategy);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		Page page = BufferGetPage(buffer);
		CheckCodePage(vacuum->index, buffer, vacuum->geometry, list, entry.chain);
		// Most pages have nothing to remove, and searches need not wait for those.
		if (vacuum->callback != nullptr && HasDead(*vacuum, page)) {
			LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
			LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
			vacuum->removed += ClearDead(vacuum, buffer);
		}
		const CodeTailData *tail = CodeTail(page);
		uint32 live = 0;
		for (uint32 slot = 0; slot < tail->count; slot++)
			live += IsLiveSlot(*vacuum, page, slot);
		counts.live += live;
		counts.dead += tail->count - live;
		counts.pages++;
		block = tail->common.next;
		UnlockReleaseBuffer(buffer);
		if (counts.pages > RelationGetNumberOfBlocks(vacuum->index))
			RaiseCorrupted(vacuum->index, block, "Its chain has no end.");
	}
	vacuum->live += counts.live;
	return counts;
}

/// What compaction wins: code pages, a row page's worth of rows, or half of the blocks that a search goes through.
bool
IsWorthCompacting(const Vacuum &vacuum, const ListCounts &counts) {
	uint64 all = counts.live + counts.dead;
	uint64 per_page = vacuum.geometry.slots_per_page;
	uint64 pages = Max((counts.live + per_page - 1) / per_page, (uint64)1);
	uint64 blocks = (counts.live + ann::kBlockVectors - 1) / ann::kBlockVectors;
	return (double)counts.dead > kDeadShare * (double)all &&
		   (pages < counts.pages || counts.dead >= vacuum.geometry.rows_per_page ||
			2 * blocks <= all / ann::kBlockVectors);
}

void
VacuumLists(Vacuum *vacuum) {
	if (vacuum->meta.layout.dims == 0)
		return;
	vacuum->geometry = GeometryOf(vacuum->meta.layout);
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "faiss vacuum", ALLOCSET_DEFAULT_SIZES);
	for (uint32 list = 0; list < vacuum->meta.layout.lists; list++) {
		ListCounts counts = VacuumList(vacuum, list);
		if (!IsWorthCompacting(*vacuum, counts))
			continue;
		MemoryContext old = MemoryContextSwitchTo(context);
		CompactList(vacuum->index, vacuum->meta, vacuum->geometry, list);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
}

/// Is there no way to the page? Left by a compaction or growth that did not end.
bool
IsOrphan(const Vacuum &vacuum, BlockNumber block, Page page) {
	if (vacuum.meta.layout.dims == 0 || !HasSomeTail(page) || IsDeletedPage(page))
		return false;
	const PageTailData *tail = Tail(page);
	const MetaData &meta = vacuum.meta;
	switch ((PageKind)tail->kind) {
		case PageKind::kBlob:
			return block - meta.blob_start >= BlobPages(meta);
		case PageKind::kDirectory:
			return block - meta.directory_start >= DirectoryPages(meta);
		default:
			return tail->list >= meta.layout.lists ||
				   tail->chain != ReadDirectoryEntry(vacuum.index, meta, tail->list).chain;
	}
}

/// Tells the free space map of pages that can be used again.
void
FindFreePages(const Vacuum &vacuum, IndexBulkDeleteResult *stats) {
	LockRelationForExtension(vacuum.index, ExclusiveLock);
	BlockNumber n_blocks = RelationGetNumberOfBlocks(vacuum.index);
	UnlockRelationForExtension(vacuum.index, ExclusiveLock);
	stats->num_pages = n_blocks;
	stats->pages_free = stats->pages_deleted = 0;
	for (BlockNumber block = kMetaBlock + 1; block < n_blocks; block++) {
		vacuum_delay_point();
		Buffer buffer =
			ReadBufferExtended(vacuum.index, MAIN_FORKNUM, block, RBM_NORMAL, vacuum.strategy);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		Page page = BufferGetPage(buffer);
		bool is_free = IsRecyclable(page), deleted = is_free || IsDeletedPage(page);
		bool orphan = !deleted && IsOrphan(vacuum, block, page);
		PageTailData tail = orphan ? *Tail(page) : PageTailData();
		UnlockReleaseBuffer(buffer);
		if (orphan)
			DeletePage(vacuum.index, block, tail.list, tail.chain);
		if (is_free) {
			RecordFreeIndexPage(vacuum.index, block);
			stats->pages_free++;
		}
		if (deleted || orphan)
			stats->pages_deleted++;
	}
	IndexFreeSpaceMapVacuum(vacuum.index);
}

Vacuum *
StartVacuum(IndexVacuumInfo *info) {
	auto *vacuum = (Vacuum *)palloc0(sizeof(Vacuum));
	vacuum->index = info->index;
	vacuum->strategy = info->strategy;
	ReadMeta(info->index, &vacuum->meta);
	if (vacuum->meta.layout.dims > 0)
		vacuum->geometry = GeometryOf(vacuum->meta.layout);
	return vacuum;
}

} // namespace

IndexBulkDeleteResult *
BulkDelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats, IndexBulkDeleteCallback callback,
		   void *state) {
	if (stats == nullptr)
		stats = (IndexBulkDeleteResult *)palloc0(sizeof(IndexBulkDeleteResult));
	Vacuum *vacuum = StartVacuum(info);
	vacuum->callback = callback;
	vacuum->state = state;
	VacuumLists(vacuum);
	stats->num_index_tuples = (double)vacuum->live;
	stats->tuples_removed += (double)vacuum->removed;
	stats->estimated_count = false;
	pfree(vacuum);
	return stats;
}

IndexBulkDeleteResult *
VacuumCleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats) {
	if (info->analyze_only)
		return stats;
	Vacuum *vacuum = StartVacuum(info);
	if (stats == nullptr) {
		// Nothing was dead: only count.
		stats = (IndexBulkDeleteResult *)palloc0(sizeof(IndexBulkDeleteResult));
		VacuumLists(vacuum);
		stats->num_index_tuples = (double)vacuum->live;
		stats->estimated_count = false;
	}
	// First, so that pages of a growth that did not end are used again.
	FindFreePages(*vacuum, stats);
	ann::Layout layout;
	if (ShouldGrow(info->index, vacuum->meta, (uint64)stats->num_index_tuples, &layout)) {
		ereport(pg::IsAutoVacuum() ? LOG : NOTICE,
				(errmsg("training index \"%s\" on the %.0f rows that it holds",
						RelationGetRelationName(info->index), stats->num_index_tuples),
				 errdetail("It was made before them and has had one list.")));
		Grow(info->index, vacuum->meta, (uint64)stats->num_index_tuples, layout);
		pfree(vacuum);
		vacuum = StartVacuum(info);
		FindFreePages(*vacuum, stats);
	}
	pfree(vacuum);
	return stats;
}

} // namespace pgml::index
