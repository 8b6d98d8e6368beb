/// The shared memory of running trainings and the function below its view. See training_progress.h.
#include "am/sqlfuncs/training_progress.h"

#include "am/base/compat.h"

#include <cmath>

extern "C" {
#include "catalog/pg_authid.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
}

namespace pgml::am {

namespace {

constexpr int kProjectBytes = 256; ///< a longer name is shown cut

constexpr const char *kPhaseNames[] = {"reading",  "splitting",  "searching", "preprocessing",
									   "training", "evaluating", "storing"};

/// What is shown of one training. Shared memory: plain.
struct Entry {
	int pid; ///< 0: no training
	Oid database, user, relation;
	TimestampTz started;
	TrainingPhase phase;
	uint64 rows_read, rounds_done, rounds_total, candidates_done, candidates_total;
	double best_score; ///< NaN = none
	char project[kProjectBytes];
};

struct Slot {
	uint32 version; ///< odd while the entry is being written
	Entry entry;
};

Slot *slots = nullptr; ///< [MaxBackends]
int depth = 0;         ///< trainings of this backend, one inside the other
shmem_request_hook_type previous_request_hook = nullptr;
shmem_startup_hook_type previous_startup_hook = nullptr;

Size
SharedBytes() {
	return mul_size(MaxBackends, sizeof(Slot));
}

void
RequestMemory() {
	if (previous_request_hook != nullptr)
		previous_request_hook();
	RequestAddinShmemSpace(SharedBytes());
}

void
StartMemory() {
	if (previous_startup_hook != nullptr)
		previous_startup_hook();
	bool found;
	slots = (Slot *)ShmemInitStruct("pgml training progress", SharedBytes(), &found);
	if (!found)
		memset(slots, 0, SharedBytes());
}

/// Changes the entry of this backend, if it is the outermost training's.
template <typename F>
void
Write(F &&change) noexcept {
	if (depth != 1 || slots == nullptr)
		return;
	auto *slot = (volatile Slot *)&slots[pg::BackendSlot()];
	slot->version = slot->version + 1;
	pg_write_barrier();
	change(*(Entry *)&slot->entry);
	pg_write_barrier();
	slot->version = slot->version + 1;
}

/// A copy that no write was in the middle of. @return false when there is no training
bool
Read(int number, Entry *copy) {
	auto *slot = (volatile Slot *)&slots[number];
	for (;;) {
		uint32 before = slot->version;
		pg_read_barrier();
		memcpy(copy, (const void *)&slot->entry, sizeof(Entry));
		pg_read_barrier();
		if (slot->version == before && before % 2 == 0)
			return copy->pid != 0;
		CHECK_FOR_INTERRUPTS();
	}
}

} // namespace

void
InstallTrainingProgress() {
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = RequestMemory;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = StartMemory;
}

void
BeginTrainingProgress(const char *project) {
	depth++;
	int length = pg_mbcliplen(project, static_cast<int>(strlen(project)), kProjectBytes - 1);
	TimestampTz now = GetCurrentTimestamp();
	Oid user = GetUserId();
	Write([&](Entry &entry) {
		memset(&entry, 0, sizeof(entry));
		entry.pid = MyProcPid;
		entry.database = MyDatabaseId;
		entry.user = user;
		entry.started = now;
		entry.best_score = NAN;
		memcpy(entry.project, project, length);
	});
}

void
EndTrainingProgress(int, Datum) {
	Write([](Entry &entry) { entry.pid = 0; });
	depth--;
}

void
ReportPhase(TrainingPhase phase) noexcept {
	Write([&](Entry &entry) { entry.phase = phase; });
}

void
ReportRelation(Oid relation) noexcept {
	Write([&](Entry &entry) { entry.relation = relation; });
}

void
ReportRowsRead(uint64 rows) noexcept {
	Write([&](Entry &entry) { entry.rows_read = rows; });
}

void
ReportRounds(uint64 done, uint64 total) noexcept {
	Write([&](Entry &entry) {
		entry.rounds_done = done;
		entry.rounds_total = total;
	});
}

void
ReportCandidates(uint64 done, uint64 total, double best) noexcept {
	Write([&](Entry &entry) {
		entry.candidates_done = done;
		entry.candidates_total = total;
		entry.best_score = best;
	});
}

} // namespace pgml::am

using namespace pgml::am;

/// pgml.training_progress_entries(): see sql/extension/39_progress.sql. What a training does is for its
/// own role and for pg_read_all_stats; others see that there is one.
PGML_FUNCTION(pgml_training_progress_entries) {
	InitMaterializedSRF(fcinfo, 0);
	auto *result = (ReturnSetInfo *)fcinfo->resultinfo;
	bool reads_all = has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
	for (int i = 0; slots != nullptr && i < MaxBackends; i++) {
		Entry entry;
		if (!Read(i, &entry))
			continue;
		constexpr int kColumns = 13;
		Datum values[kColumns] = {Int32GetDatum(entry.pid), ObjectIdGetDatum(entry.database)};
		bool nulls[kColumns];
		memset(nulls, true, sizeof(nulls));
		nulls[0] = nulls[1] = false;
		if (reads_all || has_privs_of_role(GetUserId(), entry.user)) {
			int column = 2;
			auto set = [&](Datum value, bool known = true) {
				values[column] = value;
				nulls[column++] = !known;
			};
			set(ObjectIdGetDatum(entry.user));
			// A name from a database of another encoding may be no text here.
			set(CStringGetTextDatum(entry.project),
				pg_verifymbstr(entry.project, static_cast<int>(strlen(entry.project)), true));
			set(ObjectIdGetDatum(entry.relation), OidIsValid(entry.relation));
			set(CStringGetTextDatum(kPhaseNames[static_cast<int>(entry.phase)]));
			set(Int64GetDatum(static_cast<int64>(entry.rows_read)));
			set(Int64GetDatum(static_cast<int64>(entry.rounds_done)), entry.rounds_total > 0);
			set(Int64GetDatum(static_cast<int64>(entry.rounds_total)), entry.rounds_total > 0);
			set(Int64GetDatum(static_cast<int64>(entry.candidates_done)),
				entry.candidates_total > 0);
			set(Int64GetDatum(static_cast<int64>(entry.candidates_total)),
				entry.candidates_total > 0);
			set(Float8GetDatum(entry.best_score), !std::isnan(entry.best_score));
			set(TimestampTzGetDatum(entry.started));
		}
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum)0;
}
