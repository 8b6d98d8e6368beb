/// Driving the rewriting of a query: which range table entries have prediction columns that the
/// query references, and in which order the parts run. See query_rewrite.h.
///
/// Levels: a query's own entries are looked up in everything below it, with the depth counted up at
/// each nested Query; a reference matches when its varlevelsup equals the depth. Nested queries are
/// rewritten first, so that what an outer level moves into a subquery is final.
#include "am/planner/query_rewrite_internal.h"

#include "am/base/compat.h"
#include "am/executor/predict_functions.h"

extern "C" {
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
}

namespace pgml::am {

namespace {

/// A relation that can have prediction columns: views are expanded before planning, but their
/// entries stay in the range table; EXCLUDED carries the relkind of a composite type.
bool
MayHavePredictionColumns(const RangeTblEntry *rte) {
	if (rte->relid < FirstNormalObjectId)
		return false;
	if (rte->rtekind == RTE_NAMEDTUPLESTORE)
		return true; // a transition table; relid is that of the trigger's table
	return rte->rtekind == RTE_RELATION &&
		   (rte->relkind == RELKIND_RELATION || rte->relkind == RELKIND_PARTITIONED_TABLE ||
			rte->relkind == RELKIND_FOREIGN_TABLE || rte->relkind == RELKIND_COMPOSITE_TYPE);
}

bool
NeedsRewriteWalker(Node *node, void *context) {
	if (node == nullptr)
		return false;
	if (IsA(node, FuncExpr)) {
		if (FindPredictFunction(((FuncExpr *)node)->funcid) != nullptr)
			return true;
	} else if (IsA(node, Query)) {
		auto *query = (Query *)node;
		ListCell *cell;
		foreach (cell, query->rtable) {
			auto *rte = (RangeTblEntry *)lfirst(cell);
			if (MayHavePredictionColumns(rte) && HasPredictionColumns(rte->relid))
				return true;
			if (rte->rtekind == RTE_FUNCTION && MayBeInlined(rte))
				return true;
		}
		return pg::WalkQuery(query, NeedsRewriteWalker, context, 0);
	}
	return pg::WalkExpression(node, NeedsRewriteWalker, context);
}

struct ReferenceSearch {
	int rti, level;
	References found;
};

bool
ReferenceWalker(Node *node, void *context) {
	auto *search = static_cast<ReferenceSearch *>(context);
	if (node == nullptr)
		return false;
	if (IsA(node, Var)) {
		auto *var = (Var *)node;
		if ((int)var->varno != search->rti || (int)var->varlevelsup != search->level)
			return false;
		if (var->varattno == InvalidAttrNumber)
			search->found.whole_row = true;
		else if (var->varattno < 0)
			search->found.system_columns = true;
		else
			search->found.columns = bms_add_member(search->found.columns, var->varattno);
		return false;
	}
	if (IsA(node, OnConflictExpr)) {
		// exclRelTlist lists every column of EXCLUDED, used or not.
		auto *conflict = (OnConflictExpr *)node;
		return ReferenceWalker((Node *)conflict->arbiterElems, context) ||
			   ReferenceWalker(conflict->arbiterWhere, context) ||
			   ReferenceWalker((Node *)conflict->onConflictSet, context) ||
			   ReferenceWalker(conflict->onConflictWhere, context);
	}
	if (IsA(node, Query)) {
		search->level++;
		pg::WalkQuery((Query *)node, ReferenceWalker, context, 0);
		search->level--;
		return false;
	}
	return pg::WalkExpression(node, ReferenceWalker, context);
}

/// How the query references its entry. Join alias lists count, so that this may find too much,
/// never too little; what a subquery computes in vain, the planner throws away.
References
FindReferences(Query *query, int rti) {
	ReferenceSearch search = {rti, 0, {}};
	pg::WalkQuery(query, ReferenceWalker, &search, 0);
	return search.found;
}

bool
UsesPrediction(const References &references, const PredictionColumns &columns) {
	if (references.whole_row)
		return true;
	int attno = -1;
	while ((attno = bms_next_member(references.columns, attno)) >= 0)
		if (columns.Has(attno))
			return true;
	return false;
}

struct RewriteState {
	ParamListInfo bound_params;
	RewriteResult *result;
};

void RewriteLevel(Query *query, RewriteState *state);

bool
NestedQueryWalker(Node *node, void *context) {
	if (node == nullptr)
		return false;
	if (IsA(node, Query)) {
		RewriteLevel((Query *)node, static_cast<RewriteState *>(context));
		return false;
	}
	return pg::WalkExpression(node, NestedQueryWalker, context);
}

void
RewriteEntry(Query *query, int rti) {
	const RangeTblEntry *rte = rt_fetch(rti, query->rtable);
	if (!MayHavePredictionColumns(rte) || !HasPredictionColumns(rte->relid))
		return;
	// In place: what cannot become a subquery because rows are written to it, or because it has no
	// rows of its own.
	bool excluded = query->onConflict != nullptr && rti == query->onConflict->exclRelIndex;
#if PGML_PLANT == 1
	excluded = false;
#endif
	bool in_place = rti == query->resultRelation || excluded;
	if (!in_place && rte->relkind == RELKIND_COMPOSITE_TYPE)
		return;
	References references = FindReferences(query, rti);
	Relation relation = table_open(rte->relid, NoLock);
	PredictionColumns columns;
	if (GetPredictionColumns(relation, &columns) && UsesPrediction(references, columns)) {
		if (in_place) {
			Replacement replacement = {rti, rti, RealTargetList(relation, columns, rti),
									   HasDroppedColumns(relation), 0};
			ReplaceReferencesInQuery(query, &replacement);
		} else
			WrapRelation(query, rti, relation, columns, references);
	}
	table_close(relation, NoLock);
}

void
RewriteLevel(Query *query, RewriteState *state) {
	check_stack_depth();
	if (query->commandType == CMD_UTILITY)
		return;
	InlineFunctions(query, state->bound_params, state->result);
	pg::WalkQuery(query, NestedQueryWalker, state, 0);
	int n = list_length(query->rtable);
	for (int rti = 1; rti <= n; rti++)
		RewriteEntry(query, rti);
}

/**
 * A rule that uses NEW.column of a generated column gets the column's expression from the server
 * before planning, with the deferred call in it, which would give null. Which table it came from is
 * not known any more, so the real call is the current user's own, as calls in a rule are.
 */
bool
RevealWalker(Node *node, void *context) {
	if (node == nullptr)
		return false;
	if (IsA(node, Query))
		return pg::WalkQuery((Query *)node, RevealWalker, context, 0);
	if (IsA(node, FuncExpr)) {
		auto *call = (FuncExpr *)node;
		const PredictFunction *function = FindPredictFunction(call->funcid);
		if (function != nullptr && function->deferred) {
			call->funcid = function->twin;
			call->funcformat = COERCE_EXPLICIT_CALL;
		}
	}
	return pg::WalkExpression(node, RevealWalker, context);
}

} // namespace

bool
NeedsRewrite(Query *query) {
	return NeedsRewriteWalker((Node *)query, nullptr);
}

void
RewriteQuery(Query *query, ParamListInfo bound_params, RewriteResult *result) {
	RewriteState state = {bound_params, result};
	*result = {};
	// An update's own query holds the conditions of its rules, too.
	if (query->commandType != CMD_SELECT || query->querySource != QSRC_ORIGINAL)
		RevealWalker((Node *)query, nullptr);
	// Twice: functions are inlined with simplified arguments, in which nothing may be folded; and
	// what was inlined, like the calls that stand for columns, may hold constant calls of its own.
	WrapConstantCalls(query);
	RewriteLevel(query, &state);
	WrapConstantCalls(query);
}

} // namespace pgml::am
