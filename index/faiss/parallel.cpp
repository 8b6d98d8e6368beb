/**
 * Workers of CREATE INDEX. See parallel.h; the shape is nbtree's (nbtsort.c).
 *
 * The shared segment, by key: what the leader says and the workers answer (SharedBuild, with the scan of the table behind it),
 * the quantizer, the probe's queries and their TIDs, what each worker found of their neighbours, the text of the command, and
 * two arrays for counting buffers and WAL. A worker writes only what is its own; the leader reads it when all have ended.
 */
#include "index/faiss/parallel.h"

#include "am/base/compat.h"

extern "C" {
#include "access/parallel.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "executor/instrument.h"
#include "optimizer/optimizer.h"
#include "pgstat.h"
#include "storage/sharedfileset.h"
#include "storage/shm_toc.h"
#include "tcop/tcopprot.h"
#include "utils/snapmgr.h"
}

namespace pgml::index {

namespace {

enum Key : uint64 {
	kShared = 1,
	kBlob,
	kQueries,
	kQueryTids,
	kNeighbors,
	kNeighborCounts,
	kCommand,
	kBufferUsage,
	kWalUsage,
};

struct WorkerResult {
	EncodedSums sums;
	int n_runs;
	bool broken_hot_chain;
	bool done;
};

struct SharedBuild {
	Oid heap, index;
	bool concurrent;
	int n_workers; ///< asked for
	uint32 n_queries;
	Size blob_offset;  ///< in its chunk, for alignment
	Size memory_bytes; ///< of one participant
	SharedFileSet files;
	pg_atomic_uint64 rows;
	WorkerResult results[FLEXIBLE_ARRAY_MEMBER];
};

Size
ScanOffset(int n_workers) {
	return BUFFERALIGN(
		add_size(offsetof(SharedBuild, results), mul_size(sizeof(WorkerResult), (Size)n_workers)));
}

ParallelTableScanDesc
ScanOf(SharedBuild *shared, int n_workers) {
	return (ParallelTableScanDesc)((char *)shared + ScanOffset(n_workers));
}

/// Where worker i leaves the neighbours of n queries.
ProbeNeighbor *
NeighborsOf(shm_toc *toc, uint32 n, int i) {
	return (ProbeNeighbor *)shm_toc_lookup(toc, kNeighbors, false) + (Size)n * kProbeNeighbors * i;
}
uint32 *
NeighborCountsOf(shm_toc *toc, uint32 n, int i) {
	return (uint32 *)shm_toc_lookup(toc, kNeighborCounts, false) + (Size)n * i;
}

} // namespace

struct ParallelBuild {
	ParallelContext *context;
	SharedBuild *shared;
	Snapshot snapshot;
	Size sizes[kWalUsage + 1]; ///< of the chunks, by key
};

namespace {

void
EstimateChunks(ParallelBuild *parallel, const Encoder &encoder, Size blob_bytes) {
	ParallelContext *context = parallel->context;
	auto n_workers = (Size)context->nworkers;
	Size n = encoder.probe.n, *sizes = parallel->sizes;
	sizes[kShared] = add_size(ScanOffset(context->nworkers),
							  table_parallelscan_estimate(encoder.heap, parallel->snapshot));
	sizes[kBlob] = add_size(blob_bytes, ann::kAlignment);
	sizes[kQueries] = mul_size(sizeof(float) * encoder.layout.dims, n);
	sizes[kQueryTids] = mul_size(sizeof(ItemPointerData), n);
	sizes[kNeighbors] = mul_size(sizeof(ProbeNeighbor) * kProbeNeighbors, mul_size(n, n_workers));
	sizes[kNeighborCounts] = mul_size(sizeof(uint32), mul_size(n, n_workers));
	sizes[kCommand] = debug_query_string != nullptr ? strlen(debug_query_string) + 1 : 0;
	sizes[kBufferUsage] = mul_size(sizeof(BufferUsage), n_workers);
	sizes[kWalUsage] = mul_size(sizeof(WalUsage), n_workers);
	for (uint64 key = kShared; key <= kWalUsage; key++)
		shm_toc_estimate_chunk(&context->estimator, sizes[key]);
	shm_toc_estimate_keys(&context->estimator, kWalUsage);
}

void *
AddChunk(ParallelBuild *parallel, Key key, const void *content) {
	void *chunk = shm_toc_allocate(parallel->context->toc, parallel->sizes[key]);
	if (content != nullptr)
		memcpy(chunk, content, parallel->sizes[key]);
	shm_toc_insert(parallel->context->toc, key, chunk);
	return chunk;
}

void
FillChunks(ParallelBuild *parallel, const Encoder &encoder, Size blob_bytes, Size memory_bytes) {
	ParallelContext *context = parallel->context;
	auto *shared = (SharedBuild *)AddChunk(parallel, kShared, nullptr);
	memset((void *)shared, 0, ScanOffset(context->nworkers));
	shared->heap = RelationGetRelid(encoder.heap);
	shared->index = RelationGetRelid(encoder.index);
	shared->concurrent = encoder.info->ii_Concurrent;
	shared->n_workers = context->nworkers;
	shared->n_queries = encoder.probe.n;
	shared->memory_bytes = memory_bytes;
	pg_atomic_init_u64(&shared->rows, 0);
	SharedFileSetInit(&shared->files, context->seg);
	ParallelTableScanDesc scan = ScanOf(shared, context->nworkers);
	table_parallelscan_initialize(encoder.heap, scan, parallel->snapshot);
	// From the first block on, as EncodeRows wants it.
	scan->phs_syncscan = false;

	auto *chunk = (char *)AddChunk(parallel, kBlob, nullptr);
	shared->blob_offset = (Size)((char *)TYPEALIGN(ann::kAlignment, chunk) - chunk);
	memcpy(chunk + shared->blob_offset, encoder.blob, blob_bytes);
	(void)AddChunk(parallel, kQueries, encoder.probe.queries);
	(void)AddChunk(parallel, kQueryTids, encoder.probe.tids);
	(void)AddChunk(parallel, kNeighbors, nullptr);
	(void)AddChunk(parallel, kNeighborCounts, nullptr);
	if (debug_query_string != nullptr)
		(void)AddChunk(parallel, kCommand, debug_query_string);
	(void)AddChunk(parallel, kBufferUsage, nullptr);
	(void)AddChunk(parallel, kWalUsage, nullptr);
	parallel->shared = shared;
}

/// Ends what began with EnterParallelMode(); no worker runs any more.
void
LeaveParallelMode(ParallelBuild *parallel) {
	if (IsMVCCSnapshot(parallel->snapshot))
		UnregisterSnapshot(parallel->snapshot);
	DestroyParallelContext(parallel->context);
	ExitParallelMode();
	pfree(parallel);
}

/// Waits for the workers and adds what they have found to the leader's.
void
CollectResults(ParallelBuild *parallel, Encoder *encoder) {
	ParallelContext *context = parallel->context;
	WaitForParallelWorkersToFinish(context);
	auto *buffers = (BufferUsage *)shm_toc_lookup(context->toc, kBufferUsage, false);
	auto *wal = (WalUsage *)shm_toc_lookup(context->toc, kWalUsage, false);
	uint64 before = encoder->sums.rows;
	for (int i = 0; i < context->nworkers_launched; i++) {
		const WorkerResult &result = parallel->shared->results[i];
		if (!result.done)
			elog(ERROR, "a worker of the index build ended early");
		encoder->sums.rows += result.sums.rows;
		encoder->sums.residual += result.sums.residual;
		encoder->sums.code_error += result.sums.code_error;
		if (result.broken_hot_chain)
			encoder->info->ii_BrokenHotChain = true;
		uint32 n = encoder->probe.n;
		MergeNeighbors(&encoder->probe, NeighborsOf(context->toc, n, i),
					   NeighborCountsOf(context->toc, n, i));
		AdoptRuns(&encoder->spool, &parallel->shared->files.fs, (uint32)i, result.n_runs);
		InstrAccumParallelQuery(&buffers[i], &wal[i]);
	}
	ereport(DEBUG1, (errmsg_internal("%d parallel workers encoded " UINT64_FORMAT
									 " of " UINT64_FORMAT " rows",
									 context->nworkers_launched, encoder->sums.rows - before,
									 encoder->sums.rows)));
}

} // namespace

int
PlanWorkers(Relation heap, Relation index) {
	return plan_create_index_workers(RelationGetRelid(heap), RelationGetRelid(index));
}

ParallelBuild *
EncodeInParallel(Encoder *encoder, Size blob_bytes, Size memory_bytes, int n_workers) {
	auto *parallel = (ParallelBuild *)palloc0(sizeof(ParallelBuild));
	EnterParallelMode();
	parallel->context = CreateParallelContext("pgml_am", "pgml_faiss_build_worker", n_workers);
	// As for any index: all rows that somebody may see, or with CONCURRENTLY those of one snapshot.
	parallel->snapshot =
		encoder->info->ii_Concurrent ? RegisterSnapshot(GetTransactionSnapshot()) : SnapshotAny;
	EstimateChunks(parallel, *encoder, blob_bytes);
	InitializeParallelDSM(parallel->context);
	// Without a segment there are no workers.
	if (parallel->context->seg != nullptr) {
		FillChunks(parallel, *encoder, blob_bytes, memory_bytes);
		LaunchParallelWorkers(parallel->context);
	}
	if (parallel->context->seg == nullptr || parallel->context->nworkers_launched == 0) {
		LeaveParallelMode(parallel);
		return nullptr;
	}
	encoder->all_rows = &parallel->shared->rows;
	EncodeRows(encoder, table_beginscan_parallel(
							encoder->heap, ScanOf(parallel->shared, parallel->context->nworkers)));
	CollectResults(parallel, encoder);
	return parallel;
}

void
EndParallelBuild(ParallelBuild *parallel) {
	LeaveParallelMode(parallel);
}

} // namespace pgml::index

