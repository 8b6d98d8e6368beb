/**
 * pgml.drop_model, drop_project and rename_project.
 *
 * Locks in the order of a deployment: the project's row, then RowExclusiveLock on
 * pgml.deployments, which keeps new indexes on predictions out (deploy.h). What would lose its model is
 * looked for behind both, and refused. Foreign keys take the bytes and the history along; snapshots
 * that no model was trained from any more go too.
 */
#include "am/model_catalog.h"
#include "am/sqlfuncs/catalog_write.h"
#include "am/sqlfuncs/dependents.h"
#include "am/sqlfuncs/deploy.h"
#include "am/sqlfuncs/references.h"
#include "am/sqlfuncs/rights.h"

extern "C" {
#include "access/xact.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
}

namespace pgml::am {

namespace {

/// The project, locked, for its owner.
ProjectRow
OpenOwnProject(const char *name) {
	ProjectRow project;
	if (!ReadProject(name, &project))
		RaiseNoProject(name);
	CheckProjectOwner(project);
	LockProject(project);
	LockRelationOid(DeploymentsRelation(), RowExclusiveLock);
	return project;
}

/// @param snapshots  an array of ids as text
void
DropUnusedSnapshots(const char *snapshots) {
	RunAsCatalogOwner("DELETE FROM pgml.snapshots s WHERE s.id = ANY ($1::bigint[])"
					  " AND NOT EXISTS (SELECT FROM pgml.models m WHERE m.snapshot_id = s.id)",
					  SqlParameters().Text(snapshots));
}

void
DropModel(int64 model_id) {
	ProjectRow project;
	if (!ReadProjectOfModel(model_id, &project))
		RaiseNoModelId(model_id);
	project = OpenOwnProject(project.name);
	if (ReadLiveModel(project).model_id == model_id)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
						errmsg("model " INT64_FORMAT " is deployed", model_id),
						errdetail("Project \"%s\" answers with it.", project.name),
						errhint("Deploy another model with pgml.deploy, or drop the project with "
								"pgml.drop_project.")));
	RefuseReferences({nullptr, 1, &model_id}, project.id,
					 psprintf("drop model " INT64_FORMAT, model_id));
	if (RunAsCatalogOwner("DELETE FROM pgml.models WHERE id = $1 RETURNING "
						  "array_remove(ARRAY[snapshot_id], NULL)",
						  SqlParameters().Int8(model_id)) == 0)
		RaiseNoModelId(model_id); // another session was first
	DropUnusedSnapshots(ResultText(0, 1));
}

void
DropProject(const char *name) {
	ProjectRow project = OpenOwnProject(name);
	uint64 n = RunAsCatalogOwner("SELECT id FROM pgml.models WHERE project_id = $1",
								 SqlParameters().Int8(project.id), Visibility::kLatest);
	auto *models = (int64 *)palloc(sizeof(int64) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
		models[i] = ResultInt8(i, 1);
	RefuseReferences({project.name, static_cast<int>(n), models}, project.id,
					 psprintf("drop project \"%s\"", project.name));
	RunAsCatalogOwner("SELECT coalesce(array_agg(DISTINCT snapshot_id)"
					  " FILTER (WHERE snapshot_id IS NOT NULL), '{}')"
					  " FROM pgml.models WHERE project_id = $1",
					  SqlParameters().Int8(project.id), Visibility::kLatest);
	const char *snapshots = ResultText(0, 1);
	RunAsCatalogOwner("DELETE FROM pgml.projects WHERE id = $1", SqlParameters().Int8(project.id));
	DropUnusedSnapshots(snapshots);
}

void
RenameProject(const char *old_name, const char *new_name) {
	ProjectRow project = OpenOwnProject(old_name), other;
	if (ReadProject(new_name, &other))
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
						errmsg("project \"%s\" exists already", new_name)));
	RefuseReferences({project.name, 0, nullptr}, project.id,
					 psprintf("rename project \"%s\"", project.name));
	// Indexes may hold predictions of a project that had the new name before.
	Dependents dependents = LockDependents(new_name);
	RunAsCatalogOwner("UPDATE pgml.projects SET name = $2 WHERE id = $1",
					  SqlParameters().Int8(project.id).Text(new_name));
	if (ReadLiveModel(project).model_id != 0)
		RebuildForProject(dependents, new_name);
}

} // namespace

} // namespace pgml::am

using namespace pgml::am;

/// pgml.drop_model(model_id bigint) -> void
PGML_FUNCTION(pgml_drop_model) {
	RequireWritable("pgml.drop_model()");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("model_id must not be null")));
	SPI_connect();
	DropModel(PG_GETARG_INT64(0));
	SPI_finish();
	PG_RETURN_VOID();
}

/// pgml.drop_project(name text) -> void
PGML_FUNCTION(pgml_drop_project) {
	RequireWritable("pgml.drop_project()");
	char *name = RequiredTextArgument(fcinfo, 0, "name");
	SPI_connect();
	DropProject(name);
	SPI_finish();
	PG_RETURN_VOID();
}

/// pgml.rename_project(old_name text, new_name text) -> void
PGML_FUNCTION(pgml_rename_project) {
	RequireWritable("pgml.rename_project()");
	char *old_name = RequiredTextArgument(fcinfo, 0, "old_name");
	char *new_name = RequiredTextArgument(fcinfo, 1, "new_name");
	SPI_connect();
	RenameProject(old_name, new_name);
	SPI_finish();
	PG_RETURN_VOID();
}
