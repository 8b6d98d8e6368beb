/**
 * The PgmlPredict node: pulls rows from its child into a batch, evaluates the predictions of the
 * whole batch, hands the rows on with the predictions as columns.
 *
 * Stages. The quals are evaluated in the planner's order, and a prediction that only a later qual
 * or the target list needs is evaluated for the rows that passed the quals before it. Stage i <
 * n_quals belongs to qual i, the last stage to the target list. When all predictions belong to the
 * first stage (the usual case) rows are filtered while they are handed on; otherwise the batch is
 * filtered stage by stage and `selection` holds the rows that are left.
 *
 * Batches start small and grow, so that a LIMIT or a cursor does not pay for rows that nobody
 * takes. Under EvalPlanQual a batch is one row. The node does not run backwards and does not mark.
 */
#include "am/exec_predict.h"

#include "am/base/guc.h"
#include "am/feature_batch.h"
#include "am/hooks.h"
#include "am/model_catalog.h"
#include "am/predict_call.h"
#include "am/predict_functions.h"
#include "am/version_pin.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
}

namespace pgml::am {

namespace {

constexpr int kFirstBatch = 16;

CustomScanMethods scan_methods;
CustomExecMethods exec_methods;

/// One prediction of the node.
struct Prediction {
	FuncExpr *expr;
	Member member;
	bool by_model_id;
	char *project;  ///< nullptr for a call by model id
	int64 model_id; ///< of a call by model id
	int n_features;
	int *column;      ///< [n_features] child column of a plain Var, -1 for an expression
	ExprState **args; ///< [n_features] for expressions
	Oid *types;       ///< [n_features]
	int stage;
	PredictCall *call; ///< prepared at the first row
	int64 version;     ///< model id that answers, for EXPLAIN; 0 before it is known
	RawFeatures raw;
	Datum *results; ///< [capacity]
};

struct PredictState {
	CustomScanState css; // must be first
	int64 bound;         ///< most rows to fetch in one scan, 0 = no bound
	int n_child;
	int n_predictions;
	Prediction *predictions;
	KeptColumns kept;
	int max_column; ///< highest child column needed, 1-based

	int n_quals;
	ExprState **quals; ///< one per qual, only when staged
	bool staged;       ///< some prediction belongs to a later stage than the first

	int capacity, next_capacity, max_capacity;
	int rows;       ///< rows in the batch
	int *selection; ///< [capacity] rows that passed, when staged
	int n_selected;
	int position; ///< next row to hand on
	bool child_done;
	int64 fetched; ///< rows fetched in this scan

	RawFeatures compact;    ///< features of selected rows
	Datum *compact_results; ///< [capacity]
	Datum *feature_values;  ///< scratch of the widest prediction
	bool *feature_nulls;
	MemoryContext node_context, batch_context;
	ExprContext *argument_context;

	int64 n_batches, n_predicted; ///< for EXPLAIN ANALYZE
};

Node *
CreateState(CustomScan *) {
	auto *state = (PredictState *)newNode(sizeof(PredictState), T_CustomScanState);
	state->css.methods = &exec_methods;
	return (Node *)state;
}

void
InitPrediction(PredictState *state, Prediction *prediction, FuncExpr *expr) {
	const PredictFunction *function = FindPredictFunction(expr->funcid);
	if (function == nullptr)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("a prediction function of extension pgml_am no longer exists")));
	prediction->expr = expr;
	prediction->member = function->member;
	prediction->by_model_id = function->by_model_id;
	int first_feature = function->first_feature();
	auto *first = (Const *)linitial(expr->args);
	if (function->by_model_id)
		prediction->model_id = DatumGetInt64(first->constvalue);
	else
		prediction->project = TextDatumGetCString(first->constvalue);
	prediction->n_features = list_length(expr->args) - first_feature;
	int n = Max(prediction->n_features, 1);
	prediction->column = (int *)palloc(sizeof(int) * n);
	prediction->args = (ExprState **)palloc0(sizeof(ExprState *) * n);
	prediction->types = (Oid *)palloc(sizeof(Oid) * n);
	for (int i = 0; i < prediction->n_features; i++) {
		auto *argument = (Expr *)list_nth(expr->args, first_feature + i);
		prediction->types[i] = exprType((Node *)argument);
		prediction->column[i] = -1;
		if (IsA(argument, Var) && ((Var *)argument)->varattno > 0) {
			prediction->column[i] = ((Var *)argument)->varattno - 1;
			state->max_column = Max(state->max_column, ((Var *)argument)->varattno);
		} else
			prediction->args[i] = ExecInitExpr(argument, (PlanState *)state);
	}
}

