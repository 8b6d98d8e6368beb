/**
 * pgml.evaluate, confusion_matrix, roc_curve, feature_importance and describe, by project (the
 * deployed model) or by model id.
 *
 * All need the right to use the project and change nothing. The relation is read by a query of the caller's, as in
 * training, and through the same code (training_data.h); its columns are found by the features'
 * names. C++ objects live in an EvaluationWork that a memory context owns.
 */
#include "am/base/guard.h"
#include "am/base/module.h"
#include "am/executor/feature_binding.h"
#include "am/models/model_cache.h"
#include "am/models/model_catalog.h"
#include "am/sqlfuncs/catalog_write.h"
#include "am/sqlfuncs/rights.h"
#include "am/sqlfuncs/training_data.h"

#include "pgml/evaluate.h"

extern "C" {
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"
}

namespace pgml::am {

namespace {

/// How a function names its model: by its first argument.
enum class By : uint8_t { kProject, kModelId };

/// Everything with a destructor.
struct EvaluationWork {
	Dataset data;
	std::string json, label;
	std::vector<ConfusionCell> cells;
	std::vector<RocPoint> curve;
	std::vector<FeatureImportance> importances;
};

/// @throws (ereport) 42704 unknown, 42501 not allowed to use it, 55000 nothing deployed
BoundModel
ModelArgument(FunctionCallInfo fcinfo, By by) {
	pg::RequirePreload();
	Project project;
	const char *name;
	if (by == By::kProject) {
		name = RequiredTextArgument(fcinfo, 0, "project");
		if (!LookupProject(name, &project))
			RaiseNoProject(name);
	} else {
		if (PG_ARGISNULL(0))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("model_id must not be null")));
		if (!LookupModelProject(PG_GETARG_INT64(0), &project))
			RaiseNoModelId(PG_GETARG_INT64(0));
		name = ProjectName(project.project_id);
	}
	CheckProjectUse(project, GetUserId(), name != nullptr ? name : "");
	if (project.model_id == 0)
		RaiseNoModel(name);
	BoundModel bound = {AcquireWholeModel(project.model_id, CurrentMemoryContext), project.model_id,
						name};
	for (const std::string &label : bound.model->class_labels())
		CheckModelText(bound, label.data(), label.size());
	return bound;
}

char *
OptionalText(FunctionCallInfo fcinfo, int argument) {
	return PG_ARGISNULL(argument) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/// The column with the true values: as given, or what the model was trained on.
ColumnNames
TargetColumns(const BoundModel &model, const char *given) {
	const char **names = (const char **)palloc(sizeof(char *));
	if (!HasTarget(model.model->task())) {
		if (given != nullptr)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("%s has no target", DescribeModel(model)),
							errdetail("Its task is %s.", TaskName(model.model->task())),
							errhint("Leave y_column_name out.")));
		return {0, names};
	}
	if (given != nullptr) {
		names[0] = given;
		return {1, names};
	}
	RunAsCatalogOwner("SELECT s.y_column_name FROM pgml.models m"
					  " JOIN pgml.snapshots s ON s.id = m.snapshot_id WHERE m.id = $1",
					  SqlParameters().Int8(model.model_id), Visibility::kLatest);
	int n = SPI_processed > 0 ? ResultTexts(0, 1, &names) : 0;
	if (n == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("y_column_name is needed to evaluate %s", DescribeModel(model)),
						errdetail("The model was not trained here, so its target is not known.")));
	return {n, names};
}

EvaluationWork *
MakeWork() {
	auto *work = pg::OwnedByContext<EvaluationWork>(CurrentMemoryContext);
	pg::Guard([work] { work->object = std::make_unique<EvaluationWork>(); });
	return work->object.get();
}

/// Reads the relation named by argument 1. The caller is connected to SPI.
EvaluationWork *
ReadRelation(FunctionCallInfo fcinfo, const BoundModel &model, const char *target) {
	const char *relation = RequiredTextArgument(fcinfo, 1, "relation");
	TrainingSource source;
	ResolveEvaluationSource(relation, TargetColumns(model, target), model, &source);
	EvaluationWork *work = MakeWork();
	ReadTrainingData(source, &work->data);
	pg::Guard([&] {
		if (work->data.rows() == 0)
			throw Error(ErrorCode::kInvalidData, "relation has no rows to evaluate on", "",
						"Rows that row level security hides from you do not count.");
		// A number may stand for a boolean and the other way round, as in a prediction.
		for (size_t i = 0; i < work->data.features.size(); i++)
			work->data.features[i].type = model.model->features()[i].type;
	});
	return work;
}

