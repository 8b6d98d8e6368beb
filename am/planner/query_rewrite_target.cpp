/// Replacing references in place: the result relation, EXCLUDED, and security quals on their way
/// into a subquery.
///
/// The server's ReplaceVarsFromTargetList refuses CURRENT OF and walks into EXCLUDED's target list,
/// hence an own mutator. Substituted expressions hold references of level 0 only, so that they are
/// moved to the level of what they replace by a plain shift.
///
/// PostgreSQL 16 on: varnullingrels must be carried into the substituted references, because a
/// result relation can be nullable in MERGE; 18 on: varreturningtype too.
#include "am/planner/query_rewrite_internal.h"

#include "am/base/compat.h"
#include "am/executor/predict_functions.h"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteManip.h"
}

namespace pgml::am {

namespace {

bool
OwnerWalker(Node *node, void *context) {
	if (node == nullptr)
		return false;
	if (IsA(node, FuncExpr) && IsColumnCall((FuncExpr *)node))
		((FuncExpr *)node)->location = (int)*static_cast<Oid *>(context);
	return pg::WalkExpression(node, OwnerWalker, context);
}

/// The value of a whole row: not a reference to the stored row, which has NULLs where predictions
/// belong.
Node *
RealRow(const Var *var, const Replacement *replacement) {
	RowExpr *row = makeNode(RowExpr);
	ListCell *cell;
	foreach (cell, replacement->target_list) {
		auto *entry = (TargetEntry *)lfirst(cell);
		row->args = lappend(row->args, copyObject(entry->expr));
		row->colnames = lappend(row->colnames, makeString(pstrdup(entry->resname)));
	}
	row->row_typeid = var->vartype;
	row->row_format = COERCE_IMPLICIT_CAST;
	row->location = -1;
	return replacement->convert_rows ? HideRow((Expr *)row, var->vartype) : (Node *)row;
}

Node *
ReplaceVar(const Var *var, const Replacement *replacement) {
	Node *result;
	if (var->varattno == InvalidAttrNumber)
		result = RealRow(var, replacement);
	else if (var->varattno > 0) {
		auto *entry = (TargetEntry *)list_nth(replacement->target_list, var->varattno - 1);
		if (IsA(entry->expr, Var)) {
			Var *copy = (Var *)copyObject(var);
			copy->varno = replacement->to_varno;
			return (Node *)copy;
		}
		result = (Node *)copyObject(entry->expr);
	} else {
		Var *copy = (Var *)copyObject(var);
		copy->varno = replacement->to_varno;
		return (Node *)copy;
	}
	if (replacement->level > 0)
		IncrementVarSublevelsUp(result, replacement->level, 0);
	return result;
}

Node *
ReplaceMutator(Node *node, void *context) {
	auto *replacement = static_cast<Replacement *>(context);
	if (node == nullptr)
		return nullptr;
	if (IsA(node, Var)) {
		auto *var = (Var *)node;
		if ((int)var->varno == replacement->from_varno &&
			(int)var->varlevelsup == replacement->level)
			return ReplaceVar(var, replacement);
		return (Node *)copyObject(var);
	}
	if (IsA(node, OnConflictExpr)) {
		auto *copy = (OnConflictExpr *)pg::MutateExpression(node, ReplaceMutator, context);
		copy->exclRelTlist = ((OnConflictExpr *)node)->exclRelTlist;
		return (Node *)copy;
	}
	if (IsA(node, Query)) {
		replacement->level++;
		Query *copy = pg::MutateQuery((Query *)node, ReplaceMutator, context, 0);
		replacement->level--;
		return (Node *)copy;
	}
	return pg::MutateExpression(node, ReplaceMutator, context);
}

} // namespace

List *
RealTargetList(Relation relation, const PredictionColumns &columns, int varno) {
	TupleDesc descriptor = RelationGetDescr(relation);
	List *result = NIL;
	for (int i = 0; i < descriptor->natts; i++) {
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		Expr *expression;
		if (attribute->attisdropped)
			expression = (Expr *)makeNullConst(INT4OID, -1, InvalidOid);
		else if (columns.expr[i] != nullptr) {
			Node *copy = (Node *)copyObject(columns.expr[i]);
			Oid owner = columns.owner;
			OwnerWalker(copy, &owner);
			if (varno != 1)
				ChangeVarNodes(copy, 1, varno, 0);
			expression = (Expr *)copy;
		} else
			expression = (Expr *)makeVar(varno, i + 1, attribute->atttypid, attribute->atttypmod,
										 attribute->attcollation, 0);
		result = lappend(result, makeTargetEntry(expression, i + 1,
												 pstrdup(NameStr(attribute->attname)), false));
	}
	return result;
}

bool
HasDroppedColumns(Relation relation) {
	TupleDesc descriptor = RelationGetDescr(relation);
	for (int i = 0; i < descriptor->natts; i++)
		if (TupleDescAttr(descriptor, i)->attisdropped)
			return true;
	return false;
}

Node *
HideRow(Expr *row, Oid type) {
	ConvertRowtypeExpr *conversion = makeNode(ConvertRowtypeExpr);
	conversion->arg = row;
	conversion->resulttype = type;
	conversion->convertformat = COERCE_IMPLICIT_CAST;
	conversion->location = -1;
	return (Node *)conversion;
}

Node *
ReplaceReferences(Node *expression, Replacement *replacement) {
	replacement->level = 0;
	return ReplaceMutator(expression, replacement);
}

void
ReplaceReferencesInQuery(Query *query, Replacement *replacement) {
	replacement->level = 0;
	pg::MutateQuery(query, ReplaceMutator, replacement, QTW_DONT_COPY_QUERY);
}

Oid
ColumnCallOwner(const FuncExpr *call) {
	return call->location == -1 ? InvalidOid : (Oid)call->location;
}

} // namespace pgml::am
