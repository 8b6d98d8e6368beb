#pragma once
/**
 * What recall a setting reaches, measured by the build.
 *
 * Some rows of the table stand for queries. The second scan of the table finds their true ten nearest neighbours among all
 * rows; afterwards each neighbour says which settings find it: those that open its list, and that keep as many candidates as
 * there are codes with a better estimate in the lists opened. One pass over the lists of a query thus measures all settings.
 */
#include "index/faiss/page.h"

namespace pgml::index {

constexpr uint32 kProbeNeighbors = 10;

struct ProbeNeighbor {
	double score;
	uint32 list;
	ItemPointerData tid;
	float estimate; ///< by its code
	bool found;
};

struct Probe {
	ann::Layout layout;
	uint32 n;
	float *queries; ///< prepared
	ItemPointerData *tids;
	ProbeNeighbor *neighbors; ///< kProbeNeighbors for each query, nearest first
	uint32 *n_neighbors;
	ann::Watch *watch; ///< which queries a row may be near to
	double *limits;    ///< of each query: how far its last neighbour is
	uint32 *near;
};

/// How many rows to hold back: 100 to 200, the fewer the longer it takes to scan all lists for each; at most half of the sample.
uint32 ProbeQueries(uint32 dims, uint64 n_rows, uint64 n_sample);
/// Copies the queries.
void InitProbe(Probe *probe, const ann::Layout &layout, const float *queries,
			   const ItemPointerData *tids, uint32 n);
/// Rows of the table, prepared.
void ObserveRows(Probe *probe, const float *rows, const ItemPointerData *tids, const uint32 *lists,
				 int n);
/// What another participant of the build observed of the same queries.
void MergeNeighbors(Probe *probe, const ProbeNeighbor *neighbors, const uint32 *n_neighbors);
/// Fills the curve of the meta page, cheapest point first, recall ascending.
void MeasureCurve(Probe *probe, Relation index, const std::byte *blob, const Geometry &geometry,
				  const DirectoryEntryData *entries, MetaData *meta);

} // namespace pgml::index
