#pragma once
/**
 * Encoded rows on their way from the table to their lists: kept in memory as long as they fit, else in sorted runs in
 * temporary files, which are merged list by list.
 */
#include "index/faiss_page.h"

extern "C" {
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
	uint32 *counts; ///< by list
};

struct Spool {
	uint32 lists;
	Size record_bytes, code_bytes;
	char *records;
	uint64 capacity, n;
	uint32 *order; ///< of the records in memory, by list
	uint64 next;   ///< position in order
	SpoolRun *runs;
	int n_runs;
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
void FinishSpool(Spool *spool);
/// The next record of the list, nullptr: no more. Lists ascending; @param run  0 at the start of a list, kept by this
/// @param buffer  record_bytes
SpoolRow *NextSpoolRow(Spool *spool, uint32 list, int *run, uint32 *taken, char *buffer);
void EndSpool(Spool *spool);

} // namespace pgml::index