/// Marks the predictions that the expression reads as belonging to `stage` unless an earlier one
/// needs them.
void
AssignStage(PredictState *state, Node *expression, int stage) {
	List *vars = pull_var_clause(expression, PVC_RECURSE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS |
												 PVC_RECURSE_PLACEHOLDERS);
	ListCell *cell;
	foreach (cell, vars) {
		auto *var = (Var *)lfirst(cell);
		if (var->varno != INDEX_VAR || var->varattno <= state->n_child)
			continue;
		Prediction *prediction = &state->predictions[var->varattno - 1 - state->n_child];
		prediction->stage = Min(prediction->stage, stage);
	}
}

void
InitStages(PredictState *state, CustomScan *node) {
	state->n_quals = list_length(node->scan.plan.qual);
	for (int i = 0; i < state->n_predictions; i++)
		state->predictions[i].stage = state->n_quals;
	ListCell *cell;
	int stage = 0;
	foreach (cell, node->scan.plan.qual)
		AssignStage(state, (Node *)lfirst(cell), stage++);
	AssignStage(state, (Node *)node->scan.plan.targetlist, state->n_quals);
	for (int i = 0; i < state->n_predictions; i++)
		state->staged |= state->predictions[i].stage > 0;
	if (!state->staged)
		return;
	state->quals = (ExprState **)palloc0(sizeof(ExprState *) * Max(state->n_quals, 1));
	stage = 0;
	foreach (cell, node->scan.plan.qual)
		state->quals[stage++] = ExecInitQual(list_make1(lfirst(cell)), (PlanState *)state);
}

void
InitKeptColumns(PredictState *state, CustomScan *node) {
	Bitmapset *used = nullptr;
	List *sources = list_make2(node->scan.plan.targetlist, node->scan.plan.qual);
	List *vars = pull_var_clause((Node *)sources, PVC_RECURSE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS |
													  PVC_RECURSE_PLACEHOLDERS);
	ListCell *cell;
	foreach (cell, vars) {
		auto *var = (Var *)lfirst(cell);
		if (var->varno == INDEX_VAR && var->varattno > 0 && var->varattno <= state->n_child)
			used = bms_add_member(used, var->varattno - 1);
	}
	KeptColumns *kept = &state->kept;
	int room = Max(bms_num_members(used), 1);
	kept->column = (int *)palloc(sizeof(int) * room);
	kept->length = (int16 *)palloc(sizeof(int16) * room);
	kept->by_value = (bool *)palloc(sizeof(bool) * room);
	int column = -1;
	while ((column = bms_next_member(used, column)) >= 0) {
		auto *entry = (TargetEntry *)list_nth(node->custom_scan_tlist, column);
		kept->column[kept->n] = column;
		get_typlenbyval(exprType((Node *)entry->expr), &kept->length[kept->n],
						&kept->by_value[kept->n]);
		kept->any_by_ref |= !kept->by_value[kept->n];
		kept->n++;
		state->max_column = Max(state->max_column, column + 1);
	}
}

void
BeginPredict(CustomScanState *css, EState *estate, int eflags) {
	auto *state = (PredictState *)css;
	auto *node = (CustomScan *)css->ss.ps.plan;
	outerPlanState(css) = ExecInitNode(outerPlan(node), estate, eflags);
	state->bound = intVal(linitial(node->custom_private));
	if (state->bound > 0)
		ExecSetTupleBound(state->bound, outerPlanState(css));
	state->n_child = PredictNodeChildColumns(node);
	state->n_predictions = list_length(node->custom_scan_tlist) - state->n_child;
	state->predictions = (Prediction *)palloc0(sizeof(Prediction) * state->n_predictions);
	int widest = 1;
	for (int i = 0; i < state->n_predictions; i++) {
		auto *entry = (TargetEntry *)list_nth(node->custom_scan_tlist, state->n_child + i);
		InitPrediction(state, &state->predictions[i], (FuncExpr *)entry->expr);
		widest = Max(widest, state->predictions[i].n_features);
	}
	InitStages(state, node);
	InitKeptColumns(state, node);
	state->feature_values = (Datum *)palloc(sizeof(Datum) * widest);
	state->feature_nulls = (bool *)palloc(sizeof(bool) * widest);
	state->node_context = CurrentMemoryContext;
	state->batch_context =
		AllocSetContextCreate(CurrentMemoryContext, "PgmlPredict batch", ALLOCSET_DEFAULT_SIZES);
	state->argument_context = CreateExprContext(estate);
	state->max_capacity = guc_batch_size;
	state->next_capacity = Min(kFirstBatch, state->max_capacity);
}

