#pragma once
/**
 * What a backend keeps of an index: meta page, quantizer, heads of the lists, and where its pages were in the buffer pool.
 *
 * Found by the OID of the index and checked at every use against the meta page: another build (REINDEX, TRUNCATE) replaces
 * the entry, another generation (compaction) reloads the heads. Entries of dropped indexes go when the next one is made.
 */
#include "index/faiss/page.h"

namespace pgml::index {

struct ListHead {
	BlockNumber head;
	uint32 chain;
};

struct IndexCache {
	Oid relid;
	Oid filenode;
	MemoryContext context;
	IndexCache *next;
	int uses;     ///< scans that hold it
	bool suspect; ///< its relation may be gone
	MetaData meta;
	Geometry geometry;
	std::byte *blob;
	ListHead *heads;
	Buffer *recent; ///< by block: the buffer that it was in last time
	uint32 n_recent;
	uint32 visits;
	/// For inserts: a prepared vector, its code, its row.
	float *prepared;
	uint8_t *code;
	std::byte *row;

	bool
	IsEmpty() const {
		return meta.layout.dims == 0;
	}
	ann::Quantizer
	quantizer() const {
		return ann::Quantizer(blob);
	}
};

/// Valid until the next call, unless HoldCache() keeps it.
IndexCache *GetCache(Relation index);

/// Keeps the entry as long as the context lives.
void HoldCache(IndexCache *cache, MemoryContext context);

/// As ReadPage, without the lookup in the buffer mapping table where the page is still where it was.
Buffer ReadCached(Relation index, IndexCache *cache, BlockNumber block);

} // namespace pgml::index
