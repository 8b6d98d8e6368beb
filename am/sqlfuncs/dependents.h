#pragma once
/**
 * What must be rebuilt when a project answers with another model: indexes and extended statistics,
 * of any table, whose expressions call the predict family with the project's name. Found through
 * pg_depend, so that it does not matter who made them or how. An expression that hides the call
 * inside a function of the user's is not found: IMMUTABLE is then the user's own promise.
 */
#include "am/base/pg.h"

namespace pgml::am {

struct Dependent {
	Oid table;
	Oid object;         ///< the index or the statistics object
	bool is_statistics; ///< an extended statistics object
};

/// Dependents of a project as of now, ordered by table, then object; palloc'd. Other sessions'
/// temporary tables are left out: nobody can touch them from here, and they go with their session.
struct Dependents {
	int n;
	Dependent *items;
};
Dependents FindDependents(const char *project);

/**
 * Locks the tables of all dependents in the order of their OIDs (ShareRowExclusiveLock: writers
 * wait, readers do not) and returns what depends on the project once every lock is held.
 */
Dependents LockDependents(const char *project);

/// Rebuilds indexes and, where the current user may, statistics. Reports by NOTICE.
void RebuildDependents(const Dependents &dependents, const char *project);

} // namespace pgml::am
