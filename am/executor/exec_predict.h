#pragma once
/// The PgmlPredict plan node: how plan_predict.cpp builds it and exec_predict.cpp reads it.
#include "am/base/pg.h"

extern "C" {
#include "nodes/plannodes.h"
}

namespace pgml::am {

/**
 * Layout of the CustomScan:
 *   plan.lefttree       the child (not custom_plans: EXPLAIN, chgParam and parallel walkers then
 * work by themselves) scanrelid           0 custom_scan_tlist   the child's columns as
 * OUTER_VAR 1..n, then one family FuncExpr over OUTER_VAR per prediction plan.targetlist/qual  over
 * INDEX_VAR, that is, over custom_scan_tlist custom_private      one Integer: the most rows the
 * parent takes (0 = unknown), see PredictNodeSetBound
 */
CustomScan *MakePredictNode(Plan *child, int plan_node_id);
bool IsPredictNode(const Plan *plan);
/// Number of child columns in front of the predictions in custom_scan_tlist.
int PredictNodeChildColumns(const CustomScan *node);
/// The parent takes at most `bound` rows: passed on to the child, because ExecSetTupleBound stops
/// at a CustomScan.
void PredictNodeSetBound(CustomScan *node, int64 bound);

void RegisterPredictNode();

} // namespace pgml::am
