#pragma once
/**
 * Before a CREATE TABLE or ALTER TABLE runs: real family calls in generation expressions become
 * their deferred twins, so that writing (and adding a column to a full table) never evaluates a
 * model. Also the refusals that the state after the command could not show.
 */
#include "am/base/pg.h"

extern "C" {
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
}

namespace pgml::am {

/// Returns the statement to run: the one given, or a changed copy. The tree given is never written
/// to.
PlannedStmt *SwapCreateTable(PlannedStmt *planned);
PlannedStmt *SwapAlterTable(PlannedStmt *planned);

/// Does a raw expression call the family, by a name that means nothing else?
bool RawCallsFamily(Node *raw);

} // namespace pgml::am
