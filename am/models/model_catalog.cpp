/**
 * Projects, cached per backend, and who may use them. See model_catalog.h.
 *
 * Entries live in a memory context of their own, which is reset as a whole when the catalog's
 * generation has risen: that is what an invalidation of pgml.deployments does.
 */
#include "am/models/model_catalog.h"

#include "am/models/catalog_tables.h"
#include "am/executor/predict_functions.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
}

namespace pgml::am {

namespace {

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
	uint64 generation; ///< of the catalog that the entries show; 0 = start again
} cache;

/// The model that the last deployment of a project names, 0 = none.
int64
ReadDeployedModel(int64 project_id) {
	Relation relation = OpenCatalogTable(kDeployments);
	int64 model_id = 0;
	Oid index_oid = ScanIndexOid(relation, kDeploymentsByProject);
	if (OidIsValid(index_oid)) {
		// Backwards over (project_id, id): the first row is the last deployment, however long the
		// history.
		Relation index = index_open(index_oid, AccessShareLock);
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
			ScanCatalog(relation, kDeploymentsByProject, kDeploymentProject, project_id);
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
	Relation relation = OpenCatalogTable(kModels);
	SysScanDesc scan = ScanCatalog(relation, kModelsById, kModelId, model_id);
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
ReadProject(CatalogIndex index, ScanKey key) {
	Relation relation = OpenCatalogTable(kProjects);
	key->sk_collation = TupleDescAttr(RelationGetDescr(relation), key->sk_attno - 1)->attcollation;
	Oid oid = ScanIndexOid(relation, index);
	SysScanDesc scan = systable_beginscan(relation, oid, OidIsValid(oid), nullptr, 1, key);
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
	if (!CatalogPresent())
		return false;
	uint64 generation = CatalogGeneration();
	if (cache.generation == generation)
		return true;
	if (cache.context == nullptr)
		cache.context =
			AllocSetContextCreate(TopMemoryContext, "pgml projects", ALLOCSET_SMALL_SIZES);
	cache.by_name = cache.by_id = cache.models = nullptr;
	cache.generation = 0; // should making the tables fail, start again
	MemoryContextReset(cache.context);
	cache.by_name = MakeTable("pgml projects by name", sizeof(uint64), sizeof(NameSlot));
	cache.by_id = MakeTable("pgml projects by id", sizeof(int64), sizeof(IdSlot));
	cache.models = MakeTable("pgml models", sizeof(int64), sizeof(ModelSlot));
	cache.generation = generation;
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
	Relation relation = OpenCatalogTable(kProjects);
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

Oid
DeploymentsRelation() {
	return CatalogTableOid(kDeployments);
}

} // namespace pgml::am