/// Resolves the model under the statement's pins and lays out the call. Rights of a direct call:
/// the current user's.
void
PreparePrediction(PredictState *state, Prediction *prediction) {
	Project project;
	char *name = prediction->project;
	if (prediction->by_model_id) {
		name = psprintf("model " INT64_FORMAT, prediction->model_id);
		if (!LookupModelProject(prediction->model_id, &project))
			RaiseNoModelId(prediction->model_id);
	} else {
		if (!PinnedProject(name, &project))
			RaiseNoProject(name);
		if (project.model_id == 0)
			RaiseNoModel(name);
	}
	if (!IsColumnCall(prediction->expr))
		CheckProjectUse(project, GetUserId(), name);
	prediction->version = prediction->by_model_id ? prediction->model_id : project.model_id;
	PredictCall *call = PreparePredictCall(
		prediction->member, prediction->project, prediction->version, prediction->n_features,
		prediction->types, prediction->expr->funcvariadic, state->node_context);
	if (prediction->member == Member::kClassProbability)
		SetClassLabel(call, ((Const *)lsecond(prediction->expr->args))->constvalue);
	prediction->call = call;
}

void
ReserveBatch(PredictState *state, int capacity) {
	if (capacity <= state->capacity)
		return;
	MemoryContext context = state->node_context;
	size_t widest = 0;
	for (int i = 0; i < state->n_predictions; i++) {
		Prediction *prediction = &state->predictions[i];
		size_t width = RawWidth(prediction->call);
		widest = Max(widest, width);
		ReserveRawFeatures(&prediction->raw, width, capacity, context);
		if (prediction->results != nullptr)
			pfree(prediction->results);
		prediction->results = (Datum *)MemoryContextAlloc(context, sizeof(Datum) * capacity);
	}
	if (state->staged) {
		ReserveRawFeatures(&state->compact, widest, capacity, context);
		if (state->selection != nullptr) {
			pfree(state->selection);
			pfree(state->compact_results);
		}
		state->selection = (int *)MemoryContextAlloc(context, sizeof(int) * capacity);
		state->compact_results = (Datum *)MemoryContextAlloc(context, sizeof(Datum) * capacity);
	}
	ReserveKeptColumns(&state->kept, capacity, context);
	state->capacity = capacity;
}

void
StoreRow(PredictState *state, TupleTableSlot *slot, int row) {
	slot_getsomeattrs(slot, state->max_column);
	StoreKeptColumns(&state->kept, slot, row);
	for (int p = 0; p < state->n_predictions; p++) {
		Prediction *prediction = &state->predictions[p];
		for (int i = 0; i < prediction->n_features; i++) {
			int column = prediction->column[i];
			if (column >= 0) {
				state->feature_values[i] = slot->tts_values[column];
				state->feature_nulls[i] = slot->tts_isnull[column];
			} else {
				state->argument_context->ecxt_outertuple = slot;
				state->feature_values[i] = ExecEvalExprSwitchContext(
					prediction->args[i], state->argument_context, &state->feature_nulls[i]);
			}
		}
#if PGML_PLANT == 3
		for (int i = 0; i < prediction->n_features; i++)
			if (state->feature_nulls[i] && prediction->types[i] == FLOAT4OID) {
				state->feature_nulls[i] = false;
				state->feature_values[i] = Float4GetDatum(0);
			}
#endif
		StoreFeatures(prediction->call, state->feature_values, state->feature_nulls,
					  prediction->raw.data, prediction->raw.ld, row);
	}
	ResetExprContext(state->argument_context);
}

/// Puts row `row` of the batch into the scan slot. Predictions of stages not evaluated yet hold
/// garbage nobody reads.
TupleTableSlot *
LoadSlot(PredictState *state, int row) {
	TupleTableSlot *slot = state->css.ss.ss_ScanTupleSlot;
	ExecClearTuple(slot);
	const Datum *values = state->kept.values + (size_t)row * state->kept.n;
	const bool *nulls = state->kept.nulls + (size_t)row * state->kept.n;
	for (int i = 0; i < state->kept.n; i++) {
		slot->tts_values[state->kept.column[i]] = values[i];
		slot->tts_isnull[state->kept.column[i]] = nulls[i];
	}
	for (int p = 0; p < state->n_predictions; p++) {
		slot->tts_values[state->n_child + p] = state->predictions[p].results[row];
		slot->tts_isnull[state->n_child + p] = false;
	}
	return ExecStoreVirtualTuple(slot);
}

