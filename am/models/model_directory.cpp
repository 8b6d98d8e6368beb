/// The shared array of models in the cache. See model_directory.h.
#include "am/models/model_directory.h"

#include "am/base/guc.h"
#include "am/hooks.h"

extern "C" {
#include "access/xact.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"
}

namespace pgml::am {

namespace {

constexpr const char *kTrancheName = "pgml_model_cache";

/// Each model takes one of the server's segments, of which there are 64 and 5 per backend: these leave most of them to
/// parallel queries.
constexpr int kMinEntries = 32, kMaxEntries = 1024;

/// Longest time to wait for a session that loads the same model; then it is loaded twice.
constexpr long kMaxWaitMs = 30000;

enum class State : uint32 { kFree, kLoading, kShared, kRefused, kEvicted };

struct Entry {
	ModelKey key;
	State state;
	dsm_handle handle;
	Size bytes;
	uint64 serial; ///< of what the entry holds now: ModelPlace
	uint64 loads;  ///< times that this key was loaded into this entry
	TimestampTz loaded_at;
	pg_atomic_uint32 mappings;
	pg_atomic_uint64 hits, last_use, last_used; ///< last_use orders, last_used is shown
};

struct Directory {
	ConditionVariable loaded; ///< some entry is no longer loading
	pg_atomic_uint64 uses, evictions;
	uint64 serials;
	int n_entries;
	Entry entries[FLEXIBLE_ARRAY_MEMBER];
};

Directory *directory = nullptr;
LWLock *lock = nullptr;
int enforced_kb = -1; ///< pgml.model_cache_size when this session last enforced it
shmem_request_hook_type previous_request_hook = nullptr;
shmem_startup_hook_type previous_startup_hook = nullptr;

int
EntryCount() {
	return Min(Max(MaxBackends, kMinEntries), kMaxEntries);
}

Size
DirectoryBytes() {
	return add_size(offsetof(Directory, entries), mul_size(EntryCount(), sizeof(Entry)));
}

void
RequestMemory() {
	if (previous_request_hook != nullptr)
		previous_request_hook();
	RequestAddinShmemSpace(DirectoryBytes());
	RequestNamedLWLockTranche(kTrancheName, 1);
}

void
StartMemory() {
	if (previous_startup_hook != nullptr)
		previous_startup_hook();
	bool found;
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	directory = (Directory *)ShmemInitStruct("pgml model cache", DirectoryBytes(), &found);
	if (!found) {
		memset(directory, 0, DirectoryBytes());
		ConditionVariableInit(&directory->loaded);
		pg_atomic_init_u64(&directory->uses, 0);
		pg_atomic_init_u64(&directory->evictions, 0);
		directory->n_entries = EntryCount();
		for (int i = 0; i < directory->n_entries; i++) {
			Entry *entry = &directory->entries[i];
			pg_atomic_init_u32(&entry->mappings, 0);
			pg_atomic_init_u64(&entry->hits, 0);
			pg_atomic_init_u64(&entry->last_use, 0);
			pg_atomic_init_u64(&entry->last_used, 0);
		}
	}
	lock = &GetNamedLWLockTranche(kTrancheName)->lock;
	LWLockRelease(AddinShmemInitLock);
}

bool
SameKey(const ModelKey &a, const ModelKey &b) {
	return a.model_id == b.model_id && a.fingerprint == b.fingerprint && a.database == b.database;
}

bool
IsFound(State state) {
	return state == State::kLoading || state == State::kShared || state == State::kRefused;
}

/// Under the lock.
Entry *
FindEntry(const ModelKey &key) {
	for (int i = 0; i < directory->n_entries; i++) {
		Entry *entry = &directory->entries[i];
		if (IsFound(entry->state) && SameKey(entry->key, key))
			return entry;
	}
	return nullptr;
}

ModelPlace
PlaceOf(const Entry *entry) {
	return {static_cast<int>(entry - directory->entries), entry->serial};
}

void
Touch(Entry *entry) {
	pg_atomic_write_u64(&entry->last_use, pg_atomic_fetch_add_u64(&directory->uses, 1) + 1);
	pg_atomic_write_u64(&entry->last_used, (uint64)GetCurrentStatementStartTimestamp());
}

/// Handles of segments that are out of the directory; unpinned once the lock is released.
struct Evicted {
	int n;
	dsm_handle handles[kMaxEntries];
};

/// Under the exclusive lock.
void
Evict(Entry *entry, Evicted *evicted) {
	if (entry->state == State::kShared) {
		evicted->handles[evicted->n++] = entry->handle;
		entry->state = State::kEvicted;
		pg_atomic_fetch_add_u64(&directory->evictions, 1);
	} else
		entry->state = State::kFree; // kRefused holds nothing
}

void
Unpin(const Evicted *evicted) {
	for (int i = 0; i < evicted->n; i++)
		dsm_unpin_segment(evicted->handles[i]);
}

/// The model, or the note that one is refused, that was used longest ago; nullptr when there is none. Under the
/// exclusive lock.
Entry *
OldestEntry(bool shared_only) {
	Entry *oldest = nullptr;
	for (int i = 0; i < directory->n_entries; i++) {
		Entry *entry = &directory->entries[i];
		if (entry->state != State::kShared && (shared_only || entry->state != State::kRefused))
			continue;
		if (oldest == nullptr ||
			pg_atomic_read_u64(&entry->last_use) < pg_atomic_read_u64(&oldest->last_use))
			oldest = entry;
	}
	return oldest;
}

/// Under the exclusive lock.
void
MakeRoom(Size wanted, Size limit, Evicted *evicted) {
	Size used = 0;
	for (int i = 0; i < directory->n_entries; i++)
		if (directory->entries[i].state == State::kShared)
			used += directory->entries[i].bytes;
	while (used > 0 && (wanted > limit || used > limit - wanted)) {
		Entry *oldest = OldestEntry(true);
		used -= oldest->bytes;
		Evict(oldest, evicted);
	}
}

/// An entry that holds nothing and that nobody maps, best the one that held this model before; nullptr when all are in
/// use. Under the exclusive lock.
Entry *
FreeEntry(const ModelKey &key) {
	Entry *free = nullptr;
	for (int i = 0; i < directory->n_entries; i++) {
		Entry *entry = &directory->entries[i];
		if (entry->state == State::kEvicted && pg_atomic_read_u32(&entry->mappings) == 0)
			entry->state = State::kFree;
		if (entry->state != State::kFree)
			continue;
		if (SameKey(entry->key, key))
			return entry;
		if (free == nullptr)
			free = entry;
	}
	return free;
}

/// @return false when there is no room for one more entry
bool
ClaimEntry(const ModelKey &key, ModelPlace *place, Evicted *evicted) {
	Entry *entry = FreeEntry(key);
	if (entry == nullptr) {
		entry = OldestEntry(false);
		if (entry == nullptr)
			return false;
		Evict(entry, evicted);
		if (pg_atomic_read_u32(&entry->mappings) > 0)
			return false; // the next one finds it free, when the sessions have let go of it
	}
	if (!SameKey(entry->key, key))
		entry->loads = 0;
	entry->key = key;
	entry->state = State::kLoading;
	entry->handle = DSM_HANDLE_INVALID;
	entry->bytes = 0;
	entry->serial = ++directory->serials;
	pg_atomic_write_u64(&entry->hits, 0);
	Touch(entry);
	*place = PlaceOf(entry);
	return true;
}

/// One look. @return false: somebody loads it, look again later
bool
LookOnce(const ModelKey &key, Lookup *answer, SharedSegment *segment) {
	Evicted evicted;
	evicted.n = 0;
	bool known = true;
	LWLockAcquire(lock, LW_SHARED);
	Entry *entry = FindEntry(key);
	if (entry == nullptr || (entry->state == State::kRefused && entry->bytes != 0 &&
							 entry->bytes <= ModelCacheLimit())) {
		LWLockRelease(lock);
		LWLockAcquire(lock, LW_EXCLUSIVE);
		entry = FindEntry(key);
		if (entry != nullptr && entry->state == State::kRefused)
			entry->state = State::kFree; // the limit has been raised
		if (entry == nullptr || entry->state == State::kFree) {
			*answer =
				ClaimEntry(key, &segment->place, &evicted) ? Lookup::kClaimed : Lookup::kPrivate;
			LWLockRelease(lock);
			Unpin(&evicted);
			return true;
		}
	}
	switch (entry->state) {
		case State::kShared:
			pg_atomic_fetch_add_u32(&entry->mappings, 1);
			pg_atomic_fetch_add_u64(&entry->hits, 1);
			Touch(entry);
			*segment = {PlaceOf(entry), entry->handle, entry->bytes};
			*answer = Lookup::kShared;
			break;
		case State::kRefused:
			Touch(entry);
			*answer = Lookup::kPrivate;
			break;
		default:
			known = false;
	}
	LWLockRelease(lock);
	return known;
}

/// Ends the loading of a claimed entry.
template <typename F>
void
EndClaim(const ModelPlace &place, F &&change) {
	LWLockAcquire(lock, LW_EXCLUSIVE);
	Entry *entry = &directory->entries[place.slot];
	if (entry->state == State::kLoading && entry->serial == place.serial)
		change(entry);
	LWLockRelease(lock);
	ConditionVariableBroadcast(&directory->loaded);
}

} // namespace

void
InstallModelDirectory() {
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = RequestMemory;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = StartMemory;
}

Size
ModelCacheLimit() {
	// A server without a postmaster (initdb, --single) has no segments.
	return directory != nullptr && IsUnderPostmaster ? (Size)guc_model_cache_size * 1024 : 0;
}

Lookup
FindOrClaimModel(const ModelKey &key, SharedSegment *segment) {
	Lookup answer = Lookup::kPrivate;
	if (ModelCacheLimit() == 0 || LookOnce(key, &answer, segment))
		return answer;
	TimestampTz give_up = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kMaxWaitMs);
	ConditionVariablePrepareToSleep(&directory->loaded);
	while (!LookOnce(key, &answer, segment)) {
		long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), give_up);
		if (left <= 0) {
			answer = Lookup::kPrivate;
			break;
		}
		ConditionVariableTimedSleep(&directory->loaded, left, PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
	return answer;
}

