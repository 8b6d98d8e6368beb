/// The access method's table of callbacks.
#include "index/faiss/faiss.h"

#include "am/base/module.h"

extern "C" {
#include "commands/vacuum.h"
}

using namespace pgml::index;

bool
pgml::index::IsFaiss(Oid access_method) {
	// Cached; a name could be another's.
	IndexAmRoutine *routine = GetIndexAmRoutineByAmId(access_method, true);
	bool is = routine != nullptr && routine->amgettuple == GetTuple;
	if (routine != nullptr)
		pfree(routine);
	return is;
}

/// pgml.faiss_handler(internal) -> index_am_handler
PGML_FUNCTION(pgml_faiss_handler) {
	pgml::pg::RequirePreload();
	IndexAmRoutine *routine = makeNode(IndexAmRoutine);
	routine->amstrategies = 0;
	routine->amsupport = 1;
	routine->amoptsprocnum = 0;
	routine->amcanorder = false;
	routine->amcanorderbyop = true;
	// Rows come in one order and are not kept: no backward scan, no mark and restore.
	routine->amcanbackward = false;
	routine->amcanunique = false;
	routine->amcanmulticol = false;
	routine->amoptionalkey = true;
	routine->amsearcharray = false;
	routine->amsearchnulls = false;
	routine->amstorage = false;
	routine->amclusterable = false;
	// A scan has no range that a new row could be outside of: SERIALIZABLE locks the whole index.
	routine->ampredlocks = false;
	routine->amcanparallel = false;
	routine->amcaninclude = false;
	routine->amusemaintenanceworkmem = false;
	routine->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
	routine->amkeytype = InvalidOid;

	routine->ambuild = Build;
	routine->ambuildempty = BuildEmpty;
	routine->aminsert = Insert;
	routine->ambulkdelete = BulkDelete;
	routine->amvacuumcleanup = VacuumCleanup;
	routine->amcanreturn = nullptr;
	routine->amcostestimate = CostEstimate;
	routine->amoptions = IndexOptions;
	routine->amproperty = nullptr;
	routine->ambuildphasename = BuildPhaseName;
	routine->amvalidate = Validate;
	routine->amadjustmembers = nullptr;
	routine->ambeginscan = BeginScan;
	routine->amrescan = Rescan;
	routine->amgettuple = GetTuple;
	routine->amgetbitmap = GetBitmap;
	routine->amendscan = EndScan;
	routine->ammarkpos = nullptr;
	routine->amrestrpos = nullptr;
	routine->amestimateparallelscan = nullptr;
	routine->aminitparallelscan = nullptr;
	routine->amparallelrescan = nullptr;
	PG_RETURN_POINTER(routine);
}
