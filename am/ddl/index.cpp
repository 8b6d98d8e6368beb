/// Indexes and statistics on prediction columns. See index.h.
#include "am/ddl/index.h"

#include "am/base/compat.h"
#include "am/ddl/swap.h"
#include "am/ddl/verify.h"
#include "am/models/model_catalog.h"
#include "am/executor/predict_functions.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_index.h"
#include "catalog/pg_statistic_ext.h"
#include "commands/tablecmds.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_utilcmd.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace pgml::am {

namespace {

/// References to prediction columns become the predictions.
Node *
ExpandMutator(Node *node, void *context) {
	if (node == nullptr)
		return nullptr;
	auto *columns = static_cast<const PredictionColumns *>(context);
	if (IsA(node, Var)) {
		auto *var = (Var *)node;
		if (var->varno == 1 && var->varlevelsup == 0 && columns->Has(var->varattno))
			return (Node *)copyObject(columns->expr[var->varattno - 1]);
	}
	return pg::MutateExpression(node, ExpandMutator, context);
}

Node *
Expand(Node *expression, const PredictionColumns *columns) {
	return ExpandMutator(expression, const_cast<PredictionColumns *>(columns));
}

struct FindCall {
	const FuncExpr *call;
};

bool
FindCallWalker(Node *node, void *context) {
	if (node == nullptr)
		return false;
	if (IsA(node, FuncExpr) && equal(node, static_cast<FindCall *>(context)->call))
		return true;
	return pg::WalkExpression(node, FindCallWalker, context);
}

/// The prediction column that holds this call, 0 when none does.
AttrNumber
ColumnOfCall(const FuncExpr *call, const PredictionColumns *columns) {
	FindCall find = {call};
	for (AttrNumber attno = 1; attno <= columns->natts; attno++)
		if (columns->Has(attno) && FindCallWalker(columns->expr[attno - 1], &find))
			return attno;
	return InvalidAttrNumber;
}

bool
OwnerMayUse(const FuncExpr *call, const PredictFunction *function, Oid owner) {
	// pg_upgrade makes the indexes before it brings the rows of pgml.projects.
	if (IsBinaryUpgrade)
		return true;
	auto *project_name = (Const *)linitial(call->args);
	if (!IsA(project_name, Const) || project_name->constisnull)
		return false;
	Project project;
	bool exists = function->by_model_id
					  ? LookupModelProject(DatumGetInt64(project_name->constvalue), &project)
					  : LookupProject(TextDatumGetCString(project_name->constvalue), &project);
	return exists && HasProjectUse(project, owner);
}

struct MarkRules {
	const PredictionColumns *columns;
	bool keep; ///< take no mark away
};

struct MarkContext {
	MarkRules rules;
	Bitmapset *used; ///< attribute numbers of the prediction columns whose calls were met
	bool changed;
};

/// Sets the mark of every family call as it should be, in place.
bool
MarkWalker(Node *node, void *context) {
	if (node == nullptr)
		return false;
	auto *marks = static_cast<MarkContext *>(context);
	if (IsA(node, FuncExpr)) {
		auto *call = (FuncExpr *)node;
		const PredictFunction *found = FindPredictFunction(call->funcid);
		if (found != nullptr && !found->deferred) {
			PredictFunction function = *found; // catalog accesses follow
			AttrNumber attno = ColumnOfCall(call, marks->rules.columns);
			if (attno != InvalidAttrNumber)
				marks->used = bms_add_member(marks->used, attno);
			bool mark = (marks->rules.keep && IsColumnCall(call)) ||
						(attno != InvalidAttrNumber &&
						 OwnerMayUse(call, &function, marks->rules.columns->owner));
			if (mark != IsColumnCall(call)) {
				marks->changed = true;
				call->funcformat = mark ? COERCE_SQL_SYNTAX : COERCE_EXPLICIT_CALL;
			}
		}
	}
	return pg::WalkExpression(node, MarkWalker, context);
}

/// Would the statement's table change anything? @return InvalidOid when not
Oid
TableWithPredictions(const RangeVar *name, LOCKMODE lock, bool check_owner,
					 PredictionColumns *columns) {
	Oid relid = RangeVarGetRelidExtended(
		name, lock, RVR_MISSING_OK, check_owner ? RangeVarCallbackOwnsRelation : nullptr, nullptr);
	if (!OidIsValid(relid))
		return InvalidOid;
	char kind = get_rel_relkind(relid);
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		return InvalidOid;
	return GetPredictionColumns(relid, columns) ? relid : InvalidOid;
}

/// The name that finds the table again whatever the search path: core looks it up once more.
void
Qualify(RangeVar *name, Oid relid) {
	name->schemaname = get_namespace_name(get_rel_namespace(relid));
	name->relname = get_rel_name(relid);
}

/// Expands a column name or an expression of an index or statistics object.
Node *
ExpandElement(Oid relid, const char *name, Node *expression, const PredictionColumns *columns) {
	if (name != nullptr) {
		AttrNumber attno = get_attnum(relid, name);
		return columns->Has(attno) ? (Node *)copyObject(columns->expr[attno - 1]) : nullptr;
	}
	return expression != nullptr ? Expand(expression, columns) : nullptr;
}

Node *
Marked(Node *expression, const PredictionColumns *columns) {
	MarkContext marks = {{columns, false}, nullptr, false};
	MarkWalker(expression, &marks);
	return expression;
}

/// Puts a tree into a catalog column when its marks are not right.
bool
RemarkTree(Datum value, const MarkRules &rules, Bitmapset **used, Datum *result) {
	Node *tree = (Node *)stringToNode(TextDatumGetCString(value));
	MarkContext marks = {rules, *used, false};
	MarkWalker(tree, &marks);
	*used = marks.used;
	if (marks.changed)
		*result = CStringGetTextDatum(nodeToString(tree));
	return marks.changed;
}

/// Dropping the column drops what was made from it, as for a plain column.
void
DependOnColumns(const ObjectAddress &self, Oid table, const Bitmapset *used) {
	int attno = -1;
	while ((attno = bms_next_member(used, attno)) >= 0) {
		ObjectAddress column = {RelationRelationId, table, attno};
		recordDependencyOn(&self, &column, DEPENDENCY_AUTO);
	}
}

bool
DependsOnColumns(const ObjectAddress &self, Oid table, const Bitmapset *used) {
	Bitmapset *missing = bms_copy(used);
	Relation catalog = table_open(DependRelationId, AccessShareLock);
	ScanKeyData key[2];
	ScanKeyInit(&key[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(self.classId));
	ScanKeyInit(&key[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(self.objectId));
	SysScanDesc scan = systable_beginscan(catalog, DependDependerIndexId, true, nullptr, 2, key);
	HeapTuple tuple;
	while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
		auto *depend = (Form_pg_depend)GETSTRUCT(tuple);
		if (depend->refclassid == RelationRelationId && depend->refobjid == table &&
			depend->refobjsubid > 0)
			missing = bms_del_member(missing, depend->refobjsubid);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return bms_is_empty(missing);
}

/// Where an index or a statistics object keeps its expressions.
struct TreeCatalog {
	Oid catalog;
	int cache;
	AttrNumber trees[2]; ///< columns of the catalog, InvalidAttrNumber = none
};
constexpr TreeCatalog kIndexTrees = {
	IndexRelationId, INDEXRELID, {Anum_pg_index_indexprs, Anum_pg_index_indpred}};
constexpr TreeCatalog kStatisticsTrees = {
	StatisticExtRelationId, STATEXTOID, {Anum_pg_statistic_ext_stxexprs, InvalidAttrNumber}};

/// Corrects the marks of one object. @param used  prediction columns that it is made from
void
VerifyMarks(const TreeCatalog &where, Oid oid, const MarkRules &rules, Bitmapset **used) {
	constexpr int kMaxAttributes =
		Natts_pg_index > Natts_pg_statistic_ext ? Natts_pg_index : Natts_pg_statistic_ext;
	Datum values[kMaxAttributes] = {};
	bool nulls[kMaxAttributes] = {}, replace[kMaxAttributes] = {};
	HeapTuple tuple = SearchSysCacheCopy1(where.cache, ObjectIdGetDatum(oid));
	if (!HeapTupleIsValid(tuple))
		return;
	bool changed = false;
	for (AttrNumber attribute : where.trees) {
		bool is_null = true;
		Datum value = (Datum)0;
		if (attribute != InvalidAttrNumber)
			value = SysCacheGetAttr(where.cache, tuple, attribute, &is_null);
		if (!is_null && RemarkTree(value, rules, used, &values[attribute - 1]))
			changed = replace[attribute - 1] = true;
	}
	if (!changed)
		return;
	Relation catalog = table_open(where.catalog, RowExclusiveLock);
	tuple = heap_modify_tuple(tuple, RelationGetDescr(catalog), values, nulls, replace);
	CatalogTupleUpdate(catalog, &tuple->t_self, tuple);
	table_close(catalog, RowExclusiveLock);
	CommandCounterIncrement();
}

void
VerifyObject(const TreeCatalog &where, const ObjectAddress &self, Oid table,
			 const MarkRules &rules) {
	Bitmapset *used = nullptr;
	VerifyMarks(where, self.objectId, rules, &used);
	if (bms_is_empty(used) || DependsOnColumns(self, table, used))
		return;
	DependOnColumns(self, table, used);
	CommandCounterIncrement();
}

void
CorrectIndexMarks(Relation relation, const MarkRules &rules) {
	Oid table = RelationGetRelid(relation);
	ListCell *cell;
	foreach (cell, RelationGetIndexList(relation))
		VerifyObject(kIndexTrees, {RelationRelationId, lfirst_oid(cell), 0}, table, rules);
	foreach (cell, RelationGetStatExtList(relation))
		VerifyObject(kStatisticsTrees, {StatisticExtRelationId, lfirst_oid(cell), 0}, table, rules);
}

/// Is this an index on predictions, by the table's columns or by what its expressions call?
bool
MayIndexPredictions(const IndexStmt *index) {
	ListCell *cell;
	if (!index->transformed) {
		foreach (cell, index->indexParams)
			if (RawCallsFamily(lfirst_node(IndexElem, cell)->expr))
				return true;
		if (RawCallsFamily(index->whereClause))
			return true;
	}
	Oid relid = RangeVarGetRelid(index->relation, AccessShareLock, true);
	return OidIsValid(relid) && HasPredictionColumns(relid);
}

} // namespace

void
LockDeployments() {
	LockRelationOid(DeploymentsRelation(), ShareLock);
}

PlannedStmt *
RewriteCreateIndex(PlannedStmt *planned, const char *query) {
	auto *given = (IndexStmt *)planned->utilityStmt;
	PredictionColumns columns;
	// A constraint's index is left as it is: it gets refused afterwards, with its reason.
	if (given->isconstraint || !MayIndexPredictions(given))
		return planned;
	LockDeployments();
	Oid relid = TableWithPredictions(
		given->relation, given->concurrent ? ShareUpdateExclusiveLock : ShareLock, true, &columns);
	if (!OidIsValid(relid))
		return planned;
	planned = (PlannedStmt *)copyObject(planned);
	auto *index = (IndexStmt *)planned->utilityStmt;
	Qualify(index->relation, relid);
	ListCell *cell;
	foreach (cell, index->indexIncludingParams) {
		auto *element = lfirst_node(IndexElem, cell);
		if (element->name != nullptr && columns.Has(get_attnum(relid, element->name)))
			RefuseIncludedColumn(element->name);
	}
	index = transformIndexStmt(relid, index, query);
	foreach (cell, index->indexParams) {
		auto *element = lfirst_node(IndexElem, cell);
		Node *expanded = ExpandElement(relid, element->name, element->expr, &columns);
		if (expanded == nullptr)
			continue;
		if (element->name != nullptr && element->indexcolname == nullptr)
			element->indexcolname = element->name;
		element->name = nullptr;
		element->expr = Marked(expanded, &columns);
	}
	if (index->whereClause != nullptr)
		index->whereClause = Marked(Expand(index->whereClause, &columns), &columns);
	planned->utilityStmt = (Node *)index;
	return planned;
}

PlannedStmt *
RewriteCreateStatistics(PlannedStmt *planned, const char *query) {
	auto *given = (CreateStatsStmt *)planned->utilityStmt;
	PredictionColumns columns;
	if (list_length(given->relations) != 1 || !IsA(linitial(given->relations), RangeVar))
		return planned;
	Oid relid = TableWithPredictions((RangeVar *)linitial(given->relations),
									 ShareUpdateExclusiveLock, false, &columns);
	if (!OidIsValid(relid))
		return planned;
	planned = (PlannedStmt *)copyObject(planned);
	auto *statistics = (CreateStatsStmt *)planned->utilityStmt;
	Qualify((RangeVar *)linitial(statistics->relations), relid);
	statistics = transformStatsStmt(relid, statistics, query);
	ListCell *cell;
	foreach (cell, statistics->exprs) {
		auto *element = lfirst_node(StatsElem, cell);
		Node *expanded = ExpandElement(relid, element->name, element->expr, &columns);
		if (expanded == nullptr)
			continue;
		element->name = nullptr;
		element->expr = Marked(expanded, &columns);
	}
	planned->utilityStmt = (Node *)statistics;
	return planned;
}

void
VerifyIndexMarks(Relation relation, const PredictionColumns &columns) {
	CorrectIndexMarks(relation, {&columns, false});
}

void
AddIndexMarks(Oid table, LOCKMODE lock) {
	Relation relation = try_relation_open(table, lock);
	if (relation == nullptr)
		return;
	PredictionColumns columns;
	if (GetPredictionColumns(relation, &columns))
		CorrectIndexMarks(relation, {&columns, true});
	relation_close(relation, NoLock);
}

} // namespace pgml::am
