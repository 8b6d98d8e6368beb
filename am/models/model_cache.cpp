/**
 * Models of this backend. See model_cache.h.
 *
 * Holders share ownership with the cache, so that dropping an entry never takes a model away from a
 * running statement. After a change of the catalog (CatalogGeneration) an entry is checked before
 * use: it is kept when the rows that it was read from are still the same row versions. Everything
 * C++ is touched inside Guard() only.
 *
 * Two forms of a model are kept. *Shared*: opened on an image in shared memory; it predicts. The first session to want
 * it decodes the artefact, compiles it and publishes the image, the others map it. *Whole*: decoded in
 * private memory; for what looks into the learner, for learners without an image, and whenever the shared memory
 * cannot be had.
 *
 * At the end of a transaction the backend lets go of shared models that left the cache, unless a portal still
 * uses them.
 */
#include "am/models/model_cache.h"

#include <cinttypes>
#include <cstdio>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "am/base/guard.h"
#include "am/base/guc.h"
#include "am/models/catalog_tables.h"
#include "am/hooks.h"
#include "am/models/model_catalog.h"
#include "am/models/shared_model.h"
#include "pgml/evaluator.h"
#include "pgml/model.h"
#include "pgml/model_image.h"

extern "C" {
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
}

namespace pgml::am {

namespace {

using SharedModel = std::shared_ptr<const pgml::Model>;

enum class Form : uint8 { kShared, kWhole };

using CacheKey = std::pair<int64, Form>;

struct CachedModel {
	SharedModel model;
	ModelMapping *mapping; ///< kShared: what it lies on; else nullptr
	size_t bytes;          ///< kWhole: size of the artefact, which stands for the size in memory
	uint64 fingerprint;    ///< of the rows it was read from
	uint64 generation;     ///< catalog generation for which the fingerprint was last compared
	uint64 last_use;
};

/// Above this many artefact bytes, the models in private memory used longest ago go.
constexpr size_t kMaxBytes = size_t{256} << 20;

struct ModelCache {
	std::map<CacheKey, CachedModel> models;
	size_t bytes = 0;
	uint64 uses = 0;

	void
	Drop(const CacheKey &key) {
		auto found = models.find(key);
		if (found == models.end())
			return;
		bytes -= found->second.bytes;
		models.erase(found);
	}

	/// Makes room for an entry by dropping those used longest ago.
	void
	Reserve(size_t wanted) {
		while (bytes > 0 && bytes + wanted > kMaxBytes) {
			auto oldest = models.end();
			for (auto it = models.begin(); it != models.end(); ++it)
				if (it->second.bytes > 0 &&
					(oldest == models.end() || it->second.last_use < oldest->second.last_use))
					oldest = it;
			bytes -= oldest->second.bytes;
			models.erase(oldest);
		}
	}

