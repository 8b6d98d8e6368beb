/**
 * Whether a new prediction column fits the model that is deployed now. Only said, never enforced: a
 * table must be creatable before its model (restore does that), and a model may be replaced at any
 * time. See verify.h.
 */
#include "am/ddl/verify.h"

#include "am/base/compat.h"
#include "am/models/model_cache.h"
#include "am/models/model_catalog.h"
#include "am/executor/predict_call.h"
#include "am/executor/predict_functions.h"
#include "pgml/model.h"

extern "C" {
#include "access/xact.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"
}

namespace pgml::am {

namespace {

/// One family call of the column, and the project it names.
struct CallContext {
	Relation relation;
	const char *column;
	const FuncExpr *call;
	PredictFunction function;
	char *project; ///< name or model id, as text
	int64 model_id;
	List *features; ///< the feature arguments
};

void
WarnMismatch(const CallContext *context, const char *detail) {
	ereport(WARNING, (errmsg("prediction column \"%s\" of table \"%s\" does not fit %s \"%s\"",
							 context->column, RelationGetRelationName(context->relation),
							 context->function.by_model_id ? "model" : "the model of project",
							 context->project),
					  errdetail_internal("%s", detail)));
}

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

/// Columns that are passed in the place of another feature, by their names.
void
WarnAboutOrder(const CallContext *context) {
	const auto &features = AcquireModel(context->model_id, CurrentMemoryContext)->features();
	int n = list_length(context->features);
	if (n != static_cast<int>(features.size()))
		return; // one argument for all features
	for (int i = 0; i < n; i++) {
		const char *passed =
			PassedColumn(context->relation, (Node *)list_nth(context->features, i));
		const char *expected = features[i].name.c_str();
		if (passed == nullptr || strcmp(passed, expected) == 0)
			continue;
		for (int j = 0; j < n; j++)
			if (strcmp(passed, features[j].name.c_str()) == 0)
				WarnMismatch(context,
							 psprintf("Column \"%s\" is passed as feature \"%s\", but the model "
									  "has a feature \"%s\" of its own, at place %d.",
									  passed, expected, passed, j + 1));
	}
}

/// What evaluation does before the first row; raises what it would raise.
void
TryCall(const CallContext *context) {
	int n = list_length(context->features);
	auto *types = static_cast<Oid *>(palloc(sizeof(Oid) * Max(n, 1)));
	for (int i = 0; i < n; i++)
		types[i] = exprType((Node *)list_nth(context->features, i));
	PredictCall *call =
		PreparePredictCall(context->function.member, context->project, context->model_id, n, types,
						   context->call->funcvariadic, CurrentMemoryContext);
	if (context->function.first_feature() < 2)
		return;
	auto *label = (Const *)lsecond(context->call->args);
	if (IsA(label, Const) && !label->constisnull)
		SetClassLabel(call, label->constvalue);
}

/// Runs TryCall in a subtransaction. @return the error, or nullptr
ErrorData *
ErrorOfCall(const CallContext *context) {
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = nullptr;
	BeginInternalSubTransaction(nullptr);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		TryCall(context);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return error;
}

void
WarnAboutModel(const CallContext *context) {
	ErrorData *error = ErrorOfCall(context);
	if (error == nullptr) {
		WarnAboutOrder(context);
		return;
	}
	int category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
	if (category == ERRCODE_OPERATOR_INTERVENTION || category == ERRCODE_INSUFFICIENT_RESOURCES)
		ReThrowError(error);
	WarnMismatch(context, psprintf("Reading it raises: %s.%s%s", error->message,
								   error->detail != nullptr ? " " : "",
								   error->detail != nullptr ? error->detail : ""));
}

void
WarnAboutOwner(const CallContext *context, Oid owner) {
	ereport(WARNING,
			(errmsg("the owner of table \"%s\" may not use %s \"%s\"",
					RelationGetRelationName(context->relation),
					context->function.by_model_id ? "model" : "project", context->project),
			 errdetail("Prediction column \"%s\" is computed with the rights of the table's owner, "
					   "so reading it fails.",
					   context->column),
			 context->function.by_model_id
				 ? 0
				 : errhint("The owner of the project can allow it with pgml.grant_use(%s, %s).",
						   quote_literal_cstr(context->project),
						   quote_literal_cstr(GetUserNameFromId(owner, false)))));
}

void
WarnAboutCall(CallContext *context) {
	Datum named = ((Const *)linitial(context->call->args))->constvalue;
	Project project;
	bool exists;
	if (context->function.by_model_id) {
		context->model_id = DatumGetInt64(named);
		context->project = psprintf(INT64_FORMAT, context->model_id);
		exists = LookupModelProject(context->model_id, &project);
	} else {
		context->project = TextDatumGetCString(named);
		exists = LookupProject(context->project, &project);
		context->model_id = exists ? project.model_id : 0;
	}
	if (!exists) {
		ereport(NOTICE,
				(context->function.by_model_id
					 ? errmsg("model %s does not exist", context->project)
					 : errmsg("project \"%s\" does not exist yet", context->project),
				 errdetail("Prediction column \"%s\" can be read once it does.", context->column)));
		return;
	}
	Oid owner = context->relation->rd_rel->relowner;
	if (!HasProjectUse(project, owner))
		WarnAboutOwner(context, owner);
	// The features of a model are not for everybody to see.
	else if (context->model_id != 0 && HasProjectUse(project, GetUserId()))
		WarnAboutModel(context);
}

bool
WarnWalker(Node *node, void *argument) {
	if (node == nullptr)
		return false;
	if (!IsA(node, FuncExpr))
		return pg::WalkExpression(node, WarnWalker, argument);
	auto *call = (FuncExpr *)node;
	const PredictFunction *function = FindPredictFunction(call->funcid);
	if (function == nullptr)
		return pg::WalkExpression(node, WarnWalker, argument);
	auto *context = static_cast<CallContext *>(argument);
	context->call = call;
	context->function = *function;
	context->features = list_copy_tail(call->args, function->first_feature());
	WarnAboutCall(context);
	return false;
}

} // namespace

void
WarnAboutModels(Relation relation, AttrNumber attno, Node *expression) {
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), attno - 1);
	CallContext context = {};
	context.relation = relation;
	context.column = pstrdup(NameStr(attribute->attname));
	WarnWalker(expression, &context);
}

} // namespace pgml::am
