/**
 * What a search costs, for the planner.
 *
 * The first row costs the search: coding pages are read in order and mostly cached, a candidate's row is one page visit.
 * Everything after it costs what going on costs: rows are bounded one by one until all lists are open. The planner takes the
 * share of it that a LIMIT needs, which grows with what other predicates filter out, and adds the visits of the table.
 *
 * A range in order ends when its rows are found: lists and candidates grow with them, as LookFurther() has it. A range without order
 * reads the whole index, page after page, and visits the table for the rows within.
 */
#include "index/faiss/faiss.h"

#include <cmath>

extern "C" {
#include "access/genam.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/float.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"
}

namespace pgml::index {

namespace {

/// Assumed where nothing is known of a range: what the server assumes of a range with two ends. A third, as for one comparison,
/// is not what distances are compared for.
constexpr double kDefaultShare = DEFAULT_RANGE_INEQ_SEL;

/// What share of the index's rows is within the ranges of the path.
double
ShareWithin(const IndexPath *path) {
	double share = 1;
	ListCell *cell, *qual;
	foreach (cell, path->indexclauses) {
		foreach (qual, ((IndexClause *)lfirst(cell))->indexquals) {
			double estimated = ((RestrictInfo *)lfirst(qual))->norm_selec;
			share = Min(share, estimated < 0 ? kDefaultShare : estimated);
		}
	}
	return share;
}

/// Relative to cpu_operator_cost, which is one call of an operator: measured with 100 dimensions.
double
BoundCost(const ann::Layout &layout) {
	return cpu_operator_cost * (1 + 0.005 * layout.dims);
}

/// Of reading every row of the index in the order of its pages, as one of so many scans.
double
RangeCost(PlannerInfo *root, const IndexPath *path, double loops, const ann::Layout &layout,
		  double sequential_cost) {
	const IndexOptInfo *index = path->indexinfo;
	// The server counts no pages of TOAST. Where vectors lie there, a sequential scan that reads them all looks cheap, and
	// would beside the pages that stand for them here: they are to be compared with what it counts.
	double pages = Min((double)index->pages, (double)index->rel->pages);
	// Later scans find what earlier ones read.
	if (loops > 1)
		pages =
			index_pages_fetched(pages * loops, index->pages, (double)index->pages, root) / loops;
	return pages * sequential_cost + index->tuples * BoundCost(layout);
}

} // namespace

void
CostEstimate(PlannerInfo *root, IndexPath *path, double loops, Cost *startup, Cost *total,
			 Selectivity *selectivity, double *correlation, double *pages) {
	*selectivity = 1;
	*correlation = 0;
	*pages = path->indexinfo->pages;
	if (path->indexorderbys == NIL && path->indexclauses == NIL) {
		// There is nothing that it could find without a query.
		*startup = *total = get_float8_infinity();
		return;
	}
	// The planner holds a lock on the index.
	Relation index = index_open(path->indexinfo->indexoid, NoLock);
	MetaData meta;
	ReadMeta(index, &meta);
	index_close(index, NoLock);
	double random_cost, sequential_cost;
	get_tablespace_page_costs(path->indexinfo->reltablespace, &random_cost, &sequential_cost);
	double rows = path->indexinfo->tuples;
	if (meta.layout.dims == 0) {
		*startup = 0;
		*total = rows * cpu_index_tuple_cost;
		return;
	}
	double within = ShareWithin(path), table_rows = Max(path->indexinfo->rel->tuples, 1.0);
	*selectivity = path->indexclauses == NIL ? 1 : Min(within * rows / table_rows, 1.0);
	if (path->indexorderbys == NIL) {
		*startup = meta.layout.lists * (double)meta.layout.dims * cpu_operator_cost * 0.0005;
		*total = *startup + RangeCost(root, path, loops, meta.layout, sequential_cost) +
				 rows * within * cpu_index_tuple_cost;
		return;
	}
	ScanSettings settings = ChooseSettings(meta);
	double opened = (double)settings.probes / meta.layout.lists;
	Geometry geometry = GeometryOf(meta.layout);
	double code_pages = rows / geometry.slots_per_page + meta.layout.lists * 0.5;
	double dims = meta.layout.dims;
	double code_cost = cpu_operator_cost * (0.02 + 0.0008 * meta.layout.subquantizers);
	double row_cost = BoundCost(meta.layout) + sequential_cost * 0.05 * geometry.pages_per_row;
	double refined = settings.refine == 0 ? rows * opened : Min((double)settings.refine, rows);
	*startup = meta.layout.lists * dims * cpu_operator_cost * 0.0005 +
			   code_pages * opened * sequential_cost * 0.25 +
			   (settings.refine == 0 ? 0 : rows * opened * code_cost) + refined * row_cost;
	// What more is looked at until the range is through; without one, everything.
	double more = 1;
	if (path->indexclauses != NIL) {
		double share = Max(rows * within * kLookAhead / kRowsOfFirst, 1.0);
		double lists = Min(opened * std::sqrt(share), 1.0);
		more = opened >= 1 ? 0 : (lists - opened) / (1 - opened);
		more = settings.refine == 0 ? more : Min(Max(more, refined * (share - 1) / rows), 1.0);
	}
	*total = *startup +
			 more * (code_pages * (1 - opened) * sequential_cost * 0.25 +
					 rows * (code_cost + row_cost)) +
			 rows * within * cpu_index_tuple_cost;
}

} // namespace pgml::index
