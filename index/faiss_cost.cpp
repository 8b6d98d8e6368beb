/**
 * What a search costs, for the planner.
 *
 * The first row costs the search: coding pages are read in order and mostly cached, a candidate's row is one page visit.
 * Everything after it costs what going on costs: rows are bounded one by one until all lists are open. The planner takes the
 * share of it that a LIMIT needs, which grows with what other predicates filter out, and adds the visits of the table.
 */
#include "index/faiss.h"

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

void
CostEstimate(PlannerInfo *, IndexPath *path, double, Cost *startup, Cost *total,
			 Selectivity *selectivity, double *correlation, double *pages) {
	*selectivity = 1;
	*correlation = 0;
	*pages = path->indexinfo->pages;
	if (path->indexorderbys == NIL) {
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
	ScanSettings settings = ChooseSettings(meta);
	double opened = (double)settings.probes / meta.layout.lists;
	Geometry geometry = GeometryOf(meta.layout);
	double code_pages = rows / geometry.slots_per_page + meta.layout.lists * 0.5;
	double dims = meta.layout.dims;
	// Relative to cpu_operator_cost, which is one call of an operator: measured with 100 dimensions.
	double code_cost = cpu_operator_cost * (0.02 + 0.0008 * meta.layout.subquantizers);
	double row_cost =
		cpu_operator_cost * (1 + 0.005 * dims) + sequential_cost * 0.05 * geometry.pages_per_row;
	double refined = settings.refine == 0 ? rows * opened : Min((double)settings.refine, rows);
	*startup = meta.layout.lists * dims * cpu_operator_cost * 0.0005 +
			   code_pages * opened * sequential_cost * 0.25 +
			   (settings.refine == 0 ? 0 : rows * opened * code_cost) + refined * row_cost;
	*total = *startup + code_pages * (1 - opened) * sequential_cost * 0.25 +
			 rows * (code_cost + row_cost + cpu_index_tuple_cost);
}

} // namespace pgml::index