	void
	Put(const CacheKey &key, CachedModel model) {
		Drop(key);
		Reserve(model.bytes);
		bytes += model.bytes;
		models.emplace(key, std::move(model));
	}
};

/// Made at first use, lives as long as the backend.
ModelCache *cache = nullptr;

/// This transaction changed or removed rows of pgml.files.
bool files_changed = false;

/// What can be said about an entry without holding it.
struct EntryState {
	bool present;
	Form form;
	uint64 fingerprint, generation;
};

EntryState
FindEntry(int64 model_id, bool whole) {
	EntryState state = {};
	pg::Guard([&] {
		if (cache == nullptr)
			cache = new ModelCache();
		for (Form form : {Form::kShared, Form::kWhole}) {
			if (whole && form == Form::kShared)
				continue;
			auto found = cache->models.find({model_id, form});
			if (found == cache->models.end())
				continue;
			state = {true, form, found->second.fingerprint, found->second.generation};
			return;
		}
	});
	return state;
}

std::unique_ptr<const pgml::Model>
DecodeModel(int64 model_id, const char *data, size_t size) {
	try {
		return pgml::Model::Decode({reinterpret_cast<const std::byte *>(data), size});
	} catch (const pgml::Error &error) {
		// The decoder does not know whose bytes it reads.
		if (error.code() != pgml::ErrorCode::kCorruptModel)
			throw;
		std::string detail = error.what();
		detail[0] = static_cast<char>(
			detail.empty() ? 0 : std::toupper(static_cast<unsigned char>(detail[0])));
		detail += '.';
		if (!error.detail().empty())
			detail += ' ' + error.detail();
		throw pgml::Error(pgml::ErrorCode::kCorruptModel,
						  "model " + std::to_string(model_id) + " is damaged", detail,
						  "Deploy another model of the project, or train it again.");
	}
}

/// A model on its way from the artefact into one of the caches.
struct LoadedModel {
	SharedModel model;
	size_t bytes;
	std::unique_ptr<const pgml::ModelImage> image;
};

/// Reads and decodes the artefact. The model lives in `context`.
LoadedModel *
ReadModel(int64 model_id, MemoryContext context, uint64 *fingerprint) {
	auto *slot = pg::OwnedByContext<LoadedModel>(context);
	bytea *bytes = ReadModelBytes(model_id, fingerprint);
	const char *data = VARDATA_ANY(bytes);
	size_t size = VARSIZE_ANY_EXHDR(bytes);
	pg::Guard([&] {
		slot->object = std::make_unique<LoadedModel>(
			LoadedModel{DecodeModel(model_id, data, size), size, nullptr});
	});
	pfree(bytes);
	return slot->object.get();
}

void
KeepWhole(int64 model_id, const LoadedModel *loaded, uint64 fingerprint, uint64 generation) {
	pg::Guard([&] {
		cache->Put({model_id, Form::kWhole},
				   {loaded->model, nullptr, loaded->bytes, fingerprint, generation, 0});
	});
}

void
KeepShared(const ModelKey &key, ModelMapping *mapping, uint64 generation) {
	pg::Guard([&] {
		auto model = pgml::ModelImage::Open({mapping->image, mapping->image_size});
		mapping->users++;
		SharedModel shared(model.release(), [mapping](const pgml::Model *opened) {
			delete opened;
			mapping->users--; // it is undone later, at a safe point
		});
		cache->Put({key.model_id, Form::kShared},
				   {std::move(shared), mapping, 0, key.fingerprint, generation, 0});
	});
}

void
GiveClaimBack(int, Datum place) {
	ReleaseClaim(*(const ModelPlace *)DatumGetPointer(place));
}

/// Loads a claimed model. It ends up in shared memory if it can, else in private memory.
Form
LoadClaimed(const ModelKey &key, const ModelPlace *place, MemoryContext context,
			uint64 generation) {
	Form volatile form = Form::kWhole;
	PG_ENSURE_ERROR_CLEANUP(GiveClaimBack, PointerGetDatum(place));
	{
		uint64 fingerprint;
		LoadedModel *loaded = ReadModel(key.model_id, context, &fingerprint);
		ModelMapping *mapping = nullptr;
		if (fingerprint == key.fingerprint) {
			pg::Guard([&] { loaded->image = pgml::ModelImage::Make(*loaded->model); });
			if (loaded->image == nullptr)
				RefuseModel(*place, 0);
			else
				mapping = ShareModel(key, *place, *loaded->image);
		} else
			ReleaseClaim(*place); // its rows have changed since we looked
		if (mapping != nullptr) {
			KeepShared(key, mapping, generation);
			form = Form::kShared;
		} else
			KeepWhole(key.model_id, loaded, fingerprint, generation);
	}
	PG_END_ENSURE_ERROR_CLEANUP(GiveClaimBack, PointerGetDatum(place));
	return form;
}

Form
LoadWhole(int64 model_id, MemoryContext context, uint64 generation) {
	uint64 fingerprint;
	LoadedModel *loaded = ReadModel(model_id, context, &fingerprint);
	KeepWhole(model_id, loaded, fingerprint, generation);
	return Form::kWhole;
}

/// Puts a model into this backend's cache. `context` is for what is needed meanwhile.
Form
LoadModel(int64 model_id, bool whole, MemoryContext context, uint64 generation) {
	if (whole || ModelCacheLimit() == 0)
		return LoadWhole(model_id, context, generation);
	ModelKey key = {MyDatabaseId, model_id, ModelFingerprint(model_id)};
	SharedSegment segment;
	switch (FindOrClaimModel(key, &segment)) {
		case Lookup::kShared:
			if (ModelMapping *mapping = MapModel(key, segment); mapping != nullptr) {
				KeepShared(key, mapping, generation);
				return Form::kShared;
			}
			break;
		case Lookup::kClaimed:
			return LoadClaimed(key, &segment.place, context, generation);
		case Lookup::kPrivate:
			break;
	}
	return LoadWhole(model_id, context, generation);
}

/// Drops shared models that are out of the shared cache. Cheap when there are none.
void
DropEvicted() {
	static uint64 seen = 0;
	uint64 evictions = ModelEvictions();
	if (likely(seen == evictions) || cache == nullptr)
		return;
	seen = evictions;
	pg::Guard([&] {
		std::erase_if(cache->models, [](const auto &item) {
			return item.second.mapping != nullptr && IsEvicted(item.second.mapping->place);
		});
	});
}

bool
HasKey(const ModelKey &key, const void *argument) {
	auto *wanted = (const ModelKey *)argument;
	return key.database == wanted->database && key.model_id == wanted->model_id &&
		   key.fingerprint == wanted->fingerprint;
}

bool
IsOfDatabase(const ModelKey &key, const void *argument) {
	return key.database == *(const Oid *)argument;
}

/// Evicts the models of this database whose rows are no longer those that they were read from.
void
EvictChangedModels() {
	if (!CatalogPresent())
		return;
	DirectoryEntry *entries;
	int n = ListModels(&entries);
	for (int i = 0; i < n; i++)
		if (entries[i].key.database == MyDatabaseId && !entries[i].evicted &&
			ModelFingerprint(entries[i].key.model_id) != entries[i].key.fingerprint)
			EvictModels(HasKey, &entries[i].key);
	if (entries != nullptr)
		pfree(entries);
}

void
EndTransaction(XactEvent event, void *) {
	switch (event) {
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			if (unlikely(files_changed))
				EvictChangedModels();
			EnforceModelCacheLimit();
			DropEvicted();
			ReleaseUnusedMappings();
			break;
		default:
			break;
	}
	files_changed = false;
}

object_access_hook_type previous_access_hook = nullptr;

/// A database that is dropped takes its models along. Should the drop fail after all, they are loaded again.
void
ObserveDrop(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *argument) {
	if (previous_access_hook != nullptr)
		previous_access_hook(access, class_id, object_id, sub_id, argument);
	if (access == OAT_DROP && class_id == DatabaseRelationId)
		EvictModels(IsOfDatabase, &object_id);
}

const pgml::Model *
Acquire(int64 model_id, bool whole, MemoryContext context) {
	auto *slot = pg::OwnedByContext<SharedModel>(context);
	// Taken before the catalog is read: a change that arrives meanwhile makes the entry look old,
	// never new.
	uint64 generation = CatalogGeneration();
	EnforceModelCacheLimit();
	DropEvicted();
	EntryState entry = FindEntry(model_id, whole);
	bool usable = entry.present && (entry.generation == generation ||
									ModelFingerprint(model_id) == entry.fingerprint);
	Form form = entry.form;
	if (!usable) {
		if (entry.present) {
			pg::Guard([&] {
				cache->Drop({model_id, Form::kShared});
				cache->Drop({model_id, Form::kWhole});
			});
			ReleaseUnusedMappings();
		}
		MemoryContext loading =
			AllocSetContextCreate(CurrentMemoryContext, "pgml model load", ALLOCSET_SMALL_SIZES);
		form = LoadModel(model_id, whole, loading, generation);
		MemoryContextDelete(loading);
	}
	const ModelMapping *mapping = nullptr;
	pg::Guard([&] {
		CachedModel &cached = cache->models.at({model_id, form});
		cached.generation = generation;
		cached.last_use = ++cache->uses;
		mapping = cached.mapping;
		slot->object = std::make_unique<SharedModel>(cached.model);
	});
	if (mapping != nullptr)
		TouchModel(mapping->place);
	return slot->object->get();
}

} // namespace

const pgml::Model *
AcquireModel(int64 model_id, MemoryContext context) {
	// The walker needs the nodes.
	bool whole = guc_evaluator == (int)pgml::Evaluator::kWalker;
	return Acquire(model_id, whole, context);
}

const pgml::Model *
AcquireWholeModel(int64 model_id, MemoryContext context) {
	return Acquire(model_id, true, context);
}

void
NoteModelFilesChanged() {
	files_changed = true;
}

void
InstallModelCache() {
	InstallModelDirectory();
	RegisterXactCallback(EndTransaction, nullptr);
	previous_access_hook = object_access_hook;
	object_access_hook = ObserveDrop;
}

} // namespace pgml::am
