/**
 * EXPLAIN ANALYZE of a search: the node PgmlSearchStatistics above each index scan of access method faiss.
 *
 * PostgreSQL lets nobody add a line to what EXPLAIN says of an index scan. So when a statement is executed with
 * instrumentation (EXPLAIN ANALYZE; auto_explain.log_analyze), and only then, ExecutorStart puts a node of ours above each such
 * scan. It hands on its child's rows, slot and all, and has lines of its own. The plan that is changed is a copy: the
 * statement's may be in a cache. A statement that nobody explains is not looked at.
 *
 * What must work as if the node were not there:
 *   - WHERE CURRENT OF: the executor looks for the scan of a table among scans and nodes like ours, and does not look below
 *     ours. So the node has its child's relation and scan slot.
 *   - Target lists that are read off the plan (junk columns): names are its child's.
 *   - EvalPlanQual: the child is the scan, which knows the row to test.
 * Nobody asks the node to run backwards or to mark a position, since nobody may ask the scan below (faiss_handler.cpp).
 *
 * Counts are kept in Instrumentation: it has counters that the server leaves to the node, and those come back from parallel
 * workers and are summed up there. (Shared memory of its own is given to nodes that take part in parallel scans only.)
 */
#include "index/faiss_scan.h"

#include "am/base/guc.h"
#include "am/base/plan_tree.h"

#include <cmath>

extern "C" {
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/relscan.h"
#include "catalog/pg_class.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
}

