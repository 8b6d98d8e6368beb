/**
 * The PgmlScan node: reads a table page by page, features straight from the tuples into the batch,
 * and predicts. What happens to a batch is in prediction_batch.cpp.
 *
 * A row becomes a slot only where something needs one: quals that come before the predictions,
 * features and columns that are no plain numbers at fixed offsets (direct_columns.h), tuples older
 * than a column that was added. The scan behaves as SeqScan does in all else: parallel and synchronised
 * scans, EvalPlanQual, WHERE CURRENT OF, statistics.
 */
#include "am/executor/exec_scan.h"

#include "am/executor/direct_columns.h"
#include "am/executor/heap_reader.h"
#include "am/hooks.h"
#include "am/executor/prediction_batch.h"

extern "C" {
#include "access/parallel.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
}

namespace pgml::am {

namespace {

CustomScanMethods scan_methods;
CustomExecMethods exec_methods;

/// What leader and workers of a parallel scan share; the table scan's own state follows.
struct SharedScan {
	pg_atomic_uint64 n_batches, n_predicted; ///< of all processes, for EXPLAIN ANALYZE
};

struct FusedScanState {
	CustomScanState css; // must be first
	PredictionBatch batch;
	HeapReader reader;
	ExprState *scan_qual;
	DirectColumns *direct; ///< nullptr when there are none, and before the first row
	bool uses_slot;        ///< every row must become a slot
	SharedScan *shared;    ///< nullptr unless parallel
	int64 reported_batches, reported_predicted;
	int64 n_batches, n_predicted; ///< of all processes, once the parallel scan is over
};

Node *
CreateState(CustomScan *) {
	auto *state = (FusedScanState *)newNode(sizeof(FusedScanState), T_CustomScanState);
	state->css.methods = &exec_methods;
	return (Node *)state;
}

ParallelTableScanDesc
SharedTableScan(SharedScan *shared) {
	return (ParallelTableScanDesc)((char *)shared + MAXALIGN(sizeof(SharedScan)));
}

void
BeginScan(CustomScanState *css, EState *estate, int) {
	auto *state = (FusedScanState *)css;
	auto *plan = (CustomScan *)css->ss.ps.plan;
	Relation relation = css->ss.ss_currentRelation;
	state->reader.relation = relation;
	state->reader.slot = table_slot_create(relation, &estate->es_tupleTable);
	state->batch.with_tid = true;
	css->ss.ss_ScanTupleSlot->tts_tableOid = RelationGetRelid(relation);
	InitBatch(&state->batch, css, intVal(linitial(plan->custom_private)));
	BeginSourceExpressions(css);
	state->scan_qual = ExecInitQual(plan->custom_exprs, &css->ss.ps);
	EndSourceExpressions(css);
	state->uses_slot = true; // until the models are known
}

/// The models are known now: which columns can be read directly.
void
LayOut(FusedScanState *state) {
	PredictionBatch *batch = &state->batch;
	MemoryContext previous = MemoryContextSwitchTo(batch->node_context);
	state->direct = LayOutDirectColumns(batch, RelationGetDescr(state->reader.relation));
	MemoryContextSwitchTo(previous);
	state->uses_slot = state->scan_qual != nullptr || state->direct == nullptr;
	for (int i = 0; i < batch->kept.n; i++)
		state->uses_slot |= batch->kept.from_slot[i];
	for (int p = 0; p < batch->n_predictions; p++)
		state->uses_slot |= batch->predictions[p].from_slot;
}

bool
PassesScanQual(FusedScanState *state, TupleTableSlot *slot) {
	ExprContext *context = state->css.ss.ps.ps_ExprContext;
	ResetExprContext(context);
	context->ecxt_scantuple = slot;
	if (ExecQual(state->scan_qual, context))
		return true;
	InstrCountFiltered2(&state->css, 1);
	return false;
}

/// Takes a row that passed into the batch. @param tuple  nullptr: only the slot has it
void
TakeRow(FusedScanState *state, TupleTableSlot *slot, HeapTupleHeader tuple,
		const ItemPointerData &tid) {
	PredictionBatch *batch = &state->batch;
	int row = batch->rows++;
	batch->tid[row] = tid;
	if (state->uses_slot)
		StoreSlotRow(batch, slot, row);
	if (state->direct != nullptr && (tuple == nullptr || !AddDirectRow(state->direct, tuple, row)))
		StoreDirectFromSlot(state->direct, slot, row);
}

/// The one row that EvalPlanQual checks again, if it has one for this table.
/// @return false: scan the table as usual (a table that is not locked)
bool
FetchRecheckedRow(FusedScanState *state, TupleTableSlot **slot) {
	EPQState *epq = state->css.ss.ps.state->es_epq_active;
	Index relation = ((Scan *)state->css.ss.ps.plan)->scanrelid;
	*slot = nullptr;
	if (epq->relsubs_done[relation - 1])
		return true;
	if (epq->relsubs_slot[relation - 1] != nullptr) {
		epq->relsubs_done[relation - 1] = true;
		*slot = epq->relsubs_slot[relation - 1];
		return true;
	}
	if (epq->relsubs_rowmark[relation - 1] != nullptr) {
		epq->relsubs_done[relation - 1] = true;
		if (EvalPlanQualFetchRowMark(epq, relation, state->reader.slot))
			*slot = state->reader.slot;
		return true;
	}
	return false;
}

void
FillWithRecheckedRow(FusedScanState *state, TupleTableSlot *slot) {
	PredictionBatch *batch = &state->batch;
	batch->source_done = true;
	if (TupIsNull(slot) || (state->scan_qual != nullptr && !PassesScanQual(state, slot)))
		return;
	if (PrepareBatch(batch, 1))
		LayOut(state);
	TakeRow(state, slot, nullptr, slot->tts_tid);
}

/// Rows of the current page, up to the capacity of the batch, each as a slot.
void
FillBySlot(FusedScanState *state, int capacity) {
	PredictionBatch *batch = &state->batch;
	HeapReader *reader = &state->reader;
	HeapTupleData tuple;
	while (reader->position < reader->n_rows && batch->rows < capacity) {
		HeapRow row = NextHeapRow(reader);
		StoreHeapRow(reader, row, &tuple);
		if (state->scan_qual != nullptr && !PassesScanQual(state, reader->slot))
			continue;
		if (batch->rows == 0 && PrepareBatch(batch, capacity))
			LayOut(state);
		TakeRow(state, reader->slot, row.header, tuple.t_self);
	}
}

/// The same where nothing needs a slot.
void
FillDirectly(FusedScanState *state, int capacity) {
	PredictionBatch *batch = &state->batch;
	HeapReader *reader = &state->reader;
	HeapTupleData tuple;
	while (reader->position < reader->n_rows && batch->rows < capacity) {
		int n = Min(reader->n_rows - reader->position, capacity - batch->rows);
		const OffsetNumber *offsets = HeapRowOffsets(reader);
		int taken = AddDirectRows(state->direct, reader, n, batch->rows);
		for (int i = 0; i < taken; i++)
			ItemPointerSet(&batch->tid[batch->rows + i], reader->block, offsets[i]);
		batch->rows += taken;
		if (taken < n) {
			HeapRow row = NextHeapRow(reader);
			StoreHeapRow(reader, row, &tuple);
			TakeRow(state, reader->slot, nullptr, tuple.t_self);
		}
	}
}

/// Rows of the current page, up to the capacity of the batch.
void
FillFromPage(FusedScanState *state, int capacity) {
	// Without a condition the first row is one of the batch: the models can be resolved before it is read.
	if (state->scan_qual == nullptr && state->batch.rows == 0 &&
		PrepareBatch(&state->batch, capacity))
		LayOut(state);
	if (state->uses_slot)
		FillBySlot(state, capacity);
	else
		FillDirectly(state, capacity);
	if (state->direct != nullptr)
		FlushDirectRows(state->direct);
}

bool
FillFromTable(CustomScanState *css) {
	auto *state = (FusedScanState *)css;
	PredictionBatch *batch = &state->batch;
	int capacity = NextBatchCapacity(batch);
	StartBatch(batch);
	TupleTableSlot *rechecked;
	if (css->ss.ps.state->es_epq_active != nullptr && FetchRecheckedRow(state, &rechecked))
		FillWithRecheckedRow(state, rechecked);
	else {
		if (state->reader.scan == nullptr)
			BeginHeapReader(&state->reader, css->ss.ps.state->es_snapshot, nullptr);
		while (batch->rows < capacity) {
			if (state->reader.position >= state->reader.n_rows && !NextHeapPage(&state->reader)) {
				batch->source_done = true;
				break;
			}
			FillFromPage(state, capacity);
		}
	}
	bool any = FinishBatch(batch);
	if (state->shared != nullptr) {
		pg_atomic_fetch_add_u64(&state->shared->n_batches,
								batch->n_batches - state->reported_batches);
		pg_atomic_fetch_add_u64(&state->shared->n_predicted,
								batch->n_predicted - state->reported_predicted);
		state->reported_batches = batch->n_batches;
		state->reported_predicted = batch->n_predicted;
	}
	return any;
}

TupleTableSlot *
ExecScanNode(CustomScanState *css) {
	return NextRow(&((FusedScanState *)css)->batch, FillFromTable);
}

void
EndScan(CustomScanState *css) {
	EndHeapReader(&((FusedScanState *)css)->reader);
}

void
ReScan(CustomScanState *css) {
	auto *state = (FusedScanState *)css;
	ResetBatch(&state->batch);
	RescanHeapReader(&state->reader);
	ExecScanReScan(&css->ss);
}

Size
EstimateShared(CustomScanState *css, ParallelContext *) {
	auto *state = (FusedScanState *)css;
	return add_size(
		MAXALIGN(sizeof(SharedScan)),
		table_parallelscan_estimate(state->reader.relation, css->ss.ps.state->es_snapshot));
}

void
InitializeShared(CustomScanState *css, ParallelContext *, void *memory) {
	auto *state = (FusedScanState *)css;
	state->shared = (SharedScan *)memory;
	pg_atomic_init_u64(&state->shared->n_batches, 0);
	pg_atomic_init_u64(&state->shared->n_predicted, 0);
	ParallelTableScanDesc scan = SharedTableScan(state->shared);
	table_parallelscan_initialize(state->reader.relation, scan, css->ss.ps.state->es_snapshot);
	EndHeapReader(&state->reader); // of an earlier execution whose workers were shut down
	BeginHeapReader(&state->reader, nullptr, scan);
}

void
ReInitializeShared(CustomScanState *css, ParallelContext *, void *memory) {
	auto *state = (FusedScanState *)css;
	state->shared = (SharedScan *)memory;
	table_parallelscan_reinitialize(state->reader.relation, SharedTableScan(state->shared));
}

void
InitializeWorker(CustomScanState *css, shm_toc *, void *memory) {
	auto *state = (FusedScanState *)css;
	state->shared = (SharedScan *)memory;
	BeginHeapReader(&state->reader, nullptr, SharedTableScan(state->shared));
}

/// The shared memory goes away: before EXPLAIN asks for the counters, and before a Limit above is
/// executed again, so that nothing may point to it.
void
ShutdownScan(CustomScanState *css) {
	auto *state = (FusedScanState *)css;
	if (state->shared == nullptr)
		return;
	state->n_batches = (int64)pg_atomic_read_u64(&state->shared->n_batches);
	state->n_predicted = (int64)pg_atomic_read_u64(&state->shared->n_predicted);
	state->shared = nullptr;
	EndHeapReader(&state->reader);
	state->batch.source_done = true;
}

void
ExplainScan(CustomScanState *css, List *ancestors, ExplainState *es) {
	auto *state = (FusedScanState *)css;
	auto *plan = (CustomScan *)css->ss.ps.plan;
	if (plan->custom_exprs != NIL) {
		List *context = set_deparse_context_plan(es->deparse_cxt, &plan->scan.plan, ancestors);
		Node *qual = (Node *)make_ands_explicit(plan->custom_exprs);
		ExplainPropertyText("Scan Filter", deparse_expression(qual, context, es->verbose, false),
							es);
		if (es->analyze && css->ss.ps.instrument != nullptr) {
			Instrumentation *instrument = css->ss.ps.instrument;
			double loops = instrument->nloops > 0 ? instrument->nloops : 1;
			if (instrument->nfiltered2 > 0 || es->format != EXPLAIN_FORMAT_TEXT)
				ExplainPropertyFloat("Rows Removed by Scan Filter", nullptr,
									 instrument->nfiltered2 / loops, 0, es);
		}
	}
	ExplainPredictions(&state->batch, Max(state->n_predicted, state->batch.n_predicted),
					   Max(state->n_batches, state->batch.n_batches), es);
}

} // namespace

CustomScan *
MakeScanNode(Index scanrelid, List *scan_tlist, List *scan_qual, int64 bound) {
	auto *node = makeNode(CustomScan);
	node->methods = &scan_methods;
	node->scan.scanrelid = scanrelid;
	node->custom_relids = bms_make_singleton((int)scanrelid);
	node->custom_scan_tlist = scan_tlist;
	node->custom_exprs = scan_qual;
	node->custom_private = list_make1(makeInteger((int)Min(bound, (int64)INT_MAX)));
	return node;
}

void
RegisterScanNode() {
	scan_methods.CustomName = "PgmlScan";
	scan_methods.CreateCustomScanState = CreateState;
	exec_methods.CustomName = "PgmlScan";
	exec_methods.BeginCustomScan = BeginScan;
	exec_methods.ExecCustomScan = ExecScanNode;
	exec_methods.EndCustomScan = EndScan;
	exec_methods.ReScanCustomScan = ReScan;
	exec_methods.EstimateDSMCustomScan = EstimateShared;
	exec_methods.InitializeDSMCustomScan = InitializeShared;
	exec_methods.ReInitializeDSMCustomScan = ReInitializeShared;
	exec_methods.InitializeWorkerCustomScan = InitializeWorker;
	exec_methods.ShutdownCustomScan = ShutdownScan;
	exec_methods.ExplainCustomScan = ExplainScan;
	RegisterCustomScanMethods(&scan_methods);
}

} // namespace pgml::am
