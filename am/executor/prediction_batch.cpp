/// The batch that PgmlPredict and PgmlScan share. See prediction_batch.h.
#include "am/executor/prediction_batch.h"

#include "am/base/guc.h"
#include "am/models/model_catalog.h"
#include "am/executor/predict_functions.h"
#include "am/models/version_pin.h"

extern "C" {
#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
}

namespace pgml::am {

namespace {

constexpr int kFirstBatch = 16;

List *
VarsOf(Node *expression) {
	return pull_var_clause(expression, PVC_RECURSE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS |
										   PVC_RECURSE_PLACEHOLDERS);
}

void
InitPrediction(PredictionBatch *batch, Prediction *prediction, FuncExpr *expr) {
	const PredictFunction *function = FindPredictFunction(expr->funcid);
	if (function == nullptr)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("a prediction function of extension pgml_am no longer exists")));
	prediction->expr = expr;
	prediction->from_slot = true;
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
		prediction->column[i] = kExpression;
		if (IsA(argument, Var) && ((Var *)argument)->varattno > 0)
			prediction->column[i] = ((Var *)argument)->varattno - 1;
		else
			prediction->args[i] = ExecInitExpr(argument, (PlanState *)batch->node);
	}
}

/// Marks the predictions that the expression reads as belonging to `stage` unless an earlier one
/// needs them.
void
AssignStage(PredictionBatch *batch, Node *expression, int stage) {
	ListCell *cell;
	foreach (cell, VarsOf(expression)) {
		auto *var = (Var *)lfirst(cell);
		if (var->varno != INDEX_VAR)
			continue;
		for (int p = 0; p < batch->n_predictions; p++) {
			Prediction *prediction = &batch->predictions[p];
			if (prediction->slot_column == var->varattno - 1)
				prediction->stage = Min(prediction->stage, stage);
		}
	}
}

void
InitStages(PredictionBatch *batch, CustomScan *plan) {
	batch->n_quals = list_length(plan->scan.plan.qual);
	for (int i = 0; i < batch->n_predictions; i++)
		batch->predictions[i].stage = batch->n_quals;
	ListCell *cell;
	int stage = 0;
	foreach (cell, plan->scan.plan.qual)
		AssignStage(batch, (Node *)lfirst(cell), stage++);
	AssignStage(batch, (Node *)plan->scan.plan.targetlist, batch->n_quals);
	for (int i = 0; i < batch->n_predictions; i++)
		batch->staged |= batch->predictions[i].stage > 0;
	if (!batch->staged)
		return;
	batch->quals = (ExprState **)palloc0(sizeof(ExprState *) * Max(batch->n_quals, 1));
	stage = 0;
	foreach (cell, plan->scan.plan.qual)
		batch->quals[stage++] = ExecInitQual(list_make1(lfirst(cell)), (PlanState *)batch->node);
}

/// The output columns that target list and quals read and that are no predictions.
void
InitKeptColumns(PredictionBatch *batch, CustomScan *plan) {
	Bitmapset *used = nullptr;
	ListCell *cell;
	foreach (cell, VarsOf((Node *)list_make2(plan->scan.plan.targetlist, plan->scan.plan.qual))) {
		auto *var = (Var *)lfirst(cell);
		if (var->varno == INDEX_VAR && var->varattno > 0)
			used = bms_add_member(used, var->varattno - 1);
	}
	KeptColumns *kept = &batch->kept;
	int room = Max(bms_num_members(used), 1);
	kept->source = (int *)palloc(sizeof(int) * room);
	kept->target = (int *)palloc(sizeof(int) * room);
	kept->length = (int16 *)palloc(sizeof(int16) * room);
	kept->by_value = (bool *)palloc(sizeof(bool) * room);
	kept->from_slot = (bool *)palloc(sizeof(bool) * room);
	int column = -1;
	while ((column = bms_next_member(used, column)) >= 0) {
		auto *var = (Var *)((TargetEntry *)list_nth(plan->custom_scan_tlist, column))->expr;
		if (!IsA(var, Var))
			continue;
		kept->target[kept->n] = column;
		kept->source[kept->n] = var->varattno > 0 ? var->varattno - 1 : var->varattno;
		get_typlenbyval(var->vartype, &kept->length[kept->n], &kept->by_value[kept->n]);
		kept->from_slot[kept->n] = true;
		kept->n++;
	}
}

