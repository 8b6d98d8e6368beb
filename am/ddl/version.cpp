/**
 * Refuses what would have to be checked again when another model is deployed, and is not: CHECK
 * constraints and partition keys that ask a project. Deploy rebuilds indexes and statistics, but rows
 * cannot move between partitions, and the planner takes a validated constraint for granted. A model
 * named by its id never changes its answers, so that is allowed. Part of the check after a DDL command,
 * see verify.h.
 */
#include "am/ddl/verify.h"

#include "am/base/compat.h"
#include "am/executor/predict_functions.h"

extern "C" {
#include "nodes/nodes.h"
#include "utils/partcache.h"
}

namespace pgml::am {

namespace {

bool
ProjectCallWalker(Node *node, void *context) {
	if (node == nullptr)
		return false;
	if (IsA(node, FuncExpr)) {
		const PredictFunction *function = FindPredictFunction(((FuncExpr *)node)->funcid);
		if (function != nullptr && !function->by_model_id)
			return true;
	}
	return pg::WalkExpression(node, ProjectCallWalker, context);
}

bool
AsksProject(Node *expression) {
	return ProjectCallWalker(expression, nullptr);
}

} // namespace

void
VerifyVersionIndependence(Relation relation) {
	const char *table = RelationGetRelationName(relation);
	TupleConstr *constraints = RelationGetDescr(relation)->constr;
	for (int i = 0; constraints != nullptr && i < constraints->num_check; i++) {
		const ConstrCheck &check = constraints->check[i];
		if (AsksProject((Node *)stringToNode(check.ccbin)))
			ereport(
				ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("constraint \"%s\" of table \"%s\" cannot depend on the model that a "
						"project has deployed",
						check.ccname, table),
				 errdetail(
					 "Another model would decide otherwise about rows that are stored already."),
				 errhint("Name a model by its id, which never changes, or test the prediction in a "
						 "trigger.")));
	}
	if (relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE &&
		AsksProject((Node *)RelationGetPartitionKey(relation)->partexprs))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("partition key of table \"%s\" cannot depend on the model that a "
							   "project has deployed",
							   table),
						errdetail("Another model would place rows in other partitions than those "
								  "they are stored in."),
						errhint("Name a model by its id, which never changes.")));
}

} // namespace pgml::am
