/**
 * Placing PgmlPredict nodes in a finished plan, bottom up. Which calls: plan_calls.h.
 *
 * Three ways, by node type:
 *   scans   SplitAbove: the new node takes over the projection and the quals from the first
 *           prediction on; the scan keeps the quals before it, so that the planner's order (cost,
 *           security levels) holds.
 *   Agg, WindowAgg, ProjectSet, joins
 *           PushBelow: the new node goes between the node and its child and adds columns.
 *   Result  replaced by the new node, which projects as well.
 *
 * Where a prediction stays a plain FuncExpr (each seen to be wrong otherwise):
 *   - on the nullable side of an outer join, below the join: predict(NULL, NULL) is a value;
 *   - outside of an aggregate call in an Agg node: evaluated once a group, and grouping sets null
 *     its columns;
 *   - on the inner side of a MergeJoin (mark and restore), in ModifyTable, in index conditions.
 */
#include "am/planner/planner.h"

#include "am/base/compat.h"
#include "am/executor/exec_predict.h"
#include "am/planner/plan_calls.h"
#include "am/base/plan_tree.h"

extern "C" {
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
}

namespace pgml::am {

namespace {

struct Placement {
	int next_plan_node_id;
};

void
AppendPrediction(CustomScan *node, Node *call) {
	node->custom_scan_tlist =
		lappend(node->custom_scan_tlist,
				makeTargetEntry((Expr *)call, list_length(node->custom_scan_tlist) + 1,
								pstrdup("prediction"), false));
}

/**
 * A node over `child` that projects `targetlist` and filters by `qual`, both written over the Vars
 * of `inputs` (expressions of the child's columns, in order); `calls` are written over them too.
 */
CustomScan *
BuildNode(Placement *placement, Plan *child, List *inputs, List *calls, List *targetlist,
		  List *qual) {
	CustomScan *node = MakePredictNode(child, placement->next_plan_node_id++);
	Mapping to_outer = {NIL, NIL}, to_index = {NIL, NIL};
	ListCell *cell;
	int column = 0;
	foreach (cell, inputs) {
		auto *input = (Node *)lfirst(cell);
		column++;
		AddToMapping(&to_outer, input, VarFor(OUTER_VAR, column, input));
	}
	foreach (cell, calls) {
		auto *call = (Node *)lfirst(cell);
		column++;
		AppendPrediction(node, ApplyMapping(call, &to_outer));
		AddToMapping(&to_index, call, VarFor(INDEX_VAR, column, call));
	}
	// Calls first: a call's own Vars must not be replaced before the call is recognised.
	column = 0;
	foreach (cell, inputs) {
		column++;
		AddToMapping(&to_index, lfirst(cell), VarFor(INDEX_VAR, column, (Node *)lfirst(cell)));
	}
	node->scan.plan.targetlist = ApplyMapping(targetlist, &to_index);
	node->scan.plan.qual = ApplyMapping(qual, &to_index);
	return node;
}

/// The node stands where `replaced` stood: same parameters, estimates and init plans.
void
TakePlaceOf(CustomScan *node, Plan *replaced) {
	Plan *plan = &node->scan.plan;
	plan->startup_cost = replaced->startup_cost;
	plan->total_cost = replaced->total_cost;
	plan->plan_rows = replaced->plan_rows;
	plan->plan_width = replaced->plan_width;
	plan->parallel_safe = replaced->parallel_safe;
	plan->extParam = bms_copy(replaced->extParam);
	plan->allParam = bms_copy(replaced->allParam);
	plan->initPlan = replaced->initPlan;
	replaced->initPlan = NIL;
}

/// The new node takes over projection and the quals from the first prediction on; `p` keeps
/// producing plain columns.
Plan *
SplitAbove(Placement *placement, Plan *p) {
	List *below = NIL, *above = NIL, *calls = NIL;
	ListCell *cell;
	foreach (cell, p->qual) {
		auto *qual = (Node *)lfirst(cell);
		if (above == NIL) {
			calls = CollectCalls(NIL, qual, true);
			if (calls == NIL) {
				below = lappend(below, qual);
				continue;
			}
		} else
			calls = CollectCalls(calls, qual, false);
		above = lappend(above, qual);
	}
	calls = CollectCalls(calls, (Node *)p->targetlist, above == NIL);
	if (calls == NIL)
		return p;
	// One expected row and nothing to filter: the node would only add overhead.
	if (above == NIL && p->plan_rows < 2)
		return p;

	List *inputs = NIL;
	List *sources = list_make2(p->targetlist, above);
	List *vars = pull_var_clause((Node *)sources, PVC_RECURSE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS |
													  PVC_RECURSE_PLACEHOLDERS);
	foreach (cell, vars)
		inputs = list_append_unique(inputs, lfirst(cell));

	// The node reads its child's columns off the child's target list, so that one is replaced
	// first.
	List *targetlist = p->targetlist;
	p->qual = below;
	p->targetlist = NIL;
	foreach (cell, inputs)
		p->targetlist =
			lappend(p->targetlist, makeTargetEntry((Expr *)copyObject(lfirst(cell)),
												   list_length(p->targetlist) + 1, nullptr, false));
	CustomScan *node = BuildNode(placement, p, inputs, calls, targetlist, above);
	TakePlaceOf(node, p);
	return (Plan *)node;
}

/// A Result that only projects is replaced by a node that projects as well.
Plan *
ReplaceResult(Placement *placement, Plan *p) {
	if (p->lefttree == nullptr || ((Result *)p)->resconstantqual != nullptr || p->qual != NIL)
		return p;
	List *calls = CollectCalls(NIL, (Node *)p->targetlist, true);
	if (calls == NIL || p->plan_rows < 2)
		return p;
	List *inputs = NIL;
	ListCell *cell;
	foreach (cell, p->lefttree->targetlist)
		inputs = lappend(inputs, VarFor(OUTER_VAR, list_length(inputs) + 1,
										(Node *)((TargetEntry *)lfirst(cell))->expr));
	CustomScan *node = BuildNode(placement, p->lefttree, inputs, calls, p->targetlist, NIL);
	TakePlaceOf(node, p);
	return (Plan *)node;
}

/// Appends a column that passes the child's last column on, for nodes whose target list mirrors
/// their child's.
void
PassColumnOn(Plan *plan, int child_column, Node *expression) {
	plan->targetlist =
		lappend(plan->targetlist,
				makeTargetEntry((Expr *)VarFor(OUTER_VAR, child_column, expression),
								list_length(plan->targetlist) + 1, pstrdup("prediction"), false));
}

/**
 * `node` is a PgmlPredict node and `call` an expression over its output (OUTER_VAR): adds the call
 * to the node, or finds it there, and returns the output column; 0 when it needs one of the node's
 * own predictions as an argument.
 */
int
AddToNode(CustomScan *node, Node *call) {
	Mapping inline_outputs = {NIL, NIL};
	ListCell *cell;
	int column = 0;
	foreach (cell, node->scan.plan.targetlist) {
		auto *expression = (Node *)((TargetEntry *)lfirst(cell))->expr;
		AddToMapping(&inline_outputs, VarFor(OUTER_VAR, ++column, expression), expression);
	}
	Node *over_index = ApplyMapping((Node *)copyObject(call), &inline_outputs);
	int n_child = PredictNodeChildColumns(node);
	// Of the Vars only the child's columns may stay, which have the same numbers in both spaces.
	List *vars = pull_var_clause(over_index, 0);
	foreach (cell, vars)
		if (((Var *)lfirst(cell))->varno != INDEX_VAR || ((Var *)lfirst(cell))->varattno > n_child)
			return 0;
	if (contain_subplans(over_index) || contain_volatile_functions(over_index))
		return 0;
	// The node evaluates arguments for rows that its quals then drop.
	if (node->scan.plan.qual != NIL && ArgumentsMayRaise(((FuncExpr *)over_index)->args))
		return 0;
	ChangeVarNodes(over_index, INDEX_VAR, OUTER_VAR, 0);
	int position = 0, found = 0;
	foreach (cell, node->custom_scan_tlist) {
		position++;
		if (position > n_child && SameCall((Node *)((TargetEntry *)lfirst(cell))->expr, over_index))
			found = position;
	}
	if (found == 0) {
		// Evaluated for the rows that pass the node's quals (exec_predict.cpp evaluates in stages),
		// as before.
		AppendPrediction(node, over_index);
		found = list_length(node->custom_scan_tlist);
	}
	node->scan.plan.targetlist = lappend(
		node->scan.plan.targetlist,
		makeTargetEntry((Expr *)VarFor(INDEX_VAR, found, call),
						list_length(node->scan.plan.targetlist) + 1, pstrdup("prediction"), false));
	return list_length(node->scan.plan.targetlist);
}

/// The node's output column i is its child's column i, or a constant.
bool
MirrorsChild(const Plan *plan) {
	ListCell *cell;
	int column = 0;
	foreach (cell, plan->targetlist) {
		auto *var = (Var *)((TargetEntry *)lfirst(cell))->expr;
		column++;
		if (!IsA(var, Const) &&
			(!IsA(var, Var) || var->varno != OUTER_VAR || var->varattno != column))
			return false;
	}
	return column == list_length(plan->lefttree->targetlist);
}

/**
 * Makes the child in `slot` produce one more column per call; the calls are written over `side`
 * (OUTER_VAR or INNER_VAR) of the parent. Goes below Hash and Material, whose target lists mirror
 * their child's: a Hash belongs to its join, and a Material keeps the predictions for every rescan;
 * below a Gather the workers predict. A Sort is not looked through: its rows would only get wider.
 * @param mapping  receives call -> Var of `side` in the parent's terms
 */
void
PushBelow(Placement *placement, Plan **slot, int side, List *calls, Mapping *mapping) {
	List *path = NIL; // the mirrors, outermost first
	bool plain = HavePlainArguments(calls);
	while (IsA(*slot, Hash) || IsA(*slot, Material) ||
		   (IsA(*slot, Gather) && plain && MirrorsChild(*slot))) {
		path = lappend(path, *slot);
		slot = &(*slot)->lefttree;
	}
	ListCell *cell;
	foreach (cell, calls) {
		auto *parent_call = (Node *)lfirst(cell);
		Node *call = (Node *)copyObject(parent_call);
		if (side != OUTER_VAR)
			ChangeVarNodes(call, side, OUTER_VAR, 0);
		int column = IsPredictNode(*slot) ? AddToNode((CustomScan *)*slot, call) : 0;
		if (column == 0) {
			Plan *child = *slot;
			List *inputs = NIL, *targetlist = NIL;
			ListCell *entry_cell;
			foreach (entry_cell, child->targetlist) {
				auto *entry = (TargetEntry *)lfirst(entry_cell);
				Var *input = VarFor(OUTER_VAR, list_length(inputs) + 1, (Node *)entry->expr);
				inputs = lappend(inputs, input);
				targetlist = lappend(targetlist, makeTargetEntry((Expr *)input, list_length(inputs),
																 entry->resname, entry->resjunk));
			}
			column = list_length(targetlist) + 1;
			targetlist = lappend(
				targetlist, makeTargetEntry((Expr *)call, column, pstrdup("prediction"), false));
			CustomScan *node =
				BuildNode(placement, child, inputs, list_make1(call), targetlist, NIL);
			TakePlaceOf(node, child);
			*slot = (Plan *)node;
		}
		// The mirrors between, innermost first.
		for (int i = list_length(path) - 1; i >= 0; i--) {
			auto *mirror = (Plan *)list_nth(path, i);
			PassColumnOn(mirror, column, call);
			column = list_length(mirror->targetlist);
			if (IsA(mirror, Hash)) {
				Mapping keys = {
					list_make1(call),
					list_make1(VarFor(OUTER_VAR, list_length(mirror->lefttree->targetlist), call))};
				((Hash *)mirror)->hashkeys = ApplyMapping(((Hash *)mirror)->hashkeys, &keys);
			}
		}
		AddToMapping(mapping, parent_call, VarFor(side, column, parent_call));
	}
}

struct Renumbering {
	AttrNumber *columns; ///< [old - 1] new number
};

Node *
RenumberMutator(Node *node, void *context) {
	if (node == nullptr)
		return nullptr;
	if (IsA(node, Var) && ((Var *)node)->varno == OUTER_VAR) {
		auto *var = (Var *)copyObject(node);
		var->varattno = static_cast<Renumbering *>(context)->columns[var->varattno - 1];
		return (Node *)var;
	}
	return pg::MutateExpression(node, RenumberMutator, context);
}

/**
 * The features of a prediction below an Agg are columns that the Agg itself no longer reads: the
 * node below stops carrying them through its batch. Not for grouping sets, whose chained nodes
 * number the same columns.
 */
void
DropUnreadColumns(Agg *agg, CustomScan *node) {
	if (agg->chain != NIL)
		return;
	Plan *p = &agg->plan;
	Bitmapset *read = nullptr;
	List *sources = list_make2(p->targetlist, p->qual);
	List *vars =
		pull_var_clause((Node *)sources, PVC_RECURSE_AGGREGATES | PVC_RECURSE_PLACEHOLDERS);
	ListCell *cell;
	foreach (cell, vars)
		read = bms_add_member(read, ((Var *)lfirst(cell))->varattno);
	for (int i = 0; i < agg->numCols; i++)
		read = bms_add_member(read, agg->grpColIdx[i]);
	List *old_list = node->scan.plan.targetlist, *new_list = NIL;
	Renumbering renumbering = {(AttrNumber *)palloc0(sizeof(AttrNumber) * list_length(old_list))};
	foreach (cell, old_list) {
		auto *entry = (TargetEntry *)lfirst(cell);
		if (!bms_is_member(entry->resno, read))
			continue;
		new_list = lappend(new_list, entry);
		renumbering.columns[entry->resno - 1] = list_length(new_list);
		entry->resno = list_length(new_list);
	}
	node->scan.plan.targetlist = new_list;
	p->targetlist = (List *)RenumberMutator((Node *)p->targetlist, &renumbering);
	p->qual = (List *)RenumberMutator((Node *)p->qual, &renumbering);
	for (int i = 0; i < agg->numCols; i++)
		agg->grpColIdx[i] = renumbering.columns[agg->grpColIdx[i] - 1];
}

void
PlaceBelowAgg(Placement *placement, Plan *p) {
	List *aggregated = CollectAggregatedCalls(NIL, (Node *)p->targetlist);
	aggregated = CollectAggregatedCalls(aggregated, (Node *)p->qual);
	List *calls = NIL;
	ListCell *cell;
	foreach (cell, aggregated)
		if (BelongsTo((Node *)lfirst(cell), OUTER_VAR))
			calls = lappend(calls, lfirst(cell));
	if (calls == NIL)
		return;
	Mapping mapping = {NIL, NIL};
	PushBelow(placement, &p->lefttree, OUTER_VAR, calls, &mapping);
	p->targetlist = ApplyMappingToAggregates(p->targetlist, &mapping);
	p->qual = ApplyMappingToAggregates(p->qual, &mapping);
	if (IsPredictNode(p->lefttree))
		DropUnreadColumns((Agg *)p, (CustomScan *)p->lefttree);
}

/// WindowAgg and ProjectSet: one output row or more for each input row, every expression over the
/// child's columns.
void
PlaceBelowProjection(Placement *placement, Plan *p) {
	List *calls = NIL;
	ListCell *cell;
	foreach (cell, CollectCalls(NIL, (Node *)p->targetlist, true))
		if (BelongsTo((Node *)lfirst(cell), OUTER_VAR))
			calls = lappend(calls, lfirst(cell));
	if (calls == NIL || p->lefttree == nullptr)
		return;
	Mapping mapping = {NIL, NIL};
	PushBelow(placement, &p->lefttree, OUTER_VAR, calls, &mapping);
	p->targetlist = ApplyMapping(p->targetlist, &mapping);
}

Plan *
PlaceAtJoin(Placement *placement, Plan *p) {
	auto *join = (Join *)p;
	bool outer_nullable = join->jointype == JOIN_RIGHT || join->jointype == JOIN_FULL;
	bool inner_nullable =
		join->jointype == JOIN_LEFT || join->jointype == JOIN_FULL || join->jointype == JOIN_ANTI;
	HashJoin *hash_join = IsA(p, HashJoin) ? (HashJoin *)p : nullptr;
	MergeJoin *merge_join = IsA(p, MergeJoin) ? (MergeJoin *)p : nullptr;

	// Not where the inner side marks and restores, nor where it is rescanned with a parameter for a
	// few rows each time.
	bool inner_can_compute =
		merge_join == nullptr && (hash_join != nullptr || bms_is_empty(p->righttree->extParam));

	// Calls in join clauses have to come from below. Those in the target list may as well where
	// that means fewer rows.
	List *clause_calls = CollectCalls(NIL, (Node *)join->joinqual, false);
	if (hash_join != nullptr)
		clause_calls = CollectCalls(clause_calls, (Node *)hash_join->hashclauses, false);
	if (merge_join != nullptr)
		clause_calls = CollectCalls(clause_calls, (Node *)merge_join->mergeclauses, false);
	List *outer_calls = NIL, *inner_calls = NIL;
	ListCell *cell;
	foreach (cell, clause_calls) {
		auto *call = (Node *)lfirst(cell);
		if (BelongsTo(call, OUTER_VAR))
			outer_calls = lappend(outer_calls, call);
		else if (BelongsTo(call, INNER_VAR) && inner_can_compute)
			inner_calls = lappend(inner_calls, call);
	}
	foreach (cell, CollectCalls(NIL, (Node *)p->targetlist, false)) {
		auto *call = (Node *)lfirst(cell);
		if (BelongsTo(call, OUTER_VAR) && !outer_nullable && p->lefttree->plan_rows <= p->plan_rows)
			outer_calls = list_append_unique(outer_calls, call);
		else if (BelongsTo(call, INNER_VAR) && !inner_nullable && inner_can_compute &&
				 p->righttree->plan_rows <= p->plan_rows)
			inner_calls = list_append_unique(inner_calls, call);
	}
	Mapping mapping = {NIL, NIL};
	if (outer_calls != NIL)
		PushBelow(placement, &p->lefttree, OUTER_VAR, outer_calls, &mapping);
	if (inner_calls != NIL)
		PushBelow(placement, &p->righttree, INNER_VAR, inner_calls, &mapping);
	if (mapping.from != NIL) {
		join->joinqual = ApplyMapping(join->joinqual, &mapping);
		if (hash_join != nullptr) {
			hash_join->hashclauses = ApplyMapping(hash_join->hashclauses, &mapping);
			hash_join->hashkeys = ApplyMapping(hash_join->hashkeys, &mapping);
		}
		if (merge_join != nullptr)
			merge_join->mergeclauses = ApplyMapping(merge_join->mergeclauses, &mapping);
		// After null extension a column computed below is NULL where the call gives a value.
		Mapping after_join = {NIL, NIL};
		ListCell *from, *to;
		forboth(from, mapping.from, to, mapping.to) {
			bool nullable =
				((Var *)lfirst(to))->varno == OUTER_VAR ? outer_nullable : inner_nullable;
#if PGML_PLANT == 4
			nullable = false;
#endif
			if (!nullable)
				AddToMapping(&after_join, lfirst(from), lfirst(to));
		}
		p->targetlist = ApplyMapping(p->targetlist, &after_join);
		p->qual = ApplyMapping(p->qual, &after_join);
	}
	return SplitAbove(placement, p);
}

/**
 * Limit -> PgmlPredict -> X becomes PgmlPredict -> Limit -> X: exactly the rows wanted are
 * predicted, and a Sort in X keeps its bound. Not across a filter, nor where moving the projection
 * would change how often it runs.
 */
Plan *
HoistAboveLimit(Plan *p) {
	auto *limit = (Limit *)p;
	if (limit->limitOption != LIMIT_OPTION_COUNT)
		return p;
	if (limit->limitCount != nullptr && IsA(limit->limitCount, Const) &&
		!((Const *)limit->limitCount)->constisnull &&
		(limit->limitOffset == nullptr || IsA(limit->limitOffset, Const))) {
		// Also through nodes that pass rows on one by one, where the node cannot be hoisted
		// (workers).
		auto *offset = (Const *)limit->limitOffset;
		int64 bound = DatumGetInt64(((Const *)limit->limitCount)->constvalue);
		int64 skipped =
			offset != nullptr && !offset->constisnull ? DatumGetInt64(offset->constvalue) : 0;
		if (bound >= 0 && skipped >= 0 && bound <= INT_MAX && skipped <= INT_MAX) {
			for (Plan *below = p->lefttree; below != nullptr; below = below->lefttree) {
				if (IsA(below, Gather) || IsA(below, GatherMerge))
					continue;
				if (!IsPredictNode(below) || below->qual != NIL)
					break;
				PredictNodeSetBound((CustomScan *)below, bound + skipped);
			}
		}
	}
	Plan *node = p->lefttree;
	if (!IsPredictNode(node) || node->qual != NIL ||
		contain_volatile_functions((Node *)node->targetlist))
		return p;
	Plan *input = node->lefttree;
	node->lefttree = p;
	p->lefttree = input;
	p->targetlist = NIL;
	ListCell *cell;
	foreach (cell, input->targetlist) {
		auto *entry = (TargetEntry *)lfirst(cell);
		int column = list_length(p->targetlist) + 1;
		p->targetlist = lappend(
			p->targetlist, makeTargetEntry((Expr *)VarFor(OUTER_VAR, column, (Node *)entry->expr),
										   column, entry->resname, entry->resjunk));
	}
	node->extParam = bms_union(node->extParam, p->extParam);
	node->allParam = bms_union(node->allParam, p->allParam);
	node->plan_rows = p->plan_rows;
	node->total_cost = Max(p->total_cost, p->startup_cost);
	node->startup_cost = p->startup_cost;
	return node;
}

Plan *PlaceInPlan(Placement *placement, Plan *p, bool keep_type);

void
PlaceInList(Placement *placement, List *plans) {
	ListCell *cell;
	foreach (cell, plans)
		lfirst(cell) = PlaceInPlan(placement, (Plan *)lfirst(cell), false);
}

/// @param keep_type  the parent relies on this node's type (mark and restore): work below it only
Plan *
PlaceInPlan(Placement *placement, Plan *p, bool keep_type) {
	if (p == nullptr)
		return nullptr;
	check_stack_depth();
	bool marks_inner = IsA(p, MergeJoin) && !((MergeJoin *)p)->skip_mark_restore;
	p->lefttree = PlaceInPlan(placement, p->lefttree, keep_type && IsA(p, Result));
	p->righttree = PlaceInPlan(placement, p->righttree, marks_inner);
	switch (nodeTag(p)) {
		case T_Append:
			PlaceInList(placement, ((Append *)p)->appendplans);
			return p;
		case T_MergeAppend:
			PlaceInList(placement, ((MergeAppend *)p)->mergeplans);
			return p;
		case T_CustomScan:
			PlaceInList(placement, ((CustomScan *)p)->custom_plans);
			return p;
		case T_SubqueryScan:
			((SubqueryScan *)p)->subplan =
				PlaceInPlan(placement, ((SubqueryScan *)p)->subplan, false);
			return SplitAbove(placement, p);
		case T_ForeignScan:
			if (((ForeignScan *)p)->operation != CMD_SELECT)
				return p;
			return SplitAbove(placement, p);
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
		case T_FunctionScan:
		case T_ValuesScan:
		case T_TableFuncScan:
		case T_CteScan:
		case T_NamedTuplestoreScan:
		case T_WorkTableScan:
			return keep_type ? p : SplitAbove(placement, p);
		case T_Result:
			return keep_type ? p : ReplaceResult(placement, p);
		case T_Agg:
			PlaceBelowAgg(placement, p);
			return p;
		case T_WindowAgg:
		case T_ProjectSet:
			PlaceBelowProjection(placement, p);
			return p;
		case T_NestLoop:
		case T_HashJoin:
		case T_MergeJoin:
			return PlaceAtJoin(placement, p);
		case T_Limit:
			return HoistAboveLimit(p);
		default:
			return p;
	}
}

} // namespace

void
PlacePredictNodes(PlannedStmt *statement, int cursor_options) {
	// The planner tested before we came whether the plan can run backwards; only a Material on top
	// keeps that true.
	if ((cursor_options & CURSOR_OPT_SCROLL) != 0 && !IsA(statement->planTree, Material))
		return;
	Placement placement = {pg::HighestPlanNodeId(statement) + 1};
	statement->planTree = PlaceInPlan(&placement, statement->planTree, false);
	PlaceInList(&placement, statement->subplans);
}

} // namespace pgml::am
