/// The arguments of pgml.train. See train_request.h.
#include "am/sqlfuncs/train_request.h"

#include "am/base/guard.h"
#include "am/sqlfuncs/catalog_write.h"
#include "am/sqlfuncs/snapshot_table.h"

#include <cmath>
#include <string>

extern "C" {
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
}

namespace pgml::am {

namespace {

/// Positions of the arguments, see sql/extension/30_train.sql.
enum Argument {
	kProject,
	kTask,
	kRelation,
	kTarget,
	kAlgorithm,
	kHyperparams,
	kSearch,
	kSearchParams,
	kSearchArgs,
	kTestSize,
	kTestSampling,
	kRuntime,
	kAutomaticDeploy,
	kMaterializeSnapshot,
	kPreprocess,
};

const char *
TextArgument(FunctionCallInfo fcinfo, Argument argument) {
	return PG_ARGISNULL(argument) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

const char *
EnumArgument(FunctionCallInfo fcinfo, Argument argument, const char *fallback) {
	return PG_ARGISNULL(argument)
			   ? fallback
			   : DatumGetCString(DirectFunctionCall1(enum_out, PG_GETARG_DATUM(argument)));
}

bool
BoolArgument(FunctionCallInfo fcinfo, Argument argument, bool fallback) {
	return PG_ARGISNULL(argument) ? fallback : PG_GETARG_BOOL(argument);
}

/// A jsonb argument that must be an object, as text; NULL counts as {}.
const char *
ObjectArgument(FunctionCallInfo fcinfo, Argument argument, const char *name) {
	if (PG_ARGISNULL(argument))
		return "{}";
	Jsonb *json = PG_GETARG_JSONB_P(argument);
	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must be a JSON object", name),
				 errhint("For example {\"key\": 1}.")));
	return JsonbToCString(nullptr, &json->root, VARSIZE(json));
}

/// The seed is a hyperparameter by the names that users of XGBoost and scikit-learn know. Takes it
/// out of the object.
uint64
TakeSeed(Jsonb **hyperparams) {
	uint64 seed = 0;
	for (const char *key : {"random_state", "seed"}) {
		JsonbValue buffer;
		JsonbValue *value =
			getKeyJsonValueFromContainer(&(*hyperparams)->root, key, (int)strlen(key), &buffer);
		if (value == nullptr)
			continue;
		double number = value->type == jbvNumeric
							? DatumGetFloat8(DirectFunctionCall1(
								  numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)))
							: -1;
		if (!(number >= 0 && number <= 4294967295.0 && number == std::floor(number)))
			ereport(
				ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("hyperparameter \"%s\" must be a whole number from 0 to 4294967295", key)));
		seed = static_cast<uint64>(number);
		*hyperparams = DatumGetJsonbP(DirectFunctionCall2(
			jsonb_delete, JsonbPGetDatum(*hyperparams), CStringGetTextDatum(key)));
	}
	return seed;
}

ColumnNames
OneName(const char *name) {
	auto **names = (const char **)palloc(sizeof(char *));
	*names = name;
	return {1, names};
}

ColumnNames
TargetsArgument(ArrayType *array) {
	const char **names;
	int n = TextsOf(array, &names);
	if (n == 0 || n != ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("y_column_name must name at least one column, and none may be null"),
						errhint("For example ARRAY['weight', 'waist'].")));
	for (int i = 0; i < n; i++)
		for (int other = 0; other < i; other++)
			if (strcmp(names[i], names[other]) == 0)
				ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
								errmsg("y_column_name names column \"%s\" twice", names[i])));
	return {n, names};
}

void
RefuseUnavailable(FunctionCallInfo fcinfo) {
	if (strcmp(EnumArgument(fcinfo, kRuntime, "native"), "openai") == 0)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("runtime \"openai\" is not available"),
						errhint("Leave runtime out: models are trained inside the server.")));
}

constexpr struct {
	const char *name;
	Sampling sampling;
} kSamplings[] = {{"random", Sampling::kRandom},
				  {"last", Sampling::kLast},
				  {"stratified", Sampling::kStratified}};

Sampling
SamplingOf(const char *name) {
	for (const auto &entry : kSamplings)
		if (strcmp(entry.name, name) == 0)
			return entry.sampling;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown sampling \"%s\"", name)));
	pg_unreachable();
}

constexpr Task kTasks[] = {Task::kRegression, Task::kClassification, Task::kClustering,
						   Task::kDecomposition};

Task
TaskOf(const char *name) {
	for (Task task : kTasks)
		if (strcmp(name, TaskName(task)) == 0)
			return task;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("task \"%s\" is not available", name),
			 errhint("Available tasks: regression, classification, clustering, decomposition.")));
	pg_unreachable();
}

bool
SameNames(const ColumnNames &a, const ColumnNames &b) {
	bool same = a.n == b.n;
	for (int i = 0; same && i < a.n; i++)
		same = strcmp(a.names[i], b.names[i]) == 0;
	return same;
}

