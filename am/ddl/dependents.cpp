/**
 * Refuses what the server would evaluate over the stored nulls of a prediction column: constraints,
 * indexes, statistics, trigger conditions, publication filters. Part of the check after a DDL
 * command, see verify.h.
 */
#include "am/ddl/verify.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_publication_rel.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace pgml::am {

namespace {

constexpr const char *kStoredAsNull =
	"A prediction column is computed when it is read; the stored value is always null.";

const char *
ColumnName(Relation relation, AttrNumber attno) {
	return NameStr(TupleDescAttr(RelationGetDescr(relation), attno - 1)->attname);
}

/// The first prediction column that the expression reads through a Var of `varno`, 0 when there is
/// none.
/// @param whole_row  a whole-row reference counts as reading the first prediction column
AttrNumber
ReadsPrediction(Node *expression, Index varno, bool whole_row, const PredictionColumns &columns) {
	Bitmapset *attributes = nullptr;
	pull_varattnos(expression, varno, &attributes);
	bool all = whole_row &&
			   bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber, attributes);
	for (AttrNumber attno = 1; attno <= columns.natts; attno++)
		if (columns.Has(attno) &&
			(all || bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, attributes)))
			return attno;
	return InvalidAttrNumber;
}

/// The first prediction column in an int2[] or int2vector of column numbers, 0 when there is none.
AttrNumber
ListsPrediction(Datum numbers, const PredictionColumns &columns) {
	ArrayType *array = DatumGetArrayTypeP(numbers);
	auto *values = (int16 *)ARR_DATA_PTR(array);
	int n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	for (int i = 0; i < n; i++)
		if (columns.Has(values[i]))
			return values[i];
	return InvalidAttrNumber;
}

[[noreturn]] void
Refuse(const char *column, const char *where, const char *hint) {
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("prediction column \"%s\" cannot be used in %s", column, where),
					errdetail_internal("%s", kStoredAsNull), errhint("%s", hint)));
	pg_unreachable();
}

void
CheckConstraint(Relation relation, HeapTuple tuple, TupleDesc descriptor,
				const PredictionColumns &columns) {
	auto *constraint = (Form_pg_constraint)GETSTRUCT(tuple);
	bool is_null;
	if (constraint->contype == CONSTRAINT_CHECK) {
		Datum bin = heap_getattr(tuple, Anum_pg_constraint_conbin, descriptor, &is_null);
		if (is_null)
			return;
		Node *expression = (Node *)stringToNode(TextDatumGetCString(bin));
		AttrNumber attno = ReadsPrediction(expression, 1, true, columns);
		if (attno != InvalidAttrNumber)
			Refuse(ColumnName(relation, attno), "a CHECK constraint",
				   "Test the prediction where it is read, in a view or a WHERE clause.");
		return;
	}
	Datum keys = heap_getattr(tuple, Anum_pg_constraint_conkey, descriptor, &is_null);
	if (is_null)
		return;
	AttrNumber attno = ListsPrediction(keys, columns);
	if (attno == InvalidAttrNumber)
		return;
	const char *column = ColumnName(relation, attno);
	switch (constraint->contype) {
		case CONSTRAINT_FOREIGN:
			Refuse(column, "a FOREIGN KEY constraint", "Join on the prediction instead.");
		case CONSTRAINT_PRIMARY:
			RefuseKeyConstraint(column, "PRIMARY KEY");
		case CONSTRAINT_UNIQUE:
			RefuseKeyConstraint(column, "UNIQUE");
		case CONSTRAINT_EXCLUSION:
			RefuseKeyConstraint(column, "EXCLUDE");
		default:
			break;
	}
}

void
CheckConstraints(Relation relation, const PredictionColumns &columns) {
	Relation catalog = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key;
	ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationGetRelid(relation)));
	SysScanDesc scan =
		systable_beginscan(catalog, ConstraintRelidTypidNameIndexId, true, nullptr, 1, &key);
	HeapTuple tuple;
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		CheckConstraint(relation, tuple, RelationGetDescr(catalog), columns);
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	for (AttrNumber attno = 1; attno <= columns.natts; attno++)
		if (columns.Has(attno) && TupleDescAttr(RelationGetDescr(relation), attno - 1)->attnotnull)
			RefuseNotNull(ColumnName(relation, attno));
}

