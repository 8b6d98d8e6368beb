#pragma once
/**
 * Decoded models of this backend, by model id. A model is immutable once stored; if somebody
 * changes pgml.files by hand, the invalidation that follows drops the cache and the checksum
 * catches the damage at the next load.
 */
#include "am/base/pg.h"

namespace pgml {
class Model;
}

namespace pgml::am {

/// The model, kept alive at least until `context` is reset or deleted. Loads it if needed.
/// @throws (ereport) 42704 unknown model id, XX001 damaged bytes
const pgml::Model *AcquireModel(int64 model_id, MemoryContext context);

} // namespace pgml::am
