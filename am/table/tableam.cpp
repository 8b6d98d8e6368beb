/**
 * The pgml table access method: heap's storage under another name.
 *
 * The routine is heap's own, copied when the handler is first called, so that every minor release
 * of the server brings its own heap with it. What differs, and why:
 *   - index_build_range_scan, index_validate_scan: heap reads the table with heap_getnext(), which
 * insists that rd_tableam is heap's own routine. The relation carries it for the duration of the
 * call.
 *   - relation_toast_am: a TOAST table is plain heap; it has no prediction columns, and much of the
 * server opens it. Nothing else may differ: a page of a pgml table is a page of a heap table (WAL,
 * VACUUM, visibility, backup, ...), and what makes a column a prediction is its generation
 * expression (prediction_column.h), not the access method.
 */
#include "am/table/tableam.h"

#include "am/base/module.h"

extern "C" {
#include "access/heapam.h"
#include "access/tableam.h"
#include "access/htup_details.h"
#include "catalog/pg_am.h"
#include "commands/defrem.h"
#include "utils/syscache.h"
}

namespace pgml::am {

namespace {

TableAmRoutine routine;
bool routine_ready = false;

double
IndexBuildRangeScan(Relation table, Relation index, IndexInfo *index_info, bool allow_sync,
					bool any_visible, bool progress, BlockNumber start_block, BlockNumber n_blocks,
					IndexBuildCallback callback, void *callback_state, TableScanDesc scan) {
	const TableAmRoutine *heap = GetHeapamTableAmRoutine();
	const TableAmRoutine *own = table->rd_tableam;
	double n_tuples = 0;
	table->rd_tableam = heap;
	PG_TRY();
	{
		n_tuples = heap->index_build_range_scan(table, index, index_info, allow_sync, any_visible,
												progress, start_block, n_blocks, callback,
												callback_state, scan);
	}
	PG_FINALLY();
	{ table->rd_tableam = own; }
	PG_END_TRY();
	return n_tuples;
}

void
IndexValidateScan(Relation table, Relation index, IndexInfo *index_info, Snapshot snapshot,
				  ValidateIndexState *state) {
	const TableAmRoutine *heap = GetHeapamTableAmRoutine();
	const TableAmRoutine *own = table->rd_tableam;
	table->rd_tableam = heap;
	PG_TRY();
	{ heap->index_validate_scan(table, index, index_info, snapshot, state); }
	PG_FINALLY();
	{ table->rd_tableam = own; }
	PG_END_TRY();
}

Oid
ToastAccessMethod(Relation) {
	return HEAP_TABLE_AM_OID;
}

} // namespace

bool
IsPgmlRelation(Relation relation) {
	return routine_ready && relation->rd_tableam == &routine;
}

bool
IsPgmlAccessMethod(const char *name) {
	Oid access_method = get_table_am_oid(name, true);
	if (access_method == HEAP_TABLE_AM_OID)
		return false;
	HeapTuple tuple = SearchSysCache1(AMOID, ObjectIdGetDatum(access_method));
	if (!HeapTupleIsValid(tuple))
		return false;
	Oid handler = ((Form_pg_am)GETSTRUCT(tuple))->amhandler;
	ReleaseSysCache(tuple);
	return GetTableAmRoutine(handler) == &routine;
}

} // namespace pgml::am

/// pgml.tableam_handler(internal) -> table_am_handler
PGML_FUNCTION(pgml_tableam_handler) {
	using namespace pgml::am;
	pgml::pg::RequirePreload();
	if (!routine_ready) {
		routine = *GetHeapamTableAmRoutine();
		routine.index_build_range_scan = IndexBuildRangeScan;
		routine.index_validate_scan = IndexValidateScan;
		routine.relation_toast_am = ToastAccessMethod;
		routine_ready = true;
	}
	PG_RETURN_POINTER(&routine);
}