/// Column numbers and expressions of one pg_index or pg_statistic_ext tuple.
AttrNumber
ColumnOfDefinition(int cache, HeapTuple tuple, AttrNumber keys, AttrNumber expressions,
				   AttrNumber predicate, const PredictionColumns &columns) {
	bool is_null;
	Datum value = SysCacheGetAttr(cache, tuple, keys, &is_null);
	AttrNumber attno = ListsPrediction(value, columns);
	const AttrNumber trees[] = {expressions, predicate};
	for (int i = 0; i < 2 && attno == InvalidAttrNumber; i++) {
		if (trees[i] == InvalidAttrNumber)
			continue;
		value = SysCacheGetAttr(cache, tuple, trees[i], &is_null);
		if (!is_null)
			attno = ReadsPrediction((Node *)stringToNode(TextDatumGetCString(value)), 1, false,
									columns);
	}
	return attno;
}

void
CheckPlainIndexes(Relation relation, const PredictionColumns &columns) {
	ListCell *cell;
	foreach (cell, RelationGetIndexList(relation)) {
		Oid index = lfirst_oid(cell);
		HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
		if (!HeapTupleIsValid(tuple))
			continue;
		AttrNumber attno =
			ColumnOfDefinition(INDEXRELID, tuple, Anum_pg_index_indkey, Anum_pg_index_indexprs,
							   Anum_pg_index_indpred, columns);
		auto *form = (Form_pg_index)GETSTRUCT(tuple);
		const char *kind = form->indisexclusion ? "EXCLUDE" : "UNIQUE";
		ReleaseSysCache(tuple);
		if (attno != InvalidAttrNumber && OidIsValid(get_index_constraint(index)))
			RefuseKeyConstraint(ColumnName(relation, attno), kind);
		if (attno != InvalidAttrNumber)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("index \"%s\" holds stored values of prediction column \"%s\"",
							get_rel_name(index), ColumnName(relation, attno)),
					 errdetail_internal("%s", kStoredAsNull),
					 errhint("Drop the index first, and create it again afterwards: CREATE INDEX "
							 "on a prediction column indexes the predictions.")));
	}
}

void
CheckStatistics(Relation relation, const PredictionColumns &columns) {
	ListCell *cell;
	foreach (cell, RelationGetStatExtList(relation)) {
		HeapTuple tuple = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(lfirst_oid(cell)));
		if (!HeapTupleIsValid(tuple))
			continue;
		AttrNumber attno =
			ColumnOfDefinition(STATEXTOID, tuple, Anum_pg_statistic_ext_stxkeys,
							   Anum_pg_statistic_ext_stxexprs, InvalidAttrNumber, columns);
		char *name = pstrdup(NameStr(((Form_pg_statistic_ext)GETSTRUCT(tuple))->stxname));
		ReleaseSysCache(tuple);
		if (attno != InvalidAttrNumber)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("statistics object \"%s\" describes stored values of prediction "
							"column \"%s\"",
							name, ColumnName(relation, attno)),
					 errdetail_internal("%s", kStoredAsNull),
					 errhint("Drop the statistics object first, and create it again afterwards: "
							 "CREATE STATISTICS on a prediction column describes the "
							 "predictions.")));
	}
}

