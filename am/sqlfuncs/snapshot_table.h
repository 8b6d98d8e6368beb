#pragma once
/**
 * Materialised snapshots: the rows that were trained on, kept in a table pgml.snapshot_ID.
 *
 * The table belongs to the catalog's owner, so that nobody changes what a model was trained on; the snapshot's owner may
 * read it, PUBLIC may not. Rows are read as the invoker, who gets the right to insert for that one statement. Their order
 * is that of the relation, so training from the table gives what training from the relation gave.
 */
#include "am/base/pg.h"
#include "am/sqlfuncs/training_data.h"

namespace pgml::am {

/// "pgml.snapshot_12"
char *SnapshotTableName(int64 snapshot_id);

/// The id that a relation's name stands for when it is the table of a snapshot, else 0. The caller is connected to SPI.
int64 SnapshotOfRelation(const char *relation);

/**
 * Copies the features and targets of a relation into the table of a new snapshot. The caller is connected to SPI.
 * @return the snapshot's id, for InsertSnapshot
 */
int64 MaterializeSnapshot(const TrainingSource &source);

/**
 * Drops those of the snapshots that no model was trained from, with their tables. The caller is connected to SPI.
 * @param ids  an array of ids as text
 * @return how many went
 */
uint64 DropUnusedSnapshots(const char *ids);

} // namespace pgml::am
