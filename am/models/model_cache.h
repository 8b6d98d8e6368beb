#pragma once
/**
 * The models that this backend predicts with, by model id: shared with other sessions where that is possible
 * (shared_model.h), else decoded in private memory. A model is immutable once stored; if somebody
 * changes pgml.files by hand, the invalidation that follows drops the cache and the checksum
 * catches the damage at the next load.
 */
#include "am/base/pg.h"

namespace pgml {
class Model;
}

namespace pgml::am {

/// The model, kept alive at least until `context` is reset or deleted. Loads it if needed. It predicts; what
/// looks into it needs AcquireWholeModel.
/// @throws (ereport) 42704 unknown model id, XX001 damaged bytes
const pgml::Model *AcquireModel(int64 model_id, MemoryContext context);

/// The same with the learner as it was stored, in private memory.
const pgml::Model *AcquireWholeModel(int64 model_id, MemoryContext context);

/// To be called when rows of pgml.files were changed or removed: at commit, models that they held leave the cache.
void NoteModelFilesChanged();

} // namespace pgml::am
