#pragma once
/**
 * Rows of a source (a child plan or a table) collected for one batch of predictions: the columns to pass on, as datums,
 * and the raw features of every prediction, column-major. By-reference columns are copied into a
 * context that is reset for each batch, because the source's slot is overwritten by its next row.
 */
#include "am/base/pg.h"

extern "C" {
#include "executor/tuptable.h"
}

#include "pgml/matrix.h"

namespace pgml::am {

/// Column-major raw features with room for `capacity` rows.
struct RawFeatures {
	float *data;
	size_t width, ld;
	pgml::MatrixView
	View(size_t rows) const {
		return {data, rows, width, ld};
	}
};

/// (Re)allocates for a capacity in the given context; the contents are not kept.
void ReserveRawFeatures(RawFeatures *raw, size_t width, size_t capacity, MemoryContext context);

/// Copies the selected rows of `from` to the first rows of `to` (same width, enough room).
void GatherRows(const RawFeatures &from, const int *selection, int n_selected, RawFeatures *to);

/// The columns of its source that a node passes on, for the rows of one batch.
struct KeptColumns {
	int n;         ///< number of kept columns
	int *source;   ///< [n] position in the source slot, or the (negative) number of a system column
	int *target;   ///< [n] position in the node's scan slot
	int16 *length; ///< [n] type length, for copies
	bool *by_value;  ///< [n]
	bool *from_slot; ///< [n] false: the source stores it itself
	Datum *values;   ///< [capacity * n], row-major
	bool *nulls;
};

void ReserveKeptColumns(KeptColumns *kept, size_t capacity, MemoryContext context);

/// Stores the kept columns that are read from the slot as row `row`; by-reference values are copied into
/// CurrentMemoryContext.
void StoreKeptColumns(KeptColumns *kept, TupleTableSlot *slot, size_t row);

} // namespace pgml::am
