#pragma once
/**
 * Features and columns read from heap tuples straight into a batch, without a slot: for columns of
 * a fixed width that have only such columns before them, so that they lie at a fixed offset in
 * every tuple without NULLs.
 *
 * Features go through groups of rows: the tuples of a group stay where they are in the page, and the columns are then
 * written group by group, because writing row by row touches one cache line per column and row. Neighbouring columns of
 * words (float4, int4) are transposed by the processor's widest vectors (pgml/words.h), others are written one by one.
 *
 * NULLs. Most columns behind the last wider one are words: where a tuple has NULLs only there, the transposition spreads its
 * values. A tuple with other NULLs is first spread out in a buffer that has the layout of one without, NULL as NaN.
 *
 * Twin: StoreSlotRow() (prediction_batch.h), which must give the same values.
 */
#include "am/base/pg.h"
#include "am/executor/heap_reader.h"
#include "am/executor/prediction_batch.h"

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
 * Takes the next `n` rows of the reader's page for row `row` of the batch and on, without gaps. The page must stay pinned
 * until FlushDirectRows().
 * @return how many it took: it stops before a tuple that is older than the columns (ALTER TABLE ADD COLUMN)
 */
int AddDirectRows(DirectColumns *direct, HeapReader *reader, int n, int row);

/// The same for one tuple. @return false when it is older than the columns
bool AddDirectRow(DirectColumns *direct, HeapTupleHeader tuple, int row);

/// Writes out what was added; called before the page of the tuples is left and at the batch's end.
void FlushDirectRows(DirectColumns *direct);

/// One row from a slot, which AddDirectRow() refused.
void StoreDirectFromSlot(DirectColumns *direct, TupleTableSlot *slot, int row);

} // namespace pgml::am
