#pragma once
/**
 * Visiting a finished plan: every expression field of every plan node type, and every child.
 *
 * The server has no walker for plans (its planstate walker works on executor state), so the
 * knowledge which field holds an expression lives here, once. A node type that is missing here
 * would leave pgml.pin calls in a plan and hide predictions from the pin entry, so an unknown node
 * type is an error, not a skip.
 */
#include "am/base/pg.h"

extern "C" {
#include "nodes/plannodes.h"
}

namespace pgml::pg {

using NodeWalker = bool (*)(Node *, void *);
using NodeMutator = Node *(*)(Node *, void *);

/// Calls `walker` on each expression field of this node alone. Stops and returns true when a call
/// returns true.
bool WalkNodeExpressions(Plan *plan, NodeWalker walker, void *context);

/// Replaces each expression field of this node alone by what `mutator` makes of it.
void MutateNodeExpressions(Plan *plan, NodeMutator mutator, void *context);

/// Calls `visit` on the place of each child plan (which may be assigned to). Initplans and subplans
/// are not children: they are in PlannedStmt.subplans.
void VisitChildPlans(Plan *plan, void (*visit)(Plan **child, void *context), void *context);

/// The same over the whole statement: plan tree and all subplans.
bool WalkPlanExpressions(PlannedStmt *statement, NodeWalker walker, void *context);
void MutatePlanExpressions(PlannedStmt *statement, NodeMutator mutator, void *context);

/// The highest plan_node_id of the statement: a node added to it takes a higher one, because what
/// parallel workers report comes back by that number.
int HighestPlanNodeId(PlannedStmt *statement);

} // namespace pgml::pg
