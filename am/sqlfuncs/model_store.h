#pragma once
/// What training and importing share: the project's row, the snapshot's, the bytes of a model.
#include "am/base/pg.h"
#include "am/sqlfuncs/rights.h"
#include "am/sqlfuncs/training_data.h"

namespace pgml::am {

/**
 * The project's row, made when it is not there, locked. The caller is connected to SPI.
 * @param task  a label of pgml.task
 * @throws (ereport) 42501 not the owner, 22023 another task, 40001 dropped meanwhile
 */
ProjectRow ClaimProject(const char *name, const char *task);

/// A row of pgml.snapshots: data as it was, and how it is split. JSON objects as text.
struct SnapshotRow {
	const char *relation;
	ColumnNames targets; ///< stored as NULL when there are none
	double test_size;
	const char *sampling; ///< a label of pgml.sampling
	const char *preprocess, *columns;
	uint64 n_rows;
	const char *fingerprint; ///< of all rows
	int64 id; ///< of a materialised snapshot, which has its table already; 0: a new one without
};

/// Owned by the current user. The caller is connected to SPI. @return its id
int64 InsertSnapshot(const SnapshotRow &row);

/// Stores the artefact of a model in pgml.files. The caller is connected to SPI.
void InsertModelFiles(int64 model_id, const void *bytes, size_t size);

} // namespace pgml::am