/// Rights of a direct call: the current user's.
void
PreparePrediction(PredictionBatch *batch, Prediction *prediction) {
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
		prediction->types, prediction->expr->funcvariadic, batch->node_context);
	if (prediction->member == Member::kClassProbability)
		SetClassLabel(call, ((Const *)lsecond(prediction->expr->args))->constvalue);
	prediction->call = call;
	for (int i = 0; i < prediction->n_features; i++)
		if (prediction->column[i] >= 0 && !FeatureIsRead(call, i))
			prediction->column[i] = kNotRead;
}

bool
SameModelAndRow(const Prediction *a, const Prediction *b) {
	if (a->version != b->version || a->n_features != b->n_features ||
		a->expr->funcvariadic != b->expr->funcvariadic)
		return false;
	int first_of_a = list_length(a->expr->args) - a->n_features;
	int first_of_b = list_length(b->expr->args) - b->n_features;
	for (int i = 0; i < a->n_features; i++)
		if (!equal(list_nth(a->expr->args, first_of_a + i),
				   list_nth(b->expr->args, first_of_b + i)))
			return false;
	return true;
}

/// Once the models are known.
void
FindShared(PredictionBatch *batch) {
	for (int p = 1; p < batch->n_predictions; p++) {
		Prediction *prediction = &batch->predictions[p];
		for (int earlier = 0; earlier < p && prediction->shares == nullptr; earlier++) {
			Prediction *owner = &batch->predictions[earlier];
			if (owner->shares != nullptr || MarginGroups(owner->call) == 0 ||
				!SameModelAndRow(owner, prediction))
				continue;
			prediction->shares = owner;
			prediction->from_slot = false;
			owner->margin_groups = MarginGroups(owner->call);
		}
	}
	ReadColumnsFromSlot(batch);
}

/// Room for `n` floats, without what was there.
void
ReserveFloats(float **floats, size_t n, MemoryContext context) {
	if (*floats != nullptr)
		pfree(*floats);
	*floats = nullptr;
	*floats = (float *)MemoryContextAllocHuge(context, sizeof(float) * n);
}

void
Reserve(PredictionBatch *batch, int capacity) {
	if (capacity <= batch->capacity)
		return;
	MemoryContext context = batch->node_context;
	size_t widest = 0, most_groups = 0;
	for (int i = 0; i < batch->n_predictions; i++) {
		Prediction *prediction = &batch->predictions[i];
		if (prediction->shares == nullptr) {
			size_t width = RawWidth(prediction->call);
			widest = Max(widest, width);
			ReserveRawFeatures(&prediction->raw, width, capacity, context);
			// Not every source writes the cells of features that are not read.
			std::fill_n(prediction->raw.data, prediction->raw.ld * width, kMissing);
		}
		size_t groups = prediction->margin_groups;
		most_groups = Max(most_groups, groups);
		if (groups > 0)
			ReserveFloats(&prediction->margins, groups * capacity, context);
		if (prediction->results != nullptr)
			pfree(prediction->results);
		prediction->results = (Datum *)MemoryContextAlloc(context, sizeof(Datum) * capacity);
	}
	if (batch->staged) {
		ReserveRawFeatures(&batch->compact, widest, capacity, context);
		if (most_groups > 0)
			ReserveFloats(&batch->compact_margins, most_groups * capacity, context);
		if (batch->selection != nullptr) {
			pfree(batch->selection);
			pfree(batch->compact_results);
		}
		batch->selection = (int *)MemoryContextAlloc(context, sizeof(int) * capacity);
		batch->compact_results = (Datum *)MemoryContextAlloc(context, sizeof(Datum) * capacity);
	}
	if (batch->with_tid) {
		if (batch->tid != nullptr)
			pfree(batch->tid);
		batch->tid =
			(ItemPointerData *)MemoryContextAlloc(context, sizeof(ItemPointerData) * capacity);
	}
	ReserveKeptColumns(&batch->kept, capacity, context);
	batch->capacity = capacity;
}

