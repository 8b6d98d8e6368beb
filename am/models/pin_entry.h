#pragma once
/**
 * The pin entry: what a plan says about the models it needs, as column names of an unused range
 * table entry.
 *
 * Range tables are copied with plans, kept by plan caches and sent to parallel workers, and nothing
 * looks at an RTE_RESULT that no plan node names; column names are strings, so no node type of our
 * own is needed. Made by the planner hook; ExecutorStart adds to its own copy what it resolved.
 */
#include "am/base/pg.h"
#include "am/models/model_catalog.h"

extern "C" {
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
}

namespace pgml::am {

enum class PinKind : char {
	kProject = 'P',       ///< a call names this project by a constant: pin it
	kColumnCall = 'C',    ///< a column of a table of `owner` needs this project
	kColumnModel = 'M',   ///< a column of a table of `owner` needs this model, given by id
	kDynamic = 'D',       ///< a call's project is not known before it is evaluated
	kDynamicColumn = 'X', ///< the same for a column of a table of `owner`
	kIndex = 'I',         ///< the plan scans the index `owner`
	kResolved = 'R',      ///< the project, as the leader pinned it
};

struct PinItem {
	PinKind kind;
	Oid owner; ///< role, or for kIndex the index
	const char *name;
	Project project; ///< kResolved; project_id 0: there was none. kColumnModel: model_id only
};

/// The item as text, and back. Text is palloc'd.
char *EncodePinItem(const PinItem &item);
PinItem DecodePinItem(const char *text);

/// Makes an entry with these items (a List of char *).
RangeTblEntry *MakePinEntry(List *items);

/// Items of the plan's entry as a List of String; NIL when it has none.
List *PinItems(const PlannedStmt *statement);

} // namespace pgml::am
