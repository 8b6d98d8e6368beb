#pragma once
/**
 * Around planning: query_rewrite before it, plan_predict and the pin entry after it. See
 * planner.cpp.
 */
#include "am/base/pg.h"

extern "C" {
#include "nodes/plannodes.h"
}

namespace pgml::am {

/// Puts PgmlPredict nodes where batches pay. Called after planning of a statement that holds family
/// calls, when pgml.batch is on. (plan_predict.cpp)
void PlacePredictNodes(PlannedStmt *statement, int cursor_options);

/// Puts PgmlScan leaves where a PgmlPredict node stands right above a sequential scan (plan_scan.cpp).
void FuseScans(PlannedStmt *statement);

} // namespace pgml::am
