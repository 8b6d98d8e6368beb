/**
 * pgml.snapshot: keeps the rows of a relation as training would read them, without a model; and
 * pgml.drop_snapshot.
 */
#include "am/base/guard.h"
#include "am/sqlfuncs/catalog_write.h"
#include "am/sqlfuncs/model_store.h"
#include "am/sqlfuncs/rights.h"
#include "am/sqlfuncs/snapshot_table.h"
#include "am/sqlfuncs/training_data.h"
#include "pgml/fingerprint.h"

extern "C" {
#include "executor/spi.h"
#include "utils/acl.h"
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
	std::string columns, fingerprint;
};

void
DropSnapshot(int64 id) {
	if (RunAsCatalogOwner("SELECT owner::oid FROM pgml.snapshots WHERE id = $1",
						  SqlParameters().Int8(id), Visibility::kLatest) == 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("snapshot " INT64_FORMAT " does not exist", id)));
	if (!has_privs_of_role(GetUserId(), ResultOid(0, 1)))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be owner of snapshot " INT64_FORMAT, id)));
	if (DropUnusedSnapshots(psprintf("{" INT64_FORMAT "}", id)) > 0)
		return;
	RunAsCatalogOwner("SELECT count(*) FROM pgml.models WHERE snapshot_id = $1",
					  SqlParameters().Int8(id), Visibility::kLatest);
	ereport(
		ERROR,
		(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
		 errmsg("cannot drop snapshot " INT64_FORMAT " because models were trained from it", id),
		 errdetail_plural("There is %d of them.", "There are %d of them.", (int)ResultInt8(0, 1),
						  (int)ResultInt8(0, 1)),
		 errhint("It goes with the last of them: pgml.drop_model, pgml.prune_models.")));
}

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
	int64 id = MaterializeSnapshot(source);
	TrainingSource kept;
	ResolveTrainingSource(SnapshotTableName(id), targets, pgml::Task::kClassification, &kept);
	ReadTrainingData(kept, &work->object->data);
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
		work->object->fingerprint = pgml::Fingerprint(data, stop);
	});
	InsertSnapshot({source.qualified_name, targets, test_size, sampling,
					JsonbToCString(nullptr, &preprocess->root, VARSIZE(preprocess)),
					work->object->columns.c_str(), n_rows, work->object->fingerprint.c_str(), id});
	ereport(NOTICE, (errmsg_plural("kept " UINT64_FORMAT " row of %s in %s",
								   "kept " UINT64_FORMAT " rows of %s in %s", n_rows, n_rows,
								   source.qualified_name, SnapshotTableName(id))));
	auto *result = (ReturnSetInfo *)fcinfo->resultinfo;
	Datum values[2] = {CStringGetTextDatum(source.qualified_name), CStringGetTextDatum(target)};
	bool nulls[2] = {};
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	SPI_finish();
	return (Datum)0;
}

/// pgml.drop_snapshot(snapshot_id bigint) -> void
PGML_FUNCTION(pgml_drop_snapshot) {
	RequireWritable("pgml.drop_snapshot()");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("snapshot_id must not be null")));
	SPI_connect();
	DropSnapshot(PG_GETARG_INT64(0));
	SPI_finish();
	PG_RETURN_VOID();
}
