/**
 * pgml.predict_batch: many rows in one array, as the incumbent has it; and pgml.xgboost_version.
 *
 * The array is the rows one behind the other, each as wide as the model's features. A null element is a missing
 * value. Here as in the predict family, a project answers with the version of the running statement.
 */
#include "am/base/guard.h"
#include "am/base/module.h"
#include "am/executor/feature_value.h"
#include "am/models/model_cache.h"
#include "am/models/model_catalog.h"
#include "am/sqlfuncs/float_array.h"
#include "am/models/version_pin.h"

#include "pgml/model.h"
#include "pgml/train.h"

extern "C" {
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"
}

namespace pgml::am {

namespace {

/// Rows between two checks for interrupts: few enough for any model to be cancelled soon.
constexpr int kTileRows = 256;

const Model *
AcquireForUse(const Project &project, const char *name) {
	CheckProjectUse(project, GetUserId(), name != nullptr ? name : "");
	if (project.model_id == 0)
		RaiseNoModel(name);
	return AcquireModel(project.model_id, CurrentMemoryContext);
}

/// The answer for every row, as real[] of the rows' number.
ArrayType *
PredictRows(const Model &model, int64 model_id, ArrayType *array) {
	for (const FeatureSpec &feature : model.features())
		if (feature.type == FeatureType::kText || feature.type == FeatureType::kTime)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("model " INT64_FORMAT " has %s features, an array has numbers only",
							model_id, feature.type == FeatureType::kText ? "text" : "date"),
					 errhint("Use pgml.predict, with one argument for each feature.")));
	Datum *elements;
	bool *nulls;
	int n;
	deconstruct_array(array, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT, &elements, &nulls, &n);
	int width = static_cast<int>(model.raw_width());
	if (width == 0 || n % width != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model " INT64_FORMAT " expects %d features for each row", model_id, width),
				 errdetail("The array has %d elements, which is no multiple of that.", n)));
	int n_rows = n / width;
	ArrayType *result = MakeFloatArray(FLOAT4OID, n_rows);
	auto *out = (float4 *)ARR_DATA_PTR(result);
	auto *work = pg::OwnedByContext<Workspace>(CurrentMemoryContext);
	auto *matrix = (float *)palloc(sizeof(float) * kTileRows * static_cast<size_t>(width));
	double values[kTileRows];
	for (int first = 0; first < n_rows; first += kTileRows) {
		CHECK_FOR_INTERRUPTS();
		int rows = Min(kTileRows, n_rows - first);
		for (int row = 0; row < rows; row++)
			for (int column = 0; column < width; column++) {
				int at = (first + row) * width + column;
				matrix[static_cast<size_t>(column) * kTileRows + row] =
					nulls[at] ? kMissing : DatumGetFloat4(elements[at]);
			}
		pg::Guard([&] {
			if (work->object == nullptr)
				work->object = std::make_unique<Workspace>();
			model.Predict(
				{matrix, static_cast<size_t>(rows), static_cast<size_t>(width), kTileRows},
				*work->object, values);
		});
		for (int row = 0; row < rows; row++)
			out[first + row] = DatumGetFloat4(FloatDatum(FLOAT4OID, values[row]));
	}
	return result;
}

} // namespace

} // namespace pgml::am

using namespace pgml::am;

/// pgml.predict_batch(project text, features real[]) -> SETOF real
PGML_FUNCTION(pgml_predict_batch_project) {
	pgml::pg::RequirePreload();
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Project project;
	if (!PinnedProject(name, &project))
		RaiseNoProject(name);
	const pgml::Model *model = AcquireForUse(project, name);
	ArrayType *values = PredictRows(*model, project.model_id, PG_GETARG_ARRAYTYPE_P(1));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	auto *result = (ReturnSetInfo *)fcinfo->resultinfo;
	FloatArray view = CheckedFloatArray(values);
	for (int i = 0; i < view.n; i++) {
		Datum value = Float4GetDatum(view.as<float4>()[i]);
		bool is_null = false;
		tuplestore_putvalues(result->setResult, result->setDesc, &value, &is_null);
	}
	return (Datum)0;
}

/// pgml.predict_batch(model_id bigint, features real[]) -> real[]
PGML_FUNCTION(pgml_predict_batch_model) {
	pgml::pg::RequirePreload();
	int64 model_id = PG_GETARG_INT64(0);
	Project project;
	if (!LookupModelProject(model_id, &project))
		RaiseNoModelId(model_id);
	const pgml::Model *model = AcquireForUse(project, ProjectName(project.project_id));
	PG_RETURN_ARRAYTYPE_P(PredictRows(*model, model_id, PG_GETARG_ARRAYTYPE_P(1)));
}

/// pgml.xgboost_version() -> text: of the library that trains
PGML_FUNCTION(pgml_xgboost_version) {
	int version[3];
	pgml::XgboostVersion(version);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%d.%d.%d", version[0], version[1], version[2])));
}
