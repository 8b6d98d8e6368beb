#pragma once
/**
 * Deployment: which model a project answers with.
 *
 * One transaction does it all: the project's row lock; locks on the tables whose indexes or
 * statistics hold predictions; the row in pgml.deployments, whose trigger sends the invalidation;
 * the rebuild. Whoever reads before the commit gets the old model everywhere, whoever reads after
 * it the new one everywhere.
 *
 * RowExclusiveLock on pgml.deployments comes before the search for dependents: who creates an index
 * on predictions takes ShareLock on that table first and so either is found here or waits and
 * builds with the new model.
 */
#include "am/base/pg.h"
#include "am/sqlfuncs/dependents.h"
#include "am/sqlfuncs/rights.h"

namespace pgml::am {

/// The live model of a project and its score.
struct LiveModel {
	int64 model_id; ///< 0 = none
	bool has_score;
	double score;
};

/// Name of the metric that deployment compares, higher is better: "r2", "f1", "silhouette" ...
const char *TargetMetric(const char *task);

/// The caller is connected to SPI.
LiveModel ReadLiveModel(const ProjectRow &project);

/**
 * Makes `model_id`, a successful model of the project, the one that answers. The caller is
 * connected to SPI, has checked the owner's right and holds LockProject().
 * @param strategy  a label of pgml.strategy, for the history
 */
void DeployModel(const ProjectRow &project, int64 model_id, const char *strategy);

/// After the catalog changed in this transaction: rebuilds what was locked for it (dependents.h),
/// with what the project answers now.
void RebuildForProject(const Dependents &dependents, const char *project);

} // namespace pgml::am
