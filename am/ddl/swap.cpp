/**
 * The swap in the raw parse tree. See swap.h.
 *
 * A raw tree has names, not functions. A name is swapped when every function it can mean on the
 * search path is a family member; any other is left alone, and ddl_verify patches what turns out to
 * be one.
 */
#include "am/ddl/swap.h"

#include "am/base/compat.h"
#include "am/ddl/index.h"
#include "am/ddl/verify.h"
#include "am/executor/predict_functions.h"
#include "am/table/prediction_column.h"
#include "am/table/tableam.h"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/tablecmds.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace pgml::am {

namespace {

/// The family member that a function name stands for wherever it is resolved, or nullptr.
const PredictFunction *
FamilyFunctionByName(List *name) {
	const char *last = strVal(llast(name));
	bool known = false;
	for (int member = 0; member < kMembers && !known; member++)
		known = strcmp(last, MemberName(static_cast<Member>(member))) == 0;
	if (!known || list_length(name) > 3)
		return nullptr;
	FuncCandidateList candidates = FuncnameGetCandidates(name, -1, NIL, false, false, false, true);
	const PredictFunction *found = nullptr;
	for (; candidates != nullptr; candidates = candidates->next) {
		const PredictFunction *function = FindPredictFunction(candidates->oid);
		if (function == nullptr || function->deferred)
			return nullptr;
		found = function;
	}
	return found;
}

struct SwapContext {
	bool write; ///< false: only look whether there is anything to swap
	bool found;
};

bool
SwapWalker(Node *node, void *context) {
	if (node == nullptr)
		return false;
	auto *swap = static_cast<SwapContext *>(context);
	if (IsA(node, FuncCall)) {
		auto *call = (FuncCall *)node;
		// What no member can be called with is left for the parser to complain about.
		bool callable = list_length(call->args) >= 2 && !call->agg_distinct &&
						call->agg_order == NIL && call->agg_filter == nullptr &&
						call->over == nullptr;
		const PredictFunction *function = callable ? FamilyFunctionByName(call->funcname) : nullptr;
		if (function != nullptr) {
			swap->found = true;
			if (!swap->write)
				return true;
			char *deferred = psprintf("%s_deferred", MemberName(function->member));
			call->funcname = list_make2(makeString(pstrdup("pgml")), makeString(deferred));
		}
	}
	return pg::WalkRawExpression(node, SwapWalker, context);
}

/// Generation expressions of one column definition. @return true when it holds a real family call
bool
SwapColumn(ColumnDef *column, bool write) {
	SwapContext context = {write, false};
	ListCell *cell;
	foreach (cell, column->constraints) {
		auto *constraint = lfirst_node(Constraint, cell);
		if (constraint->contype == CONSTR_GENERATED)
			SwapWalker(constraint->raw_expr, &context);
	}
	return context.found;
}

/// NOT NULL on a new prediction column: adding it to a full table would otherwise end in core's
/// "contains null values", which explains nothing.
void
CheckColumnConstraints(const ColumnDef *column) {
	ListCell *cell;
	foreach (cell, column->constraints) {
		ConstrType type = lfirst_node(Constraint, cell)->contype;
		if (type == CONSTR_NOTNULL)
			RefuseNotNull(column->colname);
		if (type == CONSTR_PRIMARY)
			RefuseKeyConstraint(column->colname, "PRIMARY KEY");
	}
}

bool
SwapCreateElements(CreateStmt *create, bool write) {
	bool found = false;
	ListCell *cell;
	foreach (cell, create->tableElts) {
		if (!IsA(lfirst(cell), ColumnDef))
			continue;
		auto *column = (ColumnDef *)lfirst(cell);
		if (SwapColumn(column, write)) {
			found = true;
			if (write)
				CheckColumnConstraints(column);
		}
	}
	return found;
}

bool
RangeVarHasPredictionColumns(RangeVar *name) {
	Oid relid = RangeVarGetRelid(name, AccessShareLock, true);
	return OidIsValid(relid) && HasPredictionColumns(relid);
}

/// Is the new table one whose predictions are computed when read?
bool
CreatesDeferringTable(const CreateStmt *create) {
	if (create->partspec != nullptr || create->partbound != nullptr)
		return true;
	if (IsPgmlAccessMethod(create->accessMethod != nullptr ? create->accessMethod
														   : default_table_access_method))
		return true;
	ListCell *cell;
	foreach (cell, create->inhRelations)
		if (RangeVarHasPredictionColumns(lfirst_node(RangeVar, cell)))
			return true;
	return false;
}

bool
IsDeferringTable(Oid relid) {
	if (get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE || HasPredictionColumns(relid))
		return true;
	Relation relation = table_open(relid, NoLock);
	bool result = IsPgmlRelation(relation);
	table_close(relation, NoLock);
	return result;
}

/// A column added to a heap table reaches its children: one child that computes at reading makes
/// the parent compute at reading too, or the parent would show what the child does not store.
bool
AddsToDeferringTable(Oid relid, bool recurse, LOCKMODE lock) {
	if (IsDeferringTable(relid))
		return true;
	if (!recurse)
		return false;
	ListCell *cell;
	foreach (cell, find_all_inheritors(relid, lock, nullptr)) {
		char kind = get_rel_relkind(lfirst_oid(cell));
		if (kind == RELKIND_RELATION && IsDeferringTable(lfirst_oid(cell)))
			return true;
	}
	return false;
}

/// What an ALTER TABLE holds that matters here.
struct AlterSummary {
	bool relevant;
	bool sets_pgml;
	bool attaches;
};

AlterSummary
Summarize(const AlterTableStmt *alter) {
	AlterSummary summary = {false, false, false};
	ListCell *cell;
	foreach (cell, alter->cmds) {
		auto *command = lfirst_node(AlterTableCmd, cell);
		switch (command->subtype) {
			case AT_AddColumn:
			case AT_CookedColumnDefault:
			case AT_DropExpression:
			case AT_SetNotNull:
			case AT_AddConstraint:
			case AT_AddInherit:
				summary.relevant = true;
				break;
			case AT_AttachPartition:
				summary.relevant = summary.attaches = true;
				break;
			case AT_SetAccessMethod:
				summary.relevant = true;
				summary.sets_pgml = command->name != nullptr && IsPgmlAccessMethod(command->name);
				break;
			default:
				break;
		}
	}
	return summary;
}

/// Both sides of ATTACH PARTITION and INHERIT, looked up with the permission checks and at least
/// the locks of core.
void
PrepareAttachedPartition(Oid parent, const RangeVar *name) {
	if (!HasPredictionColumns(parent))
		return;
	Oid child = RangeVarGetRelidExtended(name, AccessExclusiveLock, RVR_MISSING_OK,
										 RangeVarCallbackOwnsRelation, nullptr);
	if (OidIsValid(child))
		DeferToMatchParent(child, parent);
}

void
PrepareInheritance(Oid child, const RangeVar *name) {
	Oid parent = RangeVarGetRelid(name, AccessShareLock, true);
	if (OidIsValid(parent) && HasPredictionColumns(parent))
		DeferToMatchParent(child, parent);
}

void
CheckColumnCommand(const AlterTableCmd *command, Oid relid, const PredictionColumns *columns) {
	switch (command->subtype) {
		case AT_DropExpression:
			if (columns->Has(get_attnum(relid, command->name)))
				RefuseDropExpression(command->name);
			break;
		case AT_SetNotNull:
			if (columns->Has(get_attnum(relid, command->name)))
				RefuseNotNull(command->name);
			break;
		case AT_AddConstraint: {
			auto *constraint = (Constraint *)command->def;
			if (!IsA(constraint, Constraint) || constraint->contype != CONSTR_PRIMARY)
				break;
			ListCell *cell;
			foreach (cell, constraint->keys)
				if (columns->Has(get_attnum(relid, strVal(lfirst(cell)))))
					RefuseKeyConstraint(strVal(lfirst(cell)), "PRIMARY KEY");
			break;
		}
		default:
			break;
	}
}

/// Swaps in one ALTER TABLE command. @return true when it holds a real family call
bool
SwapCommand(AlterTableCmd *command, bool write) {
	switch (command->subtype) {
		case AT_AddColumn: {
			auto *column = (ColumnDef *)command->def;
			if (!IsA(column, ColumnDef) || !SwapColumn(column, write))
				return false;
			if (write)
				CheckColumnConstraints(column);
			return true;
		}
		case AT_CookedColumnDefault: // from LIKE ... INCLUDING GENERATED
			if (!ContainsPredictCall(command->def))
				return false;
			if (write)
				command->def = RealToDeferred(command->def);
			return true;
		default:
			return false;
	}
}

/// The indexes of a partitioned table are built for a new partition, too.
void
LockDeploymentsForPartition(const RangeVar *parent) {
	Oid relid = RangeVarGetRelid(parent, AccessShareLock, true);
	if (OidIsValid(relid) && HasPredictionColumns(relid))
		LockDeployments();
}

} // namespace

