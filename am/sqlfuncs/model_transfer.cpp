/**
 * pgml.export_model and pgml.import_model: a model as one value, from database to database.
 *
 * What comes in is decoded before anything is stored: the bytes are whatever somebody sent. Only
 * the parsers of the model library see them. What is stored is the decoded model, encoded again.
 */
#include "am/base/guard.h"
#include "am/models/model_catalog.h"
#include "am/sqlfuncs/catalog_write.h"
#include "am/sqlfuncs/deploy.h"
#include "am/sqlfuncs/model_store.h"
#include "am/sqlfuncs/rights.h"

#include <span>

#include "pgml/import.h"
#include "pgml/model.h"

extern "C" {
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
}

namespace pgml::am {

namespace {

/// Everything with a destructor.
struct ImportWork {
	std::unique_ptr<const Model> model;
	std::string algorithm;
	std::vector<std::byte> bytes;
};

using Parser = std::unique_ptr<const Model> (*)(std::span<const std::byte> bytes);

struct ImportFormat {
	const char *name;
	Parser parse; ///< throws for what it does not understand
};

constexpr ImportFormat kFormats[] = {
	{"pgml", Model::Decode}, {"xgboost", ImportXgboost}, {"lightgbm", ImportLightgbm}};

const ImportFormat &
FindFormat(const char *name) {
	for (const ImportFormat &format : kFormats)
		if (strcmp(format.name, name) == 0)
			return format;
	StringInfoData known;
	initStringInfo(&known);
	for (const ImportFormat &format : kFormats)
		appendStringInfo(&known, "%s%s", known.len == 0 ? "" : ", ", format.name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown model format \"%s\"", name),
			 errhint("Available formats: %s.", known.data)));
	pg_unreachable();
}

void
CheckText(const char *data, size_t length) {
	if (length > MaxAllocSize / 4 || !pg_verifymbstr(data, static_cast<int>(length), true))
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
						errmsg("model has a name that is no valid text in the encoding \"%s\"",
							   GetDatabaseEncodingName()),
						errhint("A model must come from a database of the same encoding.")));
}

/// Names go into error messages and results.
void
CheckTexts(const Model &model) {
	for (const FeatureSpec &feature : model.features())
		CheckText(feature.name.data(), feature.name.size());
	for (const std::string &label : model.class_labels())
		CheckText(label.data(), label.size());
	CheckText(model.algorithm().data(), model.algorithm().size());
}

/// The name of the algorithm is shown and compared: it must be one of those that there are.
void
CheckAlgorithm(const char *algorithm) {
	RunAsCatalogOwner("SELECT $1 = ANY (enum_range(NULL::pgml.algorithm)::text[])",
					  SqlParameters().Text(algorithm));
	if (strcmp(ResultText(0, 1), "t") != 0)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
						errmsg("model names an unknown algorithm \"%s\"", algorithm)));
}

int64
InsertModel(const ProjectRow &project, const ImportWork &work) {
	RunAsCatalogOwner(
		"INSERT INTO pgml.models (project_id, num_features, algorithm, runtime, status, row_cost)"
		" VALUES ($1, $2, $3, 'native', 'successful', $4) RETURNING id",
		SqlParameters()
			.Int8(project.id)
			.Int4(static_cast<int32>(work.model->raw_width()))
			.Text(work.algorithm.c_str())
			.Float8(work.model->RowCost()));
	return ResultInt8(0, 1);
}

int64
ImportModel(const char *project_name, const bytea *data, const ImportFormat &format) {
	MemoryContext work_context =
		AllocSetContextCreate(CurrentMemoryContext, "pgml import", ALLOCSET_DEFAULT_SIZES);
	auto *owned = pg::OwnedByContext<ImportWork>(work_context);
	auto *first = (const std::byte *)VARDATA_ANY(data);
	size_t size = VARSIZE_ANY_EXHDR(data);
	pg::Guard([&] {
		owned->object = std::make_unique<ImportWork>();
		owned->object->model = format.parse({first, size});
		owned->object->algorithm = owned->object->model->algorithm();
		owned->object->bytes = owned->object->model->Encode();
	});
	const ImportWork &work = *owned->object;
	CheckTexts(*work.model);
	CheckAlgorithm(work.algorithm.c_str());
	ProjectRow project = ClaimProject(project_name, TaskName(work.model->task()));
	int64 model_id = InsertModel(project, work);
	InsertModelFiles(model_id, work.bytes.data(), work.bytes.size());
	MemoryContextDelete(work_context);
	if (ReadLiveModel(project).model_id == 0)
		DeployModel(project, model_id, "specific");
	return model_id;
}

/// @param is_text  the data is text, which may be the hexadecimal form of bytea: no model file starts with
/// a backslash
Datum
Import(FunctionCallInfo fcinfo, bool is_text) {
	RequireWritable("pgml.import_model()");
	char *project = RequiredTextArgument(fcinfo, 0, "project");
	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("data must not be null")));
	bytea *data = PG_GETARG_BYTEA_PP(1);
	if (is_text && VARSIZE_ANY_EXHDR(data) > 0 && *VARDATA_ANY(data) == '\\')
		data = DatumGetByteaPP(DirectFunctionCall1(
			byteain, CStringGetDatum(text_to_cstring(reinterpret_cast<text *>(data)))));
	const ImportFormat &format = FindFormat(RequiredTextArgument(fcinfo, 2, "format"));
	SPI_connect();
	int64 model_id = ImportModel(project, data, format);
	SPI_finish();
	return Int64GetDatum(model_id);
}

} // namespace

} // namespace pgml::am

using namespace pgml::am;

/// pgml.export_model(model_id bigint) -> bytea
PGML_FUNCTION(pgml_export_model) {
	int64 model_id = PG_GETARG_INT64(0);
	Project project;
	if (!LookupModelProject(model_id, &project))
		RaiseNoModelId(model_id);
	if (!has_privs_of_role(GetUserId(), project.owner)) {
		const char *name = ProjectName(project.project_id);
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be owner of project \"%s\"", name != nullptr ? name : "")));
	}
	PG_RETURN_BYTEA_P(ReadModelBytes(model_id, nullptr));
}

/// pgml.import_model(project text, data bytea | json, format text) -> bigint, the id of the model
PGML_FUNCTION(pgml_import_model) {
	return Import(fcinfo, false);
}

/// pgml.import_model(project text, data text, format text): what an untyped literal is taken for
PGML_FUNCTION(pgml_import_model_text) {
	return Import(fcinfo, true);
}
