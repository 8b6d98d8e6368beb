#pragma once
/**
 * The state of one search, and the three steps of it.
 *
 * scan.cpp   the callbacks; when to look at more
 * walk.cpp   opens lists: estimates their codes, or, where every row counts, bounds their rows
 * refine.cpp bounds the rows of the best candidates
 *
 * Two ways: with `refine` > 0 the codes of opened lists are estimated and the best candidates' rows are bounded, a few at
 * first, more as rows are asked for. With refine = 0 all rows of opened lists are bounded (no codes, or a recall of 1).
 *
 * Nothing that was looked at is lost (a LIMIT is not known here, and filters eat rows), but memory is bounded: of what the
 * opened pages hold, the store (or the heap, where every row is bounded) keeps the nearest, and what lies behind its `cut` is
 * left out for the time being. Once it is empty, the opened pages are gone over again for what is left. Which slots were taken
 * out of it is kept as one bit each, so that no row comes twice: the cut alone would not tell, since it falls when lists that
 * are opened later bring nearer rows.
 *
 * A range (column <-> query < r, range.cpp) sets `limit`: what is bounded beyond it is dropped. In the order of distances
 * that ends the search, once nothing nearer is left. Without an order every row of the index is bounded, page by page,
 * and nothing is kept but what one page gave.
 */
#include "index/faiss/faiss.h"

#include "index/faiss/cache.h"

namespace pgml::index {

constexpr int kInlineRowPages = 6;
constexpr uint32 kListsAtOnce = 1024; ///< room in Search::lists

/// A code page that was opened.
struct OpenedPage {
	BlockNumber block;
	uint32 list;
	uint32 chain;
	uint32 first_row;
	uint16 count; ///< slots in use then; later ones belong to rows that the scan cannot see
	uint16 n_inline;
	BlockNumber row_pages[kInlineRowPages]; ///< when there are so few
};

/// A code that was estimated.
struct ScoredCode {
	float score;
	uint32 page; ///< number of the opened page
	uint16 slot;
	ItemPointerData tid;
};
static_assert(sizeof(ScoredCode) == 16);

/// A row with its lower bound.
struct BoundedRow {
	double bound;
	uint32 page;
	uint16 slot;
	ItemPointerData tid;
};

template <typename Entry>
inline bool
IsNearer(const Entry &a, const Entry &b, double score_a, double score_b) {
	if (score_a != score_b)
		return score_a < score_b;
	return a.page != b.page ? a.page < b.page : a.slot < b.slot;
}
inline bool
operator<(const ScoredCode &a, const ScoredCode &b) {
	return IsNearer(a, b, a.score, b.score);
}
inline bool
operator<(const BoundedRow &a, const BoundedRow &b) {
	return IsNearer(a, b, a.bound, b.bound);
}

/// What a search did.
struct SearchCounters {
	uint64 lists;    ///< opened
	uint64 pages;    ///< code pages visited, again when behind a cut
	uint64 codes;    ///< estimated
	uint64 bounded;  ///< rows whose distance was bounded
	uint64 returned; ///< to the executor
	uint64 left_out; ///< because they came too late for their distance
};

/// How far a search without order has come.
struct RangeWalk {
	uint32 n_lists, next_list; ///< of Search::lists
	uint32 list, chain;
	BlockNumber block; ///< that comes next in the chain
	uint32 n_pages;    ///< of the chain
};

struct Search {
	Relation index;
	Snapshot snapshot;
	MemoryContext context;       ///< of the scan
	MemoryContext query_context; ///< detoasted query
	IndexCache *cache;
	const VectorType *type;
	ann::Query *query;
	bool started, ended;
	bool any_order; ///< the query is NULL or has no direction: every row is as near as any other
	bool query_is_null;
	bool relaxed;
	bool recheck; ///< the executor has to compare the distance with the range
	ScanSettings settings;
	uint32 opened; ///< lists

	OpenedPage *pages;
	uint32 n_pages, pages_capacity;
	uint32 *taken; ///< a bit for each slot of the opened pages

	ScoredCode *store; ///< estimated, not yet bounded
	uint32 n_store, store_capacity;
	uint32 store_keep; ///< how many stay when it is full
	BoundedRow *heap;  ///< bounded, not yet returned; nearest first once heaped
	uint64 n_heap, heap_capacity;
	uint64 heap_limit; ///< by work_mem
	double
		cut; ///< what is not nearer was left out of the store, or of the heap when every row is bounded
	bool is_cut; ///< something was

	double last_bound;
	SearchCounters counters;
	uint64 number; ///< of the search; each rescan is another one, with counters of its own

	double limit; ///< rows that are farther cannot satisfy the range of the scan; infinity: any can
	bool passed;  ///< a row was
	bool unordered;           ///< a range without ORDER BY
	BlockNumber table_blocks; ///< when the search began: what it can see lies before
	RangeWalk walk;

	uint32 *lists;             ///< of NextLists
	ann::Candidate *estimates; ///< of one page
	char *page_copy;           ///< of a code page whose rows are visited
	std::byte *row_copy;       ///< of a row that spans pages
};

inline bool
BoundsEveryRow(const Search *search) {
	return search->settings.refine == 0 || search->any_order || search->unordered;
}

/// The word of `taken` that has the bit of a slot.
inline uint32 &
TakenWord(Search *search, uint32 page, uint32 slot) {
	return search->taken[(Size)page * (search->cache->geometry.slots_per_page / 32) + slot / 32];
}
inline bool
IsTaken(Search *search, uint32 page, uint32 slot) {
	return (TakenWord(search, page, slot) >> (slot % 32) & 1) != 0;
}
inline void
Take(Search *search, uint32 page, uint32 slot) {
	TakenWord(search, page, slot) |= 1U << (slot % 32);
}

// scan.cpp
/// What the last search of this backend did. @return its index, InvalidOid: there was none
Oid LastSearch(SearchCounters *counters);

// range.cpp
/**
 * Reads the ranges among the keys of a scan into its limit. A range around something else than the query is left to the executor.
 * @param query, n  what the scan orders by (nullptr: NULL); without order, out: the centre of a range
 * @return false: no row can satisfy them
 */
bool ReadRanges(Search *search, IndexScanDesc scan, const float **query, int *n);
/// Without order: bounds the rows of pages until some are within the range, or nothing is left.
bool FindInRange(Search *search);

// walk.cpp
/// Opens up to n more lists. @return false: all are open
bool OpenLists(Search *search, uint32 n);
/// A damaged link can make a circle. @param n_pages  of the chain, so far @throws (ereport) XX002
void CheckChainLength(const Search *search, BlockNumber block, uint32 n_pages);
/// The next nearest lists, at most n and kListsAtOnce, into Search::lists. @return how many; 0: all were given
uint32 NextLists(Search *search, uint32 n);
/// Gives a code page that was read a number.
uint32 NotePage(Search *search, BlockNumber block, const CodeTailData *tail);
/// Goes over the opened pages again for what was left out. The store, or the heap, is empty.
void CollectLeftOut(Search *search);

// refine.cpp
/// Bounds the n best of the store. @return false: it is empty
bool RefineStore(Search *search, uint32 n);
/// Bounds the live rows of an opened page that were not taken.
void BoundPage(Search *search, uint32 page_number, Page page);
/// Makes room for one more row; with everything bounded, by leaving out the farthest when work_mem is full.
void PushRow(Search *search, const BoundedRow &row);

} // namespace pgml::index