/// Puts row `row` of the batch into the scan slot. Predictions of stages not evaluated yet hold
/// garbage nobody reads.
TupleTableSlot *
LoadSlot(PredictionBatch *batch, int row) {
	TupleTableSlot *slot = batch->node->ss.ss_ScanTupleSlot;
	ExecClearTuple(slot);
	const Datum *values = batch->kept.values + (size_t)row * batch->kept.n;
	const bool *nulls = batch->kept.nulls + (size_t)row * batch->kept.n;
	for (int i = 0; i < batch->kept.n; i++) {
		slot->tts_values[batch->kept.target[i]] = values[i];
		slot->tts_isnull[batch->kept.target[i]] = nulls[i];
	}
	for (int p = 0; p < batch->n_predictions; p++) {
		int column = batch->predictions[p].slot_column;
		slot->tts_values[column] = batch->predictions[p].results[row];
		slot->tts_isnull[column] = false;
	}
	if (batch->with_tid)
		slot->tts_tid = batch->tid[row];
	return ExecStoreVirtualTuple(slot);
}

/// Runs the model for the rows that are selected now. Whoever asks later selects from among them.
void
FindMargins(PredictionBatch *batch, Prediction *owner) {
	size_t groups = owner->margin_groups;
	if (!batch->staged || batch->n_selected == batch->rows) {
		EvaluateMargins(owner->call, owner->raw.View(batch->rows), owner->margins);
		batch->n_predicted += batch->rows;
	} else {
		RawFeatures compact = batch->compact;
		compact.width = owner->raw.width;
		GatherRows(owner->raw, batch->selection, batch->n_selected, &compact);
		EvaluateMargins(owner->call, compact.View(batch->n_selected), batch->compact_margins);
		for (int i = 0; i < batch->n_selected; i++)
			memcpy(owner->margins + batch->selection[i] * groups,
				   batch->compact_margins + i * groups, sizeof(float) * groups);
		batch->n_predicted += batch->n_selected;
	}
	owner->has_margins = true;
}

/// A prediction that shares its model's margins with others.
void
EvaluateShared(PredictionBatch *batch, Prediction *prediction) {
	Prediction *owner = prediction->shares != nullptr ? prediction->shares : prediction;
	size_t groups = owner->margin_groups;
	if (!owner->has_margins)
		FindMargins(batch, owner);
	if (!batch->staged || batch->n_selected == batch->rows) {
		ResultsFromMargins(prediction->call, owner->margins, batch->rows, prediction->results);
		return;
	}
	for (int i = 0; i < batch->n_selected; i++)
		memcpy(batch->compact_margins + i * groups, owner->margins + batch->selection[i] * groups,
			   sizeof(float) * groups);
	ResultsFromMargins(prediction->call, batch->compact_margins, batch->n_selected,
					   batch->compact_results);
	for (int i = 0; i < batch->n_selected; i++)
		prediction->results[batch->selection[i]] = batch->compact_results[i];
}

void
EvaluatePrediction(PredictionBatch *batch, Prediction *prediction) {
	MemoryContext previous = MemoryContextSwitchTo(batch->batch_context);
	if (prediction->shares != nullptr || prediction->margin_groups > 0) {
		if (!batch->staged || batch->n_selected > 0)
			EvaluateShared(batch, prediction);
	} else if (!batch->staged || batch->n_selected == batch->rows) {
		EvaluateCall(prediction->call, prediction->raw.View(batch->rows), prediction->results);
		batch->n_predicted += batch->rows;
	} else if (batch->n_selected > 0) {
		RawFeatures compact = batch->compact;
		compact.width = prediction->raw.width;
		GatherRows(prediction->raw, batch->selection, batch->n_selected, &compact);
		EvaluateCall(prediction->call, compact.View(batch->n_selected), batch->compact_results);
		for (int i = 0; i < batch->n_selected; i++)
			prediction->results[batch->selection[i]] = batch->compact_results[i];
		batch->n_predicted += batch->n_selected;
	}
	MemoryContextSwitchTo(previous);
}

