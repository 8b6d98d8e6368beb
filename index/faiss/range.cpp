/**
 * Searching a range: WHERE column <-> query < r.
 *
 * A range is a scan key: the operator family's operator number 2, whose right argument is a row of centre, radius and whether
 * the radius itself is within. Beside an ORDER BY of the same query it only ends the search (Search::limit). Alone it is
 * exact: every row of the index is bounded from below by its stored row, and those whose bound is within the radius are given
 * to the executor, which compares the distance itself (xs_recheck). Nearest lists come first, so that a LIMIT is soon
 * filled, and only one page of rows is held: memory does not grow with what is found.
 *
 * Bounds never are above what the operator gives, so <= and < need no telling apart here. Everything is below NaN, the
 * largest double precision number: no limit.
 */
#include "index/faiss/scan.h"

#include "am/base/compat.h"

#include <cmath>

extern "C" {
#include "access/htup_details.h"
#include "access/relscan.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/typcache.h"
}

namespace pgml::index {

namespace {

/// Who may make operator classes could name any type.
void
CheckRangeType(HeapTupleHeader range) {
	TupleDesc attributes =
		lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(range), HeapTupleHeaderGetTypMod(range));
	bool valid = attributes->natts == kRangeInclusive &&
				 TupleDescAttr(attributes, kRangeRadius - 1)->atttypid == FLOAT8OID &&
				 TupleDescAttr(attributes, kRangeInclusive - 1)->atttypid == BOOLOID;
	ReleaseTupleDesc(attributes);
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("operator %d of a faiss index needs a row of center, radius and inclusive",
						kRangeStrategy)));
}

/// Makes this page the next of the walk. @return false: no list is left
bool
NextPage(Search *search) {
	RangeWalk *walk = &search->walk;
	while (walk->block == InvalidBlockNumber) {
		if (walk->next_list == walk->n_lists) {
			walk->n_lists = NextLists(search, kListsAtOnce);
			walk->next_list = 0;
			if (walk->n_lists == 0)
				return false;
		}
		walk->list = search->lists[walk->next_list++];
		walk->chain = search->cache->heads[walk->list].chain;
		walk->block = search->cache->heads[walk->list].head;
		walk->n_pages = 0;
		search->counters.lists++;
	}
	return true;
}

/// Bounds the rows of a page.
void
VisitRangePage(Search *search) {
	RangeWalk *walk = &search->walk;
	BlockNumber block = walk->block;
	Buffer buffer = ReadCached(search->index, search->cache, block);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	pg::CheckSnapshotAge(search->snapshot, search->index, BufferGetPage(buffer));
	const CodeTailData *tail =
		CheckCodePage(search->index, buffer, search->cache->geometry, walk->list, walk->chain);
	search->n_pages = 0;
	uint32 number = NotePage(search, block, tail);
	walk->block = tail->common.next;
	memcpy(search->page_copy, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);
	search->counters.pages++;
	BoundPage(search, number, (Page)search->page_copy);
	CheckChainLength(search, block, ++walk->n_pages);
}

} // namespace

bool
ReadRanges(Search *search, IndexScanDesc scan, const float **query, int *n) {
	for (int i = 0; i < scan->numberOfKeys; i++) {
		const ScanKeyData *key = &scan->keyData[i];
		if ((key->sk_flags & SK_ISNULL) != 0)
			return false;
		HeapTupleHeader range = DatumGetHeapTupleHeader(key->sk_argument);
		CheckRangeType(range);
		bool no_center, no_radius, no_answer;
		Datum center = GetAttributeByNum(range, kRangeCenter, &no_center);
		double radius = DatumGetFloat8(GetAttributeByNum(range, kRangeRadius, &no_radius));
		bool inclusive = DatumGetBool(GetAttributeByNum(range, kRangeInclusive, &no_answer));
		if (no_center || no_radius)
			return false;
		int n_center;
		const float *elements = search->type->elements(center, &n_center);
		CheckIndexDimensions(search->cache->meta.layout, n_center);
		if (search->unordered && *query == nullptr) {
			*query = elements;
			*n = n_center;
		}
		if (*query == nullptr || *n != n_center ||
			memcmp(*query, elements, sizeof(float) * (Size)n_center) != 0)
			continue;
		if (!std::isnan(radius))
			search->limit = Min(search->limit, radius);
		else if (search->unordered && inclusive && !no_answer &&
				 search->type->metric == ann::Metric::kCosine)
			// The planner does not make such a scan; the operator itself can be written out.
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a faiss index cannot find all vectors at a cosine distance <= NaN"),
					 errdetail("Vectors of zeros, whose distance is NaN, are not indexed.")));
	}
	return true;
}

bool
FindInRange(Search *search) {
	while (search->n_heap == 0) {
		CHECK_FOR_INTERRUPTS();
		if (!NextPage(search))
			return false;
		VisitRangePage(search);
	}
	return true;
}

} // namespace pgml::index