using namespace pgml::index;

extern "C" {
PGDLLEXPORT void pgml_faiss_build_worker(dsm_segment *segment, shm_toc *toc);
}

/// What a worker runs; the server finds it by its name.
void
pgml_faiss_build_worker(dsm_segment *segment, shm_toc *toc) {
	auto *shared = (SharedBuild *)shm_toc_lookup(toc, kShared, false);
	debug_query_string = (const char *)shm_toc_lookup(toc, kCommand, true);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);

	// The locks that the leader has.
	LOCKMODE heap_lock = shared->concurrent ? ShareUpdateExclusiveLock : ShareLock;
	LOCKMODE index_lock = shared->concurrent ? RowExclusiveLock : AccessExclusiveLock;
	Relation heap = table_open(shared->heap, heap_lock);
	Relation index = index_open(shared->index, index_lock);
	IndexInfo *info = BuildIndexInfo(index);
	info->ii_Concurrent = shared->concurrent;

	InstrStartParallelQuery();
	SharedFileSetAttach(&shared->files, segment);
	auto *blob = (const std::byte *)shm_toc_lookup(toc, kBlob, false) + shared->blob_offset;
	auto *encoder = (Encoder *)palloc(sizeof(Encoder));
	InitEncoder(encoder, heap, index, info, blob, shared->memory_bytes);
	InitProbe(&encoder->probe, encoder->layout, (const float *)shm_toc_lookup(toc, kQueries, false),
			  (const ItemPointerData *)shm_toc_lookup(toc, kQueryTids, false), shared->n_queries);
	encoder->all_rows = &shared->rows;
	ShareSpool(&encoder->spool, &shared->files.fs, (uint32)ParallelWorkerNumber);
	EncodeRows(encoder, table_beginscan_parallel(heap, ScanOf(shared, shared->n_workers)));

	WorkerResult *result = &shared->results[ParallelWorkerNumber];
	result->n_runs = ExportSpool(&encoder->spool);
	result->sums = encoder->sums;
	result->broken_hot_chain = info->ii_BrokenHotChain;
	Size n = shared->n_queries;
	memcpy(NeighborsOf(toc, shared->n_queries, ParallelWorkerNumber), encoder->probe.neighbors,
		   sizeof(ProbeNeighbor) * kProbeNeighbors * n);
	memcpy(NeighborCountsOf(toc, shared->n_queries, ParallelWorkerNumber),
		   encoder->probe.n_neighbors, sizeof(uint32) * n);
	result->done = true;
	InstrEndParallelQuery(
		&((BufferUsage *)shm_toc_lookup(toc, kBufferUsage, false))[ParallelWorkerNumber],
		&((WalUsage *)shm_toc_lookup(toc, kWalUsage, false))[ParallelWorkerNumber]);

	index_close(index, index_lock);
	table_close(heap, heap_lock);
}