void
EvaluateStages(PredictionBatch *batch) {
	ExprContext *context = batch->node->ss.ps.ps_ExprContext;
	batch->n_selected = batch->rows;
	for (int i = 0; i < batch->rows; i++)
		batch->selection[i] = i;
	for (int stage = 0; stage <= batch->n_quals; stage++) {
		for (int p = 0; p < batch->n_predictions; p++)
			if (batch->predictions[p].stage == stage)
				EvaluatePrediction(batch, &batch->predictions[p]);
		if (stage == batch->n_quals)
			break;
		int kept = 0;
		for (int i = 0; i < batch->n_selected; i++) {
			int row = batch->selection[i];
			ResetExprContext(context);
			context->ecxt_scantuple = LoadSlot(batch, row);
			if (ExecQual(batch->quals[stage], context))
				batch->selection[kept++] = row;
			else
				InstrCountFiltered1(batch->node, 1);
		}
		batch->n_selected = kept;
	}
}

} // namespace

void
InitBatch(PredictionBatch *batch, CustomScanState *node, int64 bound) {
	auto *plan = (CustomScan *)node->ss.ps.plan;
	batch->node = node;
	batch->bound = bound;
	int n_columns = list_length(plan->custom_scan_tlist);
	batch->predictions = (Prediction *)palloc0(sizeof(Prediction) * Max(n_columns, 1));
	int widest = 1, column = 0;
	BeginSourceExpressions(node);
	ListCell *cell;
	foreach (cell, plan->custom_scan_tlist) {
		auto *expr = (FuncExpr *)((TargetEntry *)lfirst(cell))->expr;
		if (IsA(expr, FuncExpr)) {
			Prediction *prediction = &batch->predictions[batch->n_predictions++];
			prediction->slot_column = column;
			InitPrediction(batch, prediction, expr);
			widest = Max(widest, prediction->n_features);
		}
		column++;
	}
	EndSourceExpressions(node);
	InitStages(batch, plan);
	InitKeptColumns(batch, plan);
	ReadColumnsFromSlot(batch);
	batch->feature_values = (Datum *)palloc(sizeof(Datum) * widest);
	batch->feature_nulls = (bool *)palloc(sizeof(bool) * widest);
	batch->node_context = CurrentMemoryContext;
	batch->batch_context =
		AllocSetContextCreate(CurrentMemoryContext, "pgml batch", ALLOCSET_DEFAULT_SIZES);
	batch->argument_context = CreateExprContext(node->ss.ps.state);
	batch->max_capacity = guc_batch_size;
	batch->next_capacity = Min(kFirstBatch, batch->max_capacity);
}

void
ReadColumnsFromSlot(PredictionBatch *batch) {
	batch->max_column = 0;
	for (int i = 0; i < batch->kept.n; i++)
		if (batch->kept.from_slot[i])
			batch->max_column = Max(batch->max_column, batch->kept.source[i] + 1);
	for (int p = 0; p < batch->n_predictions; p++)
		for (int i = 0; batch->predictions[p].from_slot && i < batch->predictions[p].n_features;
			 i++)
			batch->max_column = Max(batch->max_column, batch->predictions[p].column[i] + 1);
}

int
NextBatchCapacity(const PredictionBatch *batch) {
	if (batch->node->ss.ps.state->es_epq_active != nullptr)
		return 1;
	if (batch->bound > 0 && batch->fetched < batch->bound)
		return (int)Min((int64)batch->next_capacity, batch->bound - batch->fetched);
	return batch->next_capacity;
}

void
StartBatch(PredictionBatch *batch) {
	MemoryContextReset(batch->batch_context);
	batch->rows = batch->position = batch->n_selected = 0;
	for (int p = 0; p < batch->n_predictions; p++)
		batch->predictions[p].has_margins = false;
}

bool
ResolvePredictions(PredictionBatch *batch) {
	bool first = false;
	for (int p = 0; p < batch->n_predictions; p++)
		if (batch->predictions[p].call == nullptr) {
			PreparePrediction(batch, &batch->predictions[p]);
			first = true;
		}
	if (first)
		FindShared(batch);
	return first;
}

bool
PrepareBatch(PredictionBatch *batch, int capacity) {
	bool first = ResolvePredictions(batch);
	Reserve(batch, capacity);
	return first;
}

