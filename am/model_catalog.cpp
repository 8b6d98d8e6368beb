/**
 * Reading pgml.projects, models, deployments and files. See model_catalog.h.
 *
 * The tables are read as the server reads its own catalogs: systable scans with snapshot = NULL,
 * which takes a fresh catalog snapshot for every scan, because these relations have no syscache
 * behind them. SPI would use the query's snapshot, could not run in parallel workers and would need
 * the caller's rights.
 *
 * Locks: AccessShareLock on the table for the time of a scan. Memory: entries live in a context of
 * their own, which is reset as a whole when an invalidation of pgml.deployments has arrived.
 * Callbacks only set flags.
 *
 * The rows are data that a superuser can change by hand: what they hold is checked here and
 * reported as XX001.
 */
#include "am/model_catalog.h"

#include "am/predict_functions.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace pgml::am {

namespace {

// Attribute numbers: the order of columns in sql/extension/10_catalog.sql, which only ever appends.
constexpr AttrNumber kProjectId = 1, kProjectName = 2, kProjectOwner = 6, kProjectUsers = 7;
constexpr AttrNumber kModelId = 1, kModelProject = 2, kModelRowCost = 15;
constexpr AttrNumber kDeploymentId = 1, kDeploymentProject = 2, kDeploymentModel = 3;
constexpr AttrNumber kFileModel = 2, kFilePath = 3, kFilePart = 4, kFileData = 7;

enum Table { kProjects, kModels, kDeployments, kFiles, kTables };
enum Index {
	kProjectsByName,
	kProjectsById,
	kModelsById,
	kDeploymentsByProject,
	kFilesByModel,
	kIndexes
};

constexpr const char *kTableNames[kTables] = {"projects", "models", "deployments", "files"};
struct IndexInfo {
	Table table;
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
	Table table;
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

/// OIDs of this database. A missing index costs speed only: the scan is then sequential.
struct CatalogOids {
	bool valid;
	Oid table[kTables];
	Oid index[kIndexes];
} oids;

struct ProjectEntry {
	Project project;
	char *name;
	int n_users;
	Oid *users;
	ProjectEntry *next; ///< another name with the same hash
};

// Hash tables: key first, as dynahash wants it.
struct NameSlot {
	uint64 hash;
	ProjectEntry *first;
};
struct IdSlot {
	int64 project_id;
	ProjectEntry *entry;
};
struct ModelSlot {
	int64 model_id;
	Project project;
};

struct ProjectCache {
	MemoryContext context;
	HTAB *by_name, *by_id, *models;
	bool stale;
} cache;

bool callbacks_registered = false;
uint64 generation = 1;

void
ForgetRelation(Datum, Oid relid) {
	if (relid == InvalidOid || relid == oids.table[kDeployments]) {
		cache.stale = true;
		generation++;
	}
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
	cache.stale = true;
	generation++;
}

/// @return false when the tables are not there: the extension is not installed, or no longer.
bool
LoadOids() {
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
	for (int i = 0; complete && i < kIndexes; i++) {
		Oid index = get_relname_relid(kIndexInfo[i].name, schema);
		if (OidIsValid(index) && IndexGetRelation(index, true) != oids.table[kIndexInfo[i].table])
			index = InvalidOid;
		oids.index[i] = index;
	}
	if (!complete)
		oids.valid = false;
	return complete;
}

[[noreturn]] void
RaiseNotInstalled() {
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
					errmsg("extension \"pgml_am\" is not installed in this database"),
					errhint("CREATE EXTENSION pgml_am;")));
}

