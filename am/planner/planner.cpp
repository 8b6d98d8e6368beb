/// The planner hook: query_rewrite, the previous planner, then what the finished plan needs.
///
/// Queries that hold nothing of ours pay one walk over the query. The hook keeps no state of its
/// own between calls, so planner calls nest (functions are planned while planning) and may fail
/// anywhere. The query may be modified: callers hand the planner a copy where they want to keep
/// theirs.
///
/// After planning, in this order:
/// - pgml.pin is taken out again;
/// - a plan with predictions gets its pin entry (pin_entry.h);
/// - it lists pgml.deployments in relationOids, so that a deploy throws it out of plan caches. So
///   does a plan during whose making a model answered (EvaluationCount): it may hold the answer as
///   a constant. Rights were then checked for the role that planned it, so that such a plan is for
///   that role only;
/// - PgmlPredict nodes take over where batches pay (plan_predict.cpp), and together with the scan below them become
///   PgmlScan leaves (plan_scan.cpp).
#include "am/planner/planner.h"

#include "am/base/guc.h"
#include "am/executor/evaluation_count.h"
#include "am/hooks.h"
#include "am/models/model_catalog.h"
#include "am/executor/predict_functions.h"
#include "am/planner/query_rewrite.h"
#include "am/models/version_pin.h"

extern "C" {
#include "optimizer/planner.h"
}

namespace pgml::am {

namespace {

planner_hook_type previous_planner = nullptr;

PlannedStmt *
CallPlanner(Query *query, const char *query_string, int cursor_options,
			ParamListInfo bound_params) {
	return previous_planner != nullptr
			   ? previous_planner(query, query_string, cursor_options, bound_params)
			   : standard_planner(query, query_string, cursor_options, bound_params);
}

/// Function dependencies tell whether anything that is not built in came into the plan while it was
/// made, such as a family call out of an inlined function; without them there is nothing to look
/// for.
bool
MayHoldCalls(const PlannedStmt *statement, bool rewritten) {
	return rewritten || statement->invalItems != NIL;
}

PlannedStmt *
PlanWithPredictions(Query *query, const char *query_string, int cursor_options,
					ParamListInfo bound_params) {
	uint64 evaluations = EvaluationCount();
	RewriteResult result = {};
	bool rewritten = NeedsRewrite(query);
	if (rewritten)
		RewriteQuery(query, bound_params, &result);

	PlannedStmt *statement = CallPlanner(query, query_string, cursor_options, bound_params);

	bool evaluated = EvaluationCount() != evaluations;
	bool holds_calls = false;
	if (MayHoldCalls(statement, rewritten)) {
		statement->invalItems = list_concat(statement->invalItems, result.inval_items);
		statement->dependsOnRole |= result.depends_on_role;
		if (rewritten)
			UnwrapPins(statement);
		holds_calls = AddPinEntry(statement);
	}
	if (evaluated)
		statement->dependsOnRole = true;
	if (holds_calls || evaluated)
		statement->relationOids =
			list_append_unique_oid(statement->relationOids, DeploymentsRelation());
	if (holds_calls && guc_batch) {
		PlacePredictNodes(statement, cursor_options);
		if (guc_fused_scan)
			FuseScans(statement);
	}
	return statement;
}

struct PlanWork {
	Query *query;
	const char *query_string;
	int cursor_options;
	ParamListInfo bound_params;
	PlannedStmt *result;
};

/// Without the pins of the statement that is running while we plan: what is folded now belongs to
/// another statement, and may stay in its plan for long.
PlannedStmt *
Plan(Query *query, const char *query_string, int cursor_options, ParamListInfo bound_params) {
	if (!ExtensionInstalled())
		return CallPlanner(query, query_string, cursor_options, bound_params);
	PlanWork work = {query, query_string, cursor_options, bound_params, nullptr};
	RunUnpinned(
		[](void *argument) {
			auto *work = static_cast<PlanWork *>(argument);
			work->result = PlanWithPredictions(work->query, work->query_string,
											   work->cursor_options, work->bound_params);
		},
		&work);
	return work.result;
}

} // namespace

void
InstallPlannerHook() {
	previous_planner = planner_hook;
	planner_hook = Plan;
}

} // namespace pgml::am
