/**
 * pgml.train: arguments, project, data, training (training_run.h), catalog rows, automatic deployment.
 *
 * The order matters. Rights and arguments are checked first, then the source is read and the model
 * trained, as the invoker and without any lock on the project, so that two algorithms can train
 * side by side. Only then the project's row is locked and everything written, in the caller's
 * transaction: an error or a rollback leaves nothing behind.
 */
#include "am/base/guc.h"
#include "am/sqlfuncs/catalog_write.h"
#include "am/sqlfuncs/deploy.h"
#include "am/sqlfuncs/model_store.h"
#include "am/sqlfuncs/rights.h"
#include "am/sqlfuncs/snapshot_table.h"
#include "am/sqlfuncs/train_request.h"
#include "am/sqlfuncs/training_exit.h"
#include "am/sqlfuncs/training_data.h"
#include "am/sqlfuncs/training_progress.h"
#include "am/sqlfuncs/training_run.h"

extern "C" {
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"
}

namespace pgml::am {

namespace {

/// Who trained with what: with the snapshot's rows it is what training the same model again takes.
const char *
Provenance(const TrainRequest &request, const TrainingResult &result) {
	int xgboost[3];
	XgboostVersion(xgboost);
	RunAsCatalogOwner(
		"SELECT jsonb_build_object('trained_by', $1, 'seed', $2, 'threads', $3, 'version', $4,"
		" 'xgboost', $5, 'server', current_setting('server_version'), 'fingerprint', $6,"
		" 'rows_trained', $7, 'rows_tested', $8)",
		SqlParameters()
			.Text(GetUserNameFromId(GetUserId(), false))
			.Int8(static_cast<int64>(request.seed))
			.Int4(guc_training_threads)
			.Text(PGML_VERSION)
			.Text(psprintf("%d.%d.%d", xgboost[0], xgboost[1], xgboost[2]))
			.Text(result.fingerprint)
			.Int8(static_cast<int64>(result.n_train))
			.Int8(static_cast<int64>(result.n_test)));
	return ResultText(0, 1);
}

int64
InsertModel(const TrainRequest &request, const ProjectRow &project, int64 snapshot_id,
			const TrainingSource &source, const TrainingResult &result) {
	RunAsCatalogOwner(
		"INSERT INTO pgml.models (project_id, snapshot_id, num_features, algorithm, hyperparams, "
		"status, metrics,"
		" row_cost, search, search_params, search_args, provenance)"
		" VALUES ($1, $2, $3, $4, $5::jsonb || $10::jsonb, 'successful',"
		" $6::jsonb || $15::jsonb || jsonb_build_object('fit_time', $7, 'score_time', $8)"
		" || CASE WHEN $11 IS NULL THEN '{}' ELSE jsonb_build_object('search_results', $12::jsonb)"
		" END, $9, $11, $13::jsonb, $14::jsonb, $16::jsonb)"
		" RETURNING id",
		SqlParameters()
			.Int8(project.id)
			.Int8(snapshot_id)
			.Int4(source.raw_width)
			.Text(request.algorithm)
			.Text(request.hyperparams)
			.Text(result.metrics)
			.Float8(result.fit_seconds)
			.Float8(result.score_seconds)
			.Float8(result.row_cost)
			.Text(result.chosen_hyperparams)
			.Text(request.search)
			.Text(result.search_results)
			.Text(request.search_params)
			.Text(request.search_args)
			.Text(result.extra_metrics)
			.Text(Provenance(request, result)));
	return ResultInt8(0, 1);
}

/// A metric for people, or "none".
const char *
FormatScore(bool has_score, double score) {
	return has_score ? psprintf("%.4g", score) : "none";
}

/// False when the models are known to have been tested on different rows.
bool
SameTestRows(int64 a, int64 b) {
	RunAsCatalogOwner(
		"SELECT count(DISTINCT (s.analysis ->> 'fingerprint', s.test_size, s.test_sampling))"
		" FROM pgml.models m JOIN pgml.snapshots s ON s.id = m.snapshot_id"
		" WHERE m.id IN ($1, $2) AND s.analysis ? 'fingerprint'",
		SqlParameters().Int8(a).Int8(b));
	return ResultInt8(0, 1) <= 1;
}

/// The incumbent's rule: deploy unless the live model's score is strictly better; a model without
/// score never replaces one that has it.
bool
DeployAutomatically(const TrainRequest &request, const ProjectRow &project, int64 model_id) {
	if (!request.automatic_deploy)
		return false;
	const char *metric = TargetMetric(project.task);
	RunAsCatalogOwner("SELECT (metrics ->> $2)::float8 FROM pgml.models WHERE id = $1",
					  SqlParameters().Int8(model_id).Text(metric));
	bool no_score;
	double score = ResultFloat8(0, 1, &no_score);
	LiveModel live = ReadLiveModel(project);
	bool comparable = no_score || !live.has_score || SameTestRows(model_id, live.model_id);
	bool deploy = live.model_id == 0 || !live.has_score || (!no_score && score >= live.score);
	if (deploy)
		DeployModel(project, model_id, "new_score");
	if (live.model_id == 0)
		ereport(NOTICE,
				(errmsg("deployed the model (%s: %s)", metric, FormatScore(!no_score, score))));
	else
		ereport(
			NOTICE,
			(errmsg(
				 deploy
					 ? "deployed the model (%s: %s, before: %s)"
					 : "kept the deployed model (%s of the new one: %s, of the deployed one: %s)",
				 metric, FormatScore(!no_score, score), FormatScore(live.has_score, live.score)),
			 comparable
				 ? 0
				 : errdetail("The two were tested on different rows: the relation or the split "
							 "is not what it was."),
			 comparable
				 ? 0
				 : errhint("With materialize_snapshot => true, later models of the project are "
						   "trained and tested on the same rows.")));
	return deploy;
}

void
ReturnTraining(FunctionCallInfo fcinfo, const TrainRequest &request, bool deployed) {
	auto *result = (ReturnSetInfo *)fcinfo->resultinfo;
	Datum values[4] = {CStringGetTextDatum(request.project), CStringGetTextDatum(request.task_name),
					   CStringGetTextDatum(request.algorithm), BoolGetDatum(deployed)};
	bool nulls[4] = {};
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/// All of it, between the begin and the end of this backend's progress entry.
void
TrainProject(FunctionCallInfo fcinfo, bool joint) {
	TrainRequest request;
	ReadTrainArguments(fcinfo, joint, &request);
	CompleteTrainRequest(&request);

	MemoryContext work_context =
		AllocSetContextCreate(CurrentMemoryContext, "pgml training", ALLOCSET_DEFAULT_SIZES);
	TrainingWork *work = PrepareTraining(work_context, request);
	TrainingSource source;
	ResolveTrainingSource(request.relation, request.targets, request.task, &source);
	ReportRelation(source.relation);
	// What the user knows the rows by; a snapshot's table is only where they are.
	const char *relation_name = source.qualified_name;
	int64 snapshot_id = request.snapshot_id;
	if (request.materialize && snapshot_id == 0) {
		snapshot_id = MaterializeSnapshot(source);
		if (!HasTarget(request.task))
			request.targets = {}; // left out, so not in the table
		ResolveTrainingSource(SnapshotTableName(snapshot_id), request.targets, request.task,
							  &source);
	}
	ReadTrainingData(source, &work->data);
	TrainingResult result = RunTraining(request, work);
	ereport(NOTICE, (errmsg_plural("trained \"%s\" on " UINT64_FORMAT
								   " rows of %s with %d feature, tested on " UINT64_FORMAT,
								   "trained \"%s\" on " UINT64_FORMAT
								   " rows of %s with %d features, tested on " UINT64_FORMAT,
								   source.n_features, request.algorithm, result.n_train,
								   relation_name, source.n_features, result.n_test)));

	ReportPhase(TrainingPhase::kStoring);
	ProjectRow project = ClaimProject(request.project, request.task_name);
	if (request.snapshot_id == 0)
		snapshot_id = InsertSnapshot({relation_name, request.targets, request.test_size,
									  request.sampling_name, request.preprocess, result.columns,
									  result.n_rows, result.fingerprint, snapshot_id});
	int64 model_id = InsertModel(request, project, snapshot_id, source, result);
	InsertModelFiles(model_id, work->bytes.data(), work->bytes.size());
	MemoryContextDelete(work_context);
	bool deployed = DeployAutomatically(request, project, model_id);
	ReturnTraining(fcinfo, request, deployed);
}

} // namespace

} // namespace pgml::am

using namespace pgml::am;

static Datum
TrainModel(FunctionCallInfo fcinfo, bool joint) {
	RequireWritable(joint ? "pgml.train_joint()" : "pgml.train()");
	PrepareForAbandonedCalls();
	char *project = RequiredTextArgument(fcinfo, 0, "project_name");
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	BeginTrainingProgress(project);
	PG_ENSURE_ERROR_CLEANUP(EndTrainingProgress, (Datum)0);
	TrainProject(fcinfo, joint);
	PG_END_ENSURE_ERROR_CLEANUP(EndTrainingProgress, (Datum)0);
	EndTrainingProgress(0, (Datum)0);
	SPI_finish();
	return (Datum)0;
}

/// pgml.train(...), pgml.train_joint(...): see sql/extension/30_train.sql
PGML_FUNCTION(pgml_train) {
	return TrainModel(fcinfo, false);
}
PGML_FUNCTION(pgml_train_joint) {
	return TrainModel(fcinfo, true);
}
