#pragma once
/// The PgmlScan plan node: how plan_scan.cpp builds it and exec_scan.cpp reads it.
#include "am/base/pg.h"

extern "C" {
#include "nodes/plannodes.h"
}

namespace pgml::am {

/**
 * A sequential scan and the PgmlPredict node above it in one leaf. Layout of the CustomScan:
 *   scan.scanrelid       the table
 *   custom_scan_tlist    columns of the table as Vars of scanrelid, and predictions as family FuncExprs over such
 *                        Vars, in any order
 *   plan.targetlist/qual over INDEX_VAR, that is, over custom_scan_tlist
 *   custom_exprs         quals that are evaluated before anything is predicted, over Vars of scanrelid
 *   custom_private       one Integer: the most rows the parent takes (0 = unknown)
 */
CustomScan *MakeScanNode(Index scanrelid, List *scan_tlist, List *scan_qual, int64 bound);

void RegisterScanNode();

} // namespace pgml::am