/// Opens a catalog table for reading; its OID and those of its indexes are right once the lock is
/// held.
Relation
OpenTable(Table table) {
	Relation relation;
	for (;;) {
		if (!LoadOids())
			RaiseNotInstalled();
		Oid oid = oids.table[table];
		relation = try_table_open(oid, AccessShareLock);
		if (!LoadOids())
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

/// A value of a row that must not be null. `id` is the row's, or that of what was looked for.
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

/// Scan over the rows where a bigint column has a value.
SysScanDesc
ScanById(Relation relation, Index index, AttrNumber attno, int64 id) {
	ScanKeyData key;
	ScanKeyInit(&key, attno, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
	return systable_beginscan(relation, oids.index[index], true, nullptr, 1, &key);
}

/// The model that the last deployment of a project names, 0 = none.
int64
ReadDeployedModel(int64 project_id) {
	Relation relation = OpenTable(kDeployments);
	int64 model_id = 0;
	if (OidIsValid(oids.index[kDeploymentsByProject])) {
		// Backwards over (project_id, id): the first row is the last deployment, however long the
		// history.
		Relation index = index_open(oids.index[kDeploymentsByProject], AccessShareLock);
		ScanKeyData key;
		ScanKeyInit(&key, kDeploymentProject, BTEqualStrategyNumber, F_INT8EQ,
					Int64GetDatum(project_id));
		SysScanDesc scan = systable_beginscan_ordered(relation, index, nullptr, 1, &key);
		HeapTuple tuple = systable_getnext_ordered(scan, BackwardScanDirection);
		if (HeapTupleIsValid(tuple))
			model_id = DatumGetInt64(RequiredValue(relation, tuple, kDeploymentModel, project_id));
		systable_endscan_ordered(scan);
		index_close(index, AccessShareLock);
	} else {
		SysScanDesc scan =
			ScanById(relation, kDeploymentsByProject, kDeploymentProject, project_id);
		int64 last = 0;
		bool any = false;
		while (HeapTuple tuple = systable_getnext(scan)) {
			int64 id = DatumGetInt64(RequiredValue(relation, tuple, kDeploymentId, project_id));
			if (any && id <= last)
				continue;
			any = true;
			last = id;
			model_id = DatumGetInt64(RequiredValue(relation, tuple, kDeploymentModel, project_id));
		}
		systable_endscan(scan);
	}
	table_close(relation, AccessShareLock);
	return model_id;
}

/// @return false when there is no such model
bool
ReadModel(int64 model_id, int64 *project_id, double *row_cost) {
	Relation relation = OpenTable(kModels);
	SysScanDesc scan = ScanById(relation, kModelsById, kModelId, model_id);
	HeapTuple tuple = systable_getnext(scan);
	bool found = HeapTupleIsValid(tuple);
	if (found) {
		*project_id = DatumGetInt64(RequiredValue(relation, tuple, kModelProject, model_id));
		*row_cost = DatumGetFloat8(RequiredValue(relation, tuple, kModelRowCost, model_id));
		// Only an estimate, but it must not poison the planner's arithmetic.
		if (!(*row_cost >= 0 && *row_cost < 1e9))
			*row_cost = 0;
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return found;
}

void
ReadUsers(Relation relation, HeapTuple tuple, int64 project_id, ProjectEntry *entry) {
	Datum value = RequiredValue(relation, tuple, kProjectUsers, project_id);
	ArrayType *array = DatumGetArrayTypePCopy(value);
	Datum *elements;
	bool *nulls;
	int n;
	deconstruct_array(array, REGROLEOID, sizeof(Oid), true, TYPALIGN_INT, &elements, &nulls, &n);
	entry->users = (Oid *)MemoryContextAlloc(cache.context, sizeof(Oid) * Max(n, 1));
	for (int i = 0; i < n; i++)
		if (!nulls[i]) // a null grants nothing
			entry->users[entry->n_users++] = DatumGetObjectId(elements[i]);
	pfree(elements);
	pfree(nulls);
	pfree(array);
}

/// Reads the project that the key finds. @return nullptr when there is none. The entry is not in
/// the cache yet.
ProjectEntry *
ReadProject(Index index, ScanKey key) {
	Relation relation = OpenTable(kProjects);
	key->sk_collation = TupleDescAttr(RelationGetDescr(relation), key->sk_attno - 1)->attcollation;
	SysScanDesc scan = systable_beginscan(relation, oids.index[index], true, nullptr, 1, key);
	HeapTuple tuple = systable_getnext(scan);
	ProjectEntry *entry = nullptr;
	if (HeapTupleIsValid(tuple)) {
		entry = (ProjectEntry *)MemoryContextAllocZero(cache.context, sizeof(ProjectEntry));
		int64 id = DatumGetInt64(RequiredValue(relation, tuple, kProjectId, 0));
		entry->project.project_id = id;
		entry->project.owner = DatumGetObjectId(RequiredValue(relation, tuple, kProjectOwner, id));
		char *name = TextDatumGetCString(RequiredValue(relation, tuple, kProjectName, id));
		entry->name = MemoryContextStrdup(cache.context, name);
		pfree(name);
		ReadUsers(relation, tuple, id, entry);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	if (entry == nullptr)
		return nullptr;
	Project *project = &entry->project;
	project->model_id = ReadDeployedModel(project->project_id);
	int64 ignored;
	if (project->model_id == 0 || !ReadModel(project->model_id, &ignored, &project->row_cost))
		project->row_cost = 0;
	return entry;
}

HTAB *
MakeTable(const char *name, Size key_size, Size entry_size) {
	HASHCTL control = {};
	control.keysize = key_size;
	control.entrysize = entry_size;
	control.hcxt = cache.context;
	return hash_create(name, 32, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/// Takes in what other sessions committed, then throws the cache away if that, or anything before,
/// made it stale.
bool
PrepareCache() {
	if (!ExtensionInstalled())
		return false;
	AcceptInvalidationMessages();
	// The OIDs tell the callback which relation to listen for, so they come before the first entry.
	if (!LoadOids())
		return false;
	if (cache.context != nullptr && !cache.stale)
		return true;
	if (cache.context == nullptr)
		cache.context =
			AllocSetContextCreate(TopMemoryContext, "pgml projects", ALLOCSET_SMALL_SIZES);
	cache.by_name = cache.by_id = cache.models = nullptr;
	cache.stale = true; // should making the tables fail, start again
	MemoryContextReset(cache.context);
	cache.by_name = MakeTable("pgml projects by name", sizeof(uint64), sizeof(NameSlot));
	cache.by_id = MakeTable("pgml projects by id", sizeof(int64), sizeof(IdSlot));
	cache.models = MakeTable("pgml models", sizeof(int64), sizeof(ModelSlot));
	cache.stale = false;
	return true;
}

uint64
NameHash(const char *name) {
	return hash_bytes_extended((const unsigned char *)name, (int)strlen(name), 0);
}

/// Puts a project that was read into both tables.
void
AddEntry(ProjectEntry *entry) {
	bool found;
	uint64 hash = NameHash(entry->name);
	auto *by_name = (NameSlot *)hash_search(cache.by_name, &hash, HASH_ENTER, &found);
	entry->next = found ? by_name->first : nullptr;
	by_name->first = entry;
	auto *by_id =
		(IdSlot *)hash_search(cache.by_id, &entry->project.project_id, HASH_ENTER, &found);
	by_id->entry = entry;
}

/// The entry is valid until the next PrepareCache.
ProjectEntry *
EntryByName(const char *name) {
	if (!PrepareCache())
		return nullptr;
	uint64 hash = NameHash(name);
	auto *slot = (NameSlot *)hash_search(cache.by_name, &hash, HASH_FIND, nullptr);
	for (ProjectEntry *entry = slot != nullptr ? slot->first : nullptr; entry != nullptr;
		 entry = entry->next)
		if (strcmp(entry->name, name) == 0)
			return entry;
	ScanKeyData key;
	Datum text_name = CStringGetTextDatum(name);
	ScanKeyInit(&key, kProjectName, BTEqualStrategyNumber, F_TEXTEQ, text_name);
	ProjectEntry *entry = ReadProject(kProjectsByName, &key);
	pfree(DatumGetPointer(text_name));
	if (entry != nullptr)
		AddEntry(entry);
	return entry;
}

ProjectEntry *
EntryById(int64 project_id) {
	if (!PrepareCache())
		return nullptr;
	auto *slot = (IdSlot *)hash_search(cache.by_id, &project_id, HASH_FIND, nullptr);
	if (slot != nullptr)
		return slot->entry;
	ScanKeyData key;
	ScanKeyInit(&key, kProjectId, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(project_id));
	ProjectEntry *entry = ReadProject(kProjectsById, &key);
	if (entry != nullptr)
		AddEntry(entry);
	return entry;
}

/// One row of pgml.files, in hand.
struct FilePart {
	int32 part;
	bytea *data;
};

int
ComparePart(const void *a, const void *b) {
	int32 left = ((const FilePart *)a)->part, right = ((const FilePart *)b)->part;
	return left < right ? -1 : left > right;
}

[[noreturn]] void
RaiseDamagedFiles(int64 model_id, const char *detail) {
	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("model " INT64_FORMAT " is damaged", model_id), errdetail("%s", detail),
					errhint("Deploy another model of the project, or train it again.")));
}

/// Position and origin of a row version; summed over the rows of a model, so that their order does
/// not matter.
uint64
RowFingerprint(HeapTuple tuple) {
	uint64 words[3] = {tuple->t_tableOid, HeapTupleHeaderGetRawXmin(tuple->t_data),
					   ((uint64)ItemPointerGetBlockNumberNoCheck(&tuple->t_self) << 16) |
						   ItemPointerGetOffsetNumberNoCheck(&tuple->t_self)};
	return hash_bytes_extended((const unsigned char *)words, sizeof(words), 0);
}

} // namespace

bool
LookupProject(const char *name, Project *out) {
	const ProjectEntry *entry = EntryByName(name);
	if (entry == nullptr)
		return false;
	*out = entry->project;
	return true;
}

bool
LookupModelProject(int64 model_id, Project *out) {
	if (!PrepareCache())
		return false;
	auto *slot = (ModelSlot *)hash_search(cache.models, &model_id, HASH_FIND, nullptr);
	if (slot != nullptr) {
		*out = slot->project;
		return true;
	}
	int64 project_id;
	double row_cost;
	if (!ReadModel(model_id, &project_id, &row_cost))
		return false;
	const ProjectEntry *entry = EntryById(project_id);
	if (entry == nullptr)
		return false;
	*out = entry->project;
	out->model_id = model_id;
	out->row_cost = row_cost;
	bool found;
	slot = (ModelSlot *)hash_search(cache.models, &model_id, HASH_ENTER, &found);
	slot->project = *out;
	return true;
}

char *
ProjectName(int64 project_id) {
	const ProjectEntry *entry = EntryById(project_id);
	return entry != nullptr ? pstrdup(entry->name) : nullptr;
}

List *
DeployedProjects() {
	if (!PrepareCache())
		return NIL;
	Relation relation = OpenTable(kProjects);
	List *all = NIL, *deployed = NIL;
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, nullptr, 0, nullptr);
	while (HeapTuple tuple = systable_getnext(scan))
		all = lappend(all, TextDatumGetCString(RequiredValue(relation, tuple, kProjectName, 0)));
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	ListCell *cell;
	foreach (cell, all) {
		Project project;
		if (LookupProject((char *)lfirst(cell), &project) && project.model_id != 0)
			deployed = lappend(deployed, lfirst(cell));
	}
	return deployed;
}

bool
HasProjectUse(const Project &project, Oid role) {
	if (superuser_arg(role) || has_privs_of_role(role, project.owner))
		return true;
	const ProjectEntry *entry = EntryById(project.project_id);
	if (entry == nullptr)
		return false;
	// The role lookups below may accept invalidations but never reset the cache: only PrepareCache
	// does.
	for (int i = 0; i < entry->n_users; i++)
		if (!OidIsValid(entry->users[i]) || has_privs_of_role(role, entry->users[i]))
			return true;
	return false;
}

void
CheckProjectUse(const Project &project, Oid role, const char *name) {
	if (HasProjectUse(project, role))
		return;
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("permission denied for project \"%s\"", name),
					errhint("The owner of the project can allow it with pgml.grant_use(%s, %s).",
							quote_literal_cstr(name),
							quote_literal_cstr(GetUserNameFromId(role, true) != nullptr
												   ? GetUserNameFromId(role, true)
												   : ""))));
}

void
RaiseNoProject(const char *name) {
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("project \"%s\" does not exist", name),
			 errhint("pgml.train makes a project when it trains the first model for it.")));
}

