#pragma once
/**
 * Which models lie in shared memory: a fixed array in the server's main shared memory, one entry per model, under
 * one LWLock. The bytes of a model are a dynamic shared memory segment of its own (shared_model.h); here is
 * only its handle.
 *
 * An entry goes through these states:
 *   free -> loading   somebody claimed it and decodes the model; who wants it too waits
 *   loading -> shared published; or -> free, when loading failed
 *   loading -> refused the model cannot be shared (no such form, or larger than the cache); nobody claims it again
 *   shared -> evicted no longer found; its memory goes when the last session has detached, then the entry is free
 * An entry that is mapped (`mappings` > 0) is never reused, so that a session may read the state of what it maps
 * without the lock.
 *
 * Locks: the LWLock is held for looking at and changing entries only; nothing that can raise an error is called
 * under it, and no other lock is taken. Waiting for a loading entry is bounded: the loader may wait for a lock on the
 * catalog that the waiting session holds, which nobody would detect.
 */
#include "am/base/pg.h"

extern "C" {
#include "datatype/timestamp.h"
#include "storage/dsm.h"
}

namespace pgml::am {

/// A model as stored: other bytes, other fingerprint (ModelFingerprint).
struct ModelKey {
	Oid database;
	int64 model_id;
	uint64 fingerprint;
};

/// An entry, and which of the models that it held one after the other.
struct ModelPlace {
	int slot;
	uint64 serial;
};

/// What a session needs to map a model.
struct SharedSegment {
	ModelPlace place;
	dsm_handle handle;
	Size bytes;
};

enum class Lookup {
	kShared, ///< it is there, and one more mapping of it is counted
	kClaimed, ///< it is not: the caller loads it, then calls PublishModel, RefuseModel or ReleaseClaim
	kPrivate, ///< it cannot be shared: the caller loads it for itself
};

/// What the view shows of an entry.
struct DirectoryEntry {
	ModelKey key;
	Size bytes;
	uint32 sessions;
	uint64 hits, loads;
	TimestampTz loaded_at, last_used;
	bool evicted;
};

/// Bytes that the cache may take now: pgml.model_cache_size; 0 = off.
Size ModelCacheLimit();

/// Finds a model; waits while another session loads it. @throws (ereport) on cancel
Lookup FindOrClaimModel(const ModelKey &key, SharedSegment *segment);

/**
 * Makes a claimed model known, after evicting those used longest ago as far as it needs room. One mapping is
 * counted: the caller's. Raises no error once the model is known.
 */
void PublishModel(const SharedSegment &segment);

/// The claimed model cannot be shared. @param bytes  that it would need, 0 = whatever there is
void RefuseModel(const ModelPlace &place, Size bytes);

/// Gives a claim back: loading failed, and somebody else may try.
void ReleaseClaim(const ModelPlace &place);

/// A mapping is gone.
void ForgetMapping(const ModelPlace &place);

/// A statement uses a model that this session maps.
void TouchModel(const ModelPlace &place);

/// Whether a model that this session maps is out of the cache.
bool IsEvicted(const ModelPlace &place);

/// Rises with every eviction. No lock.
uint64 ModelEvictions();

/// Evicts the models for which `matches` is true. It is called under the lock: it only compares.
void EvictModels(bool (*matches)(const ModelKey &key, const void *argument), const void *argument);

/// Evicts what is above the limit, which may have been lowered. Cheap when it was not.
void EnforceModelCacheLimit();

/// Copies of all entries that are shared or evicted, palloc'd; @return their number
int ListModels(DirectoryEntry **entries);

} // namespace pgml::am
