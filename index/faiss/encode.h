#pragma once
/**
 * The second scan of a build: rows of the table are assigned to lists, encoded and put into the spool. In a parallel build
 * (parallel.h) every participant has an Encoder.
 */
#include "index/faiss/faiss.h"
#include "index/faiss/recall.h"
#include "index/faiss/spool.h"

extern "C" {
#include "access/relscan.h"
#include "port/atomics.h"
}

namespace pgml::index {

/// What the meta page says of the rows of a build. Sums.
struct EncodedSums {
	uint64 rows;
	double residual, code_error; ///< squared
};

struct Encoder {
	Relation heap, index;
	IndexInfo *info;
	const VectorType *type;
	const std::byte *blob;
	ann::Layout layout;
	MemoryContext row_context;
	Spool spool;
	Probe probe;
	EncodedSums sums;
	bool report;                ///< the rows done, as progress of the command
	pg_atomic_uint64 *all_rows; ///< done by all participants; nullptr: there is only this one
	float *batch;
	ItemPointerData *tids;
	uint32 *lists;
	int batch_rows, n_batch;
};

/// The probe is the caller's to fill in. Lives in the current memory context. @param blob  outlives it
void InitEncoder(Encoder *encoder, Relation heap, Relation index, IndexInfo *info,
				 const std::byte *blob, Size memory_bytes);
/// @param scan  nullptr: the whole table; else what a participant gets of it. Ends the scan
void EncodeRows(Encoder *encoder, TableScanDesc scan);

} // namespace pgml::index