void
EvaluatePrediction(PredictState *state, Prediction *prediction) {
	MemoryContext previous = MemoryContextSwitchTo(state->batch_context);
	if (!state->staged || state->n_selected == state->rows) {
		EvaluateCall(prediction->call, prediction->raw.View(state->rows), prediction->results);
		state->n_predicted += state->rows;
	} else if (state->n_selected > 0) {
		RawFeatures compact = state->compact;
		compact.width = prediction->raw.width;
		GatherRows(prediction->raw, state->selection, state->n_selected, &compact);
		EvaluateCall(prediction->call, compact.View(state->n_selected), state->compact_results);
		for (int i = 0; i < state->n_selected; i++)
			prediction->results[state->selection[i]] = state->compact_results[i];
		state->n_predicted += state->n_selected;
	}
	MemoryContextSwitchTo(previous);
}

void
EvaluateStages(PredictState *state) {
	ExprContext *context = state->css.ss.ps.ps_ExprContext;
	state->n_selected = state->rows;
	for (int i = 0; i < state->rows; i++)
		state->selection[i] = i;
	for (int stage = 0; stage <= state->n_quals; stage++) {
		for (int p = 0; p < state->n_predictions; p++)
			if (state->predictions[p].stage == stage)
				EvaluatePrediction(state, &state->predictions[p]);
		if (stage == state->n_quals)
			break;
		int kept = 0;
		for (int i = 0; i < state->n_selected; i++) {
			int row = state->selection[i];
			ResetExprContext(context);
			context->ecxt_scantuple = LoadSlot(state, row);
			if (ExecQual(state->quals[stage], context))
				state->selection[kept++] = row;
			else
				InstrCountFiltered1(&state->css, 1);
		}
		state->n_selected = kept;
	}
}

/// Fills and evaluates the next batch. @return false at the end of the child
bool
NextBatch(PredictState *state) {
	PlanState *child = outerPlanState(state);
	int capacity = state->css.ss.ps.state->es_epq_active != nullptr ? 1 : state->next_capacity;
	if (state->bound > 0 && state->fetched < state->bound)
		capacity = (int)Min((int64)capacity, state->bound - state->fetched);
	MemoryContextReset(state->batch_context);
	state->rows = state->position = state->n_selected = 0;
	while (state->rows < capacity) {
		TupleTableSlot *slot = ExecProcNode(child);
		if (TupIsNull(slot)) {
			state->child_done = true;
			break;
		}
		if (state->rows == 0) {
			for (int p = 0; p < state->n_predictions; p++)
				if (state->predictions[p].call == nullptr)
					PreparePrediction(state, &state->predictions[p]);
			ReserveBatch(state, capacity);
		}
		MemoryContext previous = MemoryContextSwitchTo(state->batch_context);
		StoreRow(state, slot, state->rows);
		MemoryContextSwitchTo(previous);
		state->rows++;
	}
	if (state->rows == 0)
		return false;
	state->fetched += state->rows;
	state->n_batches++;
	state->next_capacity = Min(state->next_capacity * 4, state->max_capacity);
	if (state->staged)
		EvaluateStages(state);
	else
		for (int p = 0; p < state->n_predictions; p++)
			EvaluatePrediction(state, &state->predictions[p]);
#if PGML_PLANT == 2
	if (state->rows > 100)
		state->rows--;
#endif
	return true;
}

TupleTableSlot *
ExecPredict(CustomScanState *css) {
	auto *state = (PredictState *)css;
	ExprContext *context = css->ss.ps.ps_ExprContext;
	ProjectionInfo *projection = css->ss.ps.ps_ProjInfo;
	ExprState *qual = state->staged ? nullptr : css->ss.ps.qual;
	for (;;) {
		CHECK_FOR_INTERRUPTS();
		if (state->position >= (state->staged ? state->n_selected : state->rows)) {
			if (state->child_done || !NextBatch(state)) {
				state->rows = state->n_selected = state->position = 0;
				return ExecClearTuple(projection != nullptr ? css->ss.ps.ps_ResultTupleSlot
															: css->ss.ss_ScanTupleSlot);
			}
			continue;
		}
		int row = state->position++;
		if (state->staged)
			row = state->selection[row];
		ResetExprContext(context);
		context->ecxt_scantuple = LoadSlot(state, row);
		if (qual != nullptr && !ExecQual(qual, context)) {
			InstrCountFiltered1(css, 1);
			continue;
		}
		return projection != nullptr ? ExecProject(projection) : context->ecxt_scantuple;
	}
}