void
PublishModel(const SharedSegment &segment) {
	Evicted evicted;
	evicted.n = 0;
	EndClaim(segment.place, [&](Entry *entry) {
		MakeRoom(segment.bytes, ModelCacheLimit(), &evicted);
		entry->handle = segment.handle;
		entry->bytes = segment.bytes;
		entry->loads++;
		entry->loaded_at = GetCurrentTimestamp();
		pg_atomic_write_u32(&entry->mappings, 1);
		Touch(entry);
		entry->state = State::kShared;
		if (segment.bytes > ModelCacheLimit()) // lowered meanwhile
			Evict(entry, &evicted);
	});
	Unpin(&evicted);
}

void
RefuseModel(const ModelPlace &place, Size bytes) {
	EndClaim(place, [&](Entry *entry) {
		entry->bytes = bytes;
		entry->state = State::kRefused;
	});
}

void
ReleaseClaim(const ModelPlace &place) {
	EndClaim(place, [](Entry *entry) { entry->state = State::kFree; });
}

void
ForgetMapping(const ModelPlace &place) {
	pg_atomic_fetch_sub_u32(&directory->entries[place.slot].mappings, 1);
}

void
TouchModel(const ModelPlace &place) {
	Touch(&directory->entries[place.slot]);
}

bool
IsEvicted(const ModelPlace &place) {
	const volatile Entry *entry = &directory->entries[place.slot];
	return entry->state != State::kShared;
}

