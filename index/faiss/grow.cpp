/**
 * Growing: an index that was made before its rows gets a quantizer and lists, by VACUUM.
 *
 * CREATE INDEX on an empty table, as migrations do it, has nothing to train on: the index starts as one list without codes,
 * which every search reads. Once VACUUM counts kRowsOfOneList rows in it, it trains on what the index holds, writes
 * the lists beside the old one, and switches. Rows are decoded and encoded again; what 8 bits lost the first time is part of
 * the row's error from then on, so that bounds stay bounds.
 *
 * Inserts and searches go on meanwhile:
 *  1. The rows of the old list are read to a position, encoded and written as new lists, which nobody can reach yet.
 *  2. Rows behind the position are appended to the new lists, until few are left.
 *  3. The last page of the old list is locked exclusively: no insert can come. The rest is appended, then one WAL record gives
 *     the meta page layout, quantizer and directory of the new lists and marks the page as deleted. An insert that waited for
 *     it starts again; a search sees the old list or the new ones, never both.
 *  4. The other old pages are marked as deleted, and used again when no snapshot is older (compact.cpp).
 *
 * An index with several lists has no such page that holds all inserts back: that is REINDEX CONCURRENTLY's work.
 * A crash or cancel before the switch leaves pages that nothing names; the next VACUUM gives them back.
 */
#include "index/faiss/faiss.h"

#include "am/base/compat.h"
#include "am/base/guard.h"
#include "index/faiss/build.h"
#include "index/faiss/cache.h"
#include "index/faiss/chain.h"
#include "index/faiss/recall.h"
#include "index/faiss/spool.h"
#include "index/faiss/writer.h"

extern "C" {
#include "access/generic_xlog.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "postmaster/autovacuum.h"
#include "utils/memutils.h"
}

namespace pgml::index {

namespace {

constexpr int kBatch = 256;
/// So few rows are appended while inserts wait.
constexpr uint32 kFewRows = 32;
/// After so many rounds inserts are faster than this process, and wait for a page of rows.
constexpr int kPatience = 100;

struct Growth {
	Relation index;
	ann::Quantizer old_quantizer;
	ChainReader from;
	/// Where reading ended: rows from this slot on came later.
	BlockNumber last;
	uint32 last_count;

