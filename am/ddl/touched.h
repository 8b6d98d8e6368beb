#pragma once
/**
 * Which relations did a utility command touch? Collected by object_access_hook while the command
 * runs, so that the check after the command (ddl_verify) looks at what was changed, however it was
 * asked for.
 */
#include "am/base/pg.h"

extern "C" {
#include "catalog/objectaddress.h"
}

namespace pgml::am {

/// One command's collection; lives on the stack of the ProcessUtility hook.
struct TouchedObjects {
	MemoryContext context;
	List *objects; ///< of ObjectAddress *, as reported: may hold duplicates and what is gone by now
	TouchedObjects *outer;
};

/// Installs the object_access_hook; calls the previous one.
void InstallTouchedHook();

/// Starts collecting into `touched` (until EndTouched, which restores the collection that was
/// active before).
void BeginTouched(TouchedObjects *touched);
void EndTouched(TouchedObjects *touched);
/// True while a command collects.
bool CollectingTouched();

struct TouchedRelations {
	List *relations; ///< OIDs, ascending, no duplicates, existing when looked at
	const TouchedObjects *objects;
	/// Did the command give this column a default or generation expression?
	bool HasNewExpression(Oid relid, AttrNumber attno) const;
	/// Did it change columns of the relation, or its place in an inheritance tree?
	bool ChangesColumns(Oid relid) const;
};

/// Maps the objects to the relations they belong to.
TouchedRelations ResolveTouched(const TouchedObjects *touched);

} // namespace pgml::am
