/// Assigning and encoding rows during a build. See encode.h.
#include "index/faiss/encode.h"

extern "C" {
#include "access/tableam.h"
#include "commands/progress.h"
#include "pgstat.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"
}

namespace pgml::index {

namespace {

constexpr int kBatch = 256;

/// Rows to assign and encode between two checks for interrupts: some 50 ms at most, also with many lists of long vectors.
int
BatchRows(const ann::Layout &layout) {
	double distances = (double)layout.lists * layout.dims;
	return (int)Max(16.0, Min(4e8 / distances, (double)kBatch));
}

void
CountRows(Encoder *encoder) {
	encoder->sums.rows += (uint64)encoder->n_batch;
	uint64 rows = encoder->sums.rows;
	if (encoder->all_rows != nullptr)
		rows = pg_atomic_add_fetch_u64(encoder->all_rows, encoder->n_batch);
	if (encoder->report)
		pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, (int64)rows);
}

void
EncodeBatch(Encoder *encoder) {
	if (encoder->n_batch == 0)
		return;
	CHECK_FOR_INTERRUPTS();
	ann::Quantizer quantizer(encoder->blob);
	quantizer.Assign(encoder->batch, (size_t)encoder->n_batch, encoder->lists);
	for (int i = 0; i < encoder->n_batch; i++) {
		const float *x = encoder->batch + (Size)i * encoder->layout.dims;
		SpoolRow *row = AddSpoolRow(&encoder->spool);
		row->list = encoder->lists[i];
		row->tid = encoder->tids[i];
		ann::Encoded encoded = quantizer.Encode(x, row->list, SpoolCode(row), &row->t,
												SpoolCodedRow(encoder->spool, row));
		encoder->sums.residual += encoded.residual_squared;
		encoder->sums.code_error += encoded.code_error_squared;
	}
	ObserveRows(&encoder->probe, encoder->batch, encoder->tids, encoder->lists, encoder->n_batch);
	CountRows(encoder);
	encoder->n_batch = 0;
}

void
EncodeRow(Relation, ItemPointer tid, Datum *values, bool *isnull, bool, void *state) {
	auto *encoder = (Encoder *)state;
	if (isnull[0])
		return;
	MemoryContext old = MemoryContextSwitchTo(encoder->row_context);
	int n;
	const float *elements = encoder->type->elements(values[0], &n);
	CheckIndexDimensions(encoder->layout, n);
	if (ann::Quantizer(encoder->blob)
			.Prepare(elements, encoder->batch + (Size)encoder->n_batch * encoder->layout.dims))
		encoder->tids[encoder->n_batch++] = *tid;
	MemoryContextSwitchTo(old);
	MemoryContextReset(encoder->row_context);
	if (encoder->n_batch == encoder->batch_rows)
		EncodeBatch(encoder);
}

} // namespace

void
InitEncoder(Encoder *encoder, Relation heap, Relation index, IndexInfo *info, const std::byte *blob,
			Size memory_bytes) {
	*encoder = {};
	encoder->heap = heap;
	encoder->index = index;
	encoder->info = info;
	encoder->type = VectorTypeOf(index);
	encoder->blob = blob;
	encoder->layout = ann::Quantizer(blob).layout();
	encoder->row_context =
		AllocSetContextCreate(CurrentMemoryContext, "faiss build row", ALLOCSET_DEFAULT_SIZES);
	InitSpool(&encoder->spool, encoder->layout, memory_bytes);
	encoder->batch_rows = BatchRows(encoder->layout);
	auto n = (Size)encoder->batch_rows;
	encoder->batch =
		(float *)palloc_extended(sizeof(float) * n * encoder->layout.dims, MCXT_ALLOC_HUGE);
	encoder->tids = (ItemPointerData *)palloc(sizeof(ItemPointerData) * n);
	encoder->lists = (uint32 *)palloc(sizeof(uint32) * n);
}

void
EncodeRows(Encoder *encoder, TableScanDesc scan) {
	// From the first block on: TIDs come in ascending order, and the spool has little to sort.
	table_index_build_scan(encoder->heap, encoder->index, encoder->info, false, encoder->report,
						   EncodeRow, encoder, scan);
	EncodeBatch(encoder);
}

} // namespace pgml::index