bool
RawCallsFamily(Node *raw) {
	SwapContext context = {false, false};
	SwapWalker(raw, &context);
	return context.found;
}

PlannedStmt *
SwapCreateTable(PlannedStmt *planned) {
	auto *create = (CreateStmt *)planned->utilityStmt;
	if (create->partbound != nullptr)
		LockDeploymentsForPartition(linitial_node(RangeVar, create->inhRelations));
	if (!SwapCreateElements(create, false) || !CreatesDeferringTable(create))
		return planned;
	planned = (PlannedStmt *)copyObject(planned);
	SwapCreateElements((CreateStmt *)planned->utilityStmt, true);
	return planned;
}

PlannedStmt *
SwapAlterTable(PlannedStmt *planned) {
	auto *alter = (AlterTableStmt *)planned->utilityStmt;
	if (alter->objtype != OBJECT_TABLE && alter->objtype != OBJECT_FOREIGN_TABLE)
		return planned;
	AlterSummary summary = Summarize(alter);
	if (!summary.relevant)
		return planned;
	if (summary.attaches)
		LockDeploymentsForPartition(alter->relation);
	// The lookup, lock and permission checks that core is about to make.
	LOCKMODE lock = AlterTableGetLockLevel(alter->cmds);
	Oid relid = AlterTableLookupRelation(alter, lock);
	char kind = OidIsValid(relid) ? get_rel_relkind(relid) : '\0';
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		return planned;

	PredictionColumns columns;
	bool has_columns = GetPredictionColumns(relid, &columns);
	bool found = false;
	ListCell *cell;
	foreach (cell, alter->cmds) {
		auto *command = lfirst_node(AlterTableCmd, cell);
		if (has_columns)
			CheckColumnCommand(command, relid, &columns);
		if (command->subtype == AT_AttachPartition)
			PrepareAttachedPartition(relid, ((PartitionCmd *)command->def)->name);
		else if (command->subtype == AT_AddInherit)
			PrepareInheritance(relid, (RangeVar *)command->def);
		found = SwapCommand(command, false) || found;
	}
	if (!found || !(summary.sets_pgml || AddsToDeferringTable(relid, alter->relation->inh, lock)))
		return planned;
	planned = (PlannedStmt *)copyObject(planned);
	foreach (cell, ((AlterTableStmt *)planned->utilityStmt)->cmds)
		SwapCommand(lfirst_node(AlterTableCmd, cell), true);
	return planned;
}

} // namespace pgml::am