void
EndPredict(CustomScanState *css) {
	ExecEndNode(outerPlanState(css));
}

void
ReScanPredict(CustomScanState *css) {
	auto *state = (PredictState *)css;
	state->rows = state->n_selected = state->position = 0;
	state->child_done = false;
	state->fetched = 0;
	state->next_capacity = Min(kFirstBatch, state->max_capacity);
	ExecClearTuple(css->ss.ss_ScanTupleSlot);
	if (outerPlanState(css)->chgParam == nullptr)
		ExecReScan(outerPlanState(css));
	if (state->bound > 0)
		ExecSetTupleBound(state->bound, outerPlanState(css));
}

void
ExplainPredict(CustomScanState *css, List *, ExplainState *es) {
	auto *state = (PredictState *)css;
	List *models = NIL;
	for (int p = 0; p < state->n_predictions; p++) {
		Prediction *prediction = &state->predictions[p];
		int64 version = prediction->version;
		Project project;
		char *label;
		if (prediction->by_model_id)
			label = psprintf("model " INT64_FORMAT, prediction->model_id);
		else {
			if (version == 0 && PinnedProject(prediction->project, &project))
				version = project.model_id;
			label = psprintf("%s (model " INT64_FORMAT ")", quote_literal_cstr(prediction->project),
							 version);
		}
		ListCell *cell;
		bool known = false;
		foreach (cell, models)
			known |= strcmp((char *)lfirst(cell), label) == 0;
		if (!known)
			models = lappend(models, label);
	}
	ExplainPropertyList("Models", models, es);
	ExplainPropertyText("Evaluator", "generic (cpu)", es);
	if (!es->analyze)
		return;
	PlanState *child = outerPlanState(css);
	if (css->ss.ps.worker_instrument != nullptr && child->instrument != nullptr && !state->staged) {
		// Workers keep their counters to themselves; what they read from their child comes back
		// with the instrumentation.
		double rows = child->instrument->ntuples + child->instrument->tuplecount;
		ExplainPropertyFloat("Rows Predicted", nullptr, rows * state->n_predictions, 0, es);
	} else {
		ExplainPropertyInteger("Rows Predicted", nullptr, state->n_predicted, es);
		ExplainPropertyInteger("Batches", nullptr, state->n_batches, es);
	}
}

} // namespace

CustomScan *
MakePredictNode(Plan *child, int plan_node_id) {
	auto *node = makeNode(CustomScan);
	node->methods = &scan_methods;
	node->scan.scanrelid = 0;
	node->scan.plan.lefttree = child;
	node->scan.plan.plan_node_id = plan_node_id;
	ListCell *cell;
	foreach (cell, child->targetlist) {
		auto *entry = (TargetEntry *)lfirst(cell);
		int column = list_length(node->custom_scan_tlist) + 1;
		auto *expression = (Node *)entry->expr;
		Var *var = makeVar(OUTER_VAR, column, exprType(expression), exprTypmod(expression),
						   exprCollation(expression), 0);
		node->custom_scan_tlist =
			lappend(node->custom_scan_tlist,
					makeTargetEntry((Expr *)var, column, entry->resname, entry->resjunk));
	}
	node->custom_private =
		list_make2(makeInteger(0), makeInteger(list_length(node->custom_scan_tlist)));
	return node;
}

bool
IsPredictNode(const Plan *plan) {
	return IsA(plan, CustomScan) && ((const CustomScan *)plan)->methods == &scan_methods;
}

int
PredictNodeChildColumns(const CustomScan *node) {
	return intVal(lsecond(node->custom_private));
}

void
PredictNodeSetBound(CustomScan *node, int64 bound) {
	linitial(node->custom_private) = makeInteger((int)Min(bound, (int64)INT_MAX));
}

void
RegisterPredictNode() {
	scan_methods.CustomName = "PgmlPredict";
	scan_methods.CreateCustomScanState = CreateState;
	exec_methods.CustomName = "PgmlPredict";
	exec_methods.BeginCustomScan = BeginPredict;
	exec_methods.ExecCustomScan = ExecPredict;
	exec_methods.EndCustomScan = EndPredict;
	exec_methods.ReScanCustomScan = ReScanPredict;
	exec_methods.ExplainCustomScan = ExplainPredict;
	RegisterCustomScanMethods(&scan_methods);
}

} // namespace pgml::am
