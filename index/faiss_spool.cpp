/// Sorting encoded rows by list. See faiss_spool.h.
#include "index/faiss_spool.h"

extern "C" {
#include "utils/memutils.h"
}

namespace pgml::index {

void
InitSpool(Spool *spool, const ann::Layout &layout, Size memory_bytes) {
	*spool = {};
	spool->lists = layout.lists;
	spool->code_bytes = layout.subquantizers;
	spool->record_bytes = MAXALIGN(kSpoolHeader + layout.subquantizers + layout.row_bytes);
	spool->capacity = Max(memory_bytes / (spool->record_bytes + sizeof(uint32)), (Size)64);
	spool->capacity = Min(spool->capacity, (uint64)PG_INT32_MAX);
	// Memory is touched as it fills: asking for all of it at once costs nothing.
	spool->records =
		(char *)MemoryContextAllocHuge(CurrentMemoryContext, spool->capacity * spool->record_bytes);
	spool->order =
		(uint32 *)MemoryContextAllocHuge(CurrentMemoryContext, spool->capacity * sizeof(uint32));
}

namespace {

/// Adds a run with the counts of the records in memory, and puts these in order (counting sort: stable, linear).
SpoolRun *
SortRun(Spool *spool) {
	Size bytes = sizeof(SpoolRun) * (Size)(spool->n_runs + 1);
	spool->runs = spool->runs == nullptr ? (SpoolRun *)palloc(bytes)
										 : (SpoolRun *)repalloc(spool->runs, bytes);
	SpoolRun *run = &spool->runs[spool->n_runs++];
	run->file = nullptr;
	run->counts = (uint32 *)palloc0(sizeof(uint32) * spool->lists);
	auto *starts = (uint32 *)palloc(sizeof(uint32) * spool->lists);
	for (uint64 i = 0; i < spool->n; i++)
		run->counts[SpoolRowAt(*spool, i)->list]++;
	uint32 sum = 0;
	for (uint32 list = 0; list < spool->lists; list++) {
		starts[list] = sum;
		sum += run->counts[list];
	}
	for (uint64 i = 0; i < spool->n; i++)
		spool->order[starts[SpoolRowAt(*spool, i)->list]++] = (uint32)i;
	pfree(starts);
	return run;
}

void
WriteRun(Spool *spool) {
	SpoolRun *run = SortRun(spool);
	run->file = BufFileCreateTemp(false);
	for (uint64 i = 0; i < spool->n; i++) {
		CHECK_FOR_INTERRUPTS();
		BufFileWrite(run->file, SpoolRowAt(*spool, spool->order[i]), spool->record_bytes);
	}
	if (BufFileSeek(run->file, 0, 0, SEEK_SET) != 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not rewind temporary file")));
	spool->n = 0;
}

} // namespace

SpoolRow *
AddSpoolRow(Spool *spool) {
	if (spool->n == spool->capacity)
		WriteRun(spool);
	return SpoolRowAt(*spool, spool->n++);
}

void
FinishSpool(Spool *spool) {
	SortRun(spool);
	spool->next = 0;
}

SpoolRow *
NextSpoolRow(Spool *spool, uint32 list, int *run, uint32 *taken, char *buffer) {
	for (; *run < spool->n_runs; (*run)++, *taken = 0) {
		SpoolRun *at = &spool->runs[*run];
		if (*taken == at->counts[list])
			continue;
		(*taken)++;
		if (at->file == nullptr)
			return SpoolRowAt(*spool, spool->order[spool->next++]);
		if (BufFileRead(at->file, buffer, spool->record_bytes) != spool->record_bytes)
			ereport(ERROR, (errcode_for_file_access(),
							errmsg("could not read from temporary file: read too little")));
		return (SpoolRow *)buffer;
	}
	return nullptr;
}

void
EndSpool(Spool *spool) {
	for (int i = 0; i < spool->n_runs; i++)
		if (spool->runs[i].file != nullptr)
			BufFileClose(spool->runs[i].file);
	pfree(spool->records);
	pfree(spool->order);
}

} // namespace pgml::index