void
PutRow(FunctionCallInfo fcinfo, Datum *values, bool *nulls) {
	auto *result = (ReturnSetInfo *)fcinfo->resultinfo;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
TextOf(const std::string &value) {
	return PointerGetDatum(cstring_to_text_with_len(value.data(), static_cast<int>(value.size())));
}

Datum
Evaluate(FunctionCallInfo fcinfo, By by) {
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	BoundModel model = ModelArgument(fcinfo, by);
	EvaluationWork *work = ReadRelation(fcinfo, model, OptionalText(fcinfo, 2));
	StopToken stop = pg::BackendStopToken();
	pg::Guard([&] { work->json = EvaluateToJson(*model.model, work->data, stop); });
	// json, not jsonb: the order of the metrics is kept. An array becomes one metric for each element.
	uint64 n =
		RunAsCatalogOwner("SELECT key || coalesce('[' || n || ']', ''),"
						  " CASE WHEN n IS NULL THEN value #>> '{}' ELSE element END::float8"
						  " FROM json_each($1::json) LEFT JOIN LATERAL json_array_elements_text("
						  " CASE json_typeof(value) WHEN 'array' THEN value ELSE '[]' END)"
						  " WITH ORDINALITY AS elements (element, n) ON true",
						  SqlParameters().Text(work->json.c_str()));
	for (uint64 i = 0; i < n; i++) {
		bool nulls[2] = {};
		Datum values[2] = {CStringGetTextDatum(ResultText(i, 1)),
						   Float8GetDatum(ResultFloat8(i, 2, &nulls[1]))};
		PutRow(fcinfo, values, nulls);
	}
	SPI_finish();
	return (Datum)0;
}

Datum
Confusion(FunctionCallInfo fcinfo, By by) {
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	BoundModel model = ModelArgument(fcinfo, by);
	EvaluationWork *work = ReadRelation(fcinfo, model, OptionalText(fcinfo, 2));
	StopToken stop = pg::BackendStopToken();
	pg::Guard([&] { work->cells = ConfusionMatrix(*model.model, work->data, stop); });
	for (const ConfusionCell &cell : work->cells) {
		Datum values[3] = {TextOf(cell.actual), TextOf(cell.predicted),
						   Int64GetDatum(static_cast<int64>(cell.count))};
		bool nulls[3] = {};
		PutRow(fcinfo, values, nulls);
	}
	SPI_finish();
	return (Datum)0;
}

Datum
Curve(FunctionCallInfo fcinfo, By by) {
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	BoundModel model = ModelArgument(fcinfo, by);
	const char *label = OptionalText(fcinfo, 2);
	EvaluationWork *work = ReadRelation(fcinfo, model, OptionalText(fcinfo, 3));
	StopToken stop = pg::BackendStopToken();
	pg::Guard([&] {
		if (label != nullptr)
			work->label = label;
		work->curve =
			RocCurve(*model.model, work->data, label != nullptr ? &work->label : nullptr, stop);
	});
	for (const RocPoint &point : work->curve) {
		Datum values[3] = {Float8GetDatum(point.threshold),
						   Float8GetDatum(point.false_positive_rate),
						   Float8GetDatum(point.true_positive_rate)};
		bool nulls[3] = {};
		PutRow(fcinfo, values, nulls);
	}
	SPI_finish();
	return (Datum)0;
}

Datum
Importance(FunctionCallInfo fcinfo, By by) {
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	BoundModel model = ModelArgument(fcinfo, by);
	const char *kind = OptionalText(fcinfo, 1);
	EvaluationWork *work = MakeWork();
	RunAsCatalogOwner("SELECT s.columns FROM pgml.models m"
					  " JOIN pgml.snapshots s ON s.id = m.snapshot_id WHERE m.id = $1",
					  SqlParameters().Int8(model.model_id), Visibility::kLatest);
	const char *columns = SPI_processed > 0 ? ResultText(0, 1) : nullptr;
	pg::Guard([&] {
		work->importances =
			FeatureImportances(*model.model, columns != nullptr ? columns : "",
							   kind != nullptr ? ImportanceKindOf(kind) : ImportanceKind::kDefault);
	});
	for (const FeatureImportance &feature : work->importances) {
		CheckModelText(model, feature.feature.data(), feature.feature.size());
		Datum values[2] = {TextOf(feature.feature), Float8GetDatum(feature.importance)};
		bool nulls[2] = {};
		PutRow(fcinfo, values, nulls);
	}
	SPI_finish();
	return (Datum)0;
}

/// The round that a boosting ended with by early stopping. @return false when there is none
bool
ReadBestIteration(int64 model_id, int64 *round) {
	SPI_connect();
	RunAsCatalogOwner(
		"SELECT (metrics ->> 'best_iteration')::bigint FROM pgml.models WHERE id = $1",
		SqlParameters().Int8(model_id), Visibility::kLatest);
	bool missing = true;
	if (SPI_processed > 0)
		*round = ResultInt8(0, 1, &missing);
	SPI_finish();
	return !missing;
}

Datum
Describe(FunctionCallInfo fcinfo, By by) {
	BoundModel model = ModelArgument(fcinfo, by);
	for (const FeatureSpec &feature : model.model->features())
		CheckModelText(model, feature.name.data(), feature.name.size());
	EvaluationWork *work = MakeWork();
	pg::Guard([&] { work->json = DescribeModelToJson(*model.model); });
	JsonbParseState *state = nullptr;
	JsonbValue key, value;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
	key.type = value.type = jbvString;
	key.val.string.val = const_cast<char *>("project");
	key.val.string.len = static_cast<int>(strlen("project"));
	pushJsonbValue(&state, WJB_KEY, &key);
	value.val.string.val = const_cast<char *>(model.project != nullptr ? model.project : "");
	value.val.string.len = static_cast<int>(strlen(value.val.string.val));
	pushJsonbValue(&state, WJB_VALUE, &value);
	key.val.string.val = const_cast<char *>("model_id");
	key.val.string.len = static_cast<int>(strlen("model_id"));
	pushJsonbValue(&state, WJB_KEY, &key);
	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric(model.model_id);
	pushJsonbValue(&state, WJB_VALUE, &value);
	int64 best_iteration = 0;
	if (ReadBestIteration(model.model_id, &best_iteration)) {
		key.val.string.val = const_cast<char *>("best_iteration");
		key.val.string.len = static_cast<int>(strlen("best_iteration"));
		pushJsonbValue(&state, WJB_KEY, &key);
		value.val.numeric = int64_to_numeric(best_iteration);
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	Jsonb *head = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr));
	Datum body = DirectFunctionCall1(jsonb_in, CStringGetDatum(work->json.c_str()));
	return DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(head), body);
}

} // namespace

} // namespace pgml::am

