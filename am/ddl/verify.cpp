/**
 * Relation level of the check after a DDL command: generation expressions and inheritance. See
 * verify.h.
 */
#include "am/ddl/verify.h"

#include "am/ddl/index.h"
#include "am/executor/predict_functions.h"
#include "am/table/tableam.h"
#include "am/base/compat.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
}

namespace pgml::am {

namespace {

bool
HasGeneratedColumns(Relation relation) {
	TupleConstr *constraints = RelationGetDescr(relation)->constr;
	return constraints != nullptr && constraints->has_generated_stored;
}

Node *
GenerationExpression(Relation relation, AttrNumber attno) {
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), attno - 1);
	if (attribute->attisdropped || attribute->attgenerated != ATTRIBUTE_GENERATED_STORED)
		return nullptr;
	return build_column_default(relation, attno);
}

/// Puts another generation expression in the catalog, dependencies included.
void
ReplaceGenerationExpression(Relation relation, AttrNumber attno, Node *expression) {
	Oid relid = RelationGetRelid(relation);
	// The old entry depends on its column internally, which would forbid to drop it.
	deleteDependencyRecordsFor(AttrDefaultRelationId, GetAttrDefaultOid(relid, attno), false);
	CommandCounterIncrement();
	RemoveAttrDefault(relid, attno, DROP_RESTRICT, false, true);
	CommandCounterIncrement();
	StoreAttrDefault(relation, attno, expression, true, false);
	CommandCounterIncrement();
}

bool
ComputesAtReading(Relation relation) {
	return IsPgmlRelation(relation) || relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
}

void
NoticeStoredPrediction(Relation relation, AttrNumber attno) {
	ereport(NOTICE,
			(errmsg("column \"%s\" of table \"%s\" stores its predictions",
					NameStr(TupleDescAttr(RelationGetDescr(relation), attno - 1)->attname),
					RelationGetRelationName(relation)),
			 errdetail("They are computed when a row is written, and stay as they are when another "
					   "model is deployed."),
			 errhint("Create the table with USING pgml to have predictions computed when they are "
					 "read.")));
}

/// Brings the generation expressions of one relation into their final form. @return true when one
/// changed
bool
VerifyExpressions(Relation relation, const TouchedRelations &touched) {
	bool defer = ComputesAtReading(relation);
	bool any_changed = false;
	for (AttrNumber attno = 1; attno <= RelationGetNumberOfAttributes(relation); attno++) {
		Node *expression = GenerationExpression(relation, attno);
		if (expression == nullptr)
			continue;
		// Children repeat what was said about their parent.
		bool tell = TupleDescAttr(RelationGetDescr(relation), attno - 1)->attislocal &&
					touched.HasNewExpression(RelationGetRelid(relation), attno);
		Node *wanted = expression;
		if (ContainsPredictCall(expression)) {
			if (defer || ContainsDeferredCall(expression))
				wanted = RealToDeferred(expression);
			else if (tell && relation->rd_rel->relkind == RELKIND_RELATION)
				NoticeStoredPrediction(relation, attno);
		}
		if (!ContainsDeferredCall(wanted))
			continue;
		wanted = CheckPredictionExpression(relation, attno, wanted);
		if (!equal(wanted, expression)) {
			ReplaceGenerationExpression(relation, attno, wanted);
			any_changed = tell = true;
		}
		if (tell)
			WarnAboutModels(relation, attno, wanted);
	}
	return any_changed;
}

void
RefuseInheritance(Relation child, Relation parent, const char *column, const char *detail,
				  const char *hint) {
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("column \"%s\" of table \"%s\" does not match the column of its parent \"%s\"",
					column, RelationGetRelationName(child), RelationGetRelationName(parent)),
			 errdetail_internal("%s", detail), errhint("%s", hint)));
}

/// A query on the parent evaluates the parent's expression for the child's rows: both must be the
/// same.
void
VerifyInheritance(Relation child, Relation parent) {
	bool child_any = HasPredictionColumns(RelationGetRelid(child));
	bool parent_any = HasPredictionColumns(RelationGetRelid(parent));
	if (!child_any && !parent_any)
		return;
	PredictionColumns of_child, of_parent;
	GetPredictionColumns(child, &of_child);
	GetPredictionColumns(parent, &of_parent);
	TupleDesc descriptor = RelationGetDescr(parent);
	AttrMap *to_child = pg::MapAttributesByName(RelationGetDescr(child), descriptor);
	for (int i = 0; i < descriptor->natts; i++) {
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		if (attribute->attisdropped)
			continue;
		AttrNumber child_attno = to_child->attnums[i];
		Node *parent_expr = parent_any ? of_parent.expr[i] : nullptr;
		Node *child_expr = child_any ? of_child.expr[child_attno - 1] : nullptr;
		const char *name = NameStr(attribute->attname);
		if (parent_expr == nullptr && child_expr == nullptr)
			continue;
		if (parent_expr == nullptr)
			RefuseInheritance(
				child, parent, name,
				"It is computed at reading in the child only, so that a query on the "
				"parent would find nulls there.",
				"Make it the same prediction column in the parent, or leave it out of "
				"the parent.");
		if (child_expr == nullptr)
			RefuseInheritance(child, parent, name, "It is computed at reading in the parent only.",
							  "Declare the same prediction column in the child.");
		bool whole_row;
		Node *mapped = map_variable_attnos(parent_expr, 1, 0, to_child, InvalidOid, &whole_row);
		if (!equal(mapped, child_expr))
			RefuseInheritance(child, parent, name, "The two predictions differ.",
							  "Declare the same prediction column in both tables.");
	}
	free_attrmap(to_child);
}

