#pragma once
/**
 * Which columns, indexes and statistics objects name a project or a model: what must be gone before
 * that can go.
 *
 * Counted are those of tables whose owner may use the project: others have never given a prediction, and
 * must not keep a project alive for whoever does not like its owner. Found through pg_depend, so it
 * does not matter how they were made; views and functions are not looked into, as in a deployment.
 */
#include "am/base/pg.h"

namespace pgml::am {

/// What is looked for; either part may be empty.
struct ReferenceTarget {
	const char *project; ///< calls by this name; nullptr = none
	int n_models;
	const int64 *models; ///< calls by these ids
};

/// Whether anything names the target.
bool IsReferenced(const ReferenceTarget &target, int64 project_id);

/// Raises 2BP01 that lists what names the target, if anything does. `doing` as in "cannot DOING
/// because other objects depend on it".
void RefuseReferences(const ReferenceTarget &target, int64 project_id, const char *doing);

} // namespace pgml::am
