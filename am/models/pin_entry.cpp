/// Writing and reading the pin entry. See pin_entry.h. The walk over a finished plan that fills it
/// is here too.
#include "am/models/pin_entry.h"

#include "am/base/compat.h"
#include "am/base/plan_tree.h"
#include "am/executor/predict_functions.h"
#include "am/planner/query_rewrite.h"
#include "am/models/version_pin.h"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
}

namespace pgml::am {

namespace {

constexpr const char *kEntryName = "pgml pins";

/// What a walk over a plan found: encoded items, each once.
struct CallSearch {
	List *items;
	bool any;
};

void
AddItem(CallSearch *search, const PinItem &item) {
	char *text = EncodePinItem(item);
	ListCell *cell;
	foreach (cell, search->items)
		if (strcmp((char *)lfirst(cell), text) == 0)
			return;
	search->items = lappend(search->items, text);
}

/// A call whose first argument is a constant: a project's name or a model's id.
void
AddConstantCall(CallSearch *search, const PredictFunction &function, const Const *argument,
				Oid owner) {
	if (argument->constisnull)
		return; // evaluating it raises
	PinItem item = {PinKind::kProject, owner, "", {}};
	if (function.by_model_id) {
		if (!OidIsValid(owner))
			return; // the version is fixed, and the caller's right is checked by evaluation
		item.kind = PinKind::kColumnModel;
		item.project.model_id = DatumGetInt64(argument->constvalue);
	} else {
		item.name = TextDatumGetCString(argument->constvalue);
		AddItem(search, item);
		if (!OidIsValid(owner))
			return;
		item.kind = PinKind::kColumnCall;
	}
	AddItem(search, item);
}

bool
CallWalker(Node *node, void *context) {
	if (node == nullptr)
		return false;
	if (IsA(node, FuncExpr)) {
		auto *call = (FuncExpr *)node;
		const PredictFunction *found = FindPredictFunction(call->funcid);
		if (found != nullptr && !found->deferred) {
			auto *search = static_cast<CallSearch *>(context);
			PredictFunction function = *found;
			Oid owner = IsColumnCall(call) ? ColumnCallOwner(call) : InvalidOid;
			auto *argument = (Node *)linitial(call->args);
			search->any = true;
			if (IsA(argument, Const))
				AddConstantCall(search, function, (Const *)argument, owner);
			else
				AddItem(search, {OidIsValid(owner) ? PinKind::kDynamicColumn : PinKind::kDynamic,
								 owner,
								 "",
								 {}});
		}
	}
	return pg::WalkExpression(node, CallWalker, context);
}

void
CollectIndex(Plan **place, void *context) {
	auto *oids = static_cast<List **>(context);
	Plan *plan = *place;
	if (plan == nullptr)
		return;
	check_stack_depth();
	if (IsA(plan, IndexScan))
		*oids = list_append_unique_oid(*oids, ((IndexScan *)plan)->indexid);
	else if (IsA(plan, IndexOnlyScan))
		*oids = list_append_unique_oid(*oids, ((IndexOnlyScan *)plan)->indexid);
	else if (IsA(plan, BitmapIndexScan))
		*oids = list_append_unique_oid(*oids, ((BitmapIndexScan *)plan)->indexid);
	pg::VisitChildPlans(plan, CollectIndex, context);
}

/// Indexes that the statement scans, by OID: the order in which a deploy rebuilds them.
List *
ScannedIndexes(PlannedStmt *statement) {
	List *oids = NIL;
	CollectIndex(&statement->planTree, &oids);
	ListCell *cell;
	foreach (cell, statement->subplans)
		CollectIndex((Plan **)&lfirst(cell), &oids);
	list_sort(oids, list_oid_cmp);
	return oids;
}

} // namespace

char *
EncodePinItem(const PinItem &item) {
	char kind = static_cast<char>(item.kind);
	switch (item.kind) {
		case PinKind::kProject:
			return psprintf("%c%s", kind, item.name);
		case PinKind::kColumnCall:
			return psprintf("%c%u %s", kind, item.owner, item.name);
		case PinKind::kColumnModel:
			return psprintf("%c%u " INT64_FORMAT, kind, item.owner, item.project.model_id);
		case PinKind::kDynamic:
			return psprintf("%c", kind);
		case PinKind::kDynamicColumn:
		case PinKind::kIndex:
			return psprintf("%c%u", kind, item.owner);
		case PinKind::kResolved:
			return psprintf("%c" INT64_FORMAT " %u " INT64_FORMAT " %.17g %s", kind,
							item.project.project_id, item.project.owner, item.project.model_id,
							item.project.row_cost, item.name);
	}
	elog(ERROR, "unrecognized pin item: %c", kind);
	return nullptr;
}

PinItem
DecodePinItem(const char *text) {
	PinItem item = {static_cast<PinKind>(text[0]), InvalidOid, "", {}};
	char *rest = const_cast<char *>(text) + 1;
	switch (item.kind) {
		case PinKind::kProject:
			item.name = rest;
			return item;
		case PinKind::kColumnCall:
			item.owner = (Oid)strtoul(rest, &rest, 10);
			item.name = rest + 1;
			return item;
		case PinKind::kColumnModel:
			item.owner = (Oid)strtoul(rest, &rest, 10);
			item.project.model_id = strtoll(rest, &rest, 10);
			return item;
		case PinKind::kDynamic:
			return item;
		case PinKind::kDynamicColumn:
		case PinKind::kIndex:
			item.owner = (Oid)strtoul(rest, &rest, 10);
			return item;
		case PinKind::kResolved:
			item.project.project_id = strtoll(rest, &rest, 10);
			item.project.owner = (Oid)strtoul(rest, &rest, 10);
			item.project.model_id = strtoll(rest, &rest, 10);
			item.project.row_cost = strtod(rest, &rest);
			item.name = rest + 1;
			return item;
	}
	elog(ERROR, "unrecognized pin item: %s", text);
	return item;
}

RangeTblEntry *
MakePinEntry(List *items) {
	RangeTblEntry *entry = makeNode(RangeTblEntry);
	entry->rtekind = RTE_RESULT;
	List *names = NIL;
	ListCell *cell;
	foreach (cell, items)
		names = lappend(names, makeString((char *)lfirst(cell)));
	entry->eref = makeAlias(kEntryName, names);
	return entry;
}

List *
PinItems(const PlannedStmt *statement) {
	// Behind all others, unless another extension has appended entries of its own since.
	for (int i = list_length(statement->rtable); i > 0; i--) {
		auto *entry = (RangeTblEntry *)list_nth(statement->rtable, i - 1);
		// inFromCl: an entry that a user named like ours (a VALUES or function in FROM that the
		// planner made an RTE_RESULT) has it set.
		if (entry->rtekind == RTE_RESULT && !entry->inFromCl && entry->eref != nullptr &&
			strcmp(entry->eref->aliasname, kEntryName) == 0)
			return entry->eref->colnames;
	}
	return NIL;
}

bool
AddPinEntry(PlannedStmt *statement) {
	CallSearch search = {NIL, false};
	pg::WalkPlanExpressions(statement, CallWalker, &search);
	if (search.items != NIL) {
		ListCell *cell;
		foreach (cell, ScannedIndexes(statement))
			search.items =
				lappend(search.items, EncodePinItem({PinKind::kIndex, lfirst_oid(cell), "", {}}));
		statement->rtable = lappend(statement->rtable, MakePinEntry(search.items));
	}
	return search.any;
}

} // namespace pgml::am
