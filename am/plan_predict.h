#pragma once
/// After planning: where PgmlPredict nodes go. Called by the planner hook (planner.cpp).
#include "am/base/pg.h"

extern "C" {
#include "nodes/plannodes.h"
}

namespace pgml::am {

/**
 * Inserts PgmlPredict nodes into a finished plan where evaluating predictions in batches is right and pays. What is left
 * alone stays a plain FuncExpr, which is always right. Never changes the rows of the statement.
 * @param cursor_options  of the planner call: a SCROLL cursor's plan must keep its ability to run backwards
 */
void PlacePredictNodes(PlannedStmt *statement, int cursor_options);

} // namespace pgml::am
