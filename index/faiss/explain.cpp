/**
 * EXPLAIN ANALYZE of a search: the node PgmlSearchStatistics above each index scan of access method faiss, and above each
 * bitmap scan of a table that reads such an index.
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
 * Nobody asks the node to run backwards or to mark a position, since nobody may ask the scan below (handler.cpp).
 *
 * Counts are kept in Instrumentation: it has counters that the server leaves to the node, and those come back from parallel
 * workers and are summed up there. (Shared memory of its own is given to nodes that take part in parallel scans only.)
 */
#include "index/faiss/scan.h"

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

/// An index scan below the node.
struct Below {
	PlanState *scan;        ///< IndexScanState or BitmapIndexScanState
	uint64 number;          ///< of the search that `counted` belongs to
	SearchCounters counted; ///< what is in Instrumentation already
};

struct StatisticsState {
	CustomScanState css; // must be first
	List *below;         ///< of Below
	double recall;       ///< the settings that searches follow
	int probes, refine;
};

// The node -----------------------------------------------------------------------------------------------------------

Relation
IndexOf(const Below *below) {
	return IsA(below->scan, IndexScanState)
			   ? ((const IndexScanState *)below->scan)->iss_RelationDesc
			   : ((const BitmapIndexScanState *)below->scan)->biss_RelationDesc;
}

/// @return nullptr: it has not begun, or only tests a row of EvalPlanQual
const Search *
SearchOf(const Below *below) {
	IndexScanDesc scan = IsA(below->scan, IndexScanState)
							 ? ((const IndexScanState *)below->scan)->iss_ScanDesc
							 : ((const BitmapIndexScanState *)below->scan)->biss_ScanDesc;
	return scan != nullptr ? (const Search *)scan->opaque : nullptr;
}

bool
IsOrdered(const Below *below) {
	return IsA(below->scan, IndexScanState) &&
		   ((const IndexScanState *)below->scan)->iss_NumOrderByKeys > 0;
}

Node *
CreateState(CustomScan *) {
	auto *state = (StatisticsState *)newNode(sizeof(StatisticsState), T_CustomScanState);
	state->css.methods = &exec_methods;
	return (Node *)state;
}

/// A search reads its settings when it starts.
void
NoteSettings(StatisticsState *state) {
	state->recall = am::guc_recall;
	state->probes = am::guc_probes;
	state->refine = am::guc_refine;
}

void CollectScans(StatisticsState *state, PlanState *from);

void
CollectScans(StatisticsState *state, PlanState **from, int n) {
	for (int i = 0; i < n; i++)
		CollectScans(state, from[i]);
}

void
CollectScans(StatisticsState *state, PlanState *from) {
	check_stack_depth();
	switch (nodeTag(from)) {
		case T_BitmapHeapScanState:
			CollectScans(state, outerPlanState(from));
			break;
		case T_BitmapAndState:
			CollectScans(state, ((BitmapAndState *)from)->bitmapplans,
						 ((BitmapAndState *)from)->nplans);
			break;
		case T_BitmapOrState:
			CollectScans(state, ((BitmapOrState *)from)->bitmapplans,
						 ((BitmapOrState *)from)->nplans);
			break;
		case T_BitmapIndexScanState:
		case T_IndexScanState: {
			auto *below = (Below *)palloc0(sizeof(Below));
			below->scan = from;
			if (IsFaiss(IndexOf(below)->rd_rel->relam))
				state->below = lappend(state->below, below);
			break;
		}
		default:
			elog(ERROR, "unrecognized node type: %d", (int)nodeTag(from));
	}
}

void
Begin(CustomScanState *css, EState *estate, int eflags) {
	auto *state = (StatisticsState *)css;
	outerPlanState(css) = ExecInitNode(outerPlan(css->ss.ps.plan), estate, eflags);
	auto *child = (ScanState *)outerPlanState(css);
	css->ss.ss_currentRelation = child->ss_currentRelation;
	css->ss.ss_ScanTupleSlot = child->ss_ScanTupleSlot;
	PlanState *ps = &css->ss.ps;
	ps->resultops = ExecGetResultSlotOps(&child->ps, &ps->resultopsfixed);
	ps->resultopsset = true;
	CollectScans(state, &child->ps);
	NoteSettings(state);
}

