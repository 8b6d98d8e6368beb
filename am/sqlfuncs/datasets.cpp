/**
 * pgml.load_dataset: the toy data sets as tables pgml.iris, pgml.diabetes ...
 *
 * The rows come from SHAREDIR/pgml_am/datasets/NAME.csv, one of six fixed names: no path is ever
 * taken from the caller, so no right to read server files is needed. The data is public: the table
 * belongs to the owner of the catalog, everybody may read it. A table that exists is replaced, by
 * its owner only: others may be using it.
 */
#include "am/base/compat.h"
#include "am/sqlfuncs/catalog_write.h"
#include "am/sqlfuncs/rights.h"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "commands/copy.h"
#include "commands/defrem.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"
}

#include <sys/stat.h>

namespace pgml::am {

namespace {

struct ToyDataset {
	const char *name;
	const char *columns;
};

constexpr ToyDataset kDatasets[] = {
	{"breast_cancer",
	 "\"mean radius\" real, \"mean texture\" real, \"mean perimeter\" real, \"mean area\" real,"
	 " \"mean smoothness\" real, \"mean compactness\" real, \"mean concavity\" real,"
	 " \"mean concave points\" real, \"mean symmetry\" real, \"mean fractal dimension\" real,"
	 " \"radius error\" real, \"texture error\" real, \"perimeter error\" real, \"area error\" "
	 "real,"
	 " \"smoothness error\" real, \"compactness error\" real, \"concavity error\" real,"
	 " \"concave points error\" real, \"symmetry error\" real, \"fractal dimension error\" real,"
	 " \"worst radius\" real, \"worst texture\" real, \"worst perimeter\" real, \"worst area\" "
	 "real,"
	 " \"worst smoothness\" real, \"worst compactness\" real, \"worst concavity\" real,"
	 " \"worst concave points\" real, \"worst symmetry\" real, \"worst fractal dimension\" real,"
	 " malignant boolean"},
	{"diabetes",
	 "age real, sex real, bmi real, bp real, s1 real, s2 real, s3 real, s4 real, s5 real, s6 real,"
	 " target real"},
	{"digits", "image smallint[], target smallint"},
	{"iris",
	 "sepal_length real, sepal_width real, petal_length real, petal_width real, target integer"},
	{"linnerud", "chins real, situps real, jumps real, weight real, waist real, pulse real"},
	{"wine",
	 "alcohol real, malic_acid real, ash real, alcalinity_of_ash real, magnesium real,"
	 " total_phenols real, flavanoids real, nonflavanoid_phenols real, proanthocyanins real,"
	 " color_intensity real, hue real, \"od280/od315_of_diluted_wines\" real, proline real,"
	 " target integer"},
};

const ToyDataset &
FindDataset(const char *name) {
	for (const ToyDataset &dataset : kDatasets)
		if (strcmp(dataset.name, name) == 0)
			return dataset;
	StringInfoData known;
	initStringInfo(&known);
	for (const ToyDataset &dataset : kDatasets)
		appendStringInfo(&known, "%s%s", known.len == 0 ? "" : ", ", dataset.name);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("data set \"%s\" does not exist", name),
			 errhint("Available data sets: %s.", known.data)));
	pg_unreachable();
}

const char *
DatasetFile(const ToyDataset &dataset) {
	char share[MAXPGPATH];
	get_share_path(my_exec_path, share);
	char *path = psprintf("%s/pgml_am/datasets/%s.csv", share, dataset.name);
	struct stat status;
	if (stat(path, &status) != 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FILE),
						errmsg("the rows of data set \"%s\" are not installed", dataset.name),
						errdetail("File \"%s\" could not be read: %m.", path),
						errhint("Run tests/datasets build/datasets in the source of pgml_am, then "
								"install again.")));
	return path;
}

/// Makes the empty table, in place of the one that may be there.
Oid
MakeTable(const ToyDataset &dataset) {
	Oid existing = get_relname_relid(dataset.name, get_namespace_oid("pgml", false));
	if (OidIsValid(existing)) {
		if (!pg::OwnsRelation(existing, GetUserId()))
			ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
							errmsg("must be owner of table pgml.%s to load it again", dataset.name),
							errhint("The data set is loaded already: SELECT * FROM pgml.%s.",
									dataset.name)));
		// No CASCADE: what depends on the table stays, by an error.
		RunAsCatalogOwner(psprintf("DROP TABLE pgml.%s", dataset.name), SqlParameters());
	}
	RunAsCatalogOwner(psprintf("CREATE TABLE pgml.%s (%s) USING heap TABLESPACE pg_default",
							   dataset.name, dataset.columns),
					  SqlParameters());
	RunAsCatalogOwner(psprintf("GRANT SELECT ON pgml.%s TO PUBLIC", dataset.name), SqlParameters());
	return get_relname_relid(dataset.name, get_namespace_oid("pgml", false));
}

/// Reads the file with COPY's own reader, which needs no rights when called from C. @param limit
/// negative = all rows
int64
FillTable(Oid table, const char *path, int64 limit) {
	Relation relation = table_open(table, RowExclusiveLock);
	List *options =
		list_make2(makeDefElem(pstrdup("format"), (Node *)makeString(pstrdup("csv")), -1),
				   makeDefElem(pstrdup("header"), (Node *)makeString(pstrdup("true")), -1));
	CopyFromState copy =
		BeginCopyFrom(nullptr, relation, nullptr, path, false, nullptr, NIL, options);
	TupleTableSlot *slot = table_slot_create(relation, nullptr);
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "pgml data set row", ALLOCSET_DEFAULT_SIZES);
	int64 rows = 0;
	while (limit < 0 || rows < limit) {
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(row_context);
		MemoryContext caller = MemoryContextSwitchTo(row_context);
		ExecClearTuple(slot);
		bool more = NextCopyFrom(copy, nullptr, slot->tts_values, slot->tts_isnull);
		if (more) {
			ExecStoreVirtualTuple(slot);
			simple_table_tuple_insert(relation, slot);
			rows++;
		}
		MemoryContextSwitchTo(caller);
		if (!more)
			break;
	}
	ExecDropSingleTupleTableSlot(slot);
	EndCopyFrom(copy);
	MemoryContextDelete(row_context);
	table_close(relation, NoLock);
	return rows;
}

int64
LimitArgument(FunctionCallInfo fcinfo, int argument) {
	if (PG_ARGISNULL(argument))
		return -1;
	int64 limit = PG_GETARG_INT64(argument);
	if (limit < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("limit must not be negative")));
	return limit;
}

} // namespace

} // namespace pgml::am

using namespace pgml::am;

/// pgml.load_dataset(source text, subset text, "limit" bigint, kwargs jsonb)
PGML_FUNCTION(pgml_load_dataset) {
	RequireWritable("pgml.load_dataset()");
	const ToyDataset &dataset = FindDataset(RequiredTextArgument(fcinfo, 0, "source"));
	if (!PG_ARGISNULL(1) || (!PG_ARGISNULL(3) && JB_ROOT_COUNT(PG_GETARG_JSONB_P(3)) > 0))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("data set \"%s\" takes neither subset nor kwargs", dataset.name)));
	int64 limit = LimitArgument(fcinfo, 2);
	const char *path = DatasetFile(dataset);
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	int64 rows = FillTable(MakeTable(dataset), path, limit);
	auto *result = (ReturnSetInfo *)fcinfo->resultinfo;
	Datum values[2] = {CStringGetTextDatum(psprintf("pgml.%s", dataset.name)), Int64GetDatum(rows)};
	bool nulls[2] = {};
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	SPI_finish();
	return (Datum)0;
}
