/**
 * Planning ranges: WHERE column <-> query < r, for the scans of range.cpp.
 *
 * The server matches clauses "column operator value" to an index, and a distance below a radius is none. So once it has made
 * its paths for a table, this hook looks among the table's clauses for comparisons of an index's distance with something that
 * does not vary within the table, and adds
 *
 * - for each path in the order of the distance from the same query, one that ends at the radius;
 * - a path that gives the rows of the range in no order, and one through a bitmap, which are exact;
 * - the same parameterized by other tables, for joins ON a.v <-> b.v < r.
 *
 * Their index clause holds the operator family's range operator, made from the clause; its recheck is exact, so the clause
 * itself need not be tested again. range_plan.cpp gives the finished plan the clause as it was written.
 *
 * The range must not find less than the clause. What an index lacks are NULL, whose distance is NULL, and, for cosine, vectors
 * of zeros, whose distance is NaN: below or equal to NaN only. So where r may be NaN, <= is left alone.
 */
#include "index/faiss/faiss.h"

#include <cmath>

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
}

namespace pgml::index {

namespace {

set_rel_pathlist_hook_type previous_hook = nullptr;
uint64 paths_made = 0;

/// What does not change while one index is looked at.
struct RangeSearch {
	PlannerInfo *root;
	RelOptInfo *rel;
	IndexOptInfo *index;
	const VectorType *type;
	Oid range_operator, range_type;
	Oid float_order; ///< the B-tree family of double precision
};

/// A clause that is a range: distance of key and center below radius.
struct RangeClause {
	RestrictInfo *clause;
	Expr *key, *center, *radius;
	bool inclusive;
};

/// The operator family's range operator. @return false: it has none
bool
FindRangeOperator(RangeSearch *search) {
	Oid type = search->index->opcintype[0];
	CatCList *list =
		SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(search->index->opfamily[0]));
	for (int i = 0; i < list->n_members; i++) {
		auto *row = (Form_pg_amop)GETSTRUCT(&list->members[i]->tuple);
		if (row->amopstrategy == kRangeStrategy && row->amoppurpose == AMOP_SEARCH &&
			row->amoplefttype == type) {
			search->range_operator = row->amopopr;
			search->range_type = row->amoprighttype;
		}
	}
	ReleaseCatCacheList(list);
	return OidIsValid(search->range_operator);
}

/// Is it the same for all rows of the table, while it is scanned?
bool
IsFixed(const RangeSearch *search, Expr *expression) {
	return !bms_is_member((int)search->rel->relid, pull_varnos(search->root, (Node *)expression)) &&
		   !contain_volatile_functions((Node *)expression);
}

/// Takes a distance operator apart. @return false: it is none, or not of this index
bool
MatchDistance(const RangeSearch *search, Expr *expression, RangeClause *range) {
	auto *distance = (OpExpr *)expression;
	if (!IsA(expression, OpExpr) || list_length(distance->args) != 2 ||
		!OidIsValid(get_op_opfamily_sortfamily(distance->opno, search->index->opfamily[0])))
		return false;
	range->key = (Expr *)linitial(distance->args);
	range->center = (Expr *)lsecond(distance->args);
	if (!match_index_to_operand((Node *)range->key, 0, search->index)) {
		if (get_commutator(distance->opno) != distance->opno ||
			!match_index_to_operand((Node *)range->center, 0, search->index))
			return false;
		Expr *key = range->center;
		range->center = range->key;
		range->key = key;
	}
	return exprType((Node *)range->center) == search->index->opcintype[0] &&
		   IsFixed(search, range->center);
}

/// Reads the radius, as double precision.
bool
MatchRadius(const RangeSearch *search, Expr *expression, RangeClause *range) {
	Oid type = exprType((Node *)expression);
	range->radius = type != FLOAT4OID
						? expression
						: (Expr *)makeFuncExpr(F_FLOAT8_FLOAT4, FLOAT8OID, list_make1(expression),
											   InvalidOid, InvalidOid, COERCE_IMPLICIT_CAST);
	return (type == FLOAT4OID || type == FLOAT8OID) && IsFixed(search, expression);
}

bool
MatchClause(const RangeSearch *search, RestrictInfo *clause, RangeClause *range) {
	auto *comparison = (OpExpr *)clause->clause;
	if (clause->pseudoconstant || !IsA(comparison, OpExpr) || list_length(comparison->args) != 2 ||
		!restriction_is_securely_promotable(clause, search->rel))
		return false;
	range->clause = clause;
	auto *left = (Expr *)linitial(comparison->args), *right = (Expr *)lsecond(comparison->args);
	int strategy = get_op_opfamily_strategy(comparison->opno, search->float_order);
	if (strategy == BTGreaterStrategyNumber || strategy == BTGreaterEqualStrategyNumber) {
		Expr *distance = right;
		right = left;
		left = distance;
	} else if (strategy != BTLessStrategyNumber && strategy != BTLessEqualStrategyNumber)
		return false;
	range->inclusive =
		strategy == BTLessEqualStrategyNumber || strategy == BTGreaterEqualStrategyNumber;
	return MatchDistance(search, left, range) && MatchRadius(search, right, range);
}

/// Could rows that the index lacks be within?
bool
IsComplete(const RangeSearch *search, const RangeClause &range) {
	if (search->type->metric != ann::Metric::kCosine || !range.inclusive)
		return true;
	auto *radius = (Const *)eval_const_expressions(search->root, (Node *)range.radius);
	return IsA(radius, Const) &&
		   (radius->constisnull || !std::isnan(DatumGetFloat8(radius->constvalue)));
}

/// What share of the rows is within, as far as the planner can see; -1: it cannot.
double
EstimateShare(const RangeSearch *search, const RangeClause &range) {
	auto *center = (Const *)estimate_expression_value(search->root, (Node *)range.center);
	auto *radius = (Const *)estimate_expression_value(search->root, (Node *)range.radius);
	if (!IsA(center, Const) || !IsA(radius, Const))
		return -1;
	if (center->constisnull || radius->constisnull)
		return 0;
	return EstimateRangeShare(search->index->indexoid, search->type, center, radius);
}

/// The clause in the terms of the operator family: key <op> ROW(center, radius, inclusive).
IndexClause *
MakeIndexClause(const RangeSearch *search, const RangeClause &range, double share) {
	RowExpr *row = makeNode(RowExpr);
	row->args = list_make3(range.center, range.radius, makeBoolConst(range.inclusive, false));
	row->row_typeid = search->range_type;
	row->row_format = COERCE_EXPLICIT_CAST;
	row->location = -1;
	Expr *within = make_opclause(search->range_operator, BOOLOID, false, range.key, (Expr *)row,
								 InvalidOid, InvalidOid);
	RestrictInfo *derived = make_simple_restrictinfo(search->root, within);
	// For CostEstimate: estimated once for all paths.
	derived->norm_selec = share;
	paths_made++;
	IndexClause *clause = makeNode(IndexClause);
	clause->rinfo = range.clause;
	clause->indexquals = list_make1(derived);
	clause->lossy = false;
	clause->indexcol = 0;
	clause->indexcols = NIL;
	return clause;
}

/// In order: the paths there are, but ending where the range ends.
void
AddOrderedPaths(const RangeSearch *search, const RangeClause *ranges, IndexClause **clauses,
				int n) {
	ListCell *cell;
	List *ordered = NIL;
	foreach (cell, search->rel->pathlist) {
		auto *path = (IndexPath *)lfirst(cell);
		if (IsA(path, IndexPath) && path->indexinfo == search->index && path->indexorderbys != NIL)
			ordered = lappend(ordered, path);
	}
	foreach (cell, ordered) {
		auto *path = (IndexPath *)lfirst(cell);
		auto *distance = (OpExpr *)linitial(path->indexorderbys);
		Node *query = (Node *)lsecond(distance->args);
		List *used = list_copy(path->indexclauses);
		for (int i = 0; i < n; i++)
			// Two sub-selects are two parameters, though they may say the same: the scan compares their values.
			if (equal(query, ranges[i].center) ||
				(IsA(query, Param) && IsA(ranges[i].center, Param)))
				used = lappend(used, clauses[i]);
		if (list_length(used) == list_length(path->indexclauses))
			continue;
		IndexPath *limited = create_index_path(
			search->root, search->index, used, path->indexorderbys, path->indexorderbycols,
			path->path.pathkeys, path->indexscandir, false, PATH_REQ_OUTER(&path->path), 1, false);
		add_path(search->rel, (Path *)limited);
	}
}

/// How often a scan is repeated for rows of other tables.
double
LoopCount(const RangeSearch *search, Relids outer) {
	double rows = 0;
	for (int relid = -1; (relid = bms_next_member(outer, relid)) >= 0;) {
		RelOptInfo *rel = relid < search->root->simple_rel_array_size
							  ? search->root->simple_rel_array[relid]
							  : nullptr;
		if (rel != nullptr && rel->rows > 0 && (rows == 0 || rel->rows < rows))
			rows = rel->rows;
	}
	return Max(rows, 1);
}

/// Without order.
void
AddPlainPaths(const RangeSearch *search, List *clauses, Relids clause_relids) {
	RelOptInfo *rel = search->rel;
	Relids outer = bms_union(rel->lateral_relids, clause_relids);
	outer = bms_del_member(outer, (int)rel->relid);
	if (bms_is_empty(outer))
		outer = nullptr;
	double loops = LoopCount(search, outer);
	IndexPath *path = create_index_path(search->root, search->index, clauses, NIL, NIL, NIL,
										ForwardScanDirection, false, outer, loops, false);
	add_path(rel, (Path *)path);
	add_path(rel,
			 (Path *)create_bitmap_heap_path(search->root, rel, (Path *)path, outer, loops, 0));
	if (rel->consider_parallel && outer == nullptr)
		create_partial_bitmap_paths(search->root, rel, (Path *)path);
}

/// What is known better now than when the server estimated the rows of the table: a LIMIT, and joins, are planned by it. Not for
/// partitions, whose rows were summed up already.
void
CorrectRows(const RangeSearch *search, const RangeClause *ranges, IndexClause *const *clauses,
			int n) {
	RelOptInfo *rel = search->rel;
	// NULL is not indexed. What a partial index leaves out, other clauses do.
	double indexed = search->index->indpred != NIL || rel->tuples <= 0
						 ? 1
						 : Min(search->index->tuples / rel->tuples, 1.0);
	bool known = false;
	for (int i = 0; i < n; i++) {
		double share = ((RestrictInfo *)linitial(clauses[i]->indexquals))->norm_selec;
		if (share < 0)
			continue;
		ranges[i].clause->norm_selec = share * indexed;
		known = true;
	}
	if (!known || rel->reloptkind != RELOPT_BASEREL)
		return;
	double before = rel->rows;
	rel->rows =
		clamp_row_est(rel->tuples * clauselist_selectivity(search->root, rel->baserestrictinfo, 0,
														   JOIN_INNER, nullptr));
	ListCell *cell;
	foreach (cell, rel->ppilist) {
		auto *info = (ParamPathInfo *)lfirst(cell);
		info->ppi_rows = Min(info->ppi_rows, rel->rows);
	}
	foreach (cell, rel->pathlist) {
		auto *path = (Path *)lfirst(cell);
		path->rows = path->param_info != nullptr ? path->param_info->ppi_rows : rel->rows;
	}
	foreach (cell, rel->partial_pathlist) {
		auto *path = (Path *)lfirst(cell);
		path->rows = clamp_row_est(path->rows * rel->rows / before);
	}
}

/// Ranges around one centre share a scan: the first that names a centre leads.
void
AddRestrictionPaths(const RangeSearch *search) {
	int n = 0, most = list_length(search->rel->baserestrictinfo);
	auto *ranges = (RangeClause *)palloc(sizeof(RangeClause) * (Size)Max(most, 1));
	auto **clauses = (IndexClause **)palloc(sizeof(IndexClause *) * (Size)Max(most, 1));
	ListCell *cell;
	foreach (cell, search->rel->baserestrictinfo) {
		if (!MatchClause(search, (RestrictInfo *)lfirst(cell), &ranges[n]))
			continue;
		clauses[n] = MakeIndexClause(search, ranges[n], EstimateShare(search, ranges[n]));
		n++;
	}
	if (n == 0)
		return;
	CorrectRows(search, ranges, clauses, n);
	AddOrderedPaths(search, ranges, clauses, n);
	for (int i = 0; i < n; i++) {
		bool first = true;
		for (int j = 0; j < i; j++)
			first = first &&
					!(IsComplete(search, ranges[j]) && equal(ranges[i].center, ranges[j].center));
		if (!first || !IsComplete(search, ranges[i]))
			continue;
		List *used = NIL;
		for (int j = i; j < n; j++)
			if (equal(ranges[i].center, ranges[j].center) && IsComplete(search, ranges[j]))
				used = lappend(used, clauses[j]);
		AddPlainPaths(search, used, nullptr);
	}
}

void
AddJoinPaths(const RangeSearch *search) {
	ListCell *cell;
	foreach (cell, search->rel->joininfo) {
		auto *clause = (RestrictInfo *)lfirst(cell);
		RangeClause range;
		if (!join_clause_is_movable_to(clause, search->rel) ||
			!MatchClause(search, clause, &range) || !IsComplete(search, range))
			continue;
		AddPlainPaths(search,
					  list_make1(MakeIndexClause(search, range, EstimateShare(search, range))),
					  clause->clause_relids);
	}
}

void
AddPaths(PlannerInfo *root, RelOptInfo *rel, Index, RangeTblEntry *entry) {
	if (rel->reloptkind != RELOPT_BASEREL && rel->reloptkind != RELOPT_OTHER_MEMBER_REL)
		return;
	if (entry->rtekind != RTE_RELATION || entry->inh || entry->tablesample != nullptr ||
		IS_DUMMY_REL(rel) || (rel->baserestrictinfo == NIL && rel->joininfo == NIL))
		return;
	ListCell *cell;
	foreach (cell, rel->indexlist) {
		auto *index = (IndexOptInfo *)lfirst(cell);
		// No catalog is asked: every table of every query comes by.
		bool is_faiss = (void (*)())index->amcostestimate == (void (*)())CostEstimate;
		if (!is_faiss || index->hypothetical || (index->indpred != NIL && !index->predOK))
			continue;
		RangeSearch search = {root,       rel,
							  index,      VectorTypeOf(index->opfamily[0], index->opcintype[0]),
							  InvalidOid, InvalidOid,
							  InvalidOid};
		if (search.type == nullptr || !FindRangeOperator(&search))
			continue;
		search.float_order = lookup_type_cache(FLOAT8OID, TYPECACHE_BTREE_OPFAMILY)->btree_opf;
		AddRestrictionPaths(&search);
		AddJoinPaths(&search);
	}
}

void
Hook(PlannerInfo *root, RelOptInfo *rel, Index number, RangeTblEntry *entry) {
	if (previous_hook != nullptr)
		previous_hook(root, rel, number, entry);
	AddPaths(root, rel, number, entry);
}

} // namespace

uint64
RangePathsMade() {
	return paths_made;
}

void
InstallRangePaths() {
	previous_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = Hook;
}

} // namespace pgml::index
