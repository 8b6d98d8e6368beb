/// A relation that is read becomes a subquery over itself. See query_rewrite.h.
///
/// What belongs to reading the relation moves into the subquery with it: privileges to check, row
/// security quals, row marks, TABLESAMPLE. The planner pulls the subquery up again, unless
/// TABLESAMPLE or a lateral reference forbids it. System columns are carried as extra junk outputs:
/// junk, so that they are no part of the whole row.
///
/// PostgreSQL 16 on: privileges are in Query.rteperminfos and move to the subquery's list.
#include "am/planner/query_rewrite_internal.h"

#include "am/base/compat.h"

extern "C" {
#include "catalog/heap.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
}

namespace pgml::am {

namespace {

/// References to the relation -> references to the subquery's outputs, where they differ.
struct Renumbering {
	int rti, level;
	AttrNumber *columns;   // [attno - 1]; nullptr: they stay
	List **junk;           // target entries for system columns, added as they are met
	AttrNumber first_junk; // number of the first of them
	bool convert_rows;     // see HideRow
};

AttrNumber
JunkOutput(Renumbering *renumbering, const Var *var) {
	AttrNumber attno = renumbering->first_junk;
	ListCell *cell;
	foreach (cell, *renumbering->junk) {
		auto *entry = (TargetEntry *)lfirst(cell);
		if (((Var *)entry->expr)->varattno == var->varattno)
			return attno;
		attno++;
	}
	Var *system_column = makeVar(1, var->varattno, var->vartype, var->vartypmod, var->varcollid, 0);
	const char *name = NameStr(SystemAttributeDefinition(var->varattno)->attname);
	*renumbering->junk = lappend(
		*renumbering->junk, makeTargetEntry((Expr *)system_column, attno, pstrdup(name), true));
	return attno;
}

Node *
RenumberMutator(Node *node, void *context) {
	auto *renumbering = static_cast<Renumbering *>(context);
	if (node == nullptr)
		return nullptr;
	if (IsA(node, Var)) {
		Var *var = (Var *)copyObject(node);
		if ((int)var->varno == renumbering->rti && (int)var->varlevelsup == renumbering->level) {
			if (var->varattno == InvalidAttrNumber && renumbering->convert_rows)
				return HideRow((Expr *)var, var->vartype);
			if (var->varattno < 0)
				var->varattno = JunkOutput(renumbering, var);
			else if (var->varattno > 0 && renumbering->columns != nullptr)
				var->varattno = renumbering->columns[var->varattno - 1];
			if ((int)var->varnosyn == (int)var->varno)
				var->varattnosyn = var->varattno;
		}
		return (Node *)var;
	}
	if (IsA(node, Query)) {
		renumbering->level++;
		Query *copy = pg::MutateQuery((Query *)node, RenumberMutator, context, 0);
		renumbering->level--;
		return (Node *)copy;
	}
	return pg::MutateExpression(node, RenumberMutator, context);
}

/// Moves the row security quals of the entry to its new place, over real predictions.
void
MoveSecurityQuals(RangeTblEntry *inner, int rti, List *target_list, bool convert_rows) {
	Replacement replacement = {rti, 1, target_list, convert_rows, 0};
	Node *quals = ReplaceReferences((Node *)inner->securityQuals, &replacement);
	// They sit one level deeper now, as far as queries outside of ours are concerned.
	IncrementVarSublevelsUp(quals, 1, 1);
	inner->securityQuals = (List *)quals;
}

/// SELECT ... FROM ONLY the entry, with real predictions.
Query *
MakeSubquery(RangeTblEntry *inner, List *target_list) {
	Query *subquery = makeNode(Query);
	subquery->commandType = CMD_SELECT;
	subquery->querySource = QSRC_ORIGINAL;
	subquery->canSetTag = true;
	subquery->rtable = list_make1(inner);
	RangeTblRef *reference = makeNode(RangeTblRef);
	reference->rtindex = 1;
	subquery->jointree = makeFromExpr(list_make1(reference), nullptr);
	subquery->targetList = target_list;
	subquery->hasSubLinks = checkExprHasSubLink((Node *)inner->securityQuals) ||
							checkExprHasSubLink((Node *)inner->tablesample);
	subquery->hasRowSecurity = inner->securityQuals != NIL;
	return subquery;
}

/// Locks asked for by the query are taken on the relation inside; pushedDown, so that the subquery
/// can be pulled up.
void
PushRowMarks(Query *query, int rti, Query *subquery) {
	ListCell *cell;
	foreach (cell, query->rowMarks) {
		auto *mark = (RowMarkClause *)lfirst(cell);
		if ((int)mark->rti != rti)
			continue;
		auto *inner = (RowMarkClause *)copyObject(mark);
		inner->rti = 1;
		inner->pushedDown = true;
		subquery->rowMarks = lappend(subquery->rowMarks, inner);
	}
}

/// Column names of the outputs. An entry out of a stored view can have fewer than the relation has
/// now.
List *
OutputNames(const RangeTblEntry *entry, List *target_list) {
	List *names = NIL;
	ListCell *cell;
	foreach (cell, target_list) {
		auto *output = (TargetEntry *)lfirst(cell);
		int i = foreach_current_index(cell);
		if (i < list_length(entry->eref->colnames))
			names = lappend(names, copyObject(list_nth(entry->eref->colnames, i)));
		else
			names = lappend(names, makeString(pstrdup(output->resname)));
	}
	return names;
}

/// A transition table's whole row is an anonymous record, in which a NULL for a dropped column
/// would show: its dropped columns get no output, and the others move up.
AttrNumber *
DropOutputs(Relation relation, List **target_list, List **names) {
	TupleDesc descriptor = RelationGetDescr(relation);
	auto *numbers = (AttrNumber *)palloc0(sizeof(AttrNumber) * descriptor->natts);
	List *kept = NIL, *kept_names = NIL;
	for (int i = 0; i < descriptor->natts; i++) {
		if (TupleDescAttr(descriptor, i)->attisdropped)
			continue;
		auto *output = (TargetEntry *)list_nth(*target_list, i);
		kept = lappend(kept, output);
		kept_names = lappend(kept_names, list_nth(*names, i));
		output->resno = numbers[i] = list_length(kept);
	}
	*target_list = kept;
	*names = kept_names;
	return numbers;
}

} // namespace

void
WrapRelation(Query *query, int rti, Relation relation, const PredictionColumns &columns,
			 const References &references) {
	RangeTblEntry *inner = rt_fetch(rti, query->rtable);
	RangeTblEntry *outer = makeNode(RangeTblEntry);
	List *target_list = RealTargetList(relation, columns, 1);
	List *names = OutputNames(inner, target_list);

	outer->rtekind = RTE_SUBQUERY;
	outer->alias = (Alias *)copyObject(inner->alias);
	outer->lateral = inner->lateral;
	outer->inFromCl = inner->inFromCl;
	inner->lateral = false;
	if (inner->securityQuals != NIL)
		MoveSecurityQuals(inner, rti, target_list, HasDroppedColumns(relation));
	if (inner->tablesample != nullptr)
		IncrementVarSublevelsUp((Node *)inner->tablesample, 1, 0);

	AttrNumber *numbers = inner->rtekind == RTE_NAMEDTUPLESTORE && references.whole_row
							  ? DropOutputs(relation, &target_list, &names)
							  : nullptr;
	outer->subquery = MakeSubquery(inner, target_list);
	pg::MovePermissions(inner, query, outer->subquery);
	outer->eref = makeAlias(inner->eref->aliasname, names);
	PushRowMarks(query, rti, outer->subquery);
	lfirst(list_nth_cell(query->rtable, rti - 1)) = outer;

	bool convert_rows = references.whole_row && numbers == nullptr && HasDroppedColumns(relation);
	if (!references.system_columns && !convert_rows && numbers == nullptr)
		return;
	List *junk = NIL;
	auto first_junk = (AttrNumber)(list_length(target_list) + 1);
	Renumbering renumbering = {rti, 0, numbers, &junk, first_junk, convert_rows};
	pg::MutateQuery(query, RenumberMutator, &renumbering, QTW_DONT_COPY_QUERY);
	outer = rt_fetch(rti, query->rtable); // the range table was copied
	ListCell *cell;
	foreach (cell, junk) {
		auto *output = (TargetEntry *)lfirst(cell);
		outer->subquery->targetList = lappend(outer->subquery->targetList, output);
		outer->eref->colnames =
			lappend(outer->eref->colnames, makeString(pstrdup(output->resname)));
	}
}

} // namespace pgml::am
