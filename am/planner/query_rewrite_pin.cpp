/// Calls that the planner could fold, because nothing in them depends on a row. Folding would
/// freeze the version deployed now into the plan, so the first argument of such calls is wrapped in
/// pgml.pin, which is STABLE, for the time of planning.
///
/// Calls with a column reference are left alone: they cannot be folded, and an index on the
/// prediction has to match them. The planner can still replace the column by a constant (a one-row
/// VALUES in FROM); the plan then depends on pgml.deployments, see planner.cpp.
#include "am/planner/query_rewrite_internal.h"

#include "am/base/compat.h"
#include "am/base/plan_tree.h"
#include "am/executor/predict_functions.h"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
}

namespace pgml::am {

namespace {

bool
IsPin(Node *node) {
	if (!IsA(node, FuncExpr))
		return false;
	Oid function = ((FuncExpr *)node)->funcid;
	return OidIsValid(function) &&
		   (function == PinFunction(false) || function == PinFunction(true));
}

/// The call, if it is one of the family's real ones.
FuncExpr *
RealCall(Node *node, bool *by_model_id) {
	if (!IsA(node, FuncExpr))
		return nullptr;
	const PredictFunction *function = FindPredictFunction(((FuncExpr *)node)->funcid);
	if (function == nullptr || function->deferred)
		return nullptr;
	*by_model_id = function->by_model_id;
	return (FuncExpr *)node;
}

bool
ReferenceFound(Node *node, void *context) {
	if (node == nullptr)
		return false;
	if (IsA(node, Var))
		return true;
	if (IsA(node, Query))
		return pg::WalkQuery((Query *)node, ReferenceFound, context, 0);
	return pg::WalkExpression(node, ReferenceFound, context);
}

bool
WrapWalker(Node *node, void *context) {
	if (node == nullptr)
		return false;
	if (IsA(node, Query))
		return pg::WalkQuery((Query *)node, WrapWalker, context, 0);
	bool by_model_id;
	FuncExpr *call = RealCall(node, &by_model_id);
	if (call != nullptr && !IsPin((Node *)linitial(call->args)) &&
		!ReferenceFound((Node *)call->args, nullptr)) {
		auto *argument = (Expr *)linitial(call->args);
		Oid collation = exprCollation((Node *)argument);
		linitial(call->args) =
			makeFuncExpr(PinFunction(by_model_id), by_model_id ? INT8OID : TEXTOID,
						 list_make1(argument), collation, collation, COERCE_EXPLICIT_CALL);
	}
	return pg::WalkExpression(node, WrapWalker, context);
}

bool
UnwrapWalker(Node *node, void *context) {
	if (node == nullptr)
		return false;
	bool by_model_id;
	FuncExpr *call = RealCall(node, &by_model_id);
	if (call != nullptr && IsPin((Node *)linitial(call->args)))
		linitial(call->args) = linitial(((FuncExpr *)linitial(call->args))->args);
	return pg::WalkExpression(node, UnwrapWalker, context);
}

} // namespace

void
WrapConstantCalls(Query *query) {
	WrapWalker((Node *)query, nullptr);
}

void
UnwrapPins(PlannedStmt *statement) {
	pg::WalkPlanExpressions(statement, UnwrapWalker, nullptr);
}

} // namespace pgml::am
