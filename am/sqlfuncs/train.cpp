/**
 * pgml.train: arguments, project, data, training, catalog rows, automatic deployment.
 *
 * The order matters. Rights and arguments are checked first, then the source is read and the model
 * trained, as the invoker and without any lock on the project, so that two algorithms can train
 * side by side. Only then the project's row is locked and everything written, in the caller's
 * transaction: an error or a rollback leaves nothing behind.
 *
 * C++ objects live in one TrainingWork, owned by a memory context, and are touched only inside
 * Guard().
 */
#include "am/base/guard.h"
#include "am/base/guc.h"
#include "am/sqlfuncs/catalog_write.h"
#include "am/sqlfuncs/deploy.h"
#include "am/sqlfuncs/model_store.h"
#include "am/sqlfuncs/rights.h"
#include "am/sqlfuncs/train_request.h"
#include "am/sqlfuncs/training_exit.h"
#include "am/sqlfuncs/training_data.h"

#include <cmath>

#include "pgml/train.h"

extern "C" {
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"
}

namespace pgml::am {

namespace {

/// Everything with a destructor.
struct TrainingWork {
	Dataset data;
	Split split;
	std::unique_ptr<const Model> model;
	std::string columns, metrics, summary;
	std::vector<std::byte> bytes;
};

/// What training gives to the catalog. Plain memory.
struct TrainingResult {
	const char *columns; ///< JSON
	const char *metrics; ///< JSON
	double fit_seconds, score_seconds;
	uint64 n_rows, n_train, n_test;
	double row_cost;
};

double
SecondsSince(instr_time start) {
	instr_time now;
	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_DOUBLE(now);
}

bool
HasAnyValue(const Matrix &raw, const StopToken &stop) {
	for (size_t column = 0; column < raw.cols(); column++, stop.ThrowIfStopped())
		for (size_t row = 0; row < raw.rows(); row++)
			if (!std::isnan(raw.column(column)[row]))
				return true;
	return false;
}

/// Splits, trains and evaluates.
TrainingResult
Fit(const TrainRequest &request, TrainingWork *work) {
	TrainingResult result = {};
	instr_time start; // of training proper
	INSTR_TIME_SET_ZERO(start);
	StopToken stop = pg::BackendStopToken();
	pg::Guard([&] {
		result.n_rows = work->data.rows();
		if (result.n_rows == 0)
			throw Error(ErrorCode::kInvalidData, "relation has no rows to train on", "",
						"Rows that row level security hides from you do not count.");
		if (!HasAnyValue(work->data.raw, stop))
			throw Error(ErrorCode::kInvalidData, "every feature is null in every row", "",
						"There is nothing to learn from.");
		std::vector<std::string> names(request.targets.names,
									   request.targets.names + work->data.n_targets);
		work->columns = DescribeColumnsToJson(work->data, names, stop);
		work->split = SplitRows(work->data, request.test_size, request.sampling, request.task,
								request.seed, stop);
		result.n_train = work->split.train.size();
		result.n_test = work->split.test.size();
		TrainOptions options;
		options.algorithm = request.algorithm;
		options.task = request.task;
		options.hyperparams_json = request.learner_hyperparams;
		options.preprocess_json = request.preprocess;
		options.seed = request.seed;
		options.n_threads = guc_training_threads;
		options.memory_limit = static_cast<size_t>(guc_training_memory) * 1024;
		options.module_directory = pkglib_path;
		options.stop = stop;
		stop.ThrowIfStopped();
		Dataset test = work->data.SplitOff(work->split, stop);
		work->split = Split();
		INSTR_TIME_SET_CURRENT(start);
		if (result.n_test == 0 && !HasTarget(request.task)) {
			// Without a target the model cannot repeat what it was told: the training rows may judge it.
			work->model = Train(work->data, options);
		} else {
			// Each part goes as soon as it is not needed any more: the rows are what takes the memory.
			work->model = Train(std::move(work->data), options);
			work->data = std::move(test);
		}
	});
	result.fit_seconds = SecondsSince(start);
	INSTR_TIME_SET_CURRENT(start);
	pg::Guard([&] {
		work->metrics =
			work->data.rows() == 0 ? "{}" : EvaluateToJson(*work->model, work->data, stop);
		work->data = Dataset();
		work->bytes = work->model->Encode(stop);
		result.row_cost = work->model->RowCost();
	});
	result.score_seconds = SecondsSince(start);
	result.columns = pstrdup(work->columns.c_str());
	result.metrics = pstrdup(work->metrics.c_str());
	return result;
}

int64
InsertModel(const TrainRequest &request, const ProjectRow &project, int64 snapshot_id,
			const TrainingSource &source, const TrainingResult &result) {
	RunAsCatalogOwner(
		"INSERT INTO pgml.models (project_id, snapshot_id, num_features, algorithm, hyperparams, "
		"status, metrics,"
		" row_cost) VALUES ($1, $2, $3, $4, $5::jsonb, 'successful',"
		" $6::jsonb || jsonb_build_object('fit_time', $7, 'score_time', $8), $9) RETURNING id",
		SqlParameters()
			.Int8(project.id)
			.Int8(snapshot_id)
			.Int4(source.raw_width)
			.Text(request.algorithm)
			.Text(request.hyperparams)
			.Text(result.metrics)
			.Float8(result.fit_seconds)
			.Float8(result.score_seconds)
			.Float8(result.row_cost));
	return ResultInt8(0, 1);
}

/// A metric for people, or "none".
const char *
FormatScore(bool has_score, double score) {
	return has_score ? psprintf("%.4g", score) : "none";
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
				deploy ? "deployed the model (%s: %s, before: %s)"
					   : "kept the deployed model (%s of the new one: %s, of the deployed one: %s)",
				metric, FormatScore(!no_score, score), FormatScore(live.has_score, live.score))));
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

} // namespace

} // namespace pgml::am

