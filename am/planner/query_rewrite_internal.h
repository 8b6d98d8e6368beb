#pragma once
/// Shared by the query_rewrite*.cpp files only.
#include "am/table/prediction_column.h"
#include "am/planner/query_rewrite.h"

extern "C" {
#include "nodes/bitmapset.h"
}

namespace pgml::am {

/// How a query references one of its range table entries, at any depth. (query_rewrite.cpp)
struct References {
	bool whole_row;
	bool system_columns;
	Bitmapset *columns; ///< attribute numbers above 0
};

/**
 * Target list of a relation with real calls in place of its prediction columns: one entry per
 * attribute, resno = attno. Dropped columns are NULL constants. References are to `varno`, level 0.
 * (query_rewrite_target.cpp)
 */
List *RealTargetList(Relation relation, const PredictionColumns &columns, int varno);

/// What replaces references to one range table entry.
struct Replacement {
	int from_varno;
	int to_varno;
	List *target_list; ///< RealTargetList over to_varno
	bool convert_rows; ///< the relation has dropped columns, see HideRow
	int level; ///< of the query that owns from_varno, seen from the node; used while walking
};

bool HasDroppedColumns(Relation relation);

/**
 * Puts a conversion that does nothing around a whole row. The planner looks into row constructors:
 * it would take the NULL that stands for a dropped column for a field when it simplifies "row IS
 * NOT NULL", which the executor, at run time, rightly does not. It does not look through the
 * conversion.
 */
Node *HideRow(Expr *row, Oid type);

/// Copy of the expression with references replaced. CURRENT OF stays, as do system columns (but for
/// their varno).
Node *ReplaceReferences(Node *expression, Replacement *replacement);

/// Replaces references in the whole query, in place. EXCLUDED's own target list is left alone.
void ReplaceReferencesInQuery(Query *query, Replacement *replacement);

/// Turns entry `rti` into a subquery over the relation it was. (query_rewrite_relation.cpp)
void WrapRelation(Query *query, int rti, Relation relation, const PredictionColumns &columns,
				  const References &references);

/// Inlines the set-returning SQL functions in FROM, as the planner would do later.
/// (query_rewrite_function.cpp)
void InlineFunctions(Query *query, ParamListInfo bound_params, RewriteResult *result);
bool MayBeInlined(const RangeTblEntry *rte);

/// Wraps the first argument of calls without column references in pgml.pin, subqueries included.
/// (query_rewrite_pin.cpp)
void WrapConstantCalls(Query *query);

} // namespace pgml::am
