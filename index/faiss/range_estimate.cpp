/**
 * How many rows are within a range, for the planner: by the stored rows of a few pages all over the index.
 *
 * The server assumes a third for any comparison it knows nothing of, and distances from a point cannot be in its statistics.
 * A thousand rows take about as long as a search. They tell a tenth from a thousandth, which is what the choice of a plan
 * needs: below one in a thousand, half a row is assumed.
 */
#include "index/faiss/faiss.h"

#include "index/faiss/cache.h"

#include <cmath>
#include <new>

extern "C" {
#include "utils/float.h"
}

namespace pgml::index {

namespace {

constexpr uint32 kSamplePages = 32;
constexpr uint32 kRowsPerPage = 32;
constexpr uint32 kTries = 8; ///< pages looked at until one has rows

struct Sample {
	uint32 rows, within;
};

/// Bounds some rows of a page. @return false: it has none
bool
SamplePage(Relation index, IndexCache *cache, const ann::Query &query, BlockNumber block,
		   double radius, Sample *sample) {
	const ann::Layout &layout = cache->meta.layout;
	Buffer buffer = ReadCached(index, cache, block);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	Page page = BufferGetPage(buffer);
	// Rows of a chain that another has replaced may have another form.
	bool found = IsRowPage(page) && !IsDeletedPage(page) && Tail(page)->list < layout.lists &&
				 Tail(page)->chain == cache->heads[Tail(page)->list].chain;
	if (found) {
		Size rows = (((PageHeader)page)->pd_lower - kDataOffset) / layout.row_bytes;
		Size step = Max(rows / kRowsPerPage, (Size)1);
		for (Size row = 0; row < rows; row += step) {
			auto *bytes = (const std::byte *)page + kDataOffset + row * layout.row_bytes;
			sample->rows++;
			if (query.LowerBound(bytes, Tail(page)->list, nullptr) <= radius)
				sample->within++;
		}
	}
	UnlockReleaseBuffer(buffer);
	return found;
}

/// Of pages at even distances: rows are stored list by list.
Sample
SampleIndex(Relation index, IndexCache *cache, const ann::Query &query, double radius) {
	Sample sample = {0, 0};
	BlockNumber blocks = RelationGetNumberOfBlocks(index);
	for (uint32 i = 0; i < kSamplePages; i++) {
		auto first = (BlockNumber)((double)blocks * (i + 0.5) / kSamplePages);
		for (BlockNumber block = first; block < blocks && block - first < kTries; block++)
			if (SamplePage(index, cache, query, block, radius, &sample))
				break;
	}
	return sample;
}

} // namespace

double
EstimateRangeShare(Oid index_oid, const VectorType *type, const Const *center,
				   const Const *radius) {
	double limit = DatumGetFloat8(radius->constvalue);
	if (std::isnan(limit))
		return 1;
	// The planner holds a lock on it.
	Relation index = index_open(index_oid, NoLock);
	IndexCache *cache = GetCache(index);
	int n = 0;
	const float *elements = type->try_elements(center->constvalue, &n);
	double share = -1;
	if (!cache->IsEmpty() && elements != nullptr && (uint32)n == cache->meta.layout.dims &&
		cache->geometry.pages_per_row == 1) {
		auto *memory = (char *)palloc_extended(
			ann::Query::Bytes(cache->meta.layout) + ann::kAlignment, MCXT_ALLOC_HUGE);
		auto *query = new (palloc(sizeof(ann::Query)))
			ann::Query(cache->quantizer(), (void *)TYPEALIGN(ann::kAlignment, memory));
		if (!query->Start(elements))
			share = 0;
		else {
			Sample sample = SampleIndex(index, cache, *query, limit);
			if (sample.rows > 0)
				share = (sample.within + 0.5) / (sample.rows + 1.0);
		}
		pfree(memory);
	}
	index_close(index, NoLock);
	return share;
}

} // namespace pgml::index