/// Relation, target, split and preprocessing of a snapshot. @param id  0 = none
/// @return false when the caller wants another target than the snapshot's
bool
TakeSnapshot(TrainRequest *request, int64 id) {
	RunAsCatalogOwner("SELECT relation_name, y_column_name, test_size::float8, test_sampling,"
					  " coalesce(analysis -> 'preprocess', '{}'), materialized::int::bigint"
					  " FROM pgml.snapshots WHERE id = $1",
					  SqlParameters().Int8(id), Visibility::kLatest);
	if (SPI_processed == 0)
		return false;
	const char **names;
	int n = ResultTexts(0, 2, &names);
	bool same_targets = request->targets.n == 0 || SameNames(request->targets, {n, names});
	bool is_table = ResultInt8(0, 6) != 0;
	if (is_table && !same_targets)
		return false;
	request->relation = ResultText(0, 1);
	if (is_table) {
		request->relation = SnapshotTableName(id);
		request->snapshot_id = id;
	}
	if (request->targets.n == 0)
		request->targets = {n, names};
	request->test_size = ResultFloat8(0, 3);
	request->sampling_name = ResultText(0, 4);
	request->sampling = SamplingOf(request->sampling_name);
	if (strcmp(request->preprocess, "{}") == 0)
		request->preprocess = ResultText(0, 5);
	return true;
}

/// The project's last snapshot, where the caller gave no relation.
void
TakeLastSnapshot(TrainRequest *request, const ProjectRow *project) {
	if (project != nullptr)
		RunAsCatalogOwner("SELECT m.snapshot_id FROM pgml.models m WHERE m.project_id = $1"
						  " AND m.snapshot_id IS NOT NULL ORDER BY m.snapshot_id DESC LIMIT 1",
						  SqlParameters().Int8(project->id), Visibility::kLatest);
	if (project == nullptr || SPI_processed == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("relation_name is needed to train project \"%s\"", request->project),
						errdetail("The project has no snapshot to train from again.")));
	if (!TakeSnapshot(request, ResultInt8(0, 1)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the last snapshot of project \"%s\" has another target", request->project),
				 errhint("Name the relation to train on.")));
}

} // namespace

void
CheckSameTask(const ProjectRow &project, const char *task_name) {
	if (strcmp(project.task, task_name) != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("project \"%s\" has task \"%s\", not \"%s\"", project.name,
							   project.task, task_name),
						errhint("Choose another project name.")));
}

void
ReadTrainArguments(FunctionCallInfo fcinfo, bool joint, TrainRequest *request) {
	*request = {};
	request->project = RequiredTextArgument(fcinfo, kProject, "project_name");
	request->task_name = TextArgument(fcinfo, kTask);
	request->relation = TextArgument(fcinfo, kRelation);
	if (!PG_ARGISNULL(kTarget))
		request->targets = joint ? TargetsArgument(PG_GETARG_ARRAYTYPE_P(kTarget))
								 : OneName(TextArgument(fcinfo, kTarget));
	request->algorithm = EnumArgument(fcinfo, kAlgorithm, "linear");
	request->hyperparams = ObjectArgument(fcinfo, kHyperparams, "hyperparams");
	request->preprocess = ObjectArgument(fcinfo, kPreprocess, "preprocess");
	request->learner_hyperparams = request->hyperparams;
	if (!PG_ARGISNULL(kHyperparams)) {
		Jsonb *hyperparams = PG_GETARG_JSONB_P(kHyperparams);
		request->seed = TakeSeed(&hyperparams);
		request->learner_hyperparams =
			JsonbToCString(nullptr, &hyperparams->root, VARSIZE(hyperparams));
	}
	request->search = EnumArgument(fcinfo, kSearch, nullptr);
	request->search_params = ObjectArgument(fcinfo, kSearchParams, "search_params");
	request->search_args = ObjectArgument(fcinfo, kSearchArgs, "search_args");
	if (request->search == nullptr &&
		(strcmp(request->search_params, "{}") != 0 || strcmp(request->search_args, "{}") != 0))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("search_params and search_args have no meaning without a search"),
						errhint("Add search => 'grid' or search => 'random'.")));
	request->test_size = PG_ARGISNULL(kTestSize) ? 0.25 : PG_GETARG_FLOAT4(kTestSize);
	request->sampling_name = EnumArgument(fcinfo, kTestSampling, "stratified");
	request->sampling = SamplingOf(request->sampling_name);
	request->automatic_deploy = BoolArgument(fcinfo, kAutomaticDeploy, true);
	request->materialize = BoolArgument(fcinfo, kMaterializeSnapshot, false);
	RefuseUnavailable(fcinfo);
}

void
CompleteTrainRequest(TrainRequest *request) {
	ProjectRow project;
	bool exists = ReadProject(request->project, &project);
	if (exists)
		CheckProjectOwner(project);
	if (request->task_name == nullptr && !exists)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("project \"%s\" does not exist", request->project),
				 errhint("To make it, name its task: regression, classification, clustering or "
						 "decomposition.")));
	if (request->task_name == nullptr)
		request->task_name = project.task;
	request->task = TaskOf(request->task_name);
	if (exists)
		CheckSameTask(project, request->task_name);
	// The default of the argument is linear; where a task has no such algorithm, its own default is meant.
	if (strcmp(request->algorithm, "linear") == 0)
		request->algorithm = DefaultAlgorithm(request->task);
	pg::Guard([&] { CheckAlgorithm(request->algorithm, request->task); });
	if (request->relation == nullptr)
		TakeLastSnapshot(request, exists ? &project : nullptr);
	else if (int64 id = SnapshotOfRelation(request->relation); id != 0)
		(void)TakeSnapshot(request, id);
	if (request->targets.n == 0 && HasTarget(request->task))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("y_column_name is needed for %s", request->task_name),
						errhint("It names the column to learn.")));
	if (request->targets.n > 1 && request->task != Task::kRegression && HasTarget(request->task))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("%s of several targets is not available", request->task_name),
						errhint("Train a model for each target.")));
}

} // namespace pgml::am
