/**
 * The SQL functions of the predict family, one row at a time.
 *
 * What a call resolves to (project -> model -> binding of its arguments) is kept in fn_extra and
 * made again when the pins in force, the user or the project named change. A project's name may be
 * a column, so a few resolved calls are kept. The functions are not strict: a NULL feature is a
 * missing value, and only the project, the model id and the class label must not be NULL.
 */
#include "am/base/pg.h"

#include "am/base/module.h"
#include "am/models/model_catalog.h"
#include "am/executor/predict_call.h"
#include "am/executor/predict_functions.h"
#include "am/models/version_pin.h"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
}

namespace pgml::am {

namespace {

/// A resolved project or model id.
struct ResolvedCall {
	MemoryContext context; ///< holds the call and the name; nullptr = slot never used
	PredictCall *call;     ///< nullptr = not usable
	text *name;
	int64 model_id; ///< where the call names a model
};

/// Projects kept when the name varies from row to row.
constexpr int kKeptProjects = 8;

struct FunctionState {
	MemoryContext context;
	Member member;
	bool by_model_id, is_column_call, is_variadic;
	int first_feature, n_features;
	Oid *types;
	Datum *values;
	bool *nulls;
	// What the resolved calls are valid for.
	uint64 epoch;
	Oid user;
	ResolvedCall kept[kKeptProjects];
	int last, next; ///< used for the row before, replaced next
};

[[noreturn]] void
RaiseNoTypes(Member member) {
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("could not determine the argument types of pgml.%s", MemberName(member)),
					errhint("Call the function from an SQL expression.")));
}

FunctionState *
MakeState(FunctionCallInfo fcinfo, Member member) {
	pg::RequirePreload();
	FmgrInfo *flinfo = fcinfo->flinfo;
	int first_feature = member == Member::kClassProbability ? 2 : 1;
	if (flinfo == nullptr || flinfo->fn_expr == nullptr || PG_NARGS() < first_feature)
		RaiseNoTypes(member);
	Oid first_type = get_fn_expr_argtype(flinfo, 0); // invalid where the expression is no call
	if (OidIsValid(first_type))
		first_type = getBaseType(first_type);
	if (first_type != TEXTOID && first_type != INT8OID)
		RaiseNoTypes(member);
	MemoryContext old = MemoryContextSwitchTo(flinfo->fn_mcxt);
	auto *state = (FunctionState *)palloc0(sizeof(FunctionState));
	state->context = flinfo->fn_mcxt;
	state->member = member;
	state->by_model_id = first_type == INT8OID;
	state->is_column_call =
		IsA(flinfo->fn_expr, FuncExpr) && IsColumnCall((FuncExpr *)flinfo->fn_expr);
	state->is_variadic = get_fn_expr_variadic(flinfo);
	state->first_feature = first_feature;
	state->n_features = PG_NARGS() - first_feature;
	state->types = (Oid *)palloc(sizeof(Oid) * Max(state->n_features, 1));
	state->values = (Datum *)palloc(sizeof(Datum) * Max(state->n_features, 1));
	state->nulls = (bool *)palloc(sizeof(bool) * Max(state->n_features, 1));
	for (int i = 0; i < state->n_features; i++) {
		state->types[i] = get_fn_expr_argtype(flinfo, first_feature + i);
		if (!OidIsValid(state->types[i]))
			RaiseNoTypes(member);
	}
	MemoryContextSwitchTo(old);
	return state;
}

void
ForgetResolved(FunctionState *state) {
	for (ResolvedCall &kept : state->kept) {
		kept.call = nullptr;
		if (kept.context != nullptr)
			MemoryContextReset(kept.context);
	}
}

