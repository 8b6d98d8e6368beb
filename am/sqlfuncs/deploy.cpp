/// pgml.deploy, and the routine that training's automatic deployment shares with it. See deploy.h.
#include "am/sqlfuncs/deploy.h"

#include "am/models/model_catalog.h"
#include "am/sqlfuncs/catalog_write.h"
#include "am/models/version_pin.h"

extern "C" {
#include "access/xact.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/tuplestore.h"
}

namespace pgml::am {

const char *
TargetMetric(const char *task) {
	return strcmp(task, "classification") == 0  ? "f1"
		   : strcmp(task, "clustering") == 0    ? "silhouette"
		   : strcmp(task, "decomposition") == 0 ? "cumulative_explained_variance"
												: "r2";
}

LiveModel
ReadLiveModel(const ProjectRow &project) {
	LiveModel live = {};
	RunAsCatalogOwner("SELECT m.id, (m.metrics ->> $2)::float8 FROM pgml.deployments d"
					  " JOIN pgml.models m ON m.id = d.model_id"
					  " WHERE d.project_id = $1 ORDER BY d.id DESC LIMIT 1",
					  SqlParameters().Int8(project.id).Text(TargetMetric(project.task)),
					  Visibility::kLatest);
	if (SPI_processed == 0)
		return live;
	bool no_score;
	live.model_id = ResultInt8(0, 1);
	live.score = ResultFloat8(0, 2, &no_score);
	live.has_score = !no_score;
	return live;
}

namespace {

struct RebuildWork {
	Dependents dependents;
	const char *project;
};

} // namespace

void
DeployModel(const ProjectRow &project, int64 model_id, const char *strategy) {
	LockRelationOid(DeploymentsRelation(), RowExclusiveLock);
	bool changes = ReadLiveModel(project).model_id != model_id;
	Dependents dependents = {};
	if (changes)
		dependents = LockDependents(project.name);
	RunAsCatalogOwner("INSERT INTO pgml.deployments (project_id, model_id, strategy)"
					  " VALUES ($1, $2, $3::pgml.strategy)",
					  SqlParameters().Int8(project.id).Int8(model_id).Text(strategy));
	RebuildForProject(dependents, project.name);
}

void
RebuildForProject(const Dependents &dependents, const char *project) {
	// From here on this transaction predicts with the new model.
	CommandCounterIncrement();
	ForgetPinsMetWhileRunning();
	RebuildWork work = {dependents, project};
	RunUnpinned(
		[](void *argument) {
			auto *work = (RebuildWork *)argument;
			RebuildDependents(work->dependents, work->project);
		},
		&work);
}

namespace {

/// A model to deploy, as pgml.deploy reports it.
struct Choice {
	int64 model_id;
	const char *algorithm;
};

ProjectRow
OpenProjectForDeploy(const char *name) {
	ProjectRow project;
	if (!ReadProject(name, &project))
		RaiseNoProject(name);
	CheckProjectOwner(project);
	LockProject(project);
	return project;
}

/// The query that picks a model: $1 project id, $2 algorithm or NULL, $3 target metric, $4 live
/// model.
const char *
StrategyQuery(const char *strategy) {
	if (strcmp(strategy, "best_score") == 0)
		return "SELECT id, algorithm FROM pgml.models"
			   " WHERE project_id = $1 AND status = 'successful' AND ($2 IS NULL OR algorithm = $2)"
			   " ORDER BY (metrics ->> $3)::float8 DESC NULLS LAST, id DESC LIMIT 1";
	if (strcmp(strategy, "most_recent") == 0)
		return "SELECT id, algorithm FROM pgml.models"
			   " WHERE project_id = $1 AND status = 'successful' AND ($2 IS NULL OR algorithm = $2)"
			   " ORDER BY created_at DESC, id DESC LIMIT 1";
	if (strcmp(strategy, "rollback") == 0)
		return "SELECT m.id, m.algorithm FROM pgml.deployments d JOIN pgml.models m ON m.id = "
			   "d.model_id"
			   " WHERE d.project_id = $1 AND status = 'successful' AND ($2 IS NULL OR m.algorithm "
			   "= $2)"
			   " AND m.id <> $4 ORDER BY d.id DESC LIMIT 1";
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("strategy \"%s\" cannot be asked for", strategy),
					errhint("Use best_score, most_recent or rollback, or pgml.deploy(model_id).")));
	pg_unreachable();
}

