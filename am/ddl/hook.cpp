/**
 * The ProcessUtility hook: the work before and after a DDL command on tables with prediction
 * columns.
 *
 * Before: ddl_swap and ddl_index change a copy of the statement. After: ddl_verify checks every
 * relation that the command touched. A command that core runs as a part of another
 * (PROCESS_UTILITY_SUBCOMMAND) is checked with the whole, because only the whole brings the tables
 * into a consistent state; any other is checked on its own, before a transaction that it runs in
 * can commit.
 */
#include "am/hooks.h"

#include "am/ddl/index.h"
#include "am/ddl/swap.h"
#include "am/ddl/touched.h"
#include "am/ddl/verify.h"
#include "am/executor/predict_functions.h"

extern "C" {
#include "access/xact.h"
#include "tcop/utility.h"
}

namespace pgml::am {

namespace {

ProcessUtility_hook_type previous_hook = nullptr;

/// Commands that can make or change what a prediction column depends on.
bool
CanMatter(Node *statement) {
	switch (nodeTag(statement)) {
		case T_AlterPublicationStmt:
		case T_AlterTableMoveAllStmt:
		case T_AlterTableStmt:
		case T_CreateForeignTableStmt:
		case T_CreatePublicationStmt:
		case T_CreateSchemaStmt:
		case T_CreateStatsStmt:
		case T_CreateStmt:
		case T_CreateTrigStmt:
		case T_IndexStmt:
			return true;
		default:
			return false;
	}
}

PlannedStmt *
PrepareStatement(PlannedStmt *planned, const char *query) {
	switch (nodeTag(planned->utilityStmt)) {
		case T_CreateStmt:
			return SwapCreateTable(planned);
		case T_AlterTableStmt:
			return SwapAlterTable(planned);
		case T_IndexStmt:
			return RewriteCreateIndex(planned, query);
		case T_CreateStatsStmt:
			return RewriteCreateStatistics(planned, query);
		default:
			return planned;
	}
}

void
RunPrevious(PlannedStmt *planned, const char *query, bool read_only_tree,
			ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *environment,
			DestReceiver *destination, QueryCompletion *completion) {
	if (previous_hook != nullptr)
		previous_hook(planned, query, read_only_tree, context, params, environment, destination,
					  completion);
	else
		standard_ProcessUtility(planned, query, read_only_tree, context, params, environment,
								destination, completion);
}

void
ProcessUtility(PlannedStmt *planned, const char *query, bool read_only_tree,
			   ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *environment,
			   DestReceiver *destination, QueryCompletion *completion) {
	if (!CanMatter(planned->utilityStmt) || !ExtensionInstalled()) {
		RunPrevious(planned, query, read_only_tree, context, params, environment, destination,
					completion);
		return;
	}
	if (context == PROCESS_UTILITY_SUBCOMMAND && CollectingTouched()) {
		RunPrevious(PrepareStatement(planned, query), query, read_only_tree, context, params,
					environment, destination, completion);
		return;
	}
	TouchedObjects touched;
	BeginTouched(&touched);
	PG_TRY();
	{
		RunPrevious(PrepareStatement(planned, query), query, read_only_tree, context, params,
					environment, destination, completion);
		CommandCounterIncrement();
		VerifyRelations(ResolveTouched(&touched));
	}
	PG_FINALLY();
	{ EndTouched(&touched); }
	PG_END_TRY();
}

} // namespace

void
InstallDdlHook() {
	previous_hook = ProcessUtility_hook;
	ProcessUtility_hook = ProcessUtility;
	InstallTouchedHook();
}

} // namespace pgml::am
