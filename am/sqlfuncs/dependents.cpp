/// Finding, locking and rebuilding what depends on a project's predictions. See dependents.h.
#include "am/sqlfuncs/dependents.h"

#include "am/base/compat.h"
#include "am/ddl/index.h"
#include "am/executor/predict_functions.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_index.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_statistic_ext.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "nodes/primnodes.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
}

namespace pgml::am {

namespace {

/// Growing list of dependents.
struct Collector {
	const char *project;
	Dependents found;
	int capacity;
};

void
Add(Collector *collector, const Dependent &dependent) {
	if (collector->found.n == collector->capacity) {
		collector->capacity = Max(collector->capacity * 2, 16);
		size_t size = sizeof(Dependent) * collector->capacity;
		collector->found.items = (Dependent *)(collector->found.items == nullptr
												   ? palloc(size)
												   : repalloc(collector->found.items, size));
	}
	collector->found.items[collector->found.n++] = dependent;
}

bool
NamesProjectWalker(Node *node, void *context) {
	if (node == nullptr)
		return false;
	if (IsA(node, FuncExpr)) {
		auto *call = (FuncExpr *)node;
		const PredictFunction *function = FindPredictFunction(call->funcid);
		if (function != nullptr && !function->deferred && !function->by_model_id) {
			auto *name = (Node *)linitial(call->args);
			if (!IsA(name, Const)) // known only row by row: may be this project
				return true;
			auto *constant = (Const *)name;
			if (!constant->constisnull &&
				strcmp(TextDatumGetCString(constant->constvalue), (const char *)context) == 0)
				return true;
		}
	}
	return pg::WalkExpression(node, NamesProjectWalker, context);
}

bool
NamesProject(Node *expression, const char *project) {
	return NamesProjectWalker(expression, const_cast<char *>(project));
}

bool
IsOtherSessionsTemp(Oid relid) {
	return get_rel_persistence(relid) == RELPERSISTENCE_TEMP &&
		   !isTempOrTempToastNamespace(get_rel_namespace(relid));
}

/// An expression as a catalog tuple stores it.
Node *
StoredExpression(int cache, HeapTuple tuple, AttrNumber attno) {
	bool is_null;
	Datum value = SysCacheGetAttr(cache, tuple, attno, &is_null);
	return is_null ? nullptr : (Node *)stringToNode(TextDatumGetCString(value));
}

/// Reads pg_index itself: opening the index would need a lock before we know whether it concerns
/// us.
void
ExamineIndex(Collector *collector, Oid index) {
	HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	if (!HeapTupleIsValid(tuple))
		return; // a table, or dropped meanwhile
	Oid table = ((Form_pg_index)GETSTRUCT(tuple))->indrelid;
	bool concerned = NamesProject(StoredExpression(INDEXRELID, tuple, Anum_pg_index_indexprs),
								  collector->project) ||
					 NamesProject(StoredExpression(INDEXRELID, tuple, Anum_pg_index_indpred),
								  collector->project);
	ReleaseSysCache(tuple);
	// The index of a partitioned table holds nothing: its parts depend on the function themselves.
	if (concerned && get_rel_relkind(index) == RELKIND_INDEX && !IsOtherSessionsTemp(table))
		Add(collector, {table, index, false});
}

void
ExamineStatistics(Collector *collector, Oid statistics) {
	HeapTuple tuple = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(statistics));
	if (!HeapTupleIsValid(tuple))
		return;
	Oid table = ((Form_pg_statistic_ext)GETSTRUCT(tuple))->stxrelid;
	bool concerned = NamesProject(
		StoredExpression(STATEXTOID, tuple, Anum_pg_statistic_ext_stxexprs), collector->project);
	ReleaseSysCache(tuple);
	if (concerned && !IsOtherSessionsTemp(table))
		Add(collector, {table, statistics, true});
}

void
ExamineDependentsOf(Collector *collector, Relation depend, Oid function) {
	ScanKeyData key[2];
	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(ProcedureRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(function));
	SysScanDesc scan = systable_beginscan(depend, DependReferenceIndexId, true, nullptr, 2, key);
	while (HeapTuple tuple = systable_getnext(scan)) {
		auto *row = (Form_pg_depend)GETSTRUCT(tuple);
		if (row->classid == RelationRelationId)
			ExamineIndex(collector, row->objid);
		else if (row->classid == StatisticExtRelationId)
			ExamineStatistics(collector, row->objid);
	}
	systable_endscan(scan);
}

int
CompareDependents(const void *a, const void *b) {
	auto *left = (const Dependent *)a, *right = (const Dependent *)b;
	if (left->table != right->table)
		return left->table < right->table ? -1 : 1;
	if (left->object != right->object)
		return left->object < right->object ? -1 : 1;
	return 0;
}

/// An index calling two members of the family comes twice.
void
SortUnique(Dependents *dependents) {
	if (dependents->n == 0)
		return;
	qsort(dependents->items, dependents->n, sizeof(Dependent), CompareDependents);
	int kept = 1;
	for (int i = 1; i < dependents->n; i++)
		if (CompareDependents(&dependents->items[i], &dependents->items[kept - 1]) != 0)
			dependents->items[kept++] = dependents->items[i];
	dependents->n = kept;
}

/// Says in every error of a rebuild what was going on: the index may be somebody else's.
struct RebuildContext {
	const char *project;
	const char *index;
	const char *table;
};

void
DescribeRebuild(void *arg) {
	auto *context = (const RebuildContext *)arg;
	errcontext("rebuilding index \"%s\" of table \"%s\" for a deployment of project \"%s\"",
			   context->index, context->table, context->project);
}

void
RebuildIndex(const Dependent &dependent, const char *project) {
	RebuildContext context = {project, get_rel_name(dependent.object),
							  get_rel_name(dependent.table)};
	ErrorContextCallback callback = {error_context_stack, DescribeRebuild, &context};
	error_context_stack = &callback;
	pg::ReindexIndex(dependent.object, get_rel_persistence(dependent.object));
	error_context_stack = callback.previous;
}

bool
IndexIsValid(Oid index) {
	HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	bool valid = HeapTupleIsValid(tuple) && ((Form_pg_index)GETSTRUCT(tuple))->indisvalid;
	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return valid;
}

/// True when ANALYZE has looked at an expression of the index.
bool
HasExpressionStatistics(Oid index) {
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(index));
	int natts = HeapTupleIsValid(tuple) ? ((Form_pg_class)GETSTRUCT(tuple))->relnatts : 0;
	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	for (int attno = 1; attno <= natts; attno++)
		if (SearchSysCacheExists3(STATRELATTINH, ObjectIdGetDatum(index), Int16GetDatum(attno),
								  BoolGetDatum(false)))
			return true;
	return false;
}

