#pragma once
/// Which family calls of a finished plan can be evaluated in batches, and replacing them there.
#include "am/base/pg.h"

extern "C" {
#include "nodes/primnodes.h"
}

namespace pgml::am {

/**
 * Adds to `calls` the batchable calls that are evaluated whenever the expression is.
 *
 * A call stays a plain FuncExpr when
 *   - there is no Var among its features (constant, or correlated: its features are Params);
 *   - an argument is volatile (equal expressions would be merged) or holds a SubPlan;
 *   - it stands in a branch that may not be taken (CASE, COALESCE, AND/OR inside an expression, an
 *     aggregate's FILTER): evaluating it anyway wastes work and could raise an error;
 *   - its model cannot be resolved, or the user has no right: the error comes when it is evaluated.
 * @param may_raise  false where rows would be evaluated that otherwise are not (behind the qual of
 *                   another prediction, below a join): calls whose arguments can raise an error stay
 */
List *CollectCalls(List *calls, Node *expression, bool may_raise);

/// The same for the arguments and filters of the aggregate calls in the expression, and only those.
List *CollectAggregatedCalls(List *calls, Node *expression);

/// Equal, and evaluated with the same rights: a direct call must not be answered through a
/// column's.
bool SameCall(Node *a, Node *b);

/// True when every Var belongs to `varno` and nothing depends on another query level.
bool BelongsTo(Node *expression, int varno);

/// Every call has only Vars, constants and parameters as arguments: nothing that a worker may not
/// evaluate.
bool HavePlainArguments(List *calls);

/// Replaces the members of `from` (Vars and calls) by the members of `to` at the same places.
struct Mapping {
	List *from, *to;
};
void AddToMapping(Mapping *mapping, void *from, void *to);
List *ApplyMapping(List *expressions, Mapping *mapping);
Node *ApplyMapping(Node *expression, Mapping *mapping);
/// Inside aggregate calls only.
List *ApplyMappingToAggregates(List *expressions, Mapping *mapping);

/// A Var with the type of the expression that it refers to.
Var *VarFor(int varno, int attno, Node *expression);

/// May the arguments of a call raise an error, when they are evaluated or when they become
/// features: then they are not for rows that a filter drops.
bool ArgumentsMayRaise(List *arguments);

} // namespace pgml::am