namespace pgml::index {

namespace {

constexpr const char *kNodeName = "PgmlSearchStatistics";

ExecutorStart_hook_type previous_start = nullptr;
CustomScanMethods scan_methods;
CustomExecMethods exec_methods;

struct StatisticsState {
	CustomScanState css;    // must be first
	SearchCounters counted; ///< of the present search, what is in Instrumentation already
	double recall;          ///< the settings that it follows
	int probes, refine;
};

// The node -----------------------------------------------------------------------------------------------------------

IndexScanState *
ScanBelow(StatisticsState *state) {
	return castNode(IndexScanState, outerPlanState(state));
}

Node *
CreateState(CustomScan *) {
	auto *state = (StatisticsState *)newNode(sizeof(StatisticsState), T_CustomScanState);
	state->css.methods = &exec_methods;
	return (Node *)state;
}

/// A search reads its settings when it starts, with its first row.
void
NoteSettings(StatisticsState *state) {
	state->recall = am::guc_recall;
	state->probes = am::guc_probes;
	state->refine = am::guc_refine;
}

void
Begin(CustomScanState *css, EState *estate, int eflags) {
	auto *state = (StatisticsState *)css;
	outerPlanState(css) = ExecInitNode(outerPlan(css->ss.ps.plan), estate, eflags);
	IndexScanState *scan = ScanBelow(state);
	css->ss.ss_currentRelation = scan->ss.ss_currentRelation;
	css->ss.ss_ScanTupleSlot = scan->ss.ss_ScanTupleSlot;
	PlanState *ps = &css->ss.ps;
	ps->resultops = ExecGetResultSlotOps(&scan->ss.ps, &ps->resultopsfixed);
	ps->resultopsset = true;
	NoteSettings(state);
}

/// Adds what the search did since the last row. Four counters: three of the node's, and one of the scan's that EXPLAIN does
/// not show.
void
Count(StatisticsState *state) {
	IndexScanState *scan = ScanBelow(state);
	Instrumentation *own = state->css.ss.ps.instrument, *below = scan->ss.ps.instrument;
	if (scan->iss_ScanDesc == nullptr || own == nullptr || below == nullptr)
		return; // it tests one row of EvalPlanQual
	const SearchCounters &now = ((const Search *)scan->iss_ScanDesc->opaque)->counters;
	own->ntuples2 += (double)(now.lists - state->counted.lists);
	own->nfiltered1 += (double)(now.codes - state->counted.codes);
	own->nfiltered2 += (double)(now.bounded - state->counted.bounded);
	below->ntuples2 += (double)(now.left_out - state->counted.left_out);
	state->counted = now;
}

TupleTableSlot *
Execute(CustomScanState *css) {
	auto *state = (StatisticsState *)css;
	if (state->counted.lists == 0)
		NoteSettings(state);
	TupleTableSlot *slot = ExecProcNode(outerPlanState(css));
	Count(state);
	return slot;
}

void
Rescan(CustomScanState *css) {
	// The counters of the scan start at 0 with each search.
	((StatisticsState *)css)->counted = {};
	if (outerPlanState(css)->chgParam == nullptr)
		ExecReScan(outerPlanState(css));
}

void
End(CustomScanState *css) {
	ExecEndNode(outerPlanState(css));
}

/// With as many digits as it was set with.
void
ExplainRecall(double recall, ExplainState *es) {
	int digits = 0;
	for (double scaled = recall; digits < 6 && std::fabs(scaled - std::round(scaled)) > 1e-6;
		 scaled *= 10)
		digits++;
	ExplainPropertyFloat("Recall Target", nullptr, recall, digits, es);
}

/// Counts are averages of the node's loops, as those of rows are.
void
Explain(CustomScanState *css, List *, ExplainState *es) {
	auto *state = (StatisticsState *)css;
	IndexScanState *scan = ScanBelow(state);
	const Instrumentation *own = css->ss.ps.instrument, *below = scan->ss.ps.instrument;
	if (!es->analyze || own == nullptr || below == nullptr)
		return;
	bool text = es->format == EXPLAIN_FORMAT_TEXT;
	if (own->nloops == 0 && text)
		return; // never executed
	double loops = Max(own->nloops, 1.0);
	// The search may have been in other processes: its cache would not tell.
	MetaData meta;
	ReadMeta(scan->iss_RelationDesc, &meta);
	uint32 lists = meta.layout.dims > 0 ? meta.layout.lists : 0;
	// A range without order looks at every row, whatever they say.
	bool ordered = scan->iss_NumOrderByKeys > 0;
	if (ordered && (state->probes == 0 || state->refine == 0))
		ExplainRecall(state->recall, es);
	if (ordered && state->probes > 0)
		ExplainPropertyInteger("Probes", nullptr, state->probes, es);
	if (ordered && state->refine > 0)
		ExplainPropertyInteger("Refine", nullptr, state->refine, es);
	if (text) {
		char *probed = psprintf("%.0f of %u", own->ntuples2 / loops, lists);
		ExplainPropertyText("Lists Probed", probed, es);
	} else {
		ExplainPropertyFloat("Lists Probed", nullptr, own->ntuples2 / loops, 0, es);
		ExplainPropertyInteger("Lists", nullptr, lists, es);
	}
	ExplainPropertyFloat("Codes Scanned", nullptr, own->nfiltered1 / loops, 0, es);
	ExplainPropertyFloat("Vectors Reranked", nullptr, own->nfiltered2 / loops, 0, es);
	if (below->ntuples2 > 0 || !text)
		ExplainPropertyFloat("Rows Left Out", nullptr, below->ntuples2 / loops, 0, es);
}

// Its place ----------------------------------------------------------------------------------------------------------

/// The node's column for one of its child's, of INDEX_VAR in the target list and OUTER_VAR in custom_scan_tlist.
TargetEntry *
Column(const TargetEntry *of, int varno) {
	TargetEntry *entry = flatCopyTargetEntry((TargetEntry *)of);
	auto *expression = (Node *)of->expr;
	entry->expr = (Expr *)makeVar(varno, of->resno, exprType(expression), exprTypmod(expression),
								  exprCollation(expression), 0);
	return entry;
}

CustomScan *
MakeNode(Plan *child, int plan_node_id) {
	auto *node = makeNode(CustomScan);
	node->methods = &scan_methods;
	ListCell *cell;
	foreach (cell, child->targetlist) {
		auto *entry = (TargetEntry *)lfirst(cell);
		node->scan.plan.targetlist = lappend(node->scan.plan.targetlist, Column(entry, INDEX_VAR));
		node->custom_scan_tlist = lappend(node->custom_scan_tlist, Column(entry, OUTER_VAR));
	}
	Plan *plan = &node->scan.plan;
	plan->lefttree = child;
	plan->plan_node_id = plan_node_id;
	plan->startup_cost = child->startup_cost;
	plan->total_cost = child->total_cost;
	plan->plan_rows = child->plan_rows;
	plan->plan_width = child->plan_width;
	plan->parallel_safe = child->parallel_safe;
	plan->extParam = bms_copy(child->extParam);
	plan->allParam = bms_copy(child->allParam);
	return node;
}

bool
IsSearch(const Plan *plan) {
	if (!IsA(plan, IndexScan))
		return false;
	HeapTuple index = SearchSysCache1(RELOID, ObjectIdGetDatum(((const IndexScan *)plan)->indexid));
	if (!HeapTupleIsValid(index))
		return false;
	bool is_faiss = IsFaiss(((Form_pg_class)GETSTRUCT(index))->relam);
	ReleaseSysCache(index);
	return is_faiss;
}

void
FindSearch(Plan **place, void *context) {
	if (*place == nullptr)
		return;
	check_stack_depth();
	auto *found = static_cast<bool *>(context);
	*found = *found || IsSearch(*place);
	if (!*found)
		pg::VisitChildPlans(*place, FindSearch, context);
}

/// `context`: the id of the next node.
void
PlaceAbove(Plan **place, void *context) {
	Plan *plan = *place;
	if (plan == nullptr)
		return;
	check_stack_depth();
	if (IsA(plan, CustomScan)) {
		// Other libraries may look at the type of plans that they hold themselves.
		PlaceAbove(&plan->lefttree, context);
		PlaceAbove(&plan->righttree, context);
		return;
	}
	pg::VisitChildPlans(plan, PlaceAbove, context);
	if (IsSearch(plan))
		*place = (Plan *)MakeNode(plan, (*static_cast<int *>(context))++);
}

void
ForEachTree(PlannedStmt *statement, void (*visit)(Plan **, void *), void *context) {
	visit(&statement->planTree, context);
	ListCell *cell;
	foreach (cell, statement->subplans)
		visit((Plan **)&lfirst(cell), context);
}

/// Gives the query a plan with nodes. @return where its nodes are, nullptr: the plan has no search
MemoryContext
PlaceNodes(QueryDesc *query) {
	bool found = false;
	ForEachTree(query->plannedstmt, FindSearch, &found);
	if (!found)
		return nullptr;
	MemoryContext home = GetMemoryChunkContext(query);
	MemoryContext context =
		AllocSetContextCreate(home, "pgml search statistics", ALLOCSET_SMALL_SIZES);
	// The statement itself lives as long as the query: who comes behind ExecutorEnd may still read its query id.
	auto *statement = (PlannedStmt *)MemoryContextAlloc(home, sizeof(PlannedStmt));
	*statement = *query->plannedstmt;
	MemoryContext old = MemoryContextSwitchTo(context);
	statement->planTree = (Plan *)copyObjectImpl(statement->planTree);
	statement->subplans = (List *)copyObjectImpl(statement->subplans);
	int next_id = pg::HighestPlanNodeId(statement) + 1;
	ForEachTree(statement, PlaceAbove, &next_id);
	MemoryContextSwitchTo(old);
	query->plannedstmt = statement;
	return context;
}

void
Start(QueryDesc *query, int flags) {
	// EXPLAIN (BUFFERS) without ANALYZE asks for instrumentation too. Workers get the leader's nodes.
	bool counts = (query->instrument_options & (INSTRUMENT_ROWS | INSTRUMENT_TIMER)) != 0 &&
				  (flags & EXEC_FLAG_EXPLAIN_ONLY) == 0 && !IsParallelWorker();
	MemoryContext nodes = counts ? PlaceNodes(query) : nullptr;
	if (previous_start != nullptr)
		previous_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
	// They go with the executor's memory: a function may be called a million times by one statement.
	if (nodes != nullptr && query->estate != nullptr)
		MemoryContextSetParent(nodes, query->estate->es_query_cxt);
}

} // namespace

void
InstallSearchStatistics() {
	scan_methods.CustomName = kNodeName;
	scan_methods.CreateCustomScanState = CreateState;
	exec_methods.CustomName = kNodeName;
	exec_methods.BeginCustomScan = Begin;
	exec_methods.ExecCustomScan = Execute;
	exec_methods.EndCustomScan = End;
	exec_methods.ReScanCustomScan = Rescan;
	exec_methods.ExplainCustomScan = Explain;
	RegisterCustomScanMethods(&scan_methods);
	previous_start = ExecutorStart_hook;
	ExecutorStart_hook = Start;
}

} // namespace pgml::index
