#pragma once
/// Telling pgml tables from others.
#include "am/base/pg.h"

extern "C" {
#include "utils/rel.h"
}

namespace pgml::am {

/// True for a relation that the pgml table access method serves, under whatever name.
bool IsPgmlRelation(Relation relation);

/// True when a table access method of this name exists and is served by ours.
bool IsPgmlAccessMethod(const char *name);

} // namespace pgml::am
