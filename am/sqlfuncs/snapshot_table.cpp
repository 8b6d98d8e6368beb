/// The tables of materialised snapshots. See snapshot_table.h.
#include "am/sqlfuncs/snapshot_table.h"

#include "am/sqlfuncs/catalog_write.h"

extern "C" {
#include "access/relation.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/varlena.h"
}

namespace pgml::am {

namespace {

constexpr char kPrefix[] = "snapshot_";

void
AppendColumn(StringInfo names, StringInfo definitions, Relation relation, const char *name) {
	AttrNumber number = get_attnum(RelationGetRelid(relation), name);
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), number - 1);
	const char *separator = names->len > 0 ? ", " : "";
	appendStringInfo(names, "%s%s", separator, quote_identifier(name));
	appendStringInfo(definitions, "%s%s %s", separator, quote_identifier(name),
					 format_type_extended(attribute->atttypid, attribute->atttypmod,
										  FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
}

void
Run(const char *sql) {
	(void)RunAsCatalogOwner(sql, SqlParameters());
}

/// As the invoker: the relation gives what it gives to them.
void
CopyRows(const TrainingSource &source, const char *table, const char *columns) {
	int guc_nest_level = NewGUCNestLevel();
	(void)set_config_option("synchronize_seqscans", "off", PGC_USERSET, PGC_S_SESSION,
							GUC_ACTION_SAVE, true, 0, false);
	char *sql = psprintf("INSERT INTO %s (%s) SELECT %s FROM %s", table, columns, columns,
						 source.qualified_name);
	int result = SPI_execute(sql, false, 0);
	if (result < 0)
		elog(ERROR, "could not copy training data: %s", SPI_result_code_string(result));
	AtEOXact_GUC(false, guc_nest_level);
}

} // namespace

char *
SnapshotTableName(int64 snapshot_id) {
	return psprintf("pgml.%s" INT64_FORMAT, kPrefix, snapshot_id);
}

int64
SnapshotOfRelation(const char *relation) {
	List *names = textToQualifiedNameList(cstring_to_text(relation));
	Oid relid = RangeVarGetRelid(makeRangeVarFromNameList(names), NoLock, true);
	if (!OidIsValid(relid) || get_rel_namespace(relid) != get_namespace_oid("pgml", true))
		return 0;
	const char *name = get_rel_name(relid);
	if (name == nullptr || strncmp(name, kPrefix, sizeof(kPrefix) - 1) != 0)
		return 0;
	RunAsCatalogOwner("SELECT id FROM pgml.snapshots WHERE materialized AND 'snapshot_' || id = $1",
					  SqlParameters().Text(name), Visibility::kLatest);
	return SPI_processed > 0 ? ResultInt8(0, 1) : 0;
}

int64
MaterializeSnapshot(const TrainingSource &source) {
	RunAsCatalogOwner("SELECT nextval('pgml.snapshots_id_seq')", SqlParameters());
	int64 id = ResultInt8(0, 1);
	const char *table = SnapshotTableName(id);
	StringInfoData names, definitions;
	initStringInfo(&names);
	initStringInfo(&definitions);
	Relation relation = relation_open(source.relation, NoLock);
	for (int i = 0; i < source.n_features; i++)
		AppendColumn(&names, &definitions, relation, source.features[i].name);
	for (int i = 0; i < source.n_targets; i++)
		AppendColumn(&names, &definitions, relation, source.targets[i].name);
	relation_close(relation, NoLock);

	// Whatever the session's default access method is: predictions have no place in here.
	Run(psprintf("CREATE TABLE %s (%s) USING heap", table, definitions.data));
	const char *role = quote_identifier(GetUserNameFromId(GetUserId(), false));
	Run(psprintf("GRANT SELECT, INSERT ON %s TO %s", table, role));
	CopyRows(source, table, names.data);
	Run(psprintf("REVOKE INSERT ON %s FROM %s", table, role));
	return id;
}

uint64
DropUnusedSnapshots(const char *ids) {
	uint64 n = RunAsCatalogOwner("SELECT id FROM pgml.snapshots WHERE id = ANY ($1::bigint[])"
								 " AND materialized ORDER BY id",
								 SqlParameters().Text(ids), Visibility::kLatest);
	auto *materialized = (int64 *)palloc(sizeof(int64) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
		materialized[i] = ResultInt8(i, 1);
	// A training that reads such a table holds a lock on it until its model is there: after this wait,
	// who uses the snapshot is known.
	Oid schema = get_namespace_oid("pgml", false);
	for (uint64 i = 0; i < n; i++) {
		Oid table =
			get_relname_relid(psprintf("%s" INT64_FORMAT, kPrefix, materialized[i]), schema);
		if (OidIsValid(table))
			LockRelationOid(table, AccessExclusiveLock);
	}
	n = RunAsCatalogOwner("SELECT id FROM pgml.snapshots s WHERE s.id = ANY ($1::bigint[])"
						  " AND NOT EXISTS (SELECT FROM pgml.models m WHERE m.snapshot_id = s.id)"
						  " AND materialized ORDER BY id",
						  SqlParameters().Text(ids), Visibility::kLatest);
	for (uint64 i = 0; i < n; i++)
		materialized[i] = ResultInt8(i, 1);
	for (uint64 i = 0; i < n; i++)
		Run(psprintf("DROP TABLE IF EXISTS %s", SnapshotTableName(materialized[i])));
	return RunAsCatalogOwner(
		"DELETE FROM pgml.snapshots s WHERE s.id = ANY ($1::bigint[])"
		" AND NOT EXISTS (SELECT FROM pgml.models m WHERE m.snapshot_id = s.id)",
		SqlParameters().Text(ids));
}

} // namespace pgml::am
