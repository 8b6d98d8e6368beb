/**
 * Building: two scans of the table, and a sort by list between them and the pages.
 *
 * 1. The first scan counts the rows and draws a sample (every row is as likely as any other; Vitter's algorithm R).
 * 2. The sample trains the quantizer.
 * 3. The second scan assigns and encodes in batches, and finds the true neighbours of a few rows that were held back.
 * 4. Lists are written one after the other; the recall of settings is measured on them; all pages are logged at the end.
 *
 * Of maintenance_work_mem the sample takes half, then the encoded rows take half, beyond which they go to temporary files.
 */
#include "index/faiss/faiss.h"

#include "am/base/guard.h"
#include "index/faiss/build.h"
#include "index/faiss/cache.h"
#include "index/faiss/encode.h"
#include "index/faiss/parallel.h"
#include "index/faiss/writer.h"

#include <cmath>

extern "C" {
#include "access/generic_xlog.h"
#include "access/tableam.h"
#include "access/xloginsert.h"
#include "commands/progress.h"
#include "common/pg_prng.h"
#include "optimizer/optimizer.h"
#include "optimizer/plancat.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

namespace pgml::index {

namespace {

enum Phase : int64 {
	kSampling = PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE + 1,
	kTraining,
	kEncoding,
	kWriting,
	kMeasuring,
};

struct BuildState {
	Relation heap, index;
	IndexInfo *info;
	const VectorType *type;
	MemoryContext row_context;
	// first scan
	uint32 dims;
	uint64 n_seen; ///< not null
	uint64 capacity, n_sample;
	float *sample;
	ItemPointerData *sample_tids;
	pg_prng_state random;
	// quantizer
	ann::Layout layout;
	Geometry geometry;
	std::byte *blob;
	uint32 blob_bytes;
	// second scan
	Encoder encoder;
};

Size
HalfOfMaintenanceMemory() {
	return (Size)maintenance_work_mem * 1024 / 2;
}

void
StartPhase(Phase phase) {
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, phase);
}

/// The cosine metric works on vectors of norm 1. @return false: this one has no direction
bool
Normalize(ann::Metric metric, float *x, uint32 dims) {
	if (metric != ann::Metric::kCosine)
		return true;
	double sum = 0;
	for (uint32 i = 0; i < dims; i++)
		sum += (double)x[i] * (double)x[i];
	if (!(sum > 0))
		return false;
	double scale = 1 / std::sqrt(sum);
	for (uint32 i = 0; i < dims; i++)
		x[i] = (float)(x[i] * scale);
	return true;
}

/// The first row decides the dimensions where the column does not.
void
StartSample(BuildState *build, int n) {
	CheckIndexable(build->index, n);
	build->dims = (uint32)n;
	BlockNumber pages;
	double tuples, visible;
	estimate_rel_size(build->heap, nullptr, &pages, &tuples, &visible);
	uint64 expected = tuples > 1000 ? (uint64)tuples : 1000;
	ann::Layout layout = ChooseLayout(build->index, build->dims, build->type->metric, expected);
	uint64 wanted = 0;
	pg::Guard([&] { wanted = ann::SampleSize(layout, expected); });
	uint64 fit = HalfOfMaintenanceMemory() / (sizeof(float) * build->dims);
	build->capacity = Max(Min(wanted, fit), (uint64)256);
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(build));
	build->sample =
		(float *)palloc_extended(sizeof(float) * build->dims * build->capacity, MCXT_ALLOC_HUGE);
	build->sample_tids = (ItemPointerData *)palloc_extended(
		sizeof(ItemPointerData) * build->capacity, MCXT_ALLOC_HUGE);
	MemoryContextSwitchTo(old);
}

void
SampleRow(Relation, ItemPointer tid, Datum *values, bool *isnull, bool, void *state) {
	auto *build = (BuildState *)state;
	if (isnull[0])
		return;
	uint64 place = build->n_seen++;
	if (build->sample != nullptr && place >= build->capacity) {
		place = pg_prng_uint64_range(&build->random, 0, place);
		if (place >= build->capacity)
			return;
	}
	MemoryContext old = MemoryContextSwitchTo(build->row_context);
	int n;
	const float *elements = build->type->elements(values[0], &n);
	if (build->sample == nullptr)
		StartSample(build, n);
	if ((uint32)n != build->dims)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("different vector dimensions %u and %d", build->dims, n)));
	place = Min(place, build->n_sample);
	memcpy(build->sample + place * build->dims, elements, sizeof(float) * build->dims);
	if (Normalize(build->type->metric, build->sample + place * build->dims, build->dims)) {
		build->sample_tids[place] = *tid;
		build->n_sample = Max(build->n_sample, place + 1);
	} else if (place < build->n_sample) {
		// The row that it replaced is gone: another takes its place.
		build->n_sample--;
		memcpy(build->sample + place * build->dims, build->sample + build->n_sample * build->dims,
			   sizeof(float) * build->dims);
		build->sample_tids[place] = build->sample_tids[build->n_sample];
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(build->row_context);
}

} // namespace

