/**
 * OIDs and scans of the catalog tables. See catalog_tables.h.
 *
 * Locks: AccessShareLock on the table for the time of a scan. Invalidation callbacks only set flags
 * and count.
 */
#include "am/models/catalog_tables.h"

#include "am/models/model_catalog.h"

extern "C" {
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace pgml::am {

namespace {

constexpr const char *kTableNames[kTables] = {"projects", "models", "deployments", "files"};
struct IndexInfo {
	CatalogTable table;
	const char *name;
};
constexpr IndexInfo kIndexInfo[kIndexes] = {
	{kProjects, "projects_name_key"},
	{kProjects, "projects_pkey"},
	{kModels, "models_pkey"},
	{kDeployments, "deployments_project_id_id_idx"},
	{kFiles, "files_model_id_path_part_key"},
};
struct ColumnInfo {
	CatalogTable table;
	AttrNumber attno;
	Oid type;
};
constexpr ColumnInfo kColumns[] = {
	{kProjects, kProjectId, INT8OID},
	{kProjects, kProjectName, TEXTOID},
	{kProjects, kProjectOwner, REGROLEOID},
	{kProjects, kProjectUsers, REGROLEARRAYOID},
	{kModels, kModelId, INT8OID},
	{kModels, kModelProject, INT8OID},
	{kModels, kModelRowCost, FLOAT8OID},
	{kDeployments, kDeploymentId, INT8OID},
	{kDeployments, kDeploymentProject, INT8OID},
	{kDeployments, kDeploymentModel, INT8OID},
	{kFiles, kFileModel, INT8OID},
	{kFiles, kFilePath, TEXTOID},
	{kFiles, kFilePart, INT4OID},
	{kFiles, kFileData, BYTEAOID},
};

/// OIDs of this database. A missing index costs speed only: the scan is then sequential. Indexes are
/// looked up when a scan first wants one.
struct CatalogOids {
	bool valid;
	Oid table[kTables];
	bool index_known[kIndexes];
	Oid index[kIndexes];
} oids;

bool callbacks_registered = false;
uint64 generation = 1;

void
ForgetRelation(Datum, Oid relid) {
	if (relid == InvalidOid || relid == oids.table[kDeployments])
		generation++;
	for (Oid table : oids.table)
		if (relid == InvalidOid || relid == table)
			oids.valid = false;
	for (Oid index : oids.index)
		if (relid == index)
			oids.valid = false;
}

/// A renamed schema, or one dropped and made again.
void
ForgetSchemas(Datum, int, uint32) {
	oids.valid = false;
	generation++;
}

[[noreturn]] void
RaiseNotInstalled() {
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
					errmsg("extension \"pgml_am\" is not installed in this database"),
					errhint("CREATE EXTENSION pgml_am;")));
}

} // namespace

bool
CatalogPresent() {
	if (oids.valid)
		return true;
	if (!callbacks_registered) {
		CacheRegisterRelcacheCallback(ForgetRelation, (Datum)0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, ForgetSchemas, (Datum)0);
		callbacks_registered = true;
	}
	// Valid before looking: an invalidation that arrives while we look must win.
	oids.valid = true;
	Oid schema = get_namespace_oid("pgml", true);
	bool complete = OidIsValid(schema);
	for (int i = 0; complete && i < kTables; i++) {
		oids.table[i] = get_relname_relid(kTableNames[i], schema);
		complete = OidIsValid(oids.table[i]);
	}
	memset(oids.index_known, 0, sizeof(oids.index_known));
	if (!complete)
		oids.valid = false;
	return complete;
}

Oid
CatalogTableOid(CatalogTable table) {
	if (!CatalogPresent())
		RaiseNotInstalled();
	return oids.table[table];
}

Relation
OpenCatalogTable(CatalogTable table) {
	Relation relation;
	for (;;) {
		if (!CatalogPresent())
			RaiseNotInstalled();
		Oid oid = oids.table[table];
		relation = try_table_open(oid, AccessShareLock);
		if (!CatalogPresent())
			RaiseNotInstalled();
		if (relation != nullptr && oids.table[table] == oid)
			break;
		if (relation != nullptr)
			table_close(relation, AccessShareLock);
		else
			oids.valid = false;
	}
	TupleDesc descriptor = RelationGetDescr(relation);
	for (const ColumnInfo &column : kColumns) {
		if (column.table != table)
			continue;
		if (relation->rd_rel->relkind != RELKIND_RELATION || column.attno > descriptor->natts ||
			TupleDescAttr(descriptor, column.attno - 1)->attisdropped ||
			TupleDescAttr(descriptor, column.attno - 1)->atttypid != column.type)
			ereport(
				ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"pgml.%s\" does not have the columns of this version of pgml_am",
						kTableNames[table]),
				 errdetail("Column number %d is missing or has another type.", column.attno),
				 errhint("ALTER EXTENSION pgml_am UPDATE brings the catalog tables up to the "
						 "library.")));
	}
	return relation;
}

Datum
RequiredValue(Relation relation, HeapTuple tuple, AttrNumber attno, int64 id) {
	bool is_null;
	Datum value = heap_getattr(tuple, attno, RelationGetDescr(relation), &is_null);
	if (is_null)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("damaged row in table \"pgml.%s\"", RelationGetRelationName(relation)),
				 errdetail("Column \"%s\" is null in a row found by " INT64_FORMAT ".",
						   NameStr(TupleDescAttr(RelationGetDescr(relation), attno - 1)->attname),
						   id)));
	return value;
}

Oid
ScanIndexOid(Relation relation, CatalogIndex index) {
	// The first look at an index makes the server collect what it knows of it, which takes longer than
	// going through a few pages: a new session's first prediction would wait for that four times.
	constexpr BlockNumber kFewPages = 4;
	if (RelationGetNumberOfBlocks(relation) <= kFewPages)
		return InvalidOid;
	if (!oids.index_known[index]) {
		oids.index_known[index] = true; // before looking, as above
		Oid oid = get_relname_relid(kIndexInfo[index].name, RelationGetNamespace(relation));
		if (OidIsValid(oid) && IndexGetRelation(oid, true) != RelationGetRelid(relation))
			oid = InvalidOid;
		oids.index[index] = oid;
	}
	return oids.index[index];
}

SysScanDesc
ScanCatalog(Relation relation, CatalogIndex index, AttrNumber attno, int64 id) {
	ScanKeyData key;
	ScanKeyInit(&key, attno, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
	Oid oid = ScanIndexOid(relation, index);
	return systable_beginscan(relation, oid, OidIsValid(oid), nullptr, 1, &key);
}

uint64
CatalogGeneration() {
	return generation;
}

} // namespace pgml::am