/// The project as the running statement sees it, after checking the rights of a direct call.
Project
FindProject(const FunctionState *state, const char *name, int64 model_id) {
	Project project;
	if (state->by_model_id) {
		if (!LookupModelProject(model_id, &project))
			RaiseNoModelId(model_id);
		if (!state->is_column_call && !HasProjectUse(project, GetUserId())) {
			const char *owner_name = ProjectName(project.project_id);
			CheckProjectUse(project, GetUserId(), owner_name != nullptr ? owner_name : "");
		}
		return project;
	}
	if (!PinnedProject(name, &project))
		RaiseNoProject(name);
	// Before anything else about the project is told.
	if (!state->is_column_call)
		CheckProjectUse(project, GetUserId(), name);
	if (project.model_id == 0)
		RaiseNoModel(name);
	return project;
}

bool
Matches(const FunctionState *state, const ResolvedCall &kept, Datum first) {
	if (kept.call == nullptr)
		return false;
	if (state->by_model_id)
		return kept.model_id == DatumGetInt64(first);
	auto *name = (const text *)DatumGetPointer(first);
	return VARSIZE_ANY_EXHDR(name) == VARSIZE_ANY_EXHDR(kept.name) &&
		   memcmp(VARDATA_ANY(name), VARDATA_ANY(kept.name), VARSIZE_ANY_EXHDR(name)) == 0;
}

PredictCall *
Resolve(FunctionState *state, Datum first) {
	ResolvedCall *slot = &state->kept[state->next];
	slot->call = nullptr;
	if (slot->context == nullptr)
		slot->context =
			AllocSetContextCreate(state->context, "pgml prediction", ALLOCSET_SMALL_SIZES);
	MemoryContextReset(slot->context);
	MemoryContext old = MemoryContextSwitchTo(slot->context);
	char *name = nullptr;
	if (state->by_model_id)
		slot->model_id = DatumGetInt64(first);
	else {
		slot->name = DatumGetTextPCopy(first);
		name = text_to_cstring(slot->name);
	}
	Project project = FindProject(state, name, slot->model_id);
	PredictCall *call = PreparePredictCall(state->member, name, project.model_id, state->n_features,
										   state->types, state->is_variadic, slot->context);
	MemoryContextSwitchTo(old);
	slot->call = call;
	state->last = state->next;
	state->next = (state->next + 1) % kKeptProjects;
	return call;
}

/// The call for the project or model named by the first argument.
PredictCall *
FindCall(FunctionState *state, Datum first) {
	uint64 epoch = PinEpoch();
	Oid user = GetUserId();
	if (unlikely(state->epoch != epoch || state->user != user)) {
		ForgetResolved(state);
		state->epoch = epoch;
		state->user = user;
	}
	if (likely(Matches(state, state->kept[state->last], first)))
		return state->kept[state->last].call;
	for (int i = 0; i < kKeptProjects; i++)
		if (Matches(state, state->kept[i], first)) {
			state->last = i;
			return state->kept[i].call;
		}
	return Resolve(state, first);
}

Datum
EvaluateMember(FunctionCallInfo fcinfo, Member member) {
	auto *state = fcinfo->flinfo != nullptr ? (FunctionState *)fcinfo->flinfo->fn_extra : nullptr;
	if (unlikely(state == nullptr)) {
		state = MakeState(fcinfo, member);
		fcinfo->flinfo->fn_extra = state;
	}
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", state->by_model_id ? "model id" : "project name")));
	Datum first = PG_GETARG_DATUM(0);
	text *detoasted = nullptr;
	if (!state->by_model_id) {
		text *name = DatumGetTextPP(first);
		if ((Pointer)name != DatumGetPointer(first))
			detoasted = name;
		first = PointerGetDatum(name);
	}
	PredictCall *call = FindCall(state, first);
	if (unlikely(detoasted != nullptr))
		pfree(detoasted);
	if (member == Member::kClassProbability) {
		if (PG_ARGISNULL(1))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("class label must not be null")));
		SetClassLabel(call, PG_GETARG_DATUM(1));
	}
	const NullableDatum *features = fcinfo->args + state->first_feature;
	for (int i = 0; i < state->n_features; i++) {
		state->values[i] = features[i].value;
		state->nulls[i] = features[i].isnull;
	}
	return EvaluateRow(call, state->values, state->nulls);
}

