#pragma once
/**
 * Encoded rows on their way from the table to their lists, where they arrive in the order of their TIDs.
 *
 * Rows are kept in memory as long as they fit; else they leave as a *run*, sorted by list and TID, for a temporary file.
 * Lists are written one after the other, so that all runs are read once from the front and merged. Workers of a parallel
 * build leave all their runs in files of the leader's set, and the leader takes them over: the result does not depend on who
 * encoded which row.
 */
#include "index/faiss/page.h"

extern "C" {
#include "lib/binaryheap.h"
#include "storage/buffile.h"
}

namespace pgml::index {

/// A record. Code (one byte a nibble) and row follow.
struct SpoolRow {
	uint32 list;
	float t;
	ItemPointerData tid;
};
constexpr Size kSpoolHeader = MAXALIGN(sizeof(SpoolRow));

struct SpoolRun {
	BufFile *file;  ///< nullptr: the records in memory
	uint32 *counts; ///< by list. In a file they stand before the records
	uint32 left;    ///< records of the present list not read yet
	SpoolRow *row;  ///< the next of them
	char *buffer;   ///< of a file
};

struct Spool {
	uint32 lists;
	Size record_bytes, code_bytes;
	char *records;
	uint64 capacity, n;
	uint32 *order; ///< of the records in memory, by list and TID
	uint64 next;   ///< position in order
	SpoolRun *runs;
	int n_runs;
	binaryheap *merge;  ///< runs that have records of the present list, least TID first
	SpoolRun *given;    ///< the one whose record was given last
	FileSet *shared;    ///< nullptr: files are nobody else's
	uint32 participant; ///< names the files of a shared set
};

/// Lives in the current memory context.
void InitSpool(Spool *spool, const ann::Layout &layout, Size memory_bytes);

inline SpoolRow *
SpoolRowAt(const Spool &spool, uint64 i) {
	return (SpoolRow *)(spool.records + i * spool.record_bytes);
}
inline uint8_t *
SpoolCode(SpoolRow *row) {
	return (uint8_t *)row + kSpoolHeader;
}
inline std::byte *
SpoolCodedRow(const Spool &spool, SpoolRow *row) {
	return (std::byte *)row + kSpoolHeader + spool.code_bytes;
}

/// A record to fill, list included, before the next call.
SpoolRow *AddSpoolRow(Spool *spool);

/// A worker's: files are made in this set from now on.
void ShareSpool(Spool *spool, FileSet *files, uint32 participant);
/// A worker's end: all is in files. @return how many; the spool is ended
int ExportSpool(Spool *spool);
/// The leader's: takes over what a worker exported.
void AdoptRuns(Spool *spool, FileSet *files, uint32 participant, int n_runs);

void FinishSpool(Spool *spool);
/// Lists ascending, none left out.
void BeginSpoolList(Spool *spool, uint32 list);
/// The next record of the list in the order of TIDs, valid until the next call; nullptr: no more.
SpoolRow *NextSpoolRow(Spool *spool);
void EndSpool(Spool *spool);

} // namespace pgml::index
