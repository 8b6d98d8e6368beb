#pragma once
/// The memory of a query: one state at its start, arrays behind it.
#include <cstddef>
#include <cstdint>

#include "ann/blob.h"

namespace pgml::ann {

/// What LowerBound needs of a list, kept for the lists that it saw last.
struct NearList {
	uint32_t list;  ///< UINT32_MAX: none
	double norm;    ///< L2, cosine: of query - centroid
	double product; ///< inner product: with the centroid
};

struct QueryState {
	Blob blob;
	// Arrays in the memory of the query.
	float *query; ///< internal coordinates (inner product: scaled by a power of two), zeros behind
	float *prepared;    ///< as Quantizer::Prepare gives it
	float *scores;      ///< of lists
	Candidate *nearest; ///< lists and their scores: those handed out, sorted, known
	uint8_t *table;
	float *entries;     ///< of the table before they became bytes; scores of groups before that
	float *differences; ///< query - centroid of the lists in `near`
	NearList *near;
	uint8_t *scored;  ///< which blocks of 16 lists have scores
	uint32_t *groups; ///< nearest first

	double norm;         ///< of `query`
	double sum, abs_sum; ///< of its elements
	double mean_product; ///< inner product: with the mean
	double unit;         ///< what bounds in internal coordinates are multiplied with
	float base; ///< what all scores have beside that of the list: squared norm of the query
	float table_bias, table_scale;
	bool unbounded; ///< the query left the range in which bounds are known
	float selected; ///< up to this score all lists are in `nearest`
	uint32_t given, ordered, settled,
		known; ///< in `nearest`: handed out, sorted, below all others, there
	uint32_t groups_open;
};

/// Offsets of the arrays.
struct QuerySections {
	size_t query, prepared, scores, nearest, table, entries, differences, near, scored, groups, end;
	explicit QuerySections(const Layout &layout) noexcept;
};

/// How many lists LowerBound remembers.
uint32_t NearLists(const Layout &layout) noexcept;

/// Nearest lists, lazily: finds scores and order as far as they are asked for.
void StartLists(QueryState &state) noexcept;
size_t NextLists(QueryState &state, size_t n, uint32_t *lists) noexcept;
/// Makes sure that scores[list] is there.
void ScoreList(QueryState &state, uint32_t list) noexcept;

/// See Query::LowerBound.
double RowBound(QueryState &state, const std::byte *row, uint32_t list, float *score) noexcept;

} // namespace pgml::ann
