/// Rows of pgml.projects, snapshots and files for a new model. See model_store.h.
#include "am/sqlfuncs/model_store.h"

#include "am/sqlfuncs/catalog_write.h"
#include "am/sqlfuncs/train_request.h"

namespace pgml::am {

namespace {

/// The server compresses a part without looking at requests to stop.
constexpr size_t kFilePartBytes = 4 * 1024 * 1024;

} // namespace

ProjectRow
ClaimProject(const char *name, const char *task) {
	RunAsCatalogOwner(
		"INSERT INTO pgml.projects (name, task, owner) VALUES ($1, $2::pgml.task, $3::regrole)"
		" ON CONFLICT (name) DO NOTHING",
		SqlParameters().Text(name).Text(task).Oid8(GetUserId()));
	// Looked at again: anything may have happened since the caller checked.
	ProjectRow project;
	if (!ReadProject(name, &project))
		ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						errmsg("project \"%s\" was dropped while a model of it was made", name)));
	CheckProjectOwner(project);
	CheckSameTask(project, task);
	LockProject(project);
	return project;
}

int64
InsertSnapshot(const SnapshotRow &row) {
	// The preprocessing asked for is kept with the snapshot, so that training from it again means
	// the same.
	RunAsCatalogOwner(
		"INSERT INTO pgml.snapshots (relation_name, y_column_name, test_size, test_sampling, "
		"status,"
		" columns, analysis, owner, id, materialized)"
		" VALUES ($1, $2, $3::float8::real, $4::pgml.sampling, 'successful', $5::jsonb,"
		" jsonb_build_object('samples', $6, 'fingerprint', $9) || CASE WHEN $7::jsonb = '{}' THEN "
		"'{}'::jsonb"
		" ELSE jsonb_build_object('preprocess', $7::jsonb) END, $8::regrole,"
		" coalesce(nullif($10, 0), nextval('pgml.snapshots_id_seq')), $10 <> 0) RETURNING id",
		SqlParameters()
			.Text(row.relation)
			.Texts(row.targets.n, row.targets.names)
			.Float8(row.test_size)
			.Text(row.sampling)
			.Text(row.columns)
			.Int8(static_cast<int64>(row.n_rows))
			.Text(row.preprocess)
			.Oid8(GetUserId())
			.Text(row.fingerprint)
			.Int8(row.id));
	return ResultInt8(0, 1);
}

void
InsertModelFiles(int64 model_id, const void *bytes, size_t size) {
	int part = 0;
	for (size_t first = 0; first < size; first += kFilePartBytes) {
		size_t length = Min(kFilePartBytes, size - first);
		auto *data = (bytea *)palloc(VARHDRSZ + length);
		SET_VARSIZE(data, VARHDRSZ + length);
		memcpy(VARDATA(data), (const char *)bytes + first, length);
		RunAsCatalogOwner(
			"INSERT INTO pgml.files (model_id, path, part, data) VALUES ($1, 'model.pgml', $2, $3)",
			SqlParameters().Int8(model_id).Int4(part++).Add(BYTEAOID, PointerGetDatum(data)));
		pfree(data);
	}
}

} // namespace pgml::am
