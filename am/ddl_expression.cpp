/**
 * What the generation expression of a prediction column may hold, and whether it fits the model.
 * See ddl_verify.h.
 *
 * Reading the table evaluates the expression with the reader's rights (the model itself: with the
 * owner's). A user-defined function in it would be the table owner's code running as whoever reads
 * the table, without being asked for; so only columns, constants, and immutable functions,
 * operators and casts that come with the server are allowed.
 */
#include "am/ddl_verify.h"

#include "am/base/compat.h"
#include "am/base/guard.h"
#include "am/model_cache.h"
#include "am/model_catalog.h"
#include "am/predict_functions.h"
#include "pgml/model.h"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_type.h"
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

/// check_functions_in_node callback: stops at a function that does not come with the server.
bool
IsUserFunction(Oid function, void *context) {
	if (function >= FirstNormalObjectId)
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

struct WarnContext {
	Relation relation;
	const char *column;
};

/// The column that an argument passes on, looking through casts; nullptr for anything else.
const char *
PassedColumn(Relation relation, Node *argument) {
	for (;;) {
		if (IsA(argument, RelabelType))
			argument = (Node *)((RelabelType *)argument)->arg;
		else if (IsA(argument, CoerceViaIO))
			argument = (Node *)((CoerceViaIO *)argument)->arg;
		else if (IsA(argument, FuncExpr) &&
				 ((FuncExpr *)argument)->funcformat != COERCE_EXPLICIT_CALL &&
				 ((FuncExpr *)argument)->args != NIL)
			argument = (Node *)linitial(((FuncExpr *)argument)->args);
		else
			break;
	}
	if (!IsA(argument, Var) || ((Var *)argument)->varattno <= 0)
		return nullptr;
	Form_pg_attribute attribute =
		TupleDescAttr(RelationGetDescr(relation), ((Var *)argument)->varattno - 1);
	return NameStr(attribute->attname);
}

bool
IsText(Oid type) {
	char category;
	bool preferred;
	get_type_category_preferred(type, &category, &preferred);
	return category == TYPCATEGORY_STRING;
}

void
WarnMismatch(const WarnContext *context, const char *project, const char *detail) {
	ereport(WARNING,
			(errmsg("prediction column \"%s\" of table \"%s\" does not fit the model of project "
					"\"%s\"",
					context->column, RelationGetRelationName(context->relation), project),
			 errdetail_internal("%s", detail)));
}

/// Compares a call's features with what the model was trained on.
void
WarnAboutFeatures(const WarnContext *context, const char *project, const pgml::Model *model,
				  List *arguments) {
	const auto &features = model->features();
	int n = list_length(arguments);
	if (n == 1) {
		Oid type = exprType((Node *)linitial(arguments));
		bool single = features.size() == 1 && features[0].width == 1;
		if (type_is_rowtype(type) || (OidIsValid(get_element_type(type)) && !single))
			return; // the whole feature vector in one argument
	}
	if (n != static_cast<int>(features.size())) {
		WarnMismatch(
			context, project,
			psprintf("The model expects %zu features, the column passes %d.", features.size(), n));
		return;
	}
	for (int i = 0; i < n; i++) {
		auto *argument = (Node *)list_nth(arguments, i);
		const char *passed = PassedColumn(context->relation, argument);
		const char *expected = features[i].name.c_str();
		for (int j = 0; passed != nullptr && j < n; j++)
			if (j != i && strcmp(passed, features[j].name.c_str()) == 0 &&
				strcmp(passed, expected) != 0) {
				WarnMismatch(context, project,
							 psprintf("Column \"%s\" is passed in the place of feature \"%s\"; "
									  "feature \"%s\" is number %d of the model.",
									  passed, expected, passed, j + 1));
				break;
			}
		if (IsText(exprType(argument)) != (features[i].type == pgml::FeatureType::kText) &&
			features[i].width == 1)
			WarnMismatch(
				context, project,
				psprintf("Feature \"%s\" is %s, argument %d of the features is of type "
						 "%s.",
						 expected,
						 features[i].type == pgml::FeatureType::kText ? "text" : "not text", i + 1,
						 format_type_be(exprType(argument))));
	}
}

void
WarnAboutCall(const WarnContext *context, const FuncExpr *call, const PredictFunction *function) {
	auto *project_name = (Const *)linitial(call->args);
	Project project;
	char *name;
	bool exists;
	if (function->by_model_id) {
		int64 model_id = DatumGetInt64(project_name->constvalue);
		name = psprintf(INT64_FORMAT, model_id);
		exists = LookupModelProject(model_id, &project);
		project.model_id = model_id;
	} else {
		name = TextDatumGetCString(project_name->constvalue);
		exists = LookupProject(name, &project);
	}
	if (!exists) {
		ereport(NOTICE,
				(function->by_model_id ? errmsg("model %s does not exist", name)
									   : errmsg("project \"%s\" does not exist yet", name),
				 errdetail("Prediction column \"%s\" can be read once it does.", context->column)));
		return;
	}
	Oid owner = context->relation->rd_rel->relowner;
	if (!HasProjectUse(project, owner)) {
		ereport(WARNING,
				(errmsg("the owner of table \"%s\" may not use project \"%s\"",
						RelationGetRelationName(context->relation), name),
				 errdetail("Prediction column \"%s\" is evaluated with the rights of the table's "
						   "owner, so reading it fails.",
						   context->column),
				 errhint("Have the owner of the project run: SELECT pgml.grant_use(%s, %s);",
						 quote_literal_cstr(name),
						 quote_literal_cstr(GetUserNameFromId(owner, false)))));
		return;
	}
	if (project.model_id == 0 || call->funcvariadic || !HasProjectUse(project, GetUserId()))
		return;
	WarnAboutFeatures(context, name, AcquireModel(project.model_id, CurrentMemoryContext),
					  list_copy_tail(call->args, function->first_feature()));
}

bool
WarnWalker(Node *node, void *context) {
	if (node == nullptr)
		return false;
	if (IsA(node, FuncExpr)) {
		const PredictFunction *function = FindPredictFunction(((FuncExpr *)node)->funcid);
		if (function != nullptr) {
			PredictFunction copy = *function; // catalog accesses follow
			WarnAboutCall(static_cast<WarnContext *>(context), (FuncExpr *)node, &copy);
			return false;
		}
	}
	return pg::WalkExpression(node, WarnWalker, context);
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

void
WarnAboutModels(Relation relation, AttrNumber attno, Node *expression) {
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), attno - 1);
	WarnContext context = {relation, pstrdup(NameStr(attribute->attname))};
	WarnWalker(expression, &context);
}

} // namespace pgml::am
