#pragma once
/// Steps of making an index that building and growing share.
#include "index/faiss/page.h"

extern "C" {
#include "common/pg_prng.h"
}

namespace pgml::index {

/// Moves n vectors of the sample, that recall is measured with, to its end.
void HoldBack(float *sample, ItemPointerData *tids, uint64 n_sample, uint32 dims, uint32 n,
			  pg_prng_state *random);
/// @param elevel  how to report that training failed; below ERROR, nullptr is returned then
/// @return the blob, 64-byte aligned, in the current memory context
std::byte *Train(const ann::Layout &layout, const float *sample, uint64 n, int elevel);

/// With a new build_id, no layout yet.
void InitMeta(MetaData *meta);
// Each in pages of its own, of which the meta page's data take note; `image` is one page of memory.
void WriteBlob(Relation index, MetaData *meta, const std::byte *blob, Page image, bool log);
void TakeDirectory(Relation index, MetaData *meta, bool log);
void WriteDirectory(Relation index, const MetaData &meta, const DirectoryEntryData *entries,
					Page image, bool log);

} // namespace pgml::index