void
AnalyzeTable(Oid table) {
	char *name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)),
											get_rel_name(table));
	if (!pg::OwnsRelation(table, GetUserId())) {
		ereport(NOTICE,
				(errmsg("statistics of predictions in table %s are of the model before", name),
				 errhint("Its owner can renew them: ANALYZE %s;", name)));
		return;
	}
	// Never wait here: who holds a conflicting lock may be waiting for this deployment.
	if (!ConditionalLockRelationOid(table, ShareUpdateExclusiveLock)) {
		ereport(NOTICE,
				(errmsg("statistics of predictions in table %s are of the model before", name),
				 errdetail("The table is locked by another session."),
				 errhint("Renew them: ANALYZE %s;", name)));
		return;
	}
	int result = SPI_execute(psprintf("ANALYZE %s", name), false, 0);
	if (result < 0)
		elog(ERROR, "could not analyze: %s", SPI_result_code_string(result));
}

} // namespace

Dependents
FindDependents(const char *project) {
	Collector collector = {};
	collector.project = project;
	Relation depend = table_open(DependRelationId, AccessShareLock);
	for (int member = 0; member < kMembers; member++)
		ExamineDependentsOf(&collector, depend, ProjectFunction(static_cast<Member>(member)));
	table_close(depend, AccessShareLock);
	SortUnique(&collector.found);
	return collector.found;
}

Dependents
LockDependents(const char *project) {
	// Tables in the order of their OIDs, so that two deployments wait for each other instead of
	// deadlocking. What was found before the locks may have changed, so look again until nothing
	// new turns up.
	for (;;) {
		Dependents before = FindDependents(project);
		Oid last = InvalidOid;
		for (int i = 0; i < before.n; i++) {
			if (before.items[i].table == last)
				continue;
			last = before.items[i].table;
			LockRelationOid(last, ShareLock);
		}
		Dependents after = FindDependents(project);
		bool all_locked = true;
		for (int i = 0; i < after.n; i++)
			all_locked =
				all_locked && CheckRelationOidLockedByMe(after.items[i].table, ShareLock, true);
		if (all_locked)
			return after;
	}
}

void
RebuildDependents(const Dependents &dependents, const char *project) {
	int n_indexes = 0;
	bool analyze = false;
	for (int i = 0; i < dependents.n; i++) {
		const Dependent &dependent = dependents.items[i];
		// An index that is older than the project could not be marked when it was made.
		if (i == 0 || dependents.items[i - 1].table != dependent.table)
			AddIndexMarks(dependent.table, NoLock);
		if (dependent.is_statistics) {
			analyze = true;
		} else if (!IndexIsValid(dependent.object)) {
			ereport(NOTICE, (errmsg("index \"%s\" is invalid and is not rebuilt",
									get_rel_name(dependent.object)),
							 errhint("REINDEX or drop it.")));
		} else {
			analyze = analyze || HasExpressionStatistics(dependent.object);
			RebuildIndex(dependent, project);
			n_indexes++;
		}
		// The last dependent of a table: its statistics come after all its indexes.
		if (i + 1 == dependents.n || dependents.items[i + 1].table != dependent.table) {
			if (analyze)
				AnalyzeTable(dependent.table);
			analyze = false;
		}
	}
	if (n_indexes > 0)
		ereport(NOTICE, (errmsg_plural("rebuilt %d index on predictions of project \"%s\"",
									   "rebuilt %d indexes on predictions of project \"%s\"",
									   n_indexes, n_indexes, project)));
}

} // namespace pgml::am
