/// Finding batchable calls and replacing them. See plan_calls.h.
#include "am/planner/plan_calls.h"

#include "am/base/compat.h"
#include "am/models/model_catalog.h"
#include "am/executor/predict_call.h"
#include "am/executor/predict_functions.h"

extern "C" {
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
}

namespace pgml::am {

namespace {

/// The call's model can be resolved now and the current user may use it: errors stay with
/// row-by-row evaluation.
bool
IsResolvable(const PredictFunction *function, FuncExpr *call) {
	auto *first = (Const *)linitial(call->args);
	Project project;
	bool found = function->by_model_id
					 ? LookupModelProject(DatumGetInt64(first->constvalue), &project)
					 : LookupProject(TextDatumGetCString(first->constvalue), &project);
	if (!found || (!function->by_model_id && project.model_id == 0))
		return false;
	return IsColumnCall(call) || HasProjectUse(project, GetUserId());
}

bool
IsBatchable(FuncExpr *call, bool may_raise) {
	const PredictFunction *function = FindPredictFunction(call->funcid);
	if (function == nullptr || function->deferred)
		return false;
	int first_feature = function->first_feature();
	for (int i = 0; i < first_feature; i++) {
		auto *argument = (Node *)list_nth(call->args, i);
		if (!IsA(argument, Const) || ((Const *)argument)->constisnull)
			return false;
	}
	Node *features = (Node *)list_copy_tail(call->args, first_feature);
	return contain_var_clause(features) && !contain_volatile_functions(features) &&
		   !contain_subplans(features) && !contain_agg_clause(features) &&
		   !contain_window_function(features) &&
		   (may_raise || !ArgumentsMayRaise((List *)features)) && IsResolvable(function, call);
}

List *
AppendUniqueCall(List *calls, Node *call) {
	ListCell *cell;
	foreach (cell, calls)
		if (SameCall((Node *)lfirst(cell), call))
			return calls;
	return lappend(calls, call);
}

struct Collector {
	List *calls;
	bool may_raise; ///< arguments that can raise an error are fine: every row is evaluated anyway
};

/// Collects batchable calls that are evaluated whenever the expression is; skips branches that may
/// not be.
bool
CollectWalker(Node *node, void *context) {
	auto *collector = static_cast<Collector *>(context);
	if (node == nullptr)
		return false;
	switch (nodeTag(node)) {
		case T_FuncExpr:
			if (IsBatchable((FuncExpr *)node, collector->may_raise)) {
				collector->calls = AppendUniqueCall(collector->calls, node);
				return false;
			}
			break;
		case T_CaseExpr: {
			auto *expr = (CaseExpr *)node;
			CollectWalker((Node *)expr->arg, context);
			return CollectWalker((Node *)((CaseWhen *)linitial(expr->args))->expr, context);
		}
		case T_CoalesceExpr:
			return CollectWalker((Node *)linitial(((CoalesceExpr *)node)->args), context);
		case T_BoolExpr:
			return CollectWalker((Node *)linitial(((BoolExpr *)node)->args), context);
		case T_RowCompareExpr: {
			auto *expr = (RowCompareExpr *)node;
			CollectWalker((Node *)linitial(expr->largs), context);
			return CollectWalker((Node *)linitial(expr->rargs), context);
		}
		case T_ArrayCoerceExpr:
			return CollectWalker((Node *)((ArrayCoerceExpr *)node)->arg, context);
		case T_Aggref: {
			auto *aggref = (Aggref *)node;
			// A filter decides whether the arguments are evaluated; direct arguments are evaluated
			// once a group.
			if (aggref->aggfilter != nullptr)
				return CollectWalker((Node *)aggref->aggfilter, context);
			return CollectWalker((Node *)aggref->args, context);
		}
		case T_WindowFunc: {
			auto *function = (WindowFunc *)node;
			if (function->aggfilter != nullptr)
				return CollectWalker((Node *)function->aggfilter, context);
			return CollectWalker((Node *)function->args, context);
		}
		default:
			break;
	}
	return pg::WalkExpression(node, CollectWalker, context);
}

bool
AggrefCollectWalker(Node *node, void *context) {
	if (node == nullptr)
		return false;
	if (IsA(node, Aggref)) {
		auto *collector = static_cast<Collector *>(context);
		collector->calls = CollectCalls(collector->calls, node, true);
		return false;
	}
	return pg::WalkExpression(node, AggrefCollectWalker, context);
}

Node *
MappingMutator(Node *node, void *context) {
	auto *mapping = static_cast<Mapping *>(context);
	if (node == nullptr)
		return nullptr;
	ListCell *from, *to;
	if (IsA(node, Var)) {
		auto *var = (Var *)node;
		forboth(from, mapping->from, to, mapping->to) {
			auto *candidate = (Var *)lfirst(from);
			if (!IsA(candidate, Var) || candidate->varno != var->varno ||
				candidate->varattno != var->varattno)
				continue;
			auto *replacement = (Node *)copyObject(lfirst(to));
			if (IsA(replacement, Var)) {
				// The reference knows its type; a target list may differ in the modifier.
				((Var *)replacement)->vartype = var->vartype;
				((Var *)replacement)->vartypmod = var->vartypmod;
				((Var *)replacement)->varcollid = var->varcollid;
			}
			return replacement;
		}
	} else if (IsA(node, FuncExpr)) {
		forboth(from, mapping->from, to, mapping->to) {
			if (SameCall((Node *)lfirst(from), node))
				return (Node *)copyObject(lfirst(to));
		}
	}
	return pg::MutateExpression(node, MappingMutator, context);
}

/// Applies the mapping inside aggregate calls only.
Node *
AggrefMutator(Node *node, void *context) {
	if (node == nullptr)
		return nullptr;
	if (IsA(node, Aggref)) {
		auto *aggref = (Aggref *)copyObject(node);
		aggref->args = ApplyMapping(aggref->args, static_cast<Mapping *>(context));
		aggref->aggfilter = (Expr *)MappingMutator((Node *)aggref->aggfilter, context);
		return (Node *)aggref;
	}
	return pg::MutateExpression(node, AggrefMutator, context);
}

struct SideContext {
	int varno;
};
bool
OtherSideWalker(Node *node, void *context) {
	if (node == nullptr)
		return false;
	if (IsA(node, Var))
		return ((Var *)node)->varno != static_cast<SideContext *>(context)->varno;
	if (IsA(node, Param) && ((Param *)node)->paramkind == PARAM_EXEC)
		return true; // the child's parameter sets do not know it
	return pg::WalkExpression(node, OtherSideWalker, context);
}

} // namespace

List *
CollectCalls(List *calls, Node *expression, bool may_raise) {
	Collector collector = {calls, may_raise};
	CollectWalker(expression, &collector);
	return collector.calls;
}

List *
CollectAggregatedCalls(List *calls, Node *expression) {
	Collector collector = {calls, true};
	AggrefCollectWalker(expression, &collector);
	return collector.calls;
}

bool
SameCall(Node *a, Node *b) {
	return equal(a, b) &&
		   (!IsA(a, FuncExpr) || IsColumnCall((FuncExpr *)a) == IsColumnCall((FuncExpr *)b));
}

bool
BelongsTo(Node *expression, int varno) {
	SideContext context = {varno};
	return !OtherSideWalker(expression, &context);
}

bool
HavePlainArguments(List *calls) {
	ListCell *cell, *argument;
	foreach (cell, calls)
		foreach (argument, ((FuncExpr *)lfirst(cell))->args)
			if (!IsA(lfirst(argument), Var) && !IsA(lfirst(argument), Const) &&
				!IsA(lfirst(argument), Param))
				return false;
	return true;
}

void
AddToMapping(Mapping *mapping, void *from, void *to) {
	mapping->from = lappend(mapping->from, from);
	mapping->to = lappend(mapping->to, to);
}

Node *
ApplyMapping(Node *expression, Mapping *mapping) {
	return MappingMutator(expression, mapping);
}

List *
ApplyMapping(List *expressions, Mapping *mapping) {
	return (List *)MappingMutator((Node *)expressions, mapping);
}

List *
ApplyMappingToAggregates(List *expressions, Mapping *mapping) {
	return (List *)AggrefMutator((Node *)expressions, mapping);
}

Var *
VarFor(int varno, int attno, Node *expression) {
	return makeVar(varno, attno, exprType(expression), exprTypmod(expression),
				   exprCollation(expression), 0);
}

bool
ArgumentsMayRaise(List *arguments) {
	if (contain_leaked_vars((Node *)arguments))
		return true;
	auto *types = (Oid *)palloc(sizeof(Oid) * Max(list_length(arguments), 1));
	ListCell *cell;
	foreach (cell, arguments)
		types[foreach_current_index(cell)] = exprType((Node *)lfirst(cell));
	bool result = FeatureArgumentsMayFail(list_length(arguments), types);
	pfree(types);
	return result;
}

} // namespace pgml::am
