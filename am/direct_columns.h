#pragma once
/**
 * Features and columns read from heap tuples straight into a batch, without a slot: for columns of
 * a fixed width that have only such columns before them, so that they lie at a fixed offset in
 * every tuple without NULLs.
 *
 * Features go through groups of rows: the tuples of a group stay where they are in the page, and
 * the columns are then written group by group (runs of neighbouring float4 columns by 4 x 4
 * transposition), because writing row by row touches one cache line per column and row. A tuple with NULLs
 * is first spread out in a buffer of the same layout, NULL as NaN.
 *
 * Twin: StoreSlotRow() (prediction_batch.h), which must give the same values.
 */
#include "am/base/pg.h"
#include "am/prediction_batch.h"

extern "C" {
#include "access/htup_details.h"
#include "access/tupdesc.h"
}

namespace pgml::am {

struct DirectColumns;

/**
 * Finds the predictions and kept columns that can be read directly, and takes them from the slot
 * (`from_slot` becomes false). To be called once the batch is prepared.
 * @return nullptr when there are none
 */
DirectColumns *LayOutDirectColumns(PredictionBatch *batch, TupleDesc descriptor);

/**
 * Takes a tuple for row `row` of the batch; rows come in order without gaps. The tuple must stay in place until
 * FlushDirectRows().
 * @return false when the tuple is older than the columns (ALTER TABLE ADD COLUMN): nothing is taken then
 */
bool AddDirectRow(DirectColumns *direct, HeapTupleHeader tuple, int row);

/// Writes out what was added; called before the page of the tuples is left and at the batch's end.
void FlushDirectRows(DirectColumns *direct);

/// The same from a slot, for a row that AddDirectRow() refused.
void StoreDirectFromSlot(DirectColumns *direct, TupleTableSlot *slot, int row);

} // namespace pgml::am
