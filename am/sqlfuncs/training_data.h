#pragma once
/**
 * From a relation to a pgml::Dataset: which columns are features, and reading the rows.
 *
 * Everything runs as the invoker: the relation is read by a query through SPI, so privileges, row
 * level security, views and partitions count as they would for the user's own SELECT. Rows stream
 * from the executor into the matrix.
 */
#include "am/base/pg.h"

#include "am/executor/feature_binding.h"
#include "am/executor/feature_value.h"
#include "pgml/train.h"

namespace pgml::am {

struct SourceColumn {
	const char *name;
	ValueType type;
	int first; ///< first raw column of the feature
	int width; ///< raw columns
};

/// Names of columns. Plain memory.
struct ColumnNames {
	int n;
	const char *const *names;
};

/// A relation seen as training data. Plain memory in the current context.
struct TrainingSource {
	Oid relation;
	char *qualified_name; ///< quoted, "schema.relation"
	int n_features;
	SourceColumn *features;
	int n_targets; ///< 0 where the task has no target
	SourceColumn *targets;
	int raw_width;
};

/**
 * Resolves the names and decides which columns are features: all but the targets and prediction
 * columns. A task without a target leaves the columns named as targets out and does not read them.
 * @throws (ereport) 42P01 unknown relation, 42809 not a relation with rows, 42703 unknown target,
 * 42804 a type that cannot be used, 22000 no feature column
 */
void ResolveTrainingSource(const char *relation, const ColumnNames &targets, Task task,
						   TrainingSource *source);

/**
 * The features of a model, found in the relation by name, and the true values, one column for each
 * target of the model: other columns are not looked at.
 * @throws (ereport) 42P01 unknown relation, 42809 not a relation with rows, 42703 a missing column,
 * 42804 a type that does not fit
 */
void ResolveEvaluationSource(const char *relation, const ColumnNames &targets,
							 const BoundModel &model, TrainingSource *source);

/// Reads all rows into `data`, which a memory context owns. The caller is connected to SPI.
/// @throws (ereport) 22004 NULL target, 22003 NaN or infinite target, 22000 arrays of different
/// lengths
void ReadTrainingData(const TrainingSource &source, Dataset *data);

} // namespace pgml::am