List *
ParentsOf(Oid relid) {
	List *parents = NIL;
	Relation catalog = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyData key;
	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	SysScanDesc scan =
		systable_beginscan(catalog, InheritsRelidSeqnoIndexId, true, nullptr, 1, &key);
	HeapTuple tuple;
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		parents = lappend_oid(parents, ((Form_pg_inherits)GETSTRUCT(tuple))->inhparent);
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return parents;
}

void
VerifyParentsAndChildren(Relation relation) {
	Oid relid = RelationGetRelid(relation);
	ListCell *cell;
	foreach (cell, ParentsOf(relid)) {
		Relation parent = table_open(lfirst_oid(cell), AccessShareLock);
		VerifyInheritance(relation, parent);
		table_close(parent, NoLock);
	}
	// A partition is checked when it is touched itself; opening all of them would wait for each
	// other's maintenance.
	if (relation->rd_rel->relkind != RELKIND_RELATION || !relation->rd_rel->relhassubclass)
		return;
	foreach (cell, find_inheritance_children(relid, AccessShareLock)) {
		Relation child = table_open(lfirst_oid(cell), NoLock);
		VerifyInheritance(child, relation);
		table_close(child, NoLock);
	}
}

void VerifyRelation(Oid relid, const TouchedRelations &touched);

/// Stored predictions of a tree of tables became ones that are computed at reading in its root (SET
/// ACCESS METHOD): the children follow, whatever their access method.
void
ChangeDescendants(Oid relid, const TouchedRelations &touched) {
	ListCell *cell;
	List *descendants = find_all_inheritors(relid, AccessExclusiveLock, nullptr);
	for_each_from(cell, descendants, 1) DeferToMatchParent(lfirst_oid(cell), relid);
	for_each_from(cell, descendants, 1) VerifyRelation(lfirst_oid(cell), touched);
}

void
VerifyRelation(Oid relid, const TouchedRelations &touched) {
	Relation relation = try_relation_open(relid, AccessShareLock);
	if (relation == nullptr)
		return;
	char kind = relation->rd_rel->relkind;
	if (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE ||
		kind == RELKIND_FOREIGN_TABLE) {
		PredictionColumns columns = {};
		bool changed = false;
		if (HasGeneratedColumns(relation)) {
			changed = VerifyExpressions(relation, touched);
			if (changed && kind == RELKIND_RELATION && relation->rd_rel->relhassubclass)
				ChangeDescendants(relid, touched);
			if (GetPredictionColumns(relation, &columns))
				VerifyDependents(relation, columns);
			else
				columns = {};
		}
		VerifyVersionIndependence(relation);
		VerifyIndexMarks(relation, columns);
		// Not at every command: this locks parents after their child.
		if (changed || touched.ChangesColumns(relid))
			VerifyParentsAndChildren(relation);
	}
	relation_close(relation, NoLock);
}

} // namespace

void
VerifyRelations(const TouchedRelations &touched) {
	// A command of several transactions (CONCURRENTLY) ends without a snapshot; catalog values may
	// be toasted.
	bool pushed = !ActiveSnapshotSet();
	if (pushed)
		PushActiveSnapshot(GetTransactionSnapshot());
	ListCell *cell;
	foreach (cell, touched.relations)
		VerifyRelation(lfirst_oid(cell), touched);
	if (pushed)
		PopActiveSnapshot();
}

void
DeferToMatchParent(Oid child_oid, Oid parent_oid) {
	PredictionColumns of_parent;
	if (!GetPredictionColumns(parent_oid, &of_parent))
		return;
	Relation child = table_open(child_oid, NoLock);
	for (AttrNumber attno = 1; attno <= RelationGetNumberOfAttributes(child); attno++) {
		Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(child), attno - 1);
		Node *expression = GenerationExpression(child, attno);
		if (expression == nullptr || !ContainsPredictCall(expression) ||
			!of_parent.Has(get_attnum(parent_oid, NameStr(attribute->attname))))
			continue;
		ReplaceGenerationExpression(child, attno, RealToDeferred(expression));
	}
	table_close(child, NoLock);
}

} // namespace pgml::am
