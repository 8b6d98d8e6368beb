/**
 * Keeps the creation of an index on predictions and a deployment apart.
 *
 * A deployment rebuilds the indexes it can see (sqlfuncs/dependents.h). One that another session is
 * just creating is not visible yet; it would be filled by the old model and become visible after
 * the deployment. So whoever creates an index that calls the predict family takes ShareLock on
 * pgml.deployments until the end of the transaction, before the index is filled, and a deployment
 * takes RowExclusiveLock before it looks for dependents. Reading is not disturbed.
 *
 * The hook is the object access hook: it runs for every way to make an index, after its
 * dependencies are recorded and before it is filled.
 */
#include "am/hooks.h"
#include "am/models/model_catalog.h"
#include "am/executor/predict_functions.h"

extern "C" {
#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_proc.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace pgml::am {

namespace {

object_access_hook_type previous_hook = nullptr;

/// Of a relation that was made in this command, hence SnapshotSelf.
bool
DependsOnPrediction(Oid relid) {
	Relation depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData key[2];
	ScanKeyInit(&key[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	SysScanDesc scan =
		systable_beginscan(depend, DependDependerIndexId, true, SnapshotSelf, 2, key);
	bool found = false;
	while (HeapTuple tuple = systable_getnext(scan)) {
		auto *row = (Form_pg_depend)GETSTRUCT(tuple);
		if (row->refclassid != ProcedureRelationId)
			continue;
		const PredictFunction *function = FindPredictFunction(row->refobjid);
		if (function != nullptr && !function->deferred && !function->by_model_id) {
			found = true;
			break;
		}
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return found;
}

void
RelationCreated(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *argument) {
	if (previous_hook != nullptr)
		previous_hook(access, class_id, object_id, sub_id, argument);
	if (access == OAT_POST_CREATE && class_id == RelationRelationId && sub_id == 0 &&
		ExtensionInstalled() && DependsOnPrediction(object_id))
		LockRelationOid(DeploymentsRelation(), ShareLock);
}

} // namespace

void
InstallIndexCreationHook() {
	previous_hook = object_access_hook;
	object_access_hook = RelationCreated;
}

} // namespace pgml::am