Choice
ChooseModel(const ProjectRow &project, const char *strategy, const char *algorithm) {
	const char *query = StrategyQuery(strategy);
	int64 live = ReadLiveModel(project).model_id;
	RunAsCatalogOwner(query,
					  SqlParameters()
						  .Int8(project.id)
						  .Text(algorithm)
						  .Text(TargetMetric(project.task))
						  .Int8(live),
					  Visibility::kLatest);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("project \"%s\" has no model for strategy \"%s\"", project.name, strategy),
				 algorithm != nullptr
					 ? errdetail("Only models of algorithm \"%s\" are considered.", algorithm)
					 : 0,
				 strcmp(strategy, "rollback") == 0
					 ? errhint("A rollback needs a model that was deployed before the present one.")
					 : errhint("Train one with pgml.train.")));
	return {ResultInt8(0, 1), ResultText(0, 2)};
}

void
ReturnDeployment(FunctionCallInfo fcinfo, const char *project, const char *strategy,
				 const char *algorithm) {
	auto *result = (ReturnSetInfo *)fcinfo->resultinfo;
	Datum values[3] = {CStringGetTextDatum(project), CStringGetTextDatum(strategy),
					   CStringGetTextDatum(algorithm)};
	bool nulls[3] = {};
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

} // namespace

} // namespace pgml::am

using namespace pgml::am;

/// pgml.deploy(model_id bigint)
PGML_FUNCTION(pgml_deploy_model) {
	RequireWritable("pgml.deploy()");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("model_id must not be null")));
	int64 model_id = PG_GETARG_INT64(0);
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	ProjectRow project;
	if (!ReadProjectOfModel(model_id, &project))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("model " INT64_FORMAT " does not exist", model_id)));
	project = OpenProjectForDeploy(project.name);
	RunAsCatalogOwner("SELECT algorithm, status FROM pgml.models WHERE id = $1",
					  SqlParameters().Int8(model_id), Visibility::kLatest);
	if (SPI_processed == 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("model " INT64_FORMAT " does not exist", model_id)));
	const char *algorithm = ResultText(0, 1), *status = ResultText(0, 2);
	if (strcmp(status, "successful") != 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("model " INT64_FORMAT " cannot be deployed", model_id),
						errdetail("Its training has status \"%s\".", status)));
	DeployModel(project, model_id, "specific");
	ReturnDeployment(fcinfo, project.name, "specific", algorithm);
	SPI_finish();
	return (Datum)0;
}

/// pgml.deploy(project_name text, strategy pgml.strategy, algorithm pgml.algorithm)
PGML_FUNCTION(pgml_deploy_strategy) {
	RequireWritable("pgml.deploy()");
	char *name = RequiredTextArgument(fcinfo, 0, "project_name");
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("strategy must not be null")));
	char *strategy = DatumGetCString(DirectFunctionCall1(enum_out, PG_GETARG_DATUM(1)));
	char *algorithm = PG_ARGISNULL(2)
						  ? nullptr
						  : DatumGetCString(DirectFunctionCall1(enum_out, PG_GETARG_DATUM(2)));
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	ProjectRow project = OpenProjectForDeploy(name);
	Choice choice = ChooseModel(project, strategy, algorithm);
	DeployModel(project, choice.model_id, strategy);
	ReturnDeployment(fcinfo, project.name, strategy, choice.algorithm);
	SPI_finish();
	return (Datum)0;
}