uint64
ModelEvictions() {
	return directory != nullptr ? pg_atomic_read_u64(&directory->evictions) : 0;
}

void
EvictModels(bool (*matches)(const ModelKey &key, const void *argument), const void *argument) {
	if (directory == nullptr)
		return;
	Evicted evicted;
	evicted.n = 0;
	LWLockAcquire(lock, LW_EXCLUSIVE);
	for (int i = 0; i < directory->n_entries; i++) {
		Entry *entry = &directory->entries[i];
		if ((entry->state == State::kShared || entry->state == State::kRefused) &&
			matches(entry->key, argument))
			Evict(entry, &evicted);
	}
	LWLockRelease(lock);
	Unpin(&evicted);
}

void
EnforceModelCacheLimit() {
	if (directory == nullptr || likely(enforced_kb == guc_model_cache_size))
		return;
	enforced_kb = guc_model_cache_size;
	Evicted evicted;
	evicted.n = 0;
	LWLockAcquire(lock, LW_EXCLUSIVE);
	MakeRoom(0, ModelCacheLimit(), &evicted);
	LWLockRelease(lock);
	Unpin(&evicted);
}

int
ListModels(DirectoryEntry **entries) {
	if (directory == nullptr) {
		*entries = nullptr;
		return 0;
	}
	auto *list = (DirectoryEntry *)palloc(sizeof(DirectoryEntry) * directory->n_entries);
	int n = 0;
	LWLockAcquire(lock, LW_SHARED);
	for (int i = 0; i < directory->n_entries; i++) {
		Entry *entry = &directory->entries[i];
		uint32 sessions = pg_atomic_read_u32(&entry->mappings);
		bool evicted = entry->state == State::kEvicted;
		if (entry->state != State::kShared && !(evicted && sessions > 0))
			continue;
		list[n++] = {entry->key,
					 entry->bytes,
					 sessions,
					 pg_atomic_read_u64(&entry->hits),
					 entry->loads,
					 entry->loaded_at,
					 (TimestampTz)pg_atomic_read_u64(&entry->last_used),
					 evicted};
	}
	LWLockRelease(lock);
	*entries = list;
	return n;
}

} // namespace pgml::am
