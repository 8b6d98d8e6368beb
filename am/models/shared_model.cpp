/// Segments of models: creating, filling, mapping, letting go. See shared_model.h.
#include "am/models/shared_model.h"

#include "am/base/guard.h"
#include "pgml/model_image.h"

extern "C" {
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
}

namespace pgml::am {

namespace {

constexpr uint64 kSegmentMagic = 0x6c65646f6d4c4d50; // "PMLmodel"

struct SegmentHeader {
	uint64 magic, serial;
	ModelKey key;
	Size image_size;
};

constexpr Size kImageOffset = TYPEALIGN(pgml::kImageAlignment, sizeof(SegmentHeader));

ModelMapping *mappings = nullptr; ///< of this session

/// Runs when a segment is unmapped, also at the session's end, however that comes.
void
ForgetSegment(dsm_segment *, Datum argument) {
	auto *mapping = (ModelMapping *)DatumGetPointer(argument);
	if (mapping->counted)
		ForgetMapping(mapping->place);
	mapping->counted = false;
	mapping->segment = nullptr;
}

void
DeleteOwner(ResourceOwner owner) {
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_BEFORE_LOCKS, false, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_LOCKS, false, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_AFTER_LOCKS, false, false);
	ResourceOwnerDelete(owner);
}

/**
 * A new segment (bytes > 0) or an existing one, kept until dsm_detach; nullptr when it cannot be had. The server raises
 * an error when shared memory is full, and a prediction must not fail for that. All errors are such shortages, and can
 * be caught without a subtransaction, which parallel workers cannot have: the two functions called hold no
 * lock and leave nothing behind but the segment's descriptor, which belongs to a resource owner of its own.
 */
dsm_segment *
OpenSegment(Size bytes, dsm_handle handle) {
	ResourceOwner outer = CurrentResourceOwner;
	MemoryContext context = CurrentMemoryContext;
	uint32 holdoff = InterruptHoldoffCount;
	ResourceOwner owner = ResourceOwnerCreate(outer, "pgml model cache");
	dsm_segment *volatile segment = nullptr;
	CurrentResourceOwner = owner;
	PG_TRY();
	{
		segment =
			bytes > 0 ? dsm_create(bytes, DSM_CREATE_NULL_IF_MAXSEGMENTS) : dsm_attach(handle);
	}
	PG_CATCH();
	{
		CurrentResourceOwner = outer;
		InterruptHoldoffCount = holdoff;
		MemoryContextSwitchTo(context);
		ErrorData *error = CopyErrorData();
		FlushErrorState();
		DeleteOwner(owner);
		ereport(LOG, (errcode(error->sqlerrcode),
					  errmsg("could not keep a model in the model cache: %s", error->message)));
		FreeErrorData(error);
		CHECK_FOR_INTERRUPTS(); // a cancel makes the allocation fail too
		return nullptr;
	}
	PG_END_TRY();
	CurrentResourceOwner = outer;
	if (segment != nullptr)
		dsm_pin_mapping(segment);
	DeleteOwner(owner);
	return segment;
}

ModelMapping *
MakeMapping(const ModelPlace &place) {
	auto *mapping = (ModelMapping *)MemoryContextAllocZero(TopMemoryContext, sizeof(ModelMapping));
	mapping->place = place;
	return mapping;
}

void
AddMapping(ModelMapping *mapping, dsm_segment *segment, Size image_size) {
	mapping->segment = segment;
	mapping->image = (const std::byte *)dsm_segment_address(segment) + kImageOffset;
	mapping->image_size = image_size;
	mapping->next = mappings;
	mappings = mapping;
}

/// Whether the segment is what the directory said. Segment handles are random numbers: another one may have got
/// the handle of a model that was evicted between the look and the mapping.
bool
HoldsModel(dsm_segment *segment, const ModelKey &key, const ModelPlace &place) {
	const auto *header = (const SegmentHeader *)dsm_segment_address(segment);
	Size length = dsm_segment_map_length(segment);
	return length > kImageOffset && header->magic == kSegmentMagic &&
		   header->serial == place.serial && header->key.database == key.database &&
		   header->key.model_id == key.model_id && header->key.fingerprint == key.fingerprint &&
		   header->image_size <= length - kImageOffset &&
		   (uintptr_t)header % pgml::kImageAlignment == 0;
}

ModelMapping *
FindMapping(const ModelPlace &place) {
	for (ModelMapping *mapping = mappings; mapping != nullptr; mapping = mapping->next)
		if (mapping->segment != nullptr && mapping->place.slot == place.slot &&
			mapping->place.serial == place.serial)
			return mapping;
	return nullptr;
}

} // namespace