	MetaData meta; ///< of the grown index
	Geometry geometry;
	std::byte *blob;
	float *vectors; ///< of one batch, decoded
	float errors[kBatch];
	ItemPointerData tids[kBatch];
	uint32 lists[kBatch];
	int n_batch;
	Spool spool;
	Probe probe;
	uint64 n_rows;
	double residual, code_error;
	uint8_t *code;
	std::byte *row;
};

Size
WorkMemory() {
	int kilobytes = pg::IsAutoVacuum() && autovacuum_work_mem != -1 ? autovacuum_work_mem
																	: maintenance_work_mem;
	return (Size)kilobytes * 1024;
}

/// Calls visit(row, tid) for the live rows of the old list, and notes where it ended.
template <typename Visit>
void
VisitRows(Growth *growth, BlockNumber head, const Visit &visit) {
	ChainReader *from = &growth->from;
	from->n_visits = 0;
	for (BlockNumber block = head; block != InvalidBlockNumber;) {
		vacuum_delay_point();
		const CodeTailData *tail = ReadChainPage(from, block);
		for (uint32 slot = 0; slot < tail->count; slot++)
			if (const std::byte *row = ChainRow(from, slot))
				visit(row, *TidAt(*from->geometry, from->page, slot));
		growth->last = block;
		growth->last_count = tail->count;
		block = tail->common.next;
	}
}

/// Draws a sample of the rows (Vitter's algorithm R), trains on it and prepares the measuring of recall.
void
TrainOnRows(Growth *growth, BlockNumber head, uint64 rows) {
	const ann::Layout &layout = growth->meta.layout;
	uint32 dims = layout.dims;
	uint64 wanted = 0;
	pg::Guard([&] { wanted = ann::SampleSize(layout, rows); });
	uint64 capacity = Max(Min(wanted, WorkMemory() / 2 / (sizeof(float) * dims)), (uint64)256);
	auto *sample = (float *)palloc_extended(sizeof(float) * dims * capacity, MCXT_ALLOC_HUGE);
	auto *tids =
		(ItemPointerData *)palloc_extended(sizeof(ItemPointerData) * capacity, MCXT_ALLOC_HUGE);
	pg_prng_state random;
	pg_prng_seed(&random, 1);
	uint64 seen = 0;
	VisitRows(growth, head, [&](const std::byte *row, ItemPointerData tid) {
		uint64 place = seen++;
		if (place >= capacity)
			place = pg_prng_uint64_range(&random, 0, place);
		if (place >= capacity)
			return;
		(void)growth->old_quantizer.Decode(row, 0, sample + place * dims);
		tids[place] = tid;
	});
	uint64 n = Min(seen, capacity);
	uint32 n_queries = ProbeQueries(dims, seen, n);
	HoldBack(sample, tids, n, dims, n_queries, &random);
	// An error would keep VACUUM from ending, every time: the index serves as it is.
	growth->blob = Train(layout, sample, n >= 20 * (uint64)n_queries ? n - n_queries : n, WARNING);
	growth->meta.blob_bytes = (uint32)ann::Quantizer::Bytes(layout);
	InitProbe(&growth->probe, layout, sample + (n - n_queries) * dims, tids + (n - n_queries),
			  n_queries);
	pfree(sample);
	pfree(tids);
}

void
EncodeBatch(Growth *growth) {
	if (growth->n_batch == 0)
		return;
	ann::Quantizer quantizer(growth->blob);
	quantizer.Assign(growth->vectors, (size_t)growth->n_batch, growth->lists);
	for (int i = 0; i < growth->n_batch; i++) {
		SpoolRow *row = AddSpoolRow(&growth->spool);
		row->list = growth->lists[i];
		row->tid = growth->tids[i];
		ann::Encoded encoded = quantizer.Encode(
			growth->vectors + (Size)i * growth->meta.layout.dims, row->list, SpoolCode(row),
			&row->t, SpoolCodedRow(growth->spool, row), growth->errors[i]);
		growth->residual += encoded.residual_squared;
		growth->code_error += encoded.code_error_squared;
	}
	ObserveRows(&growth->probe, growth->vectors, growth->tids, growth->lists, growth->n_batch);
	growth->n_rows += (uint64)growth->n_batch;
	growth->n_batch = 0;
}

void
EncodeRows(Growth *growth, BlockNumber head) {
	uint32 dims = growth->meta.layout.dims;
	InitSpool(&growth->spool, growth->meta.layout, WorkMemory() / 2);
	growth->vectors = (float *)palloc_extended(sizeof(float) * kBatch * dims, MCXT_ALLOC_HUGE);
	VisitRows(growth, head, [&](const std::byte *row, ItemPointerData tid) {
		int at = growth->n_batch++;
		growth->errors[at] =
			growth->old_quantizer.Decode(row, 0, growth->vectors + (Size)at * dims);
		growth->tids[at] = tid;
		if (growth->n_batch == kBatch)
			EncodeBatch(growth);
	});
	EncodeBatch(growth);
	FinishSpool(&growth->spool);
}

/// Writes quantizer, lists and directory where nobody finds them yet, and measures recall on them.
void
WriteLists(Growth *growth) {
	Relation index = growth->index;
	MetaData *meta = &growth->meta;
	auto *image = (Page)palloc(BLCKSZ);
	WriteBlob(index, meta, growth->blob, image, true);
	TakeDirectory(index, meta, true);
	uint32 n_lists = meta->layout.lists, chain = NewChain(index);
	auto *entries = (DirectoryEntryData *)palloc(sizeof(DirectoryEntryData) * n_lists);
	ListWriter writer;
	InitWriter(&writer, index, &meta->layout, &growth->geometry, true);
	for (uint32 list = 0; list < n_lists; list++) {
		BeginList(&writer, list, chain);
		BeginSpoolList(&growth->spool, list);
		while (SpoolRow *row = NextSpoolRow(&growth->spool)) {
			vacuum_delay_point();
			AppendRow(&writer, SpoolCode(row), row->t, SpoolCodedRow(growth->spool, row),
					  &row->tid);
		}
		entries[list] = EndList(&writer, 0, 0);
	}
	EndSpool(&growth->spool);
	WriteDirectory(index, *meta, entries, image, true);
	double n = (double)Max(growth->n_rows, (uint64)1);
	meta->built_rows = growth->n_rows;
	meta->built_residual = growth->residual / n;
	meta->built_code_error = growth->code_error / n;
	MeasureCurve(&growth->probe, index, growth->blob, growth->geometry, entries, meta);
}

/// Appends the rows of the page at hand that came after it was read. @return how many
uint32
AppendLateRows(Growth *growth, uint32 from_slot) {
	ann::Quantizer quantizer(growth->blob);
	ChainReader *from = &growth->from;
	uint32 count = CodeTail(from->page)->count;
	for (uint32 slot = from_slot; slot < count; slot++) {
		const std::byte *old = ChainRow(from, slot);
		if (old == nullptr)
			continue;
		uint32 list;
		float error = growth->old_quantizer.Decode(old, 0, growth->vectors);
		quantizer.Assign(growth->vectors, 1, &list);
		NewRow row = {growth->code, 0, growth->row, TidAt(*from->geometry, from->page, slot), 0};
		row.residual =
			quantizer.Encode(growth->vectors, list, growth->code, &row.t, growth->row, error)
				.residual_squared;
		if (!AppendToList(growth->index, growth->meta, growth->geometry, list, row))
			RaiseCorrupted(growth->index, growth->meta.directory_start,
						   "The last page of a list is not one of its pages.");
	}
	growth->last_count = count;
	return count - from_slot;
}

/// Brings the late rows over. @return the last page of the old list, exclusively locked, with none left
Buffer
CatchUp(Growth *growth) {
	ChainReader *from = &growth->from;
	for (int round = 0;; round++) {
		CHECK_FOR_INTERRUPTS();
		from->n_visits = 0;
		const CodeTailData *tail = ReadChainPage(from, growth->last);
		BlockNumber next = tail->common.next;
		uint32 late = tail->count - Min(tail->count, growth->last_count);
		if (next == InvalidBlockNumber && (late <= kFewRows || round >= kPatience)) {
			Buffer last = LockLastPage(from, growth->last);
			next = CodeTail(from->page)->common.next;
			AppendLateRows(growth, growth->last_count);
			if (BufferIsValid(last))
				return last;
		} else
			AppendLateRows(growth, growth->last_count);
		if (next != InvalidBlockNumber) {
			growth->last = next;
			growth->last_count = 0;
		}
	}
}

void
Switch(Growth *growth, Buffer last) {
	Buffer buffer = ReadPage(growth->index, kMetaBlock);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	CheckPage(growth->index, buffer, PageKind::kMeta);
	GenericXLogState *xlog = GenericXLogStart(growth->index);
	Page last_page = GenericXLogRegisterBuffer(xlog, last, 0);
	MetaData *meta = MetaOf(GenericXLogRegisterBuffer(xlog, buffer, 0));
	MarkDeleted(last_page, ReadNextFullTransactionId());
	growth->meta.generation = meta->generation + 1;
	memcpy(meta, &growth->meta, sizeof(MetaData));
	GenericXLogFinish(xlog);
	UnlockReleaseBuffer(buffer);
}

} // namespace

bool
ShouldGrow(Relation index, const MetaData &meta, uint64 rows, ann::Layout *layout) {
	if (meta.layout.dims == 0 || meta.layout.lists != 1 || rows < kRowsOfOneList ||
		rows / 4 < meta.built_rows)
		return false;
	*layout = ChooseLayout(index, meta.layout.dims, meta.layout.metric, rows);
	// Rows in single precision cannot be made of rows in 8 bits.
	return !(*layout == meta.layout) &&
		   (layout->rows == meta.layout.rows || layout->rows == ann::RowCodec::kSq8);
}

void
Grow(Relation index, const MetaData &meta, uint64 rows, const ann::Layout &layout) {
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "faiss grow", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Geometry old_geometry = GeometryOf(meta.layout);
	DirectoryEntryData entry = ReadDirectoryEntry(index, meta, 0);
	auto *growth = (Growth *)palloc0(sizeof(Growth));
	growth->index = index;
	IndexCache *cache = GetCache(index);
	HoldCache(cache, context);
	growth->old_quantizer = cache->quantizer();
	InitChainReader(&growth->from, index, &meta.layout, &old_geometry, 0, entry.chain);
	InitMeta(&growth->meta);
	growth->meta.layout = layout;
	growth->geometry = GeometryOf(layout);
	growth->code = (uint8_t *)palloc0(Max(layout.subquantizers, 1));
	growth->row = (std::byte *)palloc(layout.row_bytes);

	TrainOnRows(growth, entry.head, rows);
	if (growth->blob != nullptr) {
		growth->from.n_pages = 0; // noted once more when the rows are encoded
		EncodeRows(growth, entry.head);
		WriteLists(growth);
		Buffer last = CatchUp(growth);
		Switch(growth, last);
		UnlockReleaseBuffer(last);
		DeleteChainPages(growth->from);
		for (BlockNumber i = 0; i < BlobPages(meta); i++)
			DeletePage(index, meta.blob_start + i, 0, 0);
		DeletePage(index, meta.directory_start, 0, 0);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

} // namespace pgml::index
