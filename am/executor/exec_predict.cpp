/**
 * The PgmlPredict node: pulls rows from its child into a batch, evaluates the predictions of the
 * whole batch, hands the rows on with the predictions as columns. What happens to a batch is in
 * prediction_batch.cpp. The node does not run backwards and does not mark.
 */
#include "am/executor/exec_predict.h"

#include "am/hooks.h"
#include "am/executor/prediction_batch.h"

extern "C" {
#include "commands/explain.h"
#include "executor/executor.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
}

namespace pgml::am {

namespace {

CustomScanMethods scan_methods;
CustomExecMethods exec_methods;

struct PredictState {
	CustomScanState css; // must be first
	PredictionBatch batch;
	int64 reported_predicted, reported_batches;
};

Node *
CreateState(CustomScan *) {
	auto *state = (PredictState *)newNode(sizeof(PredictState), T_CustomScanState);
	state->css.methods = &exec_methods;
	return (Node *)state;
}

void
BeginPredict(CustomScanState *css, EState *estate, int eflags) {
	auto *state = (PredictState *)css;
	auto *node = (CustomScan *)css->ss.ps.plan;
	outerPlanState(css) = ExecInitNode(outerPlan(node), estate, eflags);
	int64 bound = intVal(linitial(node->custom_private));
	if (bound > 0)
		ExecSetTupleBound(bound, outerPlanState(css));
	InitBatch(&state->batch, css, bound);
}

/// Adds to the node's instrumentation, which comes back from parallel workers and is summed up: this node is not aware of
/// them and has no shared memory. Two counters that the server leaves to the node: rows predicted, batches.
void
CountWork(PredictState *state) {
	PredictionBatch *batch = &state->batch;
	Instrumentation *instrument = state->css.ss.ps.instrument;
	if (instrument != nullptr) {
		instrument->ntuples2 += (double)(batch->n_predicted - state->reported_predicted);
		instrument->nfiltered2 += (double)(batch->n_batches - state->reported_batches);
	}
	state->reported_predicted = batch->n_predicted;
	state->reported_batches = batch->n_batches;
}

bool
FillFromChild(CustomScanState *css) {
	PredictionBatch *batch = &((PredictState *)css)->batch;
	int capacity = NextBatchCapacity(batch);
	StartBatch(batch);
	while (batch->rows < capacity) {
		TupleTableSlot *slot = ExecProcNode(outerPlanState(css));
		if (TupIsNull(slot)) {
			batch->source_done = true;
			break;
		}
		if (batch->rows == 0)
			PrepareBatch(batch, capacity);
		StoreSlotRow(batch, slot, batch->rows);
		batch->rows++;
	}
	bool any = FinishBatch(batch);
	CountWork((PredictState *)css);
	return any;
}

TupleTableSlot *
ExecPredict(CustomScanState *css) {
	return NextRow(&((PredictState *)css)->batch, FillFromChild);
}

void
EndPredict(CustomScanState *css) {
	ExecEndNode(outerPlanState(css));
}

void
ReScanPredict(CustomScanState *css) {
	PredictionBatch *batch = &((PredictState *)css)->batch;
	ResetBatch(batch);
	ExecClearTuple(css->ss.ss_ScanTupleSlot);
	if (outerPlanState(css)->chgParam == nullptr)
		ExecReScan(outerPlanState(css));
	if (batch->bound > 0)
		ExecSetTupleBound(batch->bound, outerPlanState(css));
}

void
ExplainPredict(CustomScanState *css, List *, ExplainState *es) {
	auto *state = (PredictState *)css;
	PredictionBatch *batch = &state->batch;
	int64 n_predicted = batch->n_predicted, n_batches = batch->n_batches;
	Instrumentation *instrument = css->ss.ps.instrument;
	if (instrument != nullptr) {
		n_predicted = (int64)instrument->ntuples2;
		n_batches = (int64)instrument->nfiltered2;
	}
	ExplainPredictions(batch, n_predicted, n_batches, es);
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
