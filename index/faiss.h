#pragma once
/// The access method `faiss`: what its files offer each other. Grouped by the file that defines it.
#include "am/base/pg.h"

#include "index/faiss_page.h"

extern "C" {
#include "access/amapi.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
}

namespace pgml::index {

// faiss_types.cpp -----------------------------------------------------------------------------------------------------

/// What an operator class brings: the metric and how to read its type. Support function 1 returns a pointer to one.
struct VectorType {
	ann::Metric metric;
	/// The elements of a value, checked; *n their number. Detoasts into the current memory context.
	const float *(*elements)(Datum value, int *n);
};
const VectorType *VectorTypeOf(Relation index);
/// @throws (ereport) 54000
void CheckIndexable(Relation index, int n);
/// @throws (ereport) 22000 in the words of the operators
void CheckIndexDimensions(const ann::Layout &layout, int n);

// faiss_options.cpp ---------------------------------------------------------------------------------------------------

void DefineIndexOptions();
bytea *IndexOptions(Datum options, bool validate);
/// The layout that the options of the index ask for. @throws (ereport) 22023, 54000
ann::Layout ChooseLayout(Relation index, uint32 dims, ann::Metric metric, uint64 n_vectors);

// faiss_validate.cpp --------------------------------------------------------------------------------------------------

bool Validate(Oid opclass);

// faiss_build.cpp -----------------------------------------------------------------------------------------------------

IndexBuildResult *Build(Relation heap, Relation index, IndexInfo *info);
void BuildEmpty(Relation index);
char *BuildPhaseName(int64 phase);
/// Gives an index that has seen no vector its pages: one list, no codes. For the first insert.
void BuildWithoutRows(Relation index, uint32 dims);

// faiss_insert.cpp ----------------------------------------------------------------------------------------------------

bool Insert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
			IndexUniqueCheck unique, bool unchanged, IndexInfo *info);

// faiss_vacuum.cpp ----------------------------------------------------------------------------------------------------

IndexBulkDeleteResult *BulkDelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
								  IndexBulkDeleteCallback callback, void *state);
IndexBulkDeleteResult *VacuumCleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats);

// faiss_compact.cpp ---------------------------------------------------------------------------------------------------

/// Writes the live rows of a list as a new chain and switches to it. Only VACUUM does this, one at a time.
void CompactList(Relation index, const MetaData &meta, const Geometry &geometry, uint32 list);

/// Marks a page that nothing names any more.
void DeletePage(Relation index, BlockNumber block, uint32 list, uint32 chain);

// faiss_scan.cpp ------------------------------------------------------------------------------------------------------

IndexScanDesc BeginScan(Relation index, int n_keys, int n_orderbys);
void Rescan(IndexScanDesc scan, ScanKey keys, int n_keys, ScanKey orderbys, int n_orderbys);
bool GetTuple(IndexScanDesc scan, ScanDirection direction);
void EndScan(IndexScanDesc scan);

// faiss_explain.cpp ---------------------------------------------------------------------------------------------------

void InstallSearchStatistics();

// faiss_settings.cpp --------------------------------------------------------------------------------------------------

struct ScanSettings {
	uint32 probes; ///< lists to open first
	uint32 refine; ///< candidates to bound for the first rows; 0: every row of the opened lists
};
/// What pgml.recall, pgml.probes and pgml.refine ask of this index.
ScanSettings ChooseSettings(const MetaData &meta);

// faiss_cost.cpp ------------------------------------------------------------------------------------------------------

void CostEstimate(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup, Cost *total,
				  Selectivity *selectivity, double *correlation, double *pages);

// faiss_cache.cpp -----------------------------------------------------------------------------------------------------

void InstallIndexCache();

} // namespace pgml::index
