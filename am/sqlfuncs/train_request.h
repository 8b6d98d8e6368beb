#pragma once
/// The arguments of pgml.train, checked and completed from the project.
#include "am/base/pg.h"
#include "am/sqlfuncs/rights.h"
#include "am/sqlfuncs/training_data.h"

#include "pgml/train.h"

namespace pgml::am {

/// Plain memory in the current context.
struct TrainRequest {
	const char *project;
	const char *task_name; ///< a label of pgml.task
	Task task;
	const char *relation;
	ColumnNames targets; ///< none where the task has no target and the caller named none
	const char *algorithm;
	const char *hyperparams, *preprocess; ///< JSON objects, as given
	const char *learner_hyperparams;      ///< without the seed, which every algorithm takes
	uint64 seed;
	const char *search;                      ///< a label of pgml.search, nullptr = none
	const char *search_params, *search_args; ///< JSON objects, as given
	double test_size;
	Sampling sampling;
	const char *sampling_name;
	bool automatic_deploy;
	bool materialize;
	/// The materialised snapshot that the relation is the table of: its rows and split are taken. 0 = none.
	int64 snapshot_id;
};

/// Takes what the caller gave; what is not available is refused here (0A000).
/// @param joint  y_column_name is an array, as in pgml.train_joint
void ReadTrainArguments(FunctionCallInfo fcinfo, bool joint, TrainRequest *request);

/**
 * Fills in task, relation, target and split from the project and its last snapshot, checks the
 * right to train it and that the algorithm exists for the task. The caller is connected to SPI.
 */
void CompleteTrainRequest(TrainRequest *request);

/// Raises 22023 when the project's task is another one.
void CheckSameTask(const ProjectRow &project, const char *task_name);

} // namespace pgml::am