/// Whole rows in WHEN are allowed: OLD.* IS DISTINCT FROM NEW.* is right with nulls on both sides.
void
CheckTriggers(Relation relation, const PredictionColumns &columns) {
	Relation catalog = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key;
	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationGetRelid(relation)));
	SysScanDesc scan = systable_beginscan(catalog, TriggerRelidNameIndexId, true, nullptr, 1, &key);
	HeapTuple tuple;
	while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
		bool is_null;
		TupleDesc descriptor = RelationGetDescr(catalog);
		Datum listed = heap_getattr(tuple, Anum_pg_trigger_tgattr, descriptor, &is_null);
		AttrNumber attno = ListsPrediction(listed, columns);
		if (attno != InvalidAttrNumber)
			Refuse(ColumnName(relation, attno), "UPDATE OF of a trigger",
				   "Name the columns that the prediction is made from.");
		Datum qual = heap_getattr(tuple, Anum_pg_trigger_tgqual, descriptor, &is_null);
		if (is_null)
			continue;
		Node *expression = (Node *)stringToNode(TextDatumGetCString(qual));
		for (Index varno = 1; varno <= 2 && attno == InvalidAttrNumber; varno++)
			attno = ReadsPrediction(expression, varno, false, columns); // OLD, NEW
		if (attno != InvalidAttrNumber)
			Refuse(ColumnName(relation, attno), "WHEN of a trigger",
				   "Test the prediction in the trigger function, with a SELECT of the row by its "
				   "key in an AFTER trigger.");
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
}

void
CheckPublications(Relation relation, const PredictionColumns &columns) {
	Relation catalog = table_open(PublicationRelRelationId, AccessShareLock);
	ScanKeyData key;
	ScanKeyInit(&key, Anum_pg_publication_rel_prrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationGetRelid(relation)));
	SysScanDesc scan =
		systable_beginscan(catalog, PublicationRelPrrelidPrpubidIndexId, true, nullptr, 1, &key);
	HeapTuple tuple;
	while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
		bool is_null;
		TupleDesc descriptor = RelationGetDescr(catalog);
		Datum value = heap_getattr(tuple, Anum_pg_publication_rel_prqual, descriptor, &is_null);
		AttrNumber attno = InvalidAttrNumber;
		if (!is_null)
			attno =
				ReadsPrediction((Node *)stringToNode(TextDatumGetCString(value)), 1, true, columns);
		if (attno == InvalidAttrNumber) {
			value = heap_getattr(tuple, Anum_pg_publication_rel_prattrs, descriptor, &is_null);
			if (!is_null)
				attno = ListsPrediction(value, columns);
		}
		if (attno != InvalidAttrNumber)
			Refuse(ColumnName(relation, attno), "a publication",
				   "Filter by the columns that the prediction is made from; a subscriber computes "
				   "its own predictions.");
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
}

} // namespace

void
VerifyDependents(Relation relation, const PredictionColumns &columns) {
	CheckConstraints(relation, columns);
	CheckPlainIndexes(relation, columns);
	CheckStatistics(relation, columns);
	CheckTriggers(relation, columns);
	CheckPublications(relation, columns);
}

void
RefuseNotNull(const char *column) {
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("prediction column \"%s\" cannot be NOT NULL", column),
					errdetail_internal("%s", kStoredAsNull),
					errhint("Leave NOT NULL out: a prediction is never null.")));
	pg_unreachable();
}

void
RefuseKeyConstraint(const char *column, const char *kind) {
	ereport(
		ERROR,
		(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		 errmsg("prediction column \"%s\" cannot be used in a constraint of type %s", column, kind),
		 errdetail_internal("%s", kStoredAsNull),
		 errhint("CREATE UNIQUE INDEX on the column refuses rows with equal predictions.")));
	pg_unreachable();
}

void
RefuseDropExpression(const char *column) {
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot drop the expression of prediction column \"%s\"", column),
			 errdetail_internal("%s", kStoredAsNull),
			 errhint("To keep the present predictions, add a plain column, set it with UPDATE from "
					 "the prediction column, then drop the prediction column.")));
	pg_unreachable();
}

void
RefuseIncludedColumn(const char *column) {
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("prediction column \"%s\" cannot be an included column of an index", column),
			 errdetail("An index on a prediction column is an index on an expression, and "
					   "included columns cannot be expressions."),
			 errhint("Make it a key column of the index.")));
	pg_unreachable();
}

} // namespace pgml::am
