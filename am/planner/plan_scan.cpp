/**
 * Fusing a PgmlPredict node with the sequential scan below it into one PgmlScan leaf, after the
 * PgmlPredict nodes have been placed: there all decisions about where to predict are made, and
 * without this step the plan is right as well.
 *
 * A table whose pages are heap's, and a scan that hands on plain columns.
 */
#include "am/executor/exec_predict.h"
#include "am/executor/exec_scan.h"
#include "am/executor/heap_reader.h"
#include "am/planner/plan_calls.h"
#include "am/base/plan_tree.h"
#include "am/planner/planner.h"

#include "am/base/compat.h"

extern "C" {
#include "access/table.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
#include "utils/rel.h"
}

namespace pgml::am {

namespace {

struct Fusion {
	CustomScan *predict;
	SeqScan *scan;
	List *scan_tlist; ///< of the new node
	int *column; ///< [custom_scan_tlist of predict] its number in scan_tlist, 0 = not there yet
};

bool
ReadsHeapPages(const PlannedStmt *statement, const SeqScan *scan) {
	auto *entry = (RangeTblEntry *)list_nth(statement->rtable, (int)scan->scan.scanrelid - 1);
	if (entry->rtekind != RTE_RELATION)
		return false;
	Relation relation = table_open(entry->relid, NoLock); // the planner holds a lock
	bool result = HasHeapPages(relation);
	table_close(relation, NoLock);
	return result;
}

bool
HandsOnColumns(const SeqScan *scan) {
	ListCell *cell;
	foreach (cell, scan->scan.plan.targetlist) {
		auto *var = (Var *)((TargetEntry *)lfirst(cell))->expr;
		if (!IsA(var, Var) || var->varno != (int)scan->scan.scanrelid || var->varattno == 0)
			return false;
	}
	return true;
}

Expr *
ColumnOf(const SeqScan *scan, int column) {
	auto *entry = (TargetEntry *)list_nth(scan->scan.plan.targetlist, column - 1);
	return (Expr *)copyObject(entry->expr);
}

/// OUTER_VAR, the scan's output, becomes the table's column.
Node *
ToTableColumns(Node *node, void *context) {
	if (node == nullptr)
		return nullptr;
	if (IsA(node, Var) && ((Var *)node)->varno == OUTER_VAR)
		return (Node *)ColumnOf(static_cast<Fusion *>(context)->scan, ((Var *)node)->varattno);
	return pg::MutateExpression(node, ToTableColumns, context);
}

/// The number in the new scan_tlist of what the old one has at `old`; equal columns share one.
int
AddOutput(Fusion *fusion, int old) {
	if (fusion->column[old - 1] != 0)
		return fusion->column[old - 1];
	auto *entry = (TargetEntry *)list_nth(fusion->predict->custom_scan_tlist, old - 1);
	Node *expression = ToTableColumns((Node *)entry->expr, fusion);
	int number = 0, found = 0;
	ListCell *cell;
	foreach (cell, fusion->scan_tlist) {
		number++;
		Node *other = (Node *)((TargetEntry *)lfirst(cell))->expr;
		if (IsA(expression, Var) && equal(other, expression))
			found = number;
	}
	if (found == 0) {
		found = number + 1;
		char *name = entry->resname != nullptr ? pstrdup(entry->resname) : nullptr;
		fusion->scan_tlist =
			lappend(fusion->scan_tlist, makeTargetEntry((Expr *)expression, found, name, false));
	}
	return fusion->column[old - 1] = found;
}

Node *
ToNewOutputs(Node *node, void *context) {
	if (node == nullptr)
		return nullptr;
	if (IsA(node, Var) && ((Var *)node)->varno == INDEX_VAR) {
		auto *var = (Var *)copyObject(node);
		var->varattno = AddOutput(static_cast<Fusion *>(context), var->varattno);
		return (Node *)var;
	}
	return pg::MutateExpression(node, ToNewOutputs, context);
}

Plan *
Fuse(CustomScan *predict) {
	auto *scan = (SeqScan *)predict->scan.plan.lefttree;
	Fusion fusion = {predict, scan, NIL, nullptr};
	fusion.column = (int *)palloc0(sizeof(int) * Max(list_length(predict->custom_scan_tlist), 1));
	// The target list first: where it takes all outputs in their order, nothing needs projecting.
	auto *targetlist = (List *)ToNewOutputs((Node *)predict->scan.plan.targetlist, &fusion);
	auto *qual = (List *)ToNewOutputs((Node *)predict->scan.plan.qual, &fusion);
	CustomScan *fused = MakeScanNode(scan->scan.scanrelid, fusion.scan_tlist, scan->scan.plan.qual,
									 intVal(linitial(predict->custom_private)));
	NodeTag tag = fused->scan.plan.type;
	fused->scan.plan = predict->scan.plan;
	fused->scan.plan.type = tag;
	fused->scan.plan.lefttree = nullptr;
	fused->scan.plan.targetlist = targetlist;
	fused->scan.plan.qual = qual;
	fused->scan.plan.parallel_aware = scan->scan.plan.parallel_aware;
	return (Plan *)fused;
}

/// An aggregate that counts rows asks for no column. The planner lets a scan hand on all columns then, because that costs a
/// sequential scan nothing; it would cost a batch a copy of each.
bool
NeedsNoColumn(const Agg *aggregate) {
	if (aggregate->numCols > 0 || aggregate->chain != NIL)
		return false;
	List *expressions = list_make2(aggregate->plan.targetlist, aggregate->plan.qual);
	return pull_var_clause((Node *)expressions, PVC_RECURSE_AGGREGATES | PVC_RECURSE_PLACEHOLDERS |
													PVC_RECURSE_WINDOWFUNCS) == NIL;
}

void
FuseVisitor(Plan **place, void *context) {
	auto *statement = static_cast<const PlannedStmt *>(context);
	check_stack_depth();
	Plan *child = (*place)->lefttree;
	pg::VisitChildPlans(*place, FuseVisitor, context);
	if (IsA(*place, Agg) && (*place)->lefttree != child && NeedsNoColumn((Agg *)*place))
		(*place)->lefttree->targetlist = NIL; // of the scan that has just been made
	if (!IsPredictNode(*place) || !IsA((*place)->lefttree, SeqScan))
		return;
	auto *scan = (SeqScan *)(*place)->lefttree;
	if (scan->scan.plan.initPlan == NIL && HandsOnColumns(scan) && ReadsHeapPages(statement, scan))
		*place = Fuse((CustomScan *)*place);
}

} // namespace

void
FuseScans(PlannedStmt *statement) {
	if (statement->planTree != nullptr)
		FuseVisitor(&statement->planTree, statement);
	ListCell *cell;
	foreach (cell, statement->subplans)
		if (lfirst(cell) != nullptr)
			FuseVisitor((Plan **)&lfirst(cell), statement);
}

} // namespace pgml::am
