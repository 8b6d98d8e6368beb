/// Sorting encoded rows by list and TID. See spool.h.
#include "index/faiss/spool.h"

#include <algorithm>

extern "C" {
#include "storage/fileset.h"
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

SpoolRun *
AddRun(Spool *spool) {
	Size bytes = sizeof(SpoolRun) * (Size)(spool->n_runs + 1);
	spool->runs = spool->runs == nullptr ? (SpoolRun *)palloc(bytes)
										 : (SpoolRun *)repalloc(spool->runs, bytes);
	SpoolRun *run = &spool->runs[spool->n_runs++];
	*run = {};
	run->counts = (uint32 *)palloc0(sizeof(uint32) * spool->lists);
	return run;
}

/// A scan gives TIDs in ascending order, but for updated rows, which stand where the first version does.
void
SortByTid(const Spool &spool, uint32 *first, uint32 *last) {
	auto before = [&](uint32 a, uint32 b) {
		return ItemPointerCompare(&SpoolRowAt(spool, a)->tid, &SpoolRowAt(spool, b)->tid) < 0;
	};
	if (!std::is_sorted(first, last, before))
		std::sort(first, last, before);
}

/// Adds a run with the counts of the records in memory, and puts these in order (counting sort: linear).
SpoolRun *
SortRun(Spool *spool) {
	SpoolRun *run = AddRun(spool);
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
	for (uint32 list = 0; list < spool->lists; list++) {
		CHECK_FOR_INTERRUPTS();
		SortByTid(*spool, spool->order + starts[list] - run->counts[list],
				  spool->order + starts[list]);
	}
	pfree(starts);
	return run;
}

void
RunName(char *name, uint32 participant, int run) {
	snprintf(name, MAXPGPATH, "faiss.%u.%d", participant, run);
}

void
WriteRun(Spool *spool) {
	SpoolRun *run = SortRun(spool);
	if (spool->shared != nullptr) {
		char name[MAXPGPATH];
		RunName(name, spool->participant, spool->n_runs - 1);
		run->file = BufFileCreateFileSet(spool->shared, name);
		BufFileWrite(run->file, run->counts, sizeof(uint32) * spool->lists);
	} else
		run->file = BufFileCreateTemp(false);
	for (uint64 i = 0; i < spool->n; i++) {
		CHECK_FOR_INTERRUPTS();
		BufFileWrite(run->file, SpoolRowAt(*spool, spool->order[i]), spool->record_bytes);
	}
	spool->n = 0;
	if (spool->shared != nullptr) {
		// Nothing of it is needed here any more.
		BufFileExportFileSet(run->file);
		BufFileClose(run->file);
		pfree(run->counts);
		*run = {};
	} else if (BufFileSeek(run->file, 0, 0, SEEK_SET) != 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not rewind temporary file")));
}

void
ReadFile(BufFile *file, void *to, Size bytes) {
	if (BufFileRead(file, to, bytes) != bytes)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not read from temporary file: read too little")));
}

} // namespace

SpoolRow *
AddSpoolRow(Spool *spool) {
	if (spool->n == spool->capacity)
		WriteRun(spool);
	return SpoolRowAt(*spool, spool->n++);
}

void
ShareSpool(Spool *spool, FileSet *files, uint32 participant) {
	spool->shared = files;
	spool->participant = participant;
}

int
ExportSpool(Spool *spool) {
	if (spool->n > 0)
		WriteRun(spool);
	pfree(spool->records);
	pfree(spool->order);
	return spool->n_runs;
}

void
AdoptRuns(Spool *spool, FileSet *files, uint32 participant, int n_runs) {
	for (int i = 0; i < n_runs; i++) {
		SpoolRun *run = AddRun(spool);
		char name[MAXPGPATH];
		RunName(name, participant, i);
		run->file = BufFileOpenFileSet(files, name, O_RDONLY, false);
		ReadFile(run->file, run->counts, sizeof(uint32) * spool->lists);
	}
}

namespace {

/// The first of the heap has the least TID.
int
CompareRuns(Datum a, Datum b, void *arg) {
	const auto *spool = (const Spool *)arg;
	return ItemPointerCompare(&spool->runs[DatumGetInt32(b)].row->tid,
							  &spool->runs[DatumGetInt32(a)].row->tid);
}

/// Moves to the next record of the present list. @return false: there is none
bool
Advance(Spool *spool, SpoolRun *run) {
	if (run->left == 0)
		return false;
	run->left--;
	if (run->file == nullptr) {
		run->row = SpoolRowAt(*spool, spool->order[spool->next++]);
		return true;
	}
	ReadFile(run->file, run->buffer, spool->record_bytes);
	run->row = (SpoolRow *)run->buffer;
	return true;
}

} // namespace

void
FinishSpool(Spool *spool) {
	SortRun(spool);
	spool->next = 0;
	for (int i = 0; i < spool->n_runs; i++)
		if (spool->runs[i].file != nullptr)
			spool->runs[i].buffer = (char *)palloc(spool->record_bytes);
	spool->merge = binaryheap_allocate(spool->n_runs, CompareRuns, spool);
}

void
BeginSpoolList(Spool *spool, uint32 list) {
	binaryheap_reset(spool->merge);
	for (int i = 0; i < spool->n_runs; i++) {
		SpoolRun *run = &spool->runs[i];
		run->left = run->counts[list];
		run->row = nullptr;
		if (Advance(spool, run))
			binaryheap_add_unordered(spool->merge, Int32GetDatum(i));
	}
	binaryheap_build(spool->merge);
	spool->given = nullptr;
}

SpoolRow *
NextSpoolRow(Spool *spool) {
	// What was given last is still in its run's buffer.
	if (spool->given != nullptr) {
		int first = DatumGetInt32(binaryheap_first(spool->merge));
		if (Advance(spool, spool->given))
			binaryheap_replace_first(spool->merge, Int32GetDatum(first));
		else
			(void)binaryheap_remove_first(spool->merge);
	}
	if (binaryheap_empty(spool->merge))
		return nullptr;
	spool->given = &spool->runs[DatumGetInt32(binaryheap_first(spool->merge))];
	return spool->given->row;
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