using namespace pgml::am;

static Datum
TrainModel(FunctionCallInfo fcinfo, bool joint) {
	RequireWritable(joint ? "pgml.train_joint()" : "pgml.train()");
	PrepareForAbandonedCalls();
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	TrainRequest request;
	ReadTrainArguments(fcinfo, joint, &request);
	CompleteTrainRequest(&request);

	MemoryContext work_context =
		AllocSetContextCreate(CurrentMemoryContext, "pgml training", ALLOCSET_DEFAULT_SIZES);
	auto *work = pgml::pg::OwnedByContext<TrainingWork>(work_context);
	pgml::pg::Guard([work] { work->object = std::make_unique<TrainingWork>(); });

	TrainingSource source;
	ResolveTrainingSource(request.relation, request.targets, request.task, &source);
	ReadTrainingData(source, &work->object->data);
	TrainingResult result = Fit(request, work->object.get());
	ereport(NOTICE, (errmsg_plural("trained \"%s\" on " UINT64_FORMAT
								   " rows of %s with %d feature, tested on " UINT64_FORMAT,
								   "trained \"%s\" on " UINT64_FORMAT
								   " rows of %s with %d features, tested on " UINT64_FORMAT,
								   source.n_features, request.algorithm, result.n_train,
								   source.qualified_name, source.n_features, result.n_test)));

	ProjectRow project = ClaimProject(request.project, request.task_name);
	int64 snapshot_id =
		InsertSnapshot({source.qualified_name, request.targets, request.test_size,
						request.sampling_name, request.preprocess, result.columns, result.n_rows});
	int64 model_id = InsertModel(request, project, snapshot_id, source, result);
	InsertModelFiles(model_id, work->object->bytes.data(), work->object->bytes.size());
	MemoryContextDelete(work_context);
	bool deployed = DeployAutomatically(request, project, model_id);
	ReturnTraining(fcinfo, request, deployed);
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
