#pragma once
/**
 * The catalog tables as relations: their OIDs, columns and indexes, and scans over them.
 *
 * The tables are read as the server reads its own catalogs: systable scans with snapshot = NULL,
 * which takes a fresh catalog snapshot for every scan, because these relations have no syscache
 * behind them. SPI would use the query's snapshot, could not run in parallel workers and would need
 * the caller's rights.
 *
 * The rows are data that a superuser can change by hand: RequiredValue checks for NULL, opening a
 * table checks its columns.
 */
#include "am/base/pg.h"

extern "C" {
#include "access/genam.h"
#include "access/htup.h"
#include "utils/relcache.h"
}

namespace pgml::am {

// Attribute numbers: the order of columns in sql/extension/10_catalog.sql, which only ever appends.
constexpr AttrNumber kProjectId = 1, kProjectName = 2, kProjectOwner = 6, kProjectUsers = 7;
constexpr AttrNumber kModelId = 1, kModelProject = 2, kModelRowCost = 15;
constexpr AttrNumber kDeploymentId = 1, kDeploymentProject = 2, kDeploymentModel = 3;
constexpr AttrNumber kFileModel = 2, kFilePath = 3, kFilePart = 4, kFileData = 7;

enum CatalogTable { kProjects, kModels, kDeployments, kFiles, kTables };
enum CatalogIndex {
	kProjectsByName,
	kProjectsById,
	kModelsById,
	kDeploymentsByProject,
	kFilesByModel,
	kIndexes
};

/// False when the tables are not there: the extension is not installed, or no longer. Cheap.
bool CatalogPresent();

/// Raises an error when the extension is not installed.
Oid CatalogTableOid(CatalogTable table);

/// Opens a table with AccessShareLock. Its OID and those of its indexes are right once that is held.
Relation OpenCatalogTable(CatalogTable table);

/// A value of a row that must not be null (XX001). `id` is the row's, or what it was found by.
Datum RequiredValue(Relation relation, HeapTuple tuple, AttrNumber attno, int64 id);

/// The index to scan a table by; InvalidOid where reading the whole table is cheaper, or the index is missing.
Oid ScanIndexOid(Relation relation, CatalogIndex index);

/// Scan over the rows where a bigint column has a value.
SysScanDesc ScanCatalog(Relation relation, CatalogIndex index, AttrNumber attno, int64 id);

} // namespace pgml::am
