/// Collecting the relations that a utility command touches. See touched.h.
#include "am/ddl/touched.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_publication_rel.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace pgml::am {

namespace {

object_access_hook_type previous_hook = nullptr;
TouchedObjects *collecting = nullptr;

bool
IsOfInterest(Oid class_id) {
	switch (class_id) {
		case RelationRelationId:
		case AttrDefaultRelationId:
		case ConstraintRelationId:
		case IndexRelationId:
		case InheritsRelationId:
		case PublicationRelationId:
		case PublicationRelRelationId:
		case StatisticExtRelationId:
		case TriggerRelationId:
			return true;
		default:
			return false;
	}
}

/// Only records: what was just made is not visible yet, so catalog lookups have to wait.
void
RecordAccess(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *argument) {
	if (previous_hook != nullptr)
		previous_hook(access, class_id, object_id, sub_id, argument);
	if (collecting == nullptr || (access != OAT_POST_CREATE && access != OAT_POST_ALTER) ||
		!IsOfInterest(class_id))
		return;
	if (collecting->objects != NIL) {
		auto *last = static_cast<ObjectAddress *>(llast(collecting->objects));
		if (last->classId == class_id && last->objectId == object_id && last->objectSubId == sub_id)
			return;
	}
	MemoryContext caller = MemoryContextSwitchTo(collecting->context);
	auto *object = static_cast<ObjectAddress *>(palloc(sizeof(ObjectAddress)));
	*object = {class_id, object_id, sub_id};
	collecting->objects = lappend(collecting->objects, object);
	MemoryContextSwitchTo(caller);
}

Oid
RelationOfTrigger(Oid trigger) {
	Relation catalog = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key;
	ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(trigger));
	SysScanDesc scan = systable_beginscan(catalog, TriggerOidIndexId, true, nullptr, 1, &key);
	HeapTuple tuple = systable_getnext(scan);
	Oid relid = HeapTupleIsValid(tuple) ? ((Form_pg_trigger)GETSTRUCT(tuple))->tgrelid : InvalidOid;
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return relid;
}

/// The field at `attribute` of the tuple with this OID, InvalidOid when it is gone.
Oid
OidField(int cache, Oid oid, AttrNumber attribute) {
	HeapTuple tuple = SearchSysCache1(cache, ObjectIdGetDatum(oid));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	bool is_null;
	Oid result = DatumGetObjectId(SysCacheGetAttr(cache, tuple, attribute, &is_null));
	ReleaseSysCache(tuple);
	return result;
}

Oid
RelationOf(const ObjectAddress *object) {
	Oid oid = object->objectId;
	switch (object->classId) {
		case RelationRelationId: {
			char kind = get_rel_relkind(oid);
			if (kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX)
				return IndexGetRelation(oid, true);
			return oid;
		}
		case IndexRelationId:
			return IndexGetRelation(oid, true);
		case ConstraintRelationId:
			return OidField(CONSTROID, oid, Anum_pg_constraint_conrelid);
		case PublicationRelRelationId:
			return OidField(PUBLICATIONREL, oid, Anum_pg_publication_rel_prrelid);
		case StatisticExtRelationId:
			return OidField(STATEXTOID, oid, Anum_pg_statistic_ext_stxrelid);
		case TriggerRelationId:
			return RelationOfTrigger(oid);
		default:
			return oid; // pg_attrdef and pg_inherits are reported by the relation's OID
	}
}

} // namespace

void
InstallTouchedHook() {
	previous_hook = object_access_hook;
	object_access_hook = RecordAccess;
}

void
BeginTouched(TouchedObjects *touched) {
	*touched = {CurrentMemoryContext, NIL, collecting};
	collecting = touched;
}

void
EndTouched(TouchedObjects *touched) {
	collecting = touched->outer;
}

bool
CollectingTouched() {
	return collecting != nullptr;
}

bool
TouchedRelations::HasNewExpression(Oid relid, AttrNumber attno) const {
	ListCell *cell;
	foreach (cell, objects->objects) {
		auto *object = static_cast<ObjectAddress *>(lfirst(cell));
		if (object->classId == AttrDefaultRelationId && object->objectId == relid &&
			object->objectSubId == attno)
			return true;
	}
	return false;
}

bool
TouchedRelations::ChangesColumns(Oid relid) const {
	ListCell *cell;
	foreach (cell, objects->objects) {
		auto *object = static_cast<ObjectAddress *>(lfirst(cell));
		if (object->objectId != relid)
			continue;
		if (object->classId == AttrDefaultRelationId || object->classId == InheritsRelationId ||
			(object->classId == RelationRelationId && object->objectSubId > 0))
			return true;
	}
	return false;
}

TouchedRelations
ResolveTouched(const TouchedObjects *touched) {
	TouchedRelations result = {NIL, touched};
	ListCell *cell;
	foreach (cell, touched->objects) {
		auto *object = static_cast<ObjectAddress *>(lfirst(cell));
		if (object->classId == PublicationRelationId) {
			// CREATE PUBLICATION reports the publication, not its tables.
			List *tables = GetPublicationRelations(object->objectId, PUBLICATION_PART_ROOT);
			result.relations = list_concat(result.relations, tables);
			continue;
		}
		Oid relid = RelationOf(object);
		if (!OidIsValid(relid) || get_rel_relkind(relid) == '\0')
			continue;
		result.relations = lappend_oid(result.relations, relid);
	}
	list_sort(result.relations, list_oid_cmp);
	list_deduplicate_oid(result.relations);
	return result;
}

} // namespace pgml::am
