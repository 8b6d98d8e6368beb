/**
 * pgml.snapshot: reads a relation as training does and records what it holds, without a model.
 * Nothing is copied: the split is frozen by its seed and the order of storage.
 */
#include "am/base/guard.h"
#include "am/sqlfuncs/catalog_write.h"
#include "am/sqlfuncs/model_store.h"
#include "am/sqlfuncs/rights.h"
#include "am/sqlfuncs/training_data.h"

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

/// Everything with a destructor.
struct SnapshotWork {
	Dataset data;
	std::string columns;
};

} // namespace

} // namespace pgml::am

using namespace pgml::am;

/// pgml.snapshot(relation_name text, y_column_name text, test_size real, test_sampling
/// pgml.sampling, preprocess jsonb) -> (relation, y_column_name)
PGML_FUNCTION(pgml_snapshot) {
	RequireWritable("pgml.snapshot()");
	const char *relation = RequiredTextArgument(fcinfo, 0, "relation_name");
	const char *target = RequiredTextArgument(fcinfo, 1, "y_column_name");
	double test_size = PG_GETARG_FLOAT4(2);
	char *sampling = DatumGetCString(DirectFunctionCall1(enum_out, PG_GETARG_DATUM(3)));
	Jsonb *preprocess = PG_GETARG_JSONB_P(4);
	if (!JB_ROOT_IS_OBJECT(preprocess))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("preprocess must be a JSON object")));
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	TrainingSource source;
	// A classification takes every type of target.
	ColumnNames targets = {1, &target};
	ResolveTrainingSource(relation, targets, pgml::Task::kClassification, &source);
	auto *work = pgml::pg::OwnedByContext<SnapshotWork>(CurrentMemoryContext);
	pgml::pg::Guard([work] { work->object = std::make_unique<SnapshotWork>(); });
	ReadTrainingData(source, &work->object->data);
	pgml::StopToken stop = pgml::pg::BackendStopToken();
	uint64 n_rows = 0;
	pgml::pg::Guard([&] {
		pgml::Dataset &data = work->object->data;
		n_rows = data.rows();
		if (n_rows == 0)
			throw pgml::Error(pgml::ErrorCode::kInvalidData, "relation has no rows to train on", "",
							  "Rows that row level security hides from you do not count.");
		// Whether the size makes sense does not depend on how rows are drawn.
		pgml::SplitRows(data, test_size, pgml::Sampling::kLast, pgml::Task::kRegression, 0);
		work->object->columns = pgml::DescribeColumnsToJson(data, {target}, stop);
	});
	InsertSnapshot({source.qualified_name, targets, test_size, sampling,
					JsonbToCString(nullptr, &preprocess->root, VARSIZE(preprocess)),
					work->object->columns.c_str(), n_rows});
	auto *result = (ReturnSetInfo *)fcinfo->resultinfo;
	Datum values[2] = {CStringGetTextDatum(source.qualified_name), CStringGetTextDatum(target)};
	bool nulls[2] = {};
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	SPI_finish();
	return (Datum)0;
}