void
StoreSlotRow(PredictionBatch *batch, TupleTableSlot *slot, int row) {
	MemoryContext previous = MemoryContextSwitchTo(batch->batch_context);
	slot_getsomeattrs(slot, batch->max_column);
	StoreKeptColumns(&batch->kept, slot, row);
	for (int p = 0; p < batch->n_predictions; p++) {
		Prediction *prediction = &batch->predictions[p];
		if (!prediction->from_slot)
			continue;
		for (int i = 0; i < prediction->n_features; i++) {
			int column = prediction->column[i];
			if (column >= 0) {
				batch->feature_values[i] = slot->tts_values[column];
				batch->feature_nulls[i] = slot->tts_isnull[column];
			} else if (column == kNotRead) {
				batch->feature_nulls[i] = true;
			} else {
				batch->argument_context->ecxt_outertuple = slot;
				batch->argument_context->ecxt_scantuple = slot;
				batch->feature_values[i] = ExecEvalExprSwitchContext(
					prediction->args[i], batch->argument_context, &batch->feature_nulls[i]);
			}
		}
#if PGML_PLANT == 3
		for (int i = 0; i < prediction->n_features; i++)
			if (batch->feature_nulls[i] && prediction->types[i] == FLOAT4OID) {
				batch->feature_nulls[i] = false;
				batch->feature_values[i] = Float4GetDatum(0);
			}
#endif
		StoreFeatures(prediction->call, batch->feature_values, batch->feature_nulls,
					  prediction->raw.data, prediction->raw.ld, row);
	}
	ResetExprContext(batch->argument_context);
	MemoryContextSwitchTo(previous);
}

bool
FinishBatch(PredictionBatch *batch) {
	if (batch->rows == 0)
		return false;
	batch->fetched += batch->rows;
	batch->n_batches++;
	batch->next_capacity = Min(batch->next_capacity * 4, batch->max_capacity);
	if (batch->staged)
		EvaluateStages(batch);
	else
		for (int p = 0; p < batch->n_predictions; p++)
			EvaluatePrediction(batch, &batch->predictions[p]);
#if PGML_PLANT == 2
	if (batch->rows > 100)
		batch->rows--;
#endif
	return true;
}

TupleTableSlot *
NextRow(PredictionBatch *batch, FillBatch fill) {
	PlanState *node = &batch->node->ss.ps;
	ExprContext *context = node->ps_ExprContext;
	ProjectionInfo *projection = node->ps_ProjInfo;
	ExprState *qual = batch->staged ? nullptr : node->qual;
	for (;;) {
		CHECK_FOR_INTERRUPTS();
		if (batch->position >= (batch->staged ? batch->n_selected : batch->rows)) {
			if (batch->source_done || !fill(batch->node)) {
				batch->rows = batch->n_selected = batch->position = 0;
				return ExecClearTuple(projection != nullptr ? node->ps_ResultTupleSlot
															: batch->node->ss.ss_ScanTupleSlot);
			}
			continue;
		}
		int row = batch->position++;
		if (batch->staged)
			row = batch->selection[row];
		ResetExprContext(context);
		context->ecxt_scantuple = LoadSlot(batch, row);
		if (qual != nullptr && !ExecQual(qual, context)) {
			InstrCountFiltered1(batch->node, 1);
			continue;
		}
		return projection != nullptr ? ExecProject(projection) : context->ecxt_scantuple;
	}
}

void
ResetBatch(PredictionBatch *batch) {
	batch->rows = batch->n_selected = batch->position = 0;
	batch->source_done = false;
	batch->fetched = 0;
	batch->next_capacity = Min(kFirstBatch, batch->max_capacity);
}

void
BeginSourceExpressions(CustomScanState *node) {
	if (node->ss.ss_currentRelation == nullptr)
		return; // the source is the outer plan
	node->ss.ps.scandesc = RelationGetDescr(node->ss.ss_currentRelation);
	node->ss.ps.scanops = nullptr;
	node->ss.ps.scanopsset = true;
	node->ss.ps.scanopsfixed = false;
}

void
EndSourceExpressions(CustomScanState *node) {
	if (node->ss.ss_currentRelation == nullptr)
		return;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	node->ss.ps.scandesc = slot->tts_tupleDescriptor;
	node->ss.ps.scanops = slot->tts_ops;
	node->ss.ps.scanopsset = true;
	node->ss.ps.scanopsfixed = true;
}

} // namespace pgml::am