using namespace pgml::am;

// pgml.evaluate(project text | model_id bigint, relation text, y_column_name text)
PGML_FUNCTION(pgml_evaluate_project) {
	return Evaluate(fcinfo, By::kProject);
}
PGML_FUNCTION(pgml_evaluate_model) {
	return Evaluate(fcinfo, By::kModelId);
}

// pgml.confusion_matrix(project text | model_id bigint, relation text, y_column_name text)
PGML_FUNCTION(pgml_confusion_matrix_project) {
	return Confusion(fcinfo, By::kProject);
}
PGML_FUNCTION(pgml_confusion_matrix_model) {
	return Confusion(fcinfo, By::kModelId);
}

// pgml.roc_curve(project text | model_id bigint, relation text, label text, y_column_name text)
PGML_FUNCTION(pgml_roc_curve_project) {
	return Curve(fcinfo, By::kProject);
}
PGML_FUNCTION(pgml_roc_curve_model) {
	return Curve(fcinfo, By::kModelId);
}

// pgml.feature_importance(project text | model_id bigint, kind text)
PGML_FUNCTION(pgml_feature_importance_project) {
	return Importance(fcinfo, By::kProject);
}
PGML_FUNCTION(pgml_feature_importance_model) {
	return Importance(fcinfo, By::kModelId);
}

// pgml.describe(project text | model_id bigint) -> jsonb
PGML_FUNCTION(pgml_describe_project) {
	return Describe(fcinfo, By::kProject);
}
PGML_FUNCTION(pgml_describe_model) {
	return Describe(fcinfo, By::kModelId);
}
