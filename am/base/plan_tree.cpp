/// Expression fields and children of plan nodes. See plan_tree.h.
///
/// One function, VisitFields, knows the fields; walking and mutating are two ways to use it. The
/// order of the cases follows set_plan_refs() in the server's setrefs.c, which has to know the same
/// fields.
#include "am/base/plan_tree.h"

#include "am/base/compat.h"

namespace pgml::pg {

namespace {

/// What is done with one field. @return true to stop
struct FieldVisitor {
	bool (*visit)(Node **field, const FieldVisitor &self);
	NodeWalker walker;
	NodeMutator mutator;
	void *context;
};

bool
WalkField(Node **field, const FieldVisitor &self) {
	return self.walker(*field, self.context);
}

bool
MutateField(Node **field, const FieldVisitor &self) {
	*field = self.mutator(*field, self.context);
	return false;
}

template <typename T>
bool
Field(T **field, const FieldVisitor &visitor) {
	if (*field == nullptr)
		return false;
	return visitor.visit(reinterpret_cast<Node **>(field), visitor);
}

bool
VisitPruning(PartitionPruneInfo *info, const FieldVisitor &visitor) {
	if (info == nullptr)
		return false;
	ListCell *hierarchy, *relation;
	foreach (hierarchy, info->prune_infos) {
		foreach (relation, (List *)lfirst(hierarchy)) {
			auto *pruned = (PartitionedRelPruneInfo *)lfirst(relation);
			if (Field(&pruned->initial_pruning_steps, visitor) ||
				Field(&pruned->exec_pruning_steps, visitor))
				return true;
		}
	}
	return false;
}

bool
VisitScanFields(Plan *plan, const FieldVisitor &visitor) {
	switch (nodeTag(plan)) {
		case T_SampleScan:
			return Field(&((SampleScan *)plan)->tablesample, visitor);
		case T_IndexScan: {
			auto *scan = (IndexScan *)plan;
			return Field(&scan->indexqual, visitor) || Field(&scan->indexqualorig, visitor) ||
				   Field(&scan->indexorderby, visitor) || Field(&scan->indexorderbyorig, visitor);
		}
		case T_IndexOnlyScan: {
			auto *scan = (IndexOnlyScan *)plan;
			return Field(&scan->indexqual, visitor) || Field(&scan->recheckqual, visitor) ||
				   Field(&scan->indexorderby, visitor) || Field(&scan->indextlist, visitor);
		}
		case T_BitmapIndexScan: {
			auto *scan = (BitmapIndexScan *)plan;
			return Field(&scan->indexqual, visitor) || Field(&scan->indexqualorig, visitor);
		}
		case T_BitmapHeapScan:
			return Field(&((BitmapHeapScan *)plan)->bitmapqualorig, visitor);
		case T_TidScan:
			return Field(&((TidScan *)plan)->tidquals, visitor);
		case T_TidRangeScan:
			return Field(&((TidRangeScan *)plan)->tidrangequals, visitor);
		case T_FunctionScan:
			return Field(&((FunctionScan *)plan)->functions, visitor);
		case T_TableFuncScan:
			return Field(&((TableFuncScan *)plan)->tablefunc, visitor);
		case T_ValuesScan:
			return Field(&((ValuesScan *)plan)->values_lists, visitor);
		case T_ForeignScan: {
			auto *scan = (ForeignScan *)plan;
			return Field(&scan->fdw_exprs, visitor) || Field(&scan->fdw_scan_tlist, visitor) ||
				   Field(&scan->fdw_recheck_quals, visitor);
		}
		case T_CustomScan: {
			auto *scan = (CustomScan *)plan;
			return Field(&scan->custom_exprs, visitor) || Field(&scan->custom_scan_tlist, visitor);
		}
		default: // SeqScan, SubqueryScan, CteScan, NamedTuplestoreScan, WorkTableScan: nothing of
				 // their own
			return false;
	}
}

bool
VisitJoinFields(Plan *plan, const FieldVisitor &visitor) {
	if (Field(&((Join *)plan)->joinqual, visitor))
		return true;
	switch (nodeTag(plan)) {
		case T_NestLoop: {
			ListCell *cell;
			foreach (cell, ((NestLoop *)plan)->nestParams) {
				if (Field(&((NestLoopParam *)lfirst(cell))->paramval, visitor))
					return true;
			}
			return false;
		}
		case T_MergeJoin:
			return Field(&((MergeJoin *)plan)->mergeclauses, visitor);
		default:
			return Field(&((HashJoin *)plan)->hashclauses, visitor) ||
				   Field(&((HashJoin *)plan)->hashkeys, visitor);
	}
}

bool
VisitModifyTableFields(ModifyTable *plan, const FieldVisitor &visitor) {
	return Field(&plan->withCheckOptionLists, visitor) || Field(&plan->returningLists, visitor) ||
		   Field(&plan->onConflictSet, visitor) || Field(&plan->onConflictWhere, visitor) ||
		   Field(&plan->exclRelTlist, visitor) || Field(&plan->mergeActionLists, visitor);
}

/// Fields that a node type has beyond those of Plan.
bool
VisitOwnFields(Plan *plan, const FieldVisitor &visitor) {
	switch (nodeTag(plan)) {
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapIndexScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
		case T_SubqueryScan:
		case T_FunctionScan:
		case T_TableFuncScan:
		case T_ValuesScan:
		case T_CteScan:
		case T_NamedTuplestoreScan:
		case T_WorkTableScan:
		case T_ForeignScan:
		case T_CustomScan:
			return VisitScanFields(plan, visitor);
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
			return VisitJoinFields(plan, visitor);
		case T_Hash:
			return Field(&((Hash *)plan)->hashkeys, visitor);
		case T_Memoize:
			return Field(&((Memoize *)plan)->param_exprs, visitor);
		case T_Limit:
			return Field(&((Limit *)plan)->limitOffset, visitor) ||
				   Field(&((Limit *)plan)->limitCount, visitor);
		case T_WindowAgg: {
			auto *window = (WindowAgg *)plan;
			return Field(&window->startOffset, visitor) || Field(&window->endOffset, visitor) ||
				   Field(&window->runCondition, visitor) ||
				   Field(&window->runConditionOrig, visitor);
		}
		case T_Result:
			return Field(&((Result *)plan)->resconstantqual, visitor);
		case T_ModifyTable:
			return VisitModifyTableFields((ModifyTable *)plan, visitor);
		case T_Append:
			return VisitPruning(((Append *)plan)->part_prune_info, visitor);
		case T_MergeAppend:
			return VisitPruning(((MergeAppend *)plan)->part_prune_info, visitor);
		case T_ProjectSet:
		case T_RecursiveUnion:
		case T_BitmapAnd:
		case T_BitmapOr:
		case T_Material:
		case T_Sort:
		case T_IncrementalSort:
		case T_Group:
		case T_Agg: // the chained Aggs and Sorts of grouping sets have neither target list nor qual
		case T_Unique:
		case T_Gather:
		case T_GatherMerge:
		case T_SetOp:
		case T_LockRows:
			return false;
		default:
			elog(ERROR, "unrecognized plan node type: %d", (int)nodeTag(plan));
	}
	return false;
}

bool
VisitFields(Plan *plan, const FieldVisitor &visitor) {
	return Field(&plan->targetlist, visitor) || Field(&plan->qual, visitor) ||
		   Field(&plan->initPlan, visitor) || VisitOwnFields(plan, visitor);
}

void
VisitList(List *plans, void (*visit)(Plan **child, void *context), void *context) {
	ListCell *cell;
	foreach (cell, plans)
		visit((Plan **)&lfirst(cell), context);
}

/// One traversal of the whole statement.
struct Traversal {
	const FieldVisitor *visitor;
	bool stopped;
};

void
VisitSubtree(Plan **place, void *context) {
	auto *traversal = static_cast<Traversal *>(context);
	if (*place == nullptr || traversal->stopped)
		return;
	check_stack_depth();
	if (VisitFields(*place, *traversal->visitor)) {
		traversal->stopped = true;
		return;
	}
	VisitChildPlans(*place, VisitSubtree, context);
}

bool
VisitStatement(PlannedStmt *statement, const FieldVisitor &visitor) {
	Traversal traversal = {&visitor, false};
	VisitSubtree(&statement->planTree, &traversal);
	VisitList(statement->subplans, VisitSubtree, &traversal);
	return traversal.stopped;
}

void
VisitNodeId(Plan **place, void *context) {
	if (*place == nullptr)
		return;
	check_stack_depth();
	auto *highest = static_cast<int *>(context);
	*highest = Max(*highest, (*place)->plan_node_id);
	VisitChildPlans(*place, VisitNodeId, context);
}

} // namespace

bool
WalkNodeExpressions(Plan *plan, NodeWalker walker, void *context) {
	return VisitFields(plan, {WalkField, walker, nullptr, context});
}

void
MutateNodeExpressions(Plan *plan, NodeMutator mutator, void *context) {
	VisitFields(plan, {MutateField, nullptr, mutator, context});
}

void
VisitChildPlans(Plan *plan, void (*visit)(Plan **child, void *context), void *context) {
	if (plan->lefttree != nullptr)
		visit(&plan->lefttree, context);
	if (plan->righttree != nullptr)
		visit(&plan->righttree, context);
	switch (nodeTag(plan)) {
		case T_Append:
			VisitList(((Append *)plan)->appendplans, visit, context);
			break;
		case T_MergeAppend:
			VisitList(((MergeAppend *)plan)->mergeplans, visit, context);
			break;
		case T_BitmapAnd:
			VisitList(((BitmapAnd *)plan)->bitmapplans, visit, context);
			break;
		case T_BitmapOr:
			VisitList(((BitmapOr *)plan)->bitmapplans, visit, context);
			break;
		case T_SubqueryScan:
			if (((SubqueryScan *)plan)->subplan != nullptr)
				visit(&((SubqueryScan *)plan)->subplan, context);
			break;
		case T_CustomScan:
			VisitList(((CustomScan *)plan)->custom_plans, visit, context);
			break;
		default:
			break;
	}
}

bool
WalkPlanExpressions(PlannedStmt *statement, NodeWalker walker, void *context) {
	return VisitStatement(statement, {WalkField, walker, nullptr, context});
}

void
MutatePlanExpressions(PlannedStmt *statement, NodeMutator mutator, void *context) {
	VisitStatement(statement, {MutateField, nullptr, mutator, context});
}

int
HighestPlanNodeId(PlannedStmt *statement) {
	int highest = 0;
	VisitNodeId(&statement->planTree, &highest);
	VisitList(statement->subplans, VisitNodeId, &highest);
	return highest;
}

} // namespace pgml::pg
