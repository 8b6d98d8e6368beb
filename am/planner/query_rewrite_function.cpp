/// Set-returning SQL functions in FROM. The planner inlines them after the planner hook has run,
/// and would plan their tables without us: so they are inlined here, by the planner's own function,
/// before relations are looked at.
///
/// Keeps what the planner would keep: the dependency of the plan on the function, and on the role
/// where row security is involved. A function that calls itself is inlined until the stack depth
/// limit stops it, there and here.
#include "am/planner/query_rewrite_internal.h"

#include "am/base/compat.h"

extern "C" {
#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "nodes/makefuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/syscache.h"
}

namespace pgml::am {

namespace {

/// As much of a planner state as simplifying and inlining look at.
PlannerInfo *
MakePlannerInfo(Query *query, ParamListInfo bound_params) {
	PlannerInfo *root = makeNode(PlannerInfo);
	root->parse = query;
	root->glob = makeNode(PlannerGlobal);
	root->glob->boundParams = bound_params;
	root->query_level = 1;
	root->planner_cxt = CurrentMemoryContext;
	return root;
}

} // namespace

bool
MayBeInlined(const RangeTblEntry *rte) {
	if (rte->funcordinality || list_length(rte->functions) != 1)
		return false;
	Node *call = ((RangeTblFunction *)linitial(rte->functions))->funcexpr;
	if (!IsA(call, FuncExpr) || !((FuncExpr *)call)->funcretset)
		return false;
	Oid function = ((FuncExpr *)call)->funcid;
	if (function < FirstNormalObjectId)
		return false;
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return false;
	bool result = ((Form_pg_proc)GETSTRUCT(tuple))->prolang == SQLlanguageId;
	ReleaseSysCache(tuple);
	return result;
}

void
InlineFunctions(Query *query, ParamListInfo bound_params, RewriteResult *result) {
	ListCell *cell;
	foreach (cell, query->rtable) {
		auto *rte = (RangeTblEntry *)lfirst(cell);
		if (rte->rtekind != RTE_FUNCTION || !MayBeInlined(rte))
			continue;
		PlannerInfo *root = MakePlannerInfo(query, bound_params);
		rte->functions = (List *)eval_const_expressions(root, (Node *)rte->functions);
		Query *subquery = inline_set_returning_function(root, rte);
		result->inval_items = list_concat(result->inval_items, root->glob->invalItems);
		result->depends_on_role |= root->glob->dependsOnRole;
		if (subquery == nullptr)
			continue;
		rte->rtekind = RTE_SUBQUERY;
		rte->subquery = subquery;
		rte->security_barrier = false;
		rte->functions = NIL;
		rte->funcordinality = false;
	}
}

} // namespace pgml::am