void
HoldBack(float *sample, ItemPointerData *tids, uint64 n_sample, uint32 dims, uint32 n,
		 pg_prng_state *random) {
	for (uint32 i = 0; i < n; i++) {
		uint64 last = n_sample - 1 - i;
		uint64 pick = pg_prng_uint64_range(random, 0, last);
		if (pick == last)
			continue;
		float *a = sample + pick * dims, *b = sample + last * dims;
		for (uint32 k = 0; k < dims; k++) {
			float x = a[k];
			a[k] = b[k];
			b[k] = x;
		}
		ItemPointerData tid = tids[pick];
		tids[pick] = tids[last];
		tids[last] = tid;
	}
}

std::byte *
Train(const ann::Layout &layout, const float *sample, uint64 n, int elevel) {
	Size bytes = ann::Quantizer::Bytes(layout);
	if (bytes > PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("the quantizer is too large"),
				 errdetail("It has %u lists of %u dimensions.", layout.lists, layout.dims),
				 errhint("Choose fewer lists.")));
	auto *memory = (char *)palloc_extended(bytes + ann::kAlignment, MCXT_ALLOC_HUGE);
	auto *blob = (std::byte *)TYPEALIGN(ann::kAlignment, memory);
	int n_threads = Max(1, max_parallel_maintenance_workers);
	pg::ErrorCopy error;
	bool trained = pg::Attempt(
		[&] {
			ann::TrainOptions options;
			options.layout = layout;
			options.n_threads = n_threads;
			options.module_directory = pkglib_path;
			options.stop = pg::BackendStopToken();
			std::vector<std::byte> result = ann::TrainQuantizer(sample, n, options);
			memcpy(blob, result.data(), bytes);
		},
		error);
	if (trained)
		return blob;
	if (elevel >= ERROR || error.kind != pg::ErrorCopy::kError)
		pg::RaiseCopied(error);
	ereport(elevel, (errcode(error.sqlstate), errmsg_internal("%s", error.message)));
	return nullptr;
}

void
InitMeta(MetaData *meta) {
	*meta = {};
	meta->magic = kMagic;
	meta->version = kFormatVersion;
	// Two builds in one file must differ, nothing more.
	if (!pg_strong_random(&meta->build_id, sizeof(meta->build_id)))
		meta->build_id = (uint64)GetCurrentTimestamp();
}

namespace {

void
WriteMeta(Relation index, const MetaData &meta, Page image, bool log) {
	InitPage(image, PageKind::kMeta, 0, 0);
	memcpy(MetaOf(image), &meta, sizeof(meta));
	WritePage(index, kMetaBlock, image, log);
}

} // namespace

void
WriteBlob(Relation index, MetaData *meta, const std::byte *blob, Page image, bool log) {
	Size pages = BlobPages(*meta);
	meta->blob_start = TakePages(index, pages, PageKind::kBlob, log);
	for (Size i = 0; i < pages; i++) {
		Size bytes = Min(kPageCapacity, meta->blob_bytes - i * kPageCapacity);
		InitPage(image, PageKind::kBlob, 0, 0);
		memcpy((char *)image + kDataOffset, blob + i * kPageCapacity, bytes);
		WritePage(index, meta->blob_start + (BlockNumber)i, image, log);
	}
}

void
TakeDirectory(Relation index, MetaData *meta, bool log) {
	meta->directory_start = TakePages(index, DirectoryPages(*meta), PageKind::kDirectory, log);
}