/// Cost of a project's model in units of cpu_operator_cost; 0 when nothing is known about it.
double
RowCostOf(Node *first) {
	if (first != nullptr && IsA(first, FuncExpr)) {
		auto *call = (FuncExpr *)first;
		if (list_length(call->args) == 1 &&
			(call->funcid == PinFunction(false) || call->funcid == PinFunction(true)))
			first = (Node *)linitial(call->args);
	}
	if (first == nullptr || !IsA(first, Const) || ((Const *)first)->constisnull)
		return 0;
	auto *constant = (Const *)first;
	Project project;
	bool found = false;
	if (constant->consttype == TEXTOID)
		found = LookupProject(TextDatumGetCString(constant->constvalue), &project);
	else if (constant->consttype == INT8OID)
		found = LookupModelProject(DatumGetInt64(constant->constvalue), &project);
	return found ? project.row_cost : 0;
}

/// Never under this: the planner must not think that a prediction may as well be made below a sort.
constexpr double kLeastCost = 100;
constexpr double kDefaultCost = 200;

} // namespace

} // namespace pgml::am

using pgml::am::EvaluateMember;
using pgml::am::Member;

/// pgml.predict(project text | model_id bigint, VARIADIC features "any") -> double precision
PGML_FUNCTION(pgml_predict) {
	return EvaluateMember(fcinfo, Member::kPredict);
}

/// pgml.classify(project text | model_id bigint, VARIADIC features "any") -> text
PGML_FUNCTION(pgml_classify) {
	return EvaluateMember(fcinfo, Member::kClassify);
}

/// pgml.predict_proba(project text | model_id bigint, VARIADIC features "any") -> real[]
PGML_FUNCTION(pgml_predict_proba) {
	return EvaluateMember(fcinfo, Member::kPredictProba);
}

/// pgml.class_probability(project text | model_id bigint, label text, VARIADIC features "any") ->
/// double precision
PGML_FUNCTION(pgml_class_probability) {
	return EvaluateMember(fcinfo, Member::kClassProbability);
}

/// pgml.predict_joint(project text | model_id bigint, VARIADIC features "any") -> real[]
PGML_FUNCTION(pgml_predict_joint) {
	return EvaluateMember(fcinfo, Member::kPredictJoint);
}

/// pgml.decompose(project text | model_id bigint, VARIADIC features "any") -> real[]
PGML_FUNCTION(pgml_decompose) {
	return EvaluateMember(fcinfo, Member::kDecompose);
}

/// pgml.embed(project text | model_id bigint, VARIADIC features "any") -> vector
PGML_FUNCTION(pgml_embed) {
	return EvaluateMember(fcinfo, Member::kEmbed);
}

/// The deferred twins: NULL, whatever the arguments are. What a prediction column stores.
PGML_FUNCTION(pgml_deferred) {
	PG_RETURN_NULL();
}

/// pgml.pin(text), pgml.pin(bigint): its argument.
PGML_FUNCTION(pgml_pin) {
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/// Planner support of the family: what one evaluation costs.
PGML_FUNCTION(pgml_predict_support) {
	auto *request = (Node *)PG_GETARG_POINTER(0);
	if (!IsA(request, SupportRequestCost))
		PG_RETURN_POINTER(nullptr);
	auto *cost = (SupportRequestCost *)request;
	double row_cost = 0;
	if (cost->node != nullptr && IsA(cost->node, FuncExpr) && ((FuncExpr *)cost->node)->args != NIL)
		row_cost = pgml::am::RowCostOf((Node *)linitial(((FuncExpr *)cost->node)->args));
	if (row_cost == 0)
		row_cost = pgml::am::kDefaultCost;
	cost->startup = 0;
	cost->per_tuple = Max(row_cost, pgml::am::kLeastCost) * cpu_operator_cost;
	PG_RETURN_POINTER(cost);
}
