#pragma once
/**
 * One statement answers with one version of a project's model.
 *
 * ExecutorStart pins: for each project named by a constant in the plan, the model deployed at that
 * moment. The pins are kept per QueryDesc and in force while that query runs (Start, Run, Finish),
 * so that every way to evaluate a prediction (PgmlPredict node, plain FuncExpr, function called by
 * the query) sees the same version; a project first met while running is pinned then. The leader's
 * pins go to parallel workers inside the plan: an RTE_RESULT entry appended to the range table,
 * because that is what the executor ships (see pin_entry.h).
 */
#include "am/base/pg.h"
#include "am/models/model_catalog.h"

extern "C" {
#include "nodes/plannodes.h"
}

namespace pgml::am {

/**
 * The project as the running statement sees it (version pinned).
 * @return false when there is no such project. Outside any statement: the catalog's present state.
 */
bool PinnedProject(const char *name, Project *out);

/**
 * Identifies the set of pins in force: changes when another statement runs or, outside any
 * statement, when the catalog changed. A caller that cached a model under one epoch must resolve
 * again under another.
 */
uint64 PinEpoch();

/**
 * To be called by a deploy: the statements that are running, of which the deploy is a part, forget
 * what they pinned while running, so that a function that deploys and then predicts sees its own
 * deploy. What their plans name stays pinned, and so do open cursors.
 */
void ForgetPinsMetWhileRunning();

/**
 * Runs `work` as if no statement were running: predictions answer with the catalog's present state.
 * For a deploy's rebuilds, because an index must hold the new version whatever the statement that
 * deploys has pinned. Utility commands, such as CREATE INDEX in a function, run so by themselves.
 */
void RunUnpinned(void (*work)(void *argument), void *argument);

/// Appends the pin entry to a finished plan. @return whether the plan holds any family call
bool AddPinEntry(PlannedStmt *statement);

/// Installs the ExecutorStart/Run/Finish hooks.
void InstallVersionPinHooks();

} // namespace pgml::am
