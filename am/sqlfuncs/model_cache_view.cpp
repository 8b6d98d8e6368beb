/// The function below the view pgml.model_cache.
#include "am/base/pg.h"

#include "am/base/module.h"
#include "am/models/model_catalog.h"
#include "am/models/model_directory.h"

extern "C" {
#include "catalog/pg_authid.h"
#include "funcapi.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
}

using namespace pgml::am;

/// pgml.model_cache_entries(): see sql/extension/39_model_cache.sql. Which model an entry holds is for those who may use
/// its project, in its database, and for pg_read_all_stats; others see that there is one.
PGML_FUNCTION(pgml_model_cache_entries) {
	pgml::pg::RequirePreload();
	InitMaterializedSRF(fcinfo, 0);
	auto *result = (ReturnSetInfo *)fcinfo->resultinfo;
	bool reads_all = has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
	DirectoryEntry *entries;
	int n = ListModels(&entries);
	for (int i = 0; i < n; i++) {
		const DirectoryEntry &entry = entries[i];
		Project project;
		bool is_here =
			entry.key.database == MyDatabaseId && LookupModelProject(entry.key.model_id, &project);
		bool visible = reads_all || (is_here && HasProjectUse(project, GetUserId()));
		char *name = is_here && visible ? ProjectName(project.project_id) : nullptr;
		constexpr int kColumns = 10;
		Datum values[kColumns] = {};
		bool nulls[kColumns] = {};
		values[0] = ObjectIdGetDatum(entry.key.database);
		values[1] = Int64GetDatum(entry.key.model_id);
		nulls[1] = !visible;
		nulls[2] = name == nullptr;
		if (name != nullptr)
			values[2] = CStringGetTextDatum(name);
		values[3] = Int64GetDatum((int64)entry.bytes);
		values[4] = Int32GetDatum((int32)entry.sessions);
		values[5] = Int64GetDatum((int64)entry.hits);
		values[6] = Int64GetDatum((int64)entry.loads);
		values[7] = BoolGetDatum(entry.evicted);
		values[8] = TimestampTzGetDatum(entry.loaded_at);
		values[9] = TimestampTzGetDatum(entry.last_used);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum)0;
}
