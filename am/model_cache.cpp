/**
 * Decoded models of this backend. See model_cache.h.
 *
 * Holders share ownership with the cache, so that dropping an entry never takes a model away from a
 * running statement. After a change of the catalog (CatalogGeneration) an entry is checked before
 * use: it is kept when the rows that it was read from are still the same row versions. Everything
 * C++ is touched inside Guard() only.
 */
#include "am/model_cache.h"

#include <cinttypes>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>

#include "am/base/guard.h"
#include "am/model_catalog.h"
#include "pgml/model.h"

namespace pgml::am {

namespace {

using SharedModel = std::shared_ptr<const pgml::Model>;

struct CachedModel {
	SharedModel model;
	size_t bytes;       ///< size of the artefact, which stands for the size in memory
	uint64 fingerprint; ///< of the rows it was read from
	uint64 generation;  ///< catalog generation for which the fingerprint was last compared
	uint64 last_use;
};

/// Above this many artefact bytes, the models used longest ago go.
constexpr size_t kMaxBytes = size_t{256} << 20;

struct ModelCache {
	std::unordered_map<int64, CachedModel> models;
	size_t bytes = 0;
	uint64 uses = 0;

	void
	Drop(int64 model_id) {
		auto found = models.find(model_id);
		if (found == models.end())
			return;
		bytes -= found->second.bytes;
		models.erase(found);
	}

	/// Makes room for an entry by dropping those used longest ago.
	void
	Reserve(size_t wanted) {
		while (!models.empty() && bytes + wanted > kMaxBytes) {
			auto oldest = models.begin();
			for (auto it = models.begin(); it != models.end(); ++it)
				if (it->second.last_use < oldest->second.last_use)
					oldest = it;
			bytes -= oldest->second.bytes;
			models.erase(oldest);
		}
	}
};

/// Made at first use, lives as long as the backend.
ModelCache *cache = nullptr;

/// What can be said about an entry without holding it.
struct EntryState {
	bool present;
	uint64 fingerprint, generation;
};

EntryState
FindEntry(int64 model_id) {
	EntryState state = {};
	pg::Guard([&] {
		if (cache == nullptr)
			cache = new ModelCache();
		auto found = cache->models.find(model_id);
		if (found != cache->models.end())
			state = {true, found->second.fingerprint, found->second.generation};
	});
	return state;
}

SharedModel
DecodeModel(int64 model_id, const char *data, size_t size) {
	try {
		return SharedModel(pgml::Model::Decode({reinterpret_cast<const std::byte *>(data), size}));
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

void
LoadModel(int64 model_id, uint64 generation) {
	uint64 fingerprint;
	bytea *bytes = ReadModelBytes(model_id, &fingerprint);
	const char *data = VARDATA_ANY(bytes);
	size_t size = VARSIZE_ANY_EXHDR(bytes);
	pg::Guard([&] {
		SharedModel model = DecodeModel(model_id, data, size);
		cache->Drop(model_id);
		cache->Reserve(size);
		cache->models.emplace(model_id,
							  CachedModel{std::move(model), size, fingerprint, generation, 0});
		cache->bytes += size;
	});
	pfree(bytes);
}

} // namespace

const pgml::Model *
AcquireModel(int64 model_id, MemoryContext context) {
	auto *slot = pg::OwnedByContext<SharedModel>(context);
	// Taken before the catalog is read: a change that arrives meanwhile makes the entry look old,
	// never new.
	uint64 generation = CatalogGeneration();
	EntryState entry = FindEntry(model_id);
	bool usable = entry.present && (entry.generation == generation ||
									ModelFingerprint(model_id) == entry.fingerprint);
	if (!usable) {
		pg::Guard([&] { cache->Drop(model_id); });
		LoadModel(model_id, generation);
	}
	pg::Guard([&] {
		CachedModel &cached = cache->models.at(model_id);
		cached.generation = generation;
		cached.last_use = ++cache->uses;
		slot->object = std::make_unique<SharedModel>(cached.model);
	});
	return slot->object->get();
}

} // namespace pgml::am