ModelMapping *
MapModel(const ModelKey &key, const SharedSegment &shared) {
	if (ModelMapping *mapping = FindMapping(shared.place); mapping != nullptr) {
		ForgetMapping(shared.place); // it is counted once
		return mapping;
	}
	ModelMapping *volatile mapping = nullptr;
	dsm_segment *volatile segment = nullptr;
	PG_TRY();
	{
		mapping = MakeMapping(shared.place);
		segment = OpenSegment(0, shared.handle);
		if (segment != nullptr)
			on_dsm_detach(segment, ForgetSegment, PointerGetDatum(mapping));
	}
	PG_CATCH();
	{
		ForgetMapping(shared.place);
		if (segment != nullptr)
			dsm_detach(segment);
		if (mapping != nullptr)
			pfree(mapping);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (segment != nullptr) {
		mapping->counted = true;
		if (HoldsModel(segment, key, shared.place)) {
			AddMapping(mapping, segment,
					   ((const SegmentHeader *)dsm_segment_address(segment))->image_size);
			return mapping;
		}
		dsm_detach(segment); // and is no longer counted
	} else
		ForgetMapping(shared.place);
	pfree(mapping);
	return nullptr;
}

ModelMapping *
ShareModel(const ModelKey &key, const ModelPlace &place, const pgml::ModelImage &image) {
	Size bytes = add_size(kImageOffset, image.size());
	if (bytes > ModelCacheLimit()) {
		RefuseModel(place, bytes);
		return nullptr;
	}
	ModelMapping *mapping = MakeMapping(place);
	dsm_segment *segment = OpenSegment(bytes, DSM_HANDLE_INVALID);
	// Segments start at pages, or at cache lines of the main shared memory.
	if (segment != nullptr &&
		(uintptr_t)dsm_segment_address(segment) % pgml::kImageAlignment != 0) {
		dsm_detach(segment);
		segment = nullptr;
	}
	if (segment == nullptr) {
		pfree(mapping);
		ReleaseClaim(place);
		return nullptr;
	}
	dsm_unpin_mapping(segment); // until it is published, an error takes it away
	on_dsm_detach(segment, ForgetSegment, PointerGetDatum(mapping));
	auto *header = (SegmentHeader *)dsm_segment_address(segment);
	*header = {kSegmentMagic, place.serial, key, image.size()};
	pg::Guard([&] { image.CopyTo((std::byte *)header + kImageOffset); });
	dsm_pin_segment(segment);
	dsm_pin_mapping(segment);
	AddMapping(mapping, segment, header->image_size);
	mapping->counted = true;
	PublishModel({place, dsm_segment_handle(segment), bytes});
	return mapping;
}

void
ReleaseUnusedMappings() {
	ModelMapping **link = &mappings;
	while (*link != nullptr) {
		ModelMapping *mapping = *link;
		if (mapping->users > 0) {
			link = &mapping->next;
			continue;
		}
		*link = mapping->next;
		if (mapping->segment != nullptr)
			dsm_detach(mapping->segment);
		pfree(mapping);
	}
}

} // namespace pgml::am