void
RaiseNoModel(const char *name) {
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("project \"%s\" has no deployed model", name),
					errhint("Deploy one of its models with pgml.deploy.")));
}

void
RaiseNoModelId(int64 model_id) {
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
					errmsg("model " INT64_FORMAT " does not exist", model_id),
					errhint("The view pgml.trained_models lists the models that there are.")));
}

bytea *
ReadModelBytes(int64 model_id, uint64 *fingerprint) {
	Relation relation = OpenTable(kFiles);
	SysScanDesc scan = ScanById(relation, kFilesByModel, kFileModel, model_id);
	int n = 0, capacity = 4;
	auto *parts = (FilePart *)palloc(sizeof(FilePart) * capacity);
	char *path = nullptr;
	uint64 sum = 0;
	Size total = 0;
	while (HeapTuple tuple = systable_getnext(scan)) {
		CHECK_FOR_INTERRUPTS();
		char *row_path = TextDatumGetCString(RequiredValue(relation, tuple, kFilePath, model_id));
		if (path != nullptr && strcmp(path, row_path) != 0)
			RaiseDamagedFiles(model_id, "Its rows in pgml.files name more than one path.");
		if (path != nullptr)
			pfree(row_path);
		else
			path = row_path;
		if (n == capacity) {
			capacity *= 2;
			parts = (FilePart *)repalloc(parts, sizeof(FilePart) * capacity);
		}
		parts[n].part = DatumGetInt32(RequiredValue(relation, tuple, kFilePart, model_id));
		parts[n].data = DatumGetByteaPCopy(RequiredValue(relation, tuple, kFileData, model_id));
		total += VARSIZE_ANY_EXHDR(parts[n].data);
		sum += RowFingerprint(tuple);
		n++;
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	if (n == 0) {
		int64 project_id;
		double row_cost;
		if (!ReadModel(model_id, &project_id, &row_cost))
			RaiseNoModelId(model_id);
		RaiseDamagedFiles(model_id, "It has no row in pgml.files.");
	}
	qsort(parts, n, sizeof(FilePart), ComparePart);
	for (int i = 0; i < n; i++)
		if (parts[i].part != i)
			RaiseDamagedFiles(model_id,
							  psprintf("Part %d is missing in pgml.files, or there twice.", i));
	if (fingerprint != nullptr)
		*fingerprint = sum;
	bytea *result = parts[0].data;
	if (n > 1) {
		if (total > MaxAllocSize - VARHDRSZ)
			ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
							errmsg("model " INT64_FORMAT " is too large", model_id),
							errdetail("It has %zu bytes, the limit is %zu.", total,
									  (Size)MaxAllocSize - VARHDRSZ)));
		result = (bytea *)palloc(VARHDRSZ + total);
		SET_VARSIZE(result, VARHDRSZ + total);
		char *to = VARDATA(result);
		for (int i = 0; i < n; i++) {
			Size length = VARSIZE_ANY_EXHDR(parts[i].data);
			memcpy(to, VARDATA_ANY(parts[i].data), length);
			to += length;
			pfree(parts[i].data);
		}
	}
	pfree(parts);
	pfree(path);
	return result;
}

uint64
ModelFingerprint(int64 model_id) {
	Relation relation = OpenTable(kFiles);
	SysScanDesc scan = ScanById(relation, kFilesByModel, kFileModel, model_id);
	uint64 sum = 0;
	while (HeapTuple tuple = systable_getnext(scan))
		sum += RowFingerprint(tuple);
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return sum;
}

Oid
DeploymentsRelation() {
	if (!LoadOids())
		RaiseNotInstalled();
	return oids.table[kDeployments];
}

uint64
CatalogGeneration() {
	return generation;
}

} // namespace pgml::am
