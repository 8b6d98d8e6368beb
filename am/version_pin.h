#pragma once
/**
 * One statement answers with one version of a project's model.
 *
 * ExecutorStart pins: for each project named by a constant in the plan, the model deployed at that moment. The pins are
 * kept per QueryDesc and pushed on a stack while that query runs (Start, Run, Finish), so that every way to evaluate a
 * prediction (PgmlPredict node, plain FuncExpr, function called by the query) sees the same version; a project first
 * met while running is pinned then. The leader's pins go to parallel workers inside the plan: an RTE_RESULT entry
 * appended to the range table, because that is what the executor ships (see version_pin.cpp).
 */
#include "am/base/pg.h"
#include "am/model_catalog.h"

namespace pgml::am {

/**
 * The project as the running statement sees it (version pinned).
 * @return false when there is no such project. Outside any statement: the catalog's present state.
 */
bool PinnedProject(const char *name, Project *out);

/**
 * Identifies the set of pins in force: changes when another statement runs or, outside any statement, when the
 * catalog changed. A caller that cached a model under one epoch must resolve again under another.
 */
uint64 PinEpoch();

/// Installs the ExecutorStart/Run/Finish/End hooks.
void InstallVersionPinHooks();

} // namespace pgml::am
