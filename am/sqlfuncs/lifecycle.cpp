/**
 * pgml.drop_model, prune_models, drop_project and rename_project.
 *
 * Locks in the order of a deployment: the project's row, then RowExclusiveLock on
 * pgml.deployments, which keeps new indexes on predictions out (deploy.h). What would lose its model is
 * looked for behind both, and refused. Foreign keys take the bytes and the history along; snapshots
 * that no model was trained from any more go too.
 */
#include "am/models/model_catalog.h"
#include "am/sqlfuncs/catalog_write.h"
#include "am/sqlfuncs/dependents.h"
#include "am/sqlfuncs/deploy.h"
#include "am/sqlfuncs/references.h"
#include "am/sqlfuncs/rights.h"
#include "am/sqlfuncs/snapshot_table.h"

extern "C" {
#include "access/xact.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
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

/// One model that prune_models may drop. Plain memory.
struct OldModel {
	int64 id;
	const char *algorithm, *score, *created_at;
};

/// The models beyond the first `keep`, best or newest first; without the one that answers and the one that a
/// rollback would bring back.
int
ListOldModels(const ProjectRow &project, int keep, bool by_score, OldModel **models) {
	const char *order = by_score ? "score DESC NULLS LAST, id DESC" : "created_at DESC, id DESC";
	uint64 n = RunAsCatalogOwner(
		psprintf(
			"WITH live AS (SELECT model_id FROM pgml.deployments WHERE project_id = $1"
			" ORDER BY id DESC LIMIT 1), before AS (SELECT d.model_id FROM pgml.deployments d, live"
			" WHERE d.project_id = $1 AND d.model_id <> live.model_id ORDER BY d.id DESC LIMIT 1)"
			" SELECT id, algorithm, score, created_at FROM (SELECT id, algorithm, score, "
			"created_at,"
			" row_number() OVER (ORDER BY %s) AS place FROM (SELECT id, algorithm, created_at,"
			" (metrics ->> $2)::float8 AS score FROM pgml.models WHERE project_id = $1) AS m) AS "
			"ranked"
			" WHERE place > $3 AND id NOT IN (TABLE live UNION ALL TABLE before) ORDER BY place",
			order),
		SqlParameters().Int8(project.id).Text(TargetMetric(project.task)).Int8(keep),
		Visibility::kLatest);
	*models = (OldModel *)palloc(sizeof(OldModel) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
		(*models)[i] = {ResultInt8(i, 1), ResultText(i, 2), ResultText(i, 3), ResultText(i, 4)};
	return static_cast<int>(n);
}

void
ReturnPruned(ReturnSetInfo *result, const OldModel &model) {
	Datum values[4] = {Int64GetDatum(model.id), CStringGetTextDatum(model.algorithm)};
	bool nulls[4] = {};
	if (model.score == nullptr)
		nulls[2] = true;
	else
		values[2] = DirectFunctionCall1(float8in, CStringGetDatum(model.score));
	values[3] = DirectFunctionCall3(timestamp_in, CStringGetDatum(model.created_at),
									ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

void
PruneModels(const char *name, int keep, bool by_score, ReturnSetInfo *result) {
	ProjectRow project = OpenOwnProject(name);
	OldModel *models;
	int n = ListOldModels(project, keep, by_score, &models);
	for (int i = 0; i < n; i++) {
		// One that a column or an index names by its id stays.
		if (IsReferenced({nullptr, 1, &models[i].id}, project.id))
			continue;
		if (RunAsCatalogOwner("DELETE FROM pgml.models WHERE id = $1 RETURNING "
							  "array_remove(ARRAY[snapshot_id], NULL)",
							  SqlParameters().Int8(models[i].id)) == 0)
			continue; // another session was first
		DropUnusedSnapshots(ResultText(0, 1));
		ReturnPruned(result, models[i]);
	}
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

/// pgml.prune_models(project text, keep integer, strategy pgml.strategy)
/// -> TABLE (model_id, algorithm, score, created_at)
PGML_FUNCTION(pgml_prune_models) {
	RequireWritable("pgml.prune_models()");
	char *name = RequiredTextArgument(fcinfo, 0, "project");
	if (PG_ARGISNULL(1) || PG_GETARG_INT32(1) < 0)
		ereport(ERROR, (errcode(PG_ARGISNULL(1) ? ERRCODE_NULL_VALUE_NOT_ALLOWED
												: ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("keep must be a number of models, 0 or more")));
	char *strategy = PG_ARGISNULL(2)
						 ? pstrdup("null")
						 : DatumGetCString(DirectFunctionCall1(enum_out, PG_GETARG_DATUM(2)));
	bool by_score = strcmp(strategy, "best_score") == 0;
	if (!by_score && strcmp(strategy, "most_recent") != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("cannot keep models by strategy \"%s\"", strategy),
						errhint("Use best_score or most_recent.")));
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	PruneModels(name, PG_GETARG_INT32(1), by_score, (ReturnSetInfo *)fcinfo->resultinfo);
	SPI_finish();
	return (Datum)0;
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
