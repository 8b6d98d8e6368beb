/// The per-backend cache of faiss indexes. See cache.h.
#include "index/faiss/cache.h"

#include "am/base/compat.h"
#include "index/faiss/faiss.h"

extern "C" {
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
}

namespace pgml::index {

namespace {

IndexCache *caches = nullptr;

void
Forget(IndexCache *cache) {
	for (IndexCache **link = &caches; *link != nullptr; link = &(*link)->next)
		if (*link == cache) {
			*link = cache->next;
			break;
		}
	if (cache->uses == 0)
		MemoryContextDelete(cache->context);
	else
		cache->relid = InvalidOid; // the last scan frees it
}

/// Runs inside invalidation, where nothing can be looked up.
void
OnRelationChange(Datum, Oid relid) {
	for (IndexCache *cache = caches; cache != nullptr; cache = cache->next)
		if (relid == InvalidOid || cache->relid == relid)
			cache->suspect = true;
}

void
ForgetDropped() {
	IndexCache *next;
	for (IndexCache *cache = caches; cache != nullptr; cache = next) {
		next = cache->next;
		if (!cache->suspect)
			continue;
		cache->suspect = false;
		if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(cache->relid)))
			Forget(cache);
	}
}

void
CopyBlob(Relation index, const MetaData &meta, std::byte *blob) {
	BlockNumber block = meta.blob_start;
	for (Size done = 0; done < meta.blob_bytes; block++) {
		CHECK_FOR_INTERRUPTS();
		Size bytes = Min(kPageCapacity, meta.blob_bytes - done);
		Buffer buffer = ReadPage(index, block);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		CheckPage(index, buffer, PageKind::kBlob);
		memcpy(blob + done, (char *)BufferGetPage(buffer) + kDataOffset, bytes);
		UnlockReleaseBuffer(buffer);
		done += bytes;
	}
}

void
LoadHeads(Relation index, const MetaData &meta, ListHead *heads) {
	for (uint32 list = 0; list < meta.layout.lists;) {
		Buffer buffer = ReadPage(index, DirectoryBlock(meta, list));
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		CheckPage(index, buffer, PageKind::kDirectory);
		const DirectoryEntryData *entries = DirectoryEntries(BufferGetPage(buffer));
		do {
			const DirectoryEntryData &entry = entries[list % kDirectoryEntries];
			heads[list] = {entry.head, entry.chain};
			list++;
		} while (list < meta.layout.lists && list % kDirectoryEntries != 0);
		UnlockReleaseBuffer(buffer);
	}
}

/// Checks the blob, and that its layout is the meta page's: the sizes of pages and rows are computed from the latter.
void
CheckQuantizer(Relation index, const MetaData &meta, const std::byte *blob) {
	const char *problem = ann::Quantizer::Problem({blob, meta.blob_bytes});
	if (problem == nullptr && !(ann::Quantizer(blob).layout() == meta.layout))
		problem = "It does not belong to the rest of the index.";
	if (problem != nullptr)
		RaiseCorrupted(index, meta.blob_start, problem);
}

IndexCache *
Load(Relation index, const MetaData &meta) {
	MemoryContext context =
		AllocSetContextCreate(CacheMemoryContext, "faiss index", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	auto *cache = (IndexCache *)palloc0(sizeof(IndexCache));
	cache->relid = RelationGetRelid(index);
	cache->filenode = pg::FileNumberOf(index);
	cache->context = context;
	cache->meta = meta;
	PG_TRY();
	{
		if (!cache->IsEmpty()) {
			auto *bytes = (char *)MemoryContextAllocExtended(
				context, (Size)meta.blob_bytes + ann::kAlignment, MCXT_ALLOC_HUGE);
			cache->blob = (std::byte *)TYPEALIGN(ann::kAlignment, bytes);
			CopyBlob(index, meta, cache->blob);
			CheckQuantizer(index, meta, cache->blob);
			cache->geometry = GeometryOf(meta.layout);
			cache->heads = (ListHead *)palloc(sizeof(ListHead) * meta.layout.lists);
			LoadHeads(index, meta, cache->heads);
			cache->prepared = (float *)palloc(sizeof(float) * meta.layout.dims);
			cache->code = (uint8_t *)palloc0(Max(meta.layout.subquantizers, 1));
			cache->row = (std::byte *)palloc(meta.layout.row_bytes);
		}
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	cache->next = caches;
	caches = cache;
	return cache;
}

struct Hold {
	IndexCache *cache;
	MemoryContextCallback callback;
};

void
Release(void *arg) {
	IndexCache *cache = static_cast<Hold *>(arg)->cache;
	if (--cache->uses == 0 && cache->relid == InvalidOid)
		MemoryContextDelete(cache->context);
}

} // namespace

IndexCache *
GetCache(Relation index) {
	MetaData meta;
	ReadMeta(index, &meta);
	for (IndexCache *cache = caches; cache != nullptr; cache = cache->next) {
		if (cache->relid != RelationGetRelid(index))
			continue;
		if (cache->filenode != pg::FileNumberOf(index) || cache->meta.build_id != meta.build_id ||
			!(cache->meta.layout == meta.layout)) {
			Forget(cache);
			break;
		}
		if (cache->meta.generation != meta.generation) {
			// The heads are at least as new as the meta page says: a switch writes both at once.
			LoadHeads(index, meta, cache->heads);
			cache->meta = meta;
		}
		return cache;
	}
	ForgetDropped();
	return Load(index, meta);
}

void
HoldCache(IndexCache *cache, MemoryContext context) {
	auto *hold = (Hold *)MemoryContextAlloc(context, sizeof(Hold));
	hold->cache = cache;
	hold->callback.func = Release;
	hold->callback.arg = hold;
	cache->uses++;
	MemoryContextRegisterResetCallback(context, &hold->callback);
}

Buffer
ReadCached(Relation index, IndexCache *cache, BlockNumber block) {
	if (block == InvalidBlockNumber)
		return ReadPage(index, block);
	if (block >= cache->n_recent) {
		uint32 n = Max(RelationGetNumberOfBlocks(index), cache->n_recent);
		if (block >= n)
			return ReadPage(index, block);
		n += n / 8;
		auto *recent = (Buffer *)MemoryContextAllocExtended(
			cache->context, sizeof(Buffer) * (Size)n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		if (cache->recent != nullptr) {
			memcpy(recent, cache->recent, sizeof(Buffer) * cache->n_recent);
			pfree(cache->recent);
		}
		cache->recent = recent;
		cache->n_recent = n;
	}
	Buffer recent = cache->recent[block];
	// ReadRecentBuffer does not raise the usage count on all servers: a share of the visits goes the usual way, or the pages of
	// a busy index would be the first to leave the buffer pool.
	if (BufferIsValid(recent) && (++cache->visits & 15) != 0 &&
		pg::ReadRecent(index, block, recent))
		return recent;
	return cache->recent[block] = ReadBuffer(index, block);
}

void
InstallIndexCache() {
	CacheRegisterRelcacheCallback(OnRelationChange, (Datum)0);
}

} // namespace pgml::index