void
WriteDirectory(Relation index, const MetaData &meta, const DirectoryEntryData *entries, Page image,
			   bool log) {
	for (uint32 list = 0; list < meta.layout.lists; list += kDirectoryEntries) {
		uint32 n = Min(kDirectoryEntries, meta.layout.lists - list);
		InitPage(image, PageKind::kDirectory, 0, 0);
		memcpy(DirectoryEntries(image), entries + list, sizeof(DirectoryEntryData) * n);
		WritePage(index, DirectoryBlock(meta, list), image, log);
	}
}

namespace {

DirectoryEntryData *
WriteLists(BuildState *build) {
	auto *entries = (DirectoryEntryData *)palloc(sizeof(DirectoryEntryData) * build->layout.lists);
	Spool *spool = &build->encoder.spool;
	ListWriter writer;
	InitWriter(&writer, build->index, &build->layout, &build->geometry, false);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, (int64)build->encoder.sums.rows);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, 0);
	int64 done = 0;
	for (uint32 list = 0; list < build->layout.lists; list++) {
		BeginList(&writer, list, 1);
		BeginSpoolList(spool, list);
		while (SpoolRow *row = NextSpoolRow(spool)) {
			CHECK_FOR_INTERRUPTS();
			AppendRow(&writer, SpoolCode(row), row->t, SpoolCodedRow(*spool, row), &row->tid);
			done++;
		}
		entries[list] = EndList(&writer, 0, 0);
		pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, done);
	}
	return entries;
}

void
BuildFromSample(BuildState *build, MetaData *meta, Page image) {
	meta->layout = build->layout =
		ChooseLayout(build->index, build->dims, build->type->metric, build->n_seen);
	build->geometry = GeometryOf(build->layout);
	uint32 n_queries = ProbeQueries(build->dims, build->n_seen, build->n_sample);
	HoldBack(build->sample, build->sample_tids, build->n_sample, build->dims, n_queries,
			 &build->random);
	StartPhase(kTraining);
	// So few rows that holding some back would show in the quantizer are used for both.
	uint64 n_train =
		build->n_sample >= 20 * (uint64)n_queries ? build->n_sample - n_queries : build->n_sample;
	build->blob = Train(build->layout, build->sample, n_train, ERROR);
	meta->blob_bytes = build->blob_bytes = (uint32)ann::Quantizer::Bytes(build->layout);
	Probe probe;
	InitProbe(&probe, build->layout, build->sample + (build->n_sample - n_queries) * build->dims,
			  build->sample_tids + (build->n_sample - n_queries), n_queries);
	pfree(build->sample);
	pfree(build->sample_tids);

	StartPhase(kEncoding);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, (int64)build->n_seen);
	int n_workers = PlanWorkers(build->heap, build->index);
	Size memory_bytes = HalfOfMaintenanceMemory() / (Size)(n_workers + 1);
	Encoder *encoder = &build->encoder;
	InitEncoder(encoder, build->heap, build->index, build->info, build->blob, memory_bytes);
	encoder->probe = probe;
	encoder->report = true;
	ParallelBuild *parallel = nullptr;
	if (n_workers > 0)
		parallel = EncodeInParallel(encoder, build->blob_bytes, memory_bytes, n_workers);
	if (parallel == nullptr)
		EncodeRows(encoder, nullptr);
	FinishSpool(&encoder->spool);

	StartPhase(kWriting);
	WriteBlob(build->index, meta, build->blob, image, false);
	TakeDirectory(build->index, meta, false);
	DirectoryEntryData *entries = WriteLists(build);
	WriteDirectory(build->index, *meta, entries, image, false);
	EndSpool(&encoder->spool);
	if (parallel != nullptr)
		EndParallelBuild(parallel);
	const EncodedSums &sums = encoder->sums;
	meta->built_rows = sums.rows;
	meta->built_residual = sums.rows > 0 ? sums.residual / (double)sums.rows : 0;
	meta->built_code_error = sums.rows > 0 ? sums.code_error / (double)sums.rows : 0;
	meta->generation = 1;

	StartPhase(kMeasuring);
	MeasureCurve(&encoder->probe, build->index, build->blob, build->geometry, entries, meta);
}

} // namespace

