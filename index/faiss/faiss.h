#pragma once
/// The access method `faiss`: what its files offer each other. Grouped by the file that defines it.
#include "am/base/pg.h"

#include "index/faiss/page.h"

extern "C" {
#include "access/amapi.h"
#include "access/stratnum.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
#include "nodes/tidbitmap.h"
}

namespace pgml::index {

// types.cpp -----------------------------------------------------------------------------------------------------

/// What an operator class brings: the metric and how to read its type. Support function 1 returns a pointer to one.
struct VectorType {
	ann::Metric metric;
	/// The elements of a value, checked; *n their number. Detoasts into the current memory context.
	const float *(*elements)(Datum value, int *n);
	/// The same where a value may be none that can be compared. @return nullptr: it is not
	const float *(*try_elements)(Datum value, int *n);
};
const VectorType *VectorTypeOf(Relation index);
/// By the operator family's support function.
const VectorType *VectorTypeOf(Oid opfamily, Oid type);
/// @throws (ereport) 54000
void CheckIndexable(Relation index, int n);
/// @throws (ereport) 22000 in the words of the operators
void CheckIndexDimensions(const ann::Layout &layout, int n);

// handler.cpp ---------------------------------------------------------------------------------------------------

/// Is it this access method?
bool IsFaiss(Oid access_method);

// options.cpp ---------------------------------------------------------------------------------------------------

void DefineIndexOptions();
bytea *IndexOptions(Datum options, bool validate);
/// The layout that the options of the index ask for. @throws (ereport) 22023, 54000
ann::Layout ChooseLayout(Relation index, uint32 dims, ann::Metric metric, uint64 n_vectors);

// validate.cpp --------------------------------------------------------------------------------------------------

bool Validate(Oid opclass);

// build.cpp -----------------------------------------------------------------------------------------------------

IndexBuildResult *Build(Relation heap, Relation index, IndexInfo *info);
void BuildEmpty(Relation index);
char *BuildPhaseName(int64 phase);
/// Gives an index that has seen no vector its pages: one list, no codes. For the first insert.
void BuildWithoutRows(Relation index, uint32 dims);

// insert.cpp ----------------------------------------------------------------------------------------------------

/// What is appended to a list.
struct NewRow {
	const uint8_t *code;
	float t;
	const std::byte *row;
	ItemPointer tid;
	float residual; ///< squared distance to the centroid
};
/// @return false: the list has another chain by now, or the index other lists
bool AppendToList(Relation index, const MetaData &meta, const Geometry &geometry, uint32 list,
				  const NewRow &row);

bool Insert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
			IndexUniqueCheck unique, bool unchanged, IndexInfo *info);

// vacuum.cpp ----------------------------------------------------------------------------------------------------

IndexBulkDeleteResult *BulkDelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
								  IndexBulkDeleteCallback callback, void *state);
IndexBulkDeleteResult *VacuumCleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats);

// grow.cpp ------------------------------------------------------------------------------------------------------

/// From so many rows on one list is too long, where the options leave a choice.
constexpr uint64 kRowsOfOneList = 10000;
/// Does an index of one list hold so many rows that it should have more? *layout is what it should have.
bool ShouldGrow(Relation index, const MetaData &meta, uint64 rows, ann::Layout *layout);
/// Trains on the rows that the index holds, and moves them into the lists of `layout`. Only VACUUM does this.
void Grow(Relation index, const MetaData &meta, uint64 rows, const ann::Layout &layout);

// compact.cpp ---------------------------------------------------------------------------------------------------

/// Writes the live rows of a list as a new chain and switches to it. Only VACUUM does this, one at a time.
void CompactList(Relation index, const MetaData &meta, const Geometry &geometry, uint32 list);

// scan.cpp ------------------------------------------------------------------------------------------------------

IndexScanDesc BeginScan(Relation index, int n_keys, int n_orderbys);
void Rescan(IndexScanDesc scan, ScanKey keys, int n_keys, ScanKey orderbys, int n_orderbys);
bool GetTuple(IndexScanDesc scan, ScanDirection direction);
int64 GetBitmap(IndexScanDesc scan, TIDBitmap *bitmap);
void EndScan(IndexScanDesc scan);

/// Up to so many rows the first candidates are enough: ten wanted, and what the executor looks ahead. The curve of the build
/// is measured for ten.
constexpr double kRowsOfFirst = 16;
/// Who takes more is served as if so many times more were taken already: what is found after rows behind it were returned
/// is lost to a strict order, so lists have to be open well before their rows are due.
constexpr double kLookAhead = 4;

// explain.cpp ---------------------------------------------------------------------------------------------------

void InstallSearchStatistics();

// range_path.cpp ------------------------------------------------------------------------------------------------

/// Numbers of the operators in operator families: the distance, and `column <op> (center, radius, inclusive)`.
constexpr StrategyNumber kDistanceStrategy = 1, kRangeStrategy = 2;
/// Attributes of its right argument's type.
enum RangeAttribute { kRangeCenter = 1, kRangeRadius, kRangeInclusive };

void InstallRangePaths();
/// Rises with every range that is given to a path: tells whether a plan may hold one.
uint64 RangePathsMade();

// range_plan.cpp ------------------------------------------------------------------------------------------------

void InstallRangePlans();

// range_estimate.cpp --------------------------------------------------------------------------------------------

/// What share of the rows of an index is within a range, by a sample of them. @return -1: nothing is known
double EstimateRangeShare(Oid index, const VectorType *type, const Const *center,
						  const Const *radius);

// settings.cpp --------------------------------------------------------------------------------------------------

struct ScanSettings {
	uint32 probes; ///< lists to open first
	uint32 refine; ///< candidates to bound for the first rows; 0: every row of the opened lists
};
/// What pgml.recall, pgml.probes and pgml.refine ask of this index.
ScanSettings ChooseSettings(const MetaData &meta);

// cost.cpp ------------------------------------------------------------------------------------------------------

void CostEstimate(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup, Cost *total,
				  Selectivity *selectivity, double *correlation, double *pages);

// cache.cpp -----------------------------------------------------------------------------------------------------

void InstallIndexCache();

} // namespace pgml::index
