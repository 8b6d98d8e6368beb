#pragma once
/// Every PG_VERSION_NUM test of the project lives here.
#include "am/base/pg.h"

extern "C" {
#include "access/attmap.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_relation.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/autovacuum.h"
#include "storage/bufmgr.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/rel.h"
}

#if PG_VERSION_NUM < 150000
#error "pgml_am needs PostgreSQL 15 or later"
#endif

namespace pgml::pg {

// PostgreSQL 15's walkers and mutators take unprototyped callbacks, which C++ cannot convert to.
#if PG_VERSION_NUM < 160000
using WalkerCallback = bool (*)();
using MutatorCallback = Node *(*)();
#else
using WalkerCallback = bool (*)(Node *, void *);
using MutatorCallback = Node *(*)(Node *, void *);
#endif

/// The context travels as void *: PostgreSQL hands it back to the callback untouched.
inline bool
WalkExpression(Node *node, bool (*walker)(Node *, void *), void *context) {
	return expression_tree_walker(node, (WalkerCallback)walker, context);
}
inline bool
WalkQuery(Query *query, bool (*walker)(Node *, void *), void *context, int flags) {
	return query_tree_walker(query, (WalkerCallback)walker, context, flags);
}
inline bool
WalkRawExpression(Node *node, bool (*walker)(Node *, void *), void *context) {
	return raw_expression_tree_walker(node, (WalkerCallback)walker, context);
}
inline Node *
MutateExpression(Node *node, Node *(*mutator)(Node *, void *), void *context) {
	return expression_tree_mutator(node, (MutatorCallback)mutator, context);
}
inline Query *
MutateQuery(Query *query, Node *(*mutator)(Node *, void *), void *context, int flags) {
	return query_tree_mutator(query, (MutatorCallback)mutator, context, flags);
}

/// Rebuilds one index in the current transaction, as its table's owner. The caller holds ShareLock
/// on the table.
inline void
ReindexIndex(Oid index, char persistence) {
	ReindexParams parameters = {};
#if PG_VERSION_NUM < 170000
	reindex_index(index, false, persistence, &parameters);
#else
	reindex_index(nullptr, index, false, persistence, &parameters);
#endif
}

/// Position of this backend in an array of MaxBackends.
inline int
BackendSlot() {
#if PG_VERSION_NUM < 170000
	return MyBackendId - 1;
#else
	return MyProcNumber;
#endif
}

/// The privileges to check on a range table entry go with it from one query to another. Until
/// PostgreSQL 15 they are in the entry itself.
inline void
MovePermissions(RangeTblEntry *entry, const Query *from, Query *to) {
#if PG_VERSION_NUM >= 160000
	if (entry->perminfoindex == 0)
		return;
	RTEPermissionInfo *info = getRTEPermissionInfo(from->rteperminfos, entry);
	to->rteperminfos = lappend(to->rteperminfos, copyObject(info));
	entry->perminfoindex = list_length(to->rteperminfos);
#endif
}

/// Which column of `from` stands for which of `to`, by name; one that is missing is an error.
inline AttrMap *
MapAttributesByName(TupleDesc from, TupleDesc to) {
#if PG_VERSION_NUM < 160000
	return build_attrmap_by_name(from, to);
#else
	return build_attrmap_by_name(from, to, false);
#endif
}

inline bool
OwnsRelation(Oid relation, Oid role) {
#if PG_VERSION_NUM < 160000
	return pg_class_ownercheck(relation, role);
#else
	return object_ownercheck(RelationRelationId, relation, role);
#endif
}

/// Adds to what pg_stat_all_tables.seq_tup_read counts.
inline void
CountRowsRead(Relation relation, int64 rows) {
	if (!pgstat_should_count_relation(relation))
		return;
#if PG_VERSION_NUM < 160000
	relation->pgstat_info->t_counts.t_tuples_returned += rows;
#else
	relation->pgstat_info->counts.tuples_returned += rows;
#endif
}

/// The number of a relation's file, which changes when it is rebuilt.
inline Oid
FileNumberOf(Relation relation) {
#if PG_VERSION_NUM < 160000
	return relation->rd_node.relNode;
#else
	return relation->rd_locator.relNumber;
#endif
}

/// Pins the page if it still is in that buffer.
inline bool
ReadRecent(Relation relation, BlockNumber block, Buffer recent) {
#if PG_VERSION_NUM < 160000
	return ReadRecentBuffer(relation->rd_node, MAIN_FORKNUM, block, recent);
#else
	return ReadRecentBuffer(relation->rd_locator, MAIN_FORKNUM, block, recent);
#endif
}

/// Refuses to read for a snapshot that old_snapshot_threshold has cut off.
inline void
CheckSnapshotAge(Snapshot snapshot, Relation relation, Page page) {
#if PG_VERSION_NUM < 170000
	TestForOldSnapshot(snapshot, relation, page);
#endif
}

/// Is this process an autovacuum worker?
inline bool
IsAutoVacuum() {
#if PG_VERSION_NUM < 170000
	return IsAutoVacuumWorkerProcess();
#else
	return AmAutoVacuumWorkerProcess();
#endif
}

} // namespace pgml::pg