IndexBuildResult *
Build(Relation heap, Relation index, IndexInfo *info) {
	if (RelationGetNumberOfBlocks(index) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" already contains data", RelationGetRelationName(index))));
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "faiss build", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	auto *build = (BuildState *)palloc0(sizeof(BuildState));
	build->heap = heap;
	build->index = index;
	build->info = info;
	build->type = VectorTypeOf(index);
	build->row_context = AllocSetContextCreate(context, "faiss build row", ALLOCSET_DEFAULT_SIZES);
	// The same table gives the same index.
	pg_prng_seed(&build->random, 1);
	int typmod = TupleDescAttr(RelationGetDescr(index), 0)->atttypmod;
	if (typmod > 0) {
		// What is wrong with the options shows on an empty table too.
		CheckIndexable(index, typmod);
		(void)ChooseLayout(index, (uint32)typmod, build->type->metric, 0);
	}

	StartPhase(kSampling);
	double heap_rows =
		table_index_build_scan(heap, index, info, true, true, SampleRow, build, nullptr);
	auto *image = (Page)palloc(BLCKSZ);
	MetaData meta;
	InitMeta(&meta);
	TakePages(index, 1, PageKind::kMeta, false);
	if (build->n_sample > 0)
		BuildFromSample(build, &meta, image);
	WriteMeta(index, meta, image, false);
	if (RelationNeedsWAL(index))
		log_newpage_range(index, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(index), true);
	uint64 n_rows = build->encoder.sums.rows;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	auto *result = (IndexBuildResult *)palloc(sizeof(IndexBuildResult));
	result->heap_tuples = heap_rows;
	result->index_tuples = (double)n_rows;
	return result;
}

/// The index of an unlogged table after a crash: it has seen no vector.
void
BuildEmpty(Relation index) {
	MetaData meta;
	InitMeta(&meta);
	Buffer buffer = ReadBufferExtended(index, INIT_FORKNUM, P_NEW, RBM_ZERO_AND_LOCK, nullptr);
	START_CRIT_SECTION();
	Page page = BufferGetPage(buffer);
	InitPage(page, PageKind::kMeta, 0, 0);
	memcpy(MetaOf(page), &meta, sizeof(meta));
	MarkBufferDirty(buffer);
	log_newpage_buffer(buffer, true);
	END_CRIT_SECTION();
	UnlockReleaseBuffer(buffer);
}

void
BuildWithoutRows(Relation index, uint32 dims) {
	// One at a time; who comes second finds the work done.
	LockPage(index, kMetaBlock, ExclusiveLock);
	MetaData meta;
	ReadMeta(index, &meta);
	if (meta.layout.dims == 0) {
		ann::Metric metric = VectorTypeOf(index)->metric;
		// Rows as the options want them, so that growing can take them over.
		ann::RowCodec rows = ChooseLayout(index, dims, metric, 0).rows;
		pg::Guard([&] { meta.layout = ann::Layout::Of(dims, metric, 1, 0, rows); });
		Geometry geometry = GeometryOf(meta.layout);
		auto *image = (Page)palloc(BLCKSZ);
		std::byte *blob = Train(meta.layout, nullptr, 0, ERROR);
		meta.blob_bytes = (uint32)ann::Quantizer::Bytes(meta.layout);
		WriteBlob(index, &meta, blob, image, true);
		TakeDirectory(index, &meta, true);
		ListWriter writer;
		InitWriter(&writer, index, &meta.layout, &geometry, true);
		BeginList(&writer, 0, 1);
		DirectoryEntryData entry = EndList(&writer, 0, 0);
		WriteDirectory(index, meta, &entry, image, true);
		meta.generation = 1;
		WriteMeta(index, meta, image, true);
	}
	UnlockPage(index, kMetaBlock, ExclusiveLock);
}

char *
BuildPhaseName(int64 phase) {
	switch (phase) {
		case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
			return pstrdup("initializing");
		case kSampling:
			return pstrdup("sampling rows");
		case kTraining:
			return pstrdup("training the quantizer");
		case kEncoding:
			return pstrdup("encoding rows");
		case kWriting:
			return pstrdup("writing lists");
		case kMeasuring:
			return pstrdup("measuring recall");
		default:
			return nullptr;
	}
}

} // namespace pgml::index
