#pragma once
/**
 * The batch of a node that predicts (PgmlPredict, PgmlScan): the predictions, the columns that are
 * handed on, and the rows that are being worked on. The nodes differ only in where rows come from,
 * which is their FillBatch function.
 *
 * Both describe their output in custom_scan_tlist: a family FuncExpr is a prediction, a Var is a
 * column of the source slot that is kept for the rows of the batch; target list and quals are
 * written over INDEX_VAR.
 *
 * Stages. The quals are evaluated in the planner's order, and a prediction that only a later qual
 * or the target list needs is evaluated for the rows that passed the quals before it. Stage i <
 * n_quals belongs to qual i, the last stage to the target list. When all predictions belong to the
 * first stage (the usual case) rows are filtered while they are handed on; otherwise the batch is
 * filtered stage by stage and `selection` holds the rows that are left.
 *
 * Classifications of one row by one model (predict, classify, predict_proba, class_probability) share
 * its features and the run through the model; what each makes of the margins is its own.
 *
 * Batches start small and grow, so that a LIMIT or a cursor does not pay for rows that nobody
 * takes. Under EvalPlanQual a batch is one row.
 */
#include "am/base/pg.h"
#include "am/executor/feature_batch.h"
#include "am/executor/predict_call.h"

extern "C" {
#include "commands/explain.h"
#include "nodes/execnodes.h"
}

namespace pgml::am {

/// Prediction::column of what is not a plain column, and of one whose value the model does not need.
inline constexpr int kExpression = -1, kNotRead = -2;

/// One prediction of a node.
struct Prediction {
	FuncExpr *expr;
	Member member;
	bool by_model_id;
	char *project;  ///< nullptr for a call by model id
	int64 model_id; ///< of a call by model id
	int n_features;
	int *
		column; ///< [n_features] position of a plain column in the source slot, kExpression or kNotRead
	ExprState **args; ///< [n_features] for expressions
	Oid *types;       ///< [n_features]
	int slot_column;  ///< position in the node's scan slot
	int stage;
	bool from_slot;    ///< StoreSlotRow() reads its features; false: the source fills `raw` itself
	PredictCall *call; ///< prepared at the first row
	int64 version;     ///< model id that answers, for EXPLAIN; 0 before it is known
	RawFeatures raw;
	Datum *results; ///< [capacity]
	/// An earlier prediction of the same model for the same row, whose features and margins this one
	/// uses as well; nullptr: it has its own.
	Prediction *shares;
	size_t margin_groups; ///< of one that others share, else 0
	float *margins;       ///< [capacity * margin_groups]
	bool has_margins;     ///< in this batch
};

struct PredictionBatch {
	CustomScanState *node;
	int64 bound; ///< most rows to fetch in one scan, 0 = no bound
	int n_predictions;
	Prediction *predictions;
	KeptColumns kept;
	int max_column; ///< highest column of the source slot that StoreSlotRow reads, 1-based

	int n_quals;
	ExprState **quals; ///< one per qual, only when staged
	bool staged;       ///< some prediction belongs to a later stage than the first

	int capacity, next_capacity, max_capacity;
	int rows;       ///< rows in the batch
	int *selection; ///< [capacity] rows that passed, when staged
	int n_selected;
	int position; ///< next row to hand on
	bool source_done;
	int64 fetched; ///< rows fetched in this scan
	ItemPointerData
		*tid; ///< [capacity] where the source has them (`with_tid`), for WHERE CURRENT OF
	bool with_tid;

	RawFeatures compact;    ///< features of selected rows
	float *compact_margins; ///< [capacity * widest margin_groups]
	Datum *compact_results; ///< [capacity]
	Datum *feature_values;  ///< scratch of the widest prediction
	bool *feature_nulls;
	MemoryContext node_context, batch_context;
	ExprContext *argument_context;

	int64 n_batches, n_predicted; ///< for EXPLAIN ANALYZE
};

void InitBatch(PredictionBatch *batch, CustomScanState *node, int64 bound);

/// Between these two, expressions over the rows of the node's relation are initialised: their scan
/// tuple is a slot of the relation, not the node's own. Nothing happens where the source is a plan.
void BeginSourceExpressions(CustomScanState *node);
void EndSourceExpressions(CustomScanState *node);

/// Rows that the next batch may hold.
int NextBatchCapacity(const PredictionBatch *batch);

/// Empties the batch.
void StartBatch(PredictionBatch *batch);

/// Once per batch, when its first row is there: resolves the models under the statement's pins (at
/// the first row of the node) and makes room. Nothing is resolved for a source without rows.
/// @return true at the first row of the node: the calls are known now
bool PrepareBatch(PredictionBatch *batch, int capacity);

/// To be called when `from_slot` of a prediction or a kept column has changed.
void ReadColumnsFromSlot(PredictionBatch *batch);

/// Stores the kept columns and features that are read from the source slot (`from_slot`).
void StoreSlotRow(PredictionBatch *batch, TupleTableSlot *slot, int row);

/// Evaluates what StartBatch and the rows since then have collected. @return false if it is empty
bool FinishBatch(PredictionBatch *batch);

/// Collects the next batch: StartBatch, rows, FinishBatch, whose answer it returns.
using FillBatch = bool (*)(CustomScanState *node);

/// The next row of the node, projected; an empty slot at the end.
TupleTableSlot *NextRow(PredictionBatch *batch, FillBatch fill);

void ResetBatch(PredictionBatch *batch);

/// Resolves the models under the statement's pins and lays out their calls. @return false when that was done before
bool ResolvePredictions(PredictionBatch *batch);

/// Models, evaluator and, with ANALYZE, what was read and evaluated (prediction_explain.cpp).
/// @param n_predicted, n_batches  of all processes
void ExplainPredictions(PredictionBatch *batch, int64 n_predicted, int64 n_batches,
						ExplainState *es);

} // namespace pgml::am