/// Adds what searches did since the last row. Four counters: three of the node's, and one of the scan's that EXPLAIN does
/// not show.
void
Count(StatisticsState *state) {
	Instrumentation *own = state->css.ss.ps.instrument;
	if (own == nullptr)
		return; // a plan of EvalPlanQual
	ListCell *cell;
	foreach (cell, state->below) {
		auto *below = (Below *)lfirst(cell);
		const Search *search = SearchOf(below);
		if (search == nullptr)
			continue;
		if (search->number != below->number) {
			below->number = search->number;
			below->counted = {};
			NoteSettings(state);
		}
		const SearchCounters &now = search->counters, &counted = below->counted;
		own->ntuples2 += (double)(now.lists - counted.lists);
		own->nfiltered1 += (double)(now.codes - counted.codes);
		own->nfiltered2 += (double)(now.bounded - counted.bounded);
		below->scan->instrument->ntuples2 += (double)(now.left_out - counted.left_out);
		below->counted = now;
	}
}

TupleTableSlot *
Execute(CustomScanState *css) {
	auto *state = (StatisticsState *)css;
	TupleTableSlot *slot = ExecProcNode(outerPlanState(css));
	Count(state);
	return slot;
}

void
Rescan(CustomScanState *css) {
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

/// What all searches of the node did, over all of their loops.
struct Totals {
	double loops, left_out;
	uint32 lists; ///< that the indexes have
	bool ordered;
};

Totals
AddUp(const StatisticsState *state) {
	Totals totals = {};
	ListCell *cell;
	foreach (cell, state->below) {
		auto *below = (Below *)lfirst(cell);
		Instrumentation *instrument = below->scan->instrument;
		InstrEndLoop(instrument); // EXPLAIN does it when it comes to the scan
		totals.loops = Max(totals.loops, instrument->nloops);
		totals.left_out += instrument->ntuples2;
		totals.ordered |= IsOrdered(below);
		// The search may have been in other processes: its cache would not tell.
		MetaData meta;
		ReadMeta(IndexOf(below), &meta);
		totals.lists += meta.layout.dims > 0 ? meta.layout.lists : 0;
	}
	return totals;
}

/// Counts are averages of the loops, as those of rows are.
void
Explain(CustomScanState *css, List *, ExplainState *es) {
	auto *state = (StatisticsState *)css;
	const Instrumentation *own = css->ss.ps.instrument;
	if (!es->analyze || own == nullptr)
		return;
	bool text = es->format == EXPLAIN_FORMAT_TEXT;
	if (own->nloops == 0 && text)
		return; // never executed
	Totals totals = AddUp(state);
	double loops = Max(totals.loops, 1.0);
	// A range without order looks at every row, whatever they say.
	if (totals.ordered && (state->probes == 0 || state->refine == 0))
		ExplainRecall(state->recall, es);
	if (totals.ordered && state->probes > 0)
		ExplainPropertyInteger("Probes", nullptr, state->probes, es);
	if (totals.ordered && state->refine > 0)
		ExplainPropertyInteger("Refine", nullptr, state->refine, es);
	if (text) {
		char *probed = psprintf("%.0f of %u", own->ntuples2 / loops, totals.lists);
		ExplainPropertyText("Lists Probed", probed, es);
	} else {
		ExplainPropertyFloat("Lists Probed", nullptr, own->ntuples2 / loops, 0, es);
		ExplainPropertyInteger("Lists", nullptr, totals.lists, es);
	}
	ExplainPropertyFloat("Codes Scanned", nullptr, own->nfiltered1 / loops, 0, es);
	ExplainPropertyFloat("Vectors Reranked", nullptr, own->nfiltered2 / loops, 0, es);
	if (totals.left_out > 0 || !text)
		ExplainPropertyFloat("Rows Left Out", nullptr, totals.left_out / loops, 0, es);
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
IsFaissIndex(Oid index) {
	HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(index));
	if (!HeapTupleIsValid(row))
		return false;
	bool is_faiss = IsFaiss(((Form_pg_class)GETSTRUCT(row))->relam);
	ReleaseSysCache(row);
	return is_faiss;
}

void
FindBitmapSearch(Plan **place, void *context) {
	check_stack_depth();
	auto *found = static_cast<bool *>(context);
	if (IsA(*place, BitmapIndexScan))
		*found |= IsFaissIndex(((BitmapIndexScan *)*place)->indexid);
	pg::VisitChildPlans(*place, FindBitmapSearch, context);
}

/// Does the node go above this one?
bool
IsSearch(Plan *plan) {
	if (IsA(plan, IndexScan))
		return IsFaissIndex(((IndexScan *)plan)->indexid);
	bool found = false;
	if (IsA(plan, BitmapHeapScan))
		FindBitmapSearch(&plan->lefttree, &found);
	return found;
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
