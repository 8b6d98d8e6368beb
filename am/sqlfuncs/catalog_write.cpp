/// Statements on the catalog tables, run as their owner. See catalog_write.h.
#include "am/sqlfuncs/catalog_write.h"

#include "am/base/module.h"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

namespace pgml::am {

namespace {

Oid
CatalogOwner() {
	Oid relation = CatalogTable("projects");
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relation);
	Oid owner = ((Form_pg_class)GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

Datum
ResultDatum(uint64 row, int column, bool *is_null) {
	Assert(row < SPI_tuptable->numvals);
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, is_null);
}

} // namespace

Oid
CatalogTable(const char *name) {
	Oid relation = get_relname_relid(name, get_namespace_oid("pgml", false));
	if (!OidIsValid(relation))
		ereport(
			ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("catalog table \"pgml.%s\" does not exist", name),
			 errhint(
				 "Create the extension again: DROP EXTENSION pgml_am; CREATE EXTENSION pgml_am.")));
	return relation;
}

void
RequireWritable(const char *command) {
	pg::RequirePreload();
	PreventCommandIfReadOnly(command);
	PreventCommandIfParallelMode(command);
}

CatalogOwnerSection
AsCatalogOwner() {
	CatalogOwnerSection section;
	Oid owner = CatalogOwner();
	// Before the switch: a restricted context may not change settings.
	section.guc_nest_level = NewGUCNestLevel();
	(void)set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							GUC_ACTION_SAVE, true, 0, false);
	GetUserIdAndSecContext(&section.user, &section.security_context);
	SetUserIdAndSecContext(owner, section.security_context | SECURITY_LOCAL_USERID_CHANGE |
									  SECURITY_RESTRICTED_OPERATION);
	return section;
}

void
EndAsCatalogOwner(const CatalogOwnerSection &section) {
	SetUserIdAndSecContext(section.user, section.security_context);
	AtEOXact_GUC(false, section.guc_nest_level);
}

SqlParameters &
SqlParameters::Add(Oid type, Datum value, bool is_null) {
	Assert(n < kMax);
	types[n] = type;
	values[n] = value;
	nulls[n] = is_null ? 'n' : ' ';
	n++;
	return *this;
}

SqlParameters &
SqlParameters::Text(const char *value) {
	return Add(TEXTOID, value != nullptr ? CStringGetTextDatum(value) : (Datum)0, value == nullptr);
}

SqlParameters &
SqlParameters::Texts(int count, const char *const *texts) {
	auto *elements = (Datum *)palloc(sizeof(Datum) * Max(count, 1));
	for (int i = 0; i < count; i++)
		elements[i] = CStringGetTextDatum(texts[i]);
	ArrayType *array = construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT);
	return Add(TEXTARRAYOID, PointerGetDatum(array), count == 0);
}

SqlParameters &
SqlParameters::Int8(int64 value) {
	return Add(INT8OID, Int64GetDatum(value));
}

SqlParameters &
SqlParameters::Int4(int32 value) {
	return Add(INT4OID, Int32GetDatum(value));
}

SqlParameters &
SqlParameters::Float8(double value) {
	return Add(FLOAT8OID, Float8GetDatum(value));
}

SqlParameters &
SqlParameters::Oid8(Oid value) {
	return Add(OIDOID, ObjectIdGetDatum(value));
}

uint64
RunAsCatalogOwner(const char *sql, const SqlParameters &parameters, Visibility visibility) {
	CatalogOwnerSection section = AsCatalogOwner();
	bool latest = visibility == Visibility::kLatest;
	if (latest) {
		CommandCounterIncrement(); // what this transaction wrote counts too
		PushActiveSnapshot(GetLatestSnapshot());
	}
	int result =
		SPI_execute_with_args(sql, parameters.n, const_cast<Oid *>(parameters.types),
							  const_cast<Datum *>(parameters.values), parameters.nulls, latest, 0);
	if (result < 0)
		elog(ERROR, "catalog statement failed: %s", SPI_result_code_string(result));
	if (latest)
		PopActiveSnapshot();
	EndAsCatalogOwner(section);
	return SPI_processed;
}

int64
ResultInt8(uint64 row, int column, bool *is_null) {
	bool null;
	Datum value = ResultDatum(row, column, &null);
	if (is_null != nullptr)
		*is_null = null;
	return null ? 0 : DatumGetInt64(value);
}

double
ResultFloat8(uint64 row, int column, bool *is_null) {
	bool null;
	Datum value = ResultDatum(row, column, &null);
	if (is_null != nullptr)
		*is_null = null;
	return null ? 0 : DatumGetFloat8(value);
}

Oid
ResultOid(uint64 row, int column) {
	bool null;
	Datum value = ResultDatum(row, column, &null);
	return null ? InvalidOid : DatumGetObjectId(value);
}

char *
ResultText(uint64 row, int column) {
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

int
TextsOf(ArrayType *array, const char ***texts) {
	Datum *elements;
	bool *nulls;
	int n, used = 0;
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	*texts = (const char **)palloc(sizeof(char *) * Max(n, 1));
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			(*texts)[used++] = TextDatumGetCString(elements[i]);
	return used;
}

int
ResultTexts(uint64 row, int column, const char ***texts) {
	bool null;
	Datum value = ResultDatum(row, column, &null);
	*texts = nullptr;
	return null ? 0 : TextsOf(DatumGetArrayTypeP(value), texts);
}

} // namespace pgml::am
