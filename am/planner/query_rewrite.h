#pragma once
/**
 * Before planning: references to prediction columns become real calls of the family.
 *
 * A relation that is read becomes a subquery over itself whose target list computes the
 * predictions; the planner pulls it up, so that outer joins, whole rows, grouping and so on are the
 * server's own business. The result relation of a modifying query and EXCLUDED cannot become
 * subqueries: references to them are replaced in place.
 */
#include "am/base/pg.h"

extern "C" {
#include "nodes/params.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
}

namespace pgml::am {

/// What the finished plan must know about the rewriting of its query.
struct RewriteResult {
	List *inval_items;    ///< PlanInvalItems of functions that were inlined
	bool depends_on_role; ///< an inlined function's query depends on row security
};

/**
 * Does the query hold anything that RewriteQuery would look at: a prediction column's relation, a
 * family call, or a function in FROM that the planner might inline. One walk; relations without
 * stored generated columns cost one relcache lookup.
 */
bool NeedsRewrite(Query *query);

/**
 * Rewrites the query in place, subqueries of every kind included, and wraps the first argument of
 * calls without any column reference in pgml.pin, which UnwrapPins takes out of the finished plan.
 */
void RewriteQuery(Query *query, ParamListInfo bound_params, RewriteResult *result);

/// Takes pgml.pin out of a finished plan, in place.
void UnwrapPins(PlannedStmt *statement);

/**
 * Owner of the table whose column this call (IsColumnCall) stands for; InvalidOid when unknown,
 * which is the case for expressions out of an index. Known until the plan is sent to a parallel
 * worker: it travels in FuncExpr.location, which equal() ignores, and which has no other use after
 * parse analysis.
 */
Oid ColumnCallOwner(const FuncExpr *call);

} // namespace pgml::am
