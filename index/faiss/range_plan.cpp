/**
 * After planning: conditions of range scans as they were written.
 *
 * An index condition is what its scan key was made of (key <<->> ROW(center, radius, inclusive)), and the server keeps it for the
 * recheck and for EXPLAIN. Both want key <-> center < radius instead: one call of the distance without a row made for it, and
 * a plan that its reader knows. The scan key itself stays.
 *
 * A bitmap scan of the table tests the clause as a filter, so that only its index condition is to be restored.
 *
 * Plans are only walked when a range path was made while planning.
 */
#include "index/faiss/faiss.h"

#include "am/base/plan_tree.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/planner.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace pgml::index {

namespace {

constexpr Oid kFloat8LessEqual = 673; // has no name in the server's headers

planner_hook_type previous_planner = nullptr;

/// The distance operator that goes with a range operator; InvalidOid: it is none.
Oid
DistanceOf(Oid range_operator) {
	Oid distance = InvalidOid;
	CatCList *list = SearchSysCacheList1(AMOPOPID, ObjectIdGetDatum(range_operator));
	for (int i = 0; i < list->n_members; i++) {
		auto *row = (Form_pg_amop)GETSTRUCT(&list->members[i]->tuple);
		if (row->amopstrategy == kRangeStrategy && row->amoppurpose == AMOP_SEARCH &&
			IsFaiss(row->amopmethod))
			distance = get_opfamily_member(row->amopfamily, row->amoplefttype, row->amoplefttype,
										   kDistanceStrategy);
	}
	ReleaseCatCacheList(list);
	return distance;
}

/// The clause that a range was made of; others as they are.
Expr *
ClauseOf(Expr *condition) {
	auto *within = (OpExpr *)condition;
	if (!IsA(within, OpExpr) || list_length(within->args) != 2 ||
		!IsA(lsecond(within->args), RowExpr))
		return condition;
	auto *range = (RowExpr *)lsecond(within->args);
	if (list_length(range->args) != kRangeInclusive || !IsA(lthird(range->args), Const))
		return condition;
	Oid distance_operator = DistanceOf(within->opno);
	if (!OidIsValid(distance_operator))
		return condition;
	auto *inclusive = (Const *)lthird(range->args);
	auto *distance =
		(OpExpr *)make_opclause(distance_operator, FLOAT8OID, false, (Expr *)linitial(within->args),
								(Expr *)linitial(range->args), InvalidOid, InvalidOid);
	set_opfuncid(distance);
	bool with_radius = !inclusive->constisnull && DatumGetBool(inclusive->constvalue);
	auto *clause = (OpExpr *)make_opclause(with_radius ? kFloat8LessEqual : Float8LessOperator,
										   BOOLOID, false, (Expr *)distance,
										   (Expr *)lsecond(range->args), InvalidOid, InvalidOid);
	set_opfuncid(clause);
	return (Expr *)clause;
}

void
RestoreClauses(List *conditions) {
	ListCell *cell;
	foreach (cell, conditions)
		lfirst(cell) = ClauseOf((Expr *)lfirst(cell));
}

void
RestoreNode(Plan **place, void *context) {
	Plan *plan = *place;
	if (plan == nullptr)
		return;
	check_stack_depth();
	if (IsA(plan, IndexScan))
		RestoreClauses(((IndexScan *)plan)->indexqualorig);
	else if (IsA(plan, BitmapIndexScan))
		RestoreClauses(((BitmapIndexScan *)plan)->indexqualorig);
	pg::VisitChildPlans(plan, RestoreNode, context);
}

PlannedStmt *
PlanRanges(Query *query, const char *query_string, int cursor_options, ParamListInfo bound_params) {
	uint64 paths = RangePathsMade();
	PlannedStmt *statement =
		previous_planner != nullptr
			? previous_planner(query, query_string, cursor_options, bound_params)
			: standard_planner(query, query_string, cursor_options, bound_params);
	if (RangePathsMade() == paths)
		return statement;
	RestoreNode(&statement->planTree, nullptr);
	ListCell *cell;
	foreach (cell, statement->subplans)
		RestoreNode((Plan **)&lfirst(cell), nullptr);
	return statement;
}

} // namespace

void
InstallRangePlans() {
	previous_planner = planner_hook;
	planner_hook = PlanRanges;
}

} // namespace pgml::index
