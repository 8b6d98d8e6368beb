#pragma once
/**
 * CREATE INDEX and CREATE STATISTICS on prediction columns: the column's name becomes the
 * prediction it stands for, so that the index holds predictions and matches rewritten queries.
 *
 * Calls in an index that equal a call of one of the table's prediction columns are marked
 * (MarkColumnCall): who writes to the table needs no right on the model then. The mark is given
 * only while the table's owner may use the project; it is set again after every command on the
 * table, because commands that rebuild indexes go through their text.
 */
#include "am/base/pg.h"
#include "am/table/prediction_column.h"

extern "C" {
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
#include "storage/lockdefs.h"
#include "utils/rel.h"
}

namespace pgml::am {

/// Returns the statement to run: the one given, or a changed copy. The tree given is never written
/// to.
PlannedStmt *RewriteCreateIndex(PlannedStmt *planned, const char *query);
PlannedStmt *RewriteCreateStatistics(PlannedStmt *planned, const char *query);

/// Keeps deployments out until the end of the transaction: a deployment finds an index that was
/// there before it, and an index that is built after it holds the new model's predictions. Comes
/// before any lock on the table, as in a deployment.
void LockDeployments();

/// After a command on the table: marks of its indexes and statistics (a copied index may bring one
/// that this table must not have), column dependencies of its indexes. The table may be without
/// prediction columns: columns.natts = 0.
void VerifyIndexMarks(Relation relation, const PredictionColumns &columns);

/// After a project came into being or a role was granted its use: the marks that one dependent table may have now. None is
/// taken away: an index without them would stop the next deployment. @param lock  NoLock when the caller holds one that
/// keeps index DDL out
void AddIndexMarks(Oid table, LOCKMODE lock);

} // namespace pgml::am
