#pragma once
/**
 * Models in shared memory as this session maps them. Which there are: model_directory.h.
 *
 * A model is one dynamic shared memory segment, pinned as long as the directory lists it: [SegmentHeader][image]
 * (pgml/model_image.h). A mapping belongs to the session, not to a statement; it stays as long as the
 * session's cache or a running statement uses it. It is undone at safe points only, never inside of Guard() and not where a
 * destructor happens to run: ReleaseUnusedMappings().
 */
#include "am/base/pg.h"
#include "am/models/model_directory.h"

#include <span>

namespace pgml {
class ModelImage;
}

namespace pgml::am {

/// Plain memory that lives as long as the mapping.
struct ModelMapping {
	ModelMapping *next;
	dsm_segment *segment; ///< nullptr: undone, at the session's end
	ModelPlace place;
	bool counted; ///< the directory counts it
	const std::byte *image;
	Size image_size;
	int users; ///< models that were opened on it; may be changed inside of Guard()
};

/// Maps a model that FindOrClaimModel counted a mapping for. @return nullptr when that cannot be done: it is gone
/// by now, or the server is short of memory; the count is then taken back
ModelMapping *MapModel(const ModelKey &key, const SharedSegment &segment);

/**
 * Puts a claimed model into a segment, publishes it and maps it.
 * @return nullptr when it is too large, or when no segment can be had: the claim is then ended
 */
ModelMapping *ShareModel(const ModelKey &key, const ModelPlace &place,
						 const pgml::ModelImage &image);

/// Undoes the mappings that nobody uses. Not inside of Guard().
void ReleaseUnusedMappings();

} // namespace pgml::am
