#pragma once
/**
 * What running trainings are doing: an array in shared memory, one entry per backend, shown by the view
 * pgml.training_progress.
 *
 * Only its own backend writes an entry; readers take a consistent copy by the version that brackets each
 * write, as for pg_stat_activity, so a training never waits for somebody who looks. The Report functions
 * write memory and nothing else: model code may call them inside of Guard().
 */
#include "am/base/pg.h"

namespace pgml::am {

enum class TrainingPhase : uint8 {
	kReading,
	kSplitting,
	kSearching,
	kPreprocessing,
	kTraining,
	kEvaluating,
	kStoring,
};

/// From _PG_init: asks for the shared memory.
void InstallTrainingProgress();

/**
 * Makes the entry of this backend appear. A training that starts inside of another one, from a function
 * in its relation, is counted and not shown. To be paired with EndTrainingProgress, on errors and at the
 * backend's exit too: PG_ENSURE_ERROR_CLEANUP.
 */
void BeginTrainingProgress(const char *project);
void EndTrainingProgress(int code, Datum argument);

void ReportPhase(TrainingPhase phase) noexcept;
void ReportRelation(Oid relation) noexcept;
void ReportRowsRead(uint64 rows) noexcept;
void ReportRounds(uint64 done, uint64 total) noexcept;
/// @param best  the best score so far, NaN = none
void ReportCandidates(uint64 done, uint64 total, double best) noexcept;

} // namespace pgml::am
