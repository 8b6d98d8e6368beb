/**
 * What the generation expression of a prediction column may hold, and whether it fits the model.
 * See verify.h.
 *
 * Reading the table evaluates the expression with the reader's rights (the model itself: with the
 * owner's). A user-defined function in it would be the table owner's code running as whoever reads
 * the table, without being asked for; so only columns, constants, and immutable functions,
 * operators and casts that come with the server or with this extension are allowed.
 */
#include "am/ddl/verify.h"

#include "am/base/compat.h"
#include "am/executor/predict_functions.h"

extern "C" {
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
}

namespace pgml::am {

namespace {

struct RuleContext {
	const char *table, *column;
	bool inside_call;
};

[[noreturn]] void
RefuseExpression(const RuleContext *rules, const char *detail, const char *hint) {
	ereport(ERROR, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					errmsg("expression of prediction column \"%s\" of table \"%s\" is not allowed",
						   rules->column, rules->table),
					errdetail_internal("%s", detail), errhint("%s", hint)));
	pg_unreachable();
}

[[noreturn]] void
RefuseUserCode(const RuleContext *rules, const char *what) {
	RefuseExpression(
		rules,
		psprintf("It uses %s, which does not come with the server and would run with the rights "
				 "of whoever reads the table.",
				 what),
		"Use columns, constants, and built-in immutable functions, operators and casts only. "
		"Compute other values into a column of their own.");
}

/// A function of this extension, such as those of the vector type: no user's code.
bool
IsOwnFunction(Oid function) {
	Oid extension = getExtensionOfObject(ProcedureRelationId, function);
	return OidIsValid(extension) && extension == get_extension_oid("pgml_am", true);
}

/// check_functions_in_node callback: stops at a function that comes neither with the server nor with us.
bool
IsUserFunction(Oid function, void *context) {
	if (function >= FirstNormalObjectId && !IsOwnFunction(function))
		RefuseUserCode(static_cast<RuleContext *>(context),
					   psprintf("function %s", format_procedure(function)));
	return false;
}

/// Types whose own functions the node calls without naming them.
Oid
ImpliedType(Node *node) {
	switch (nodeTag(node)) {
		case T_MinMaxExpr:
			return ((MinMaxExpr *)node)->minmaxtype;
		case T_SubscriptingRef:
			return get_element_type(((SubscriptingRef *)node)->refcontainertype) == InvalidOid
					   ? ((SubscriptingRef *)node)->refcontainertype
					   : InvalidOid;
		default:
			return InvalidOid;
	}
}

bool RuleWalker(Node *node, void *context);

/// The project of a call must be known when the table is made: rights, dependencies and pins hang
/// on it.
void
CheckCall(FuncExpr *call, const PredictFunction *function, RuleContext *rules) {
	if (rules->inside_call)
		RefuseExpression(rules, "A prediction is made from the result of another one.",
						 "Train one model on the original features, or compute the first "
						 "prediction in a view.");
	rules->inside_call = true;
	RuleWalker((Node *)call->args, rules);
	rules->inside_call = false;
	Node *project = (Node *)linitial(call->args);
	if (!IsA(project, Const))
		project = eval_const_expressions(nullptr, project);
	if (!IsA(project, Const) || ((Const *)project)->constisnull)
		RefuseExpression(rules,
						 psprintf("The %s of pgml.%s is not a constant.",
								  function->by_model_id ? "model id" : "project name",
								  MemberName(function->member)),
						 function->by_model_id ? "Write the model id as a number."
											   : "Write the project name as a string literal.");
	linitial(call->args) = project;
}

bool
RuleWalker(Node *node, void *context) {
	if (node == nullptr)
		return false;
	auto *rules = static_cast<RuleContext *>(context);
	if (IsA(node, FuncExpr)) {
		auto *call = (FuncExpr *)node;
		const PredictFunction *function = FindPredictFunction(call->funcid);
		if (function != nullptr) {
			CheckCall(call, function, rules);
			return false;
		}
	}
	if (IsA(node, Var) && ((Var *)node)->varattno <= 0)
		RefuseExpression(rules, "It uses a system column.",
						 "Use columns of the table's own, constants, and built-in immutable "
						 "functions, operators and casts.");
	if (IsA(node, CoerceToDomain))
		RefuseExpression(rules,
						 psprintf("It is cast to domain %s, whose constraints would be checked "
								  "when the column is read.",
								  format_type_be(((CoerceToDomain *)node)->resulttype)),
						 "Use the domain's base type.");
	if (ImpliedType(node) >= FirstNormalObjectId)
		RefuseUserCode(rules, psprintf("type %s", format_type_be(ImpliedType(node))));
	check_functions_in_node(node, IsUserFunction, context);
	return pg::WalkExpression(node, RuleWalker, context);
}

} // namespace

Node *
CheckPredictionExpression(Relation relation, AttrNumber attno, Node *expression) {
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), attno - 1);
	RuleContext rules = {pstrdup(RelationGetRelationName(relation)),
						 pstrdup(NameStr(attribute->attname)), false};
	expression = (Node *)copyObject(expression);
	RuleWalker(expression, &rules);
	// Core looks at the expression before it is cast to the column's type.
	if (contain_mutable_functions(expression))
		RefuseExpression(&rules, "It is not immutable: its result depends on settings.",
						 "Give the column the type of the expression.");
	return expression;
}

} // namespace pgml::am
