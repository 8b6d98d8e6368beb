/**
 * Triggers of the catalog tables: one that makes every backend forget what it cached of them, one
 * that keeps updated_at.
 *
 * Caches listen to relcache invalidations of pgml.deployments (model_catalog.h). They are sent
 * through the transaction, so they arrive after commit, never after a rollback, and reach standbys
 * in the WAL.
 */
#include "am/base/pg.h"
#include "am/models/model_cache.h"
#include "am/sqlfuncs/catalog_write.h"

extern "C" {
#include "access/htup_details.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
}

namespace {

TriggerData *
RequireTrigger(FunctionCallInfo fcinfo, const char *name) {
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("function \"pgml.%s\" can only be called as a trigger", name)));
	return (TriggerData *)fcinfo->context;
}

} // namespace

/// pgml.catalog_changed() -> trigger, AFTER, FOR EACH STATEMENT
PGML_FUNCTION(pgml_catalog_changed) {
	TriggerData *trigger = RequireTrigger(fcinfo, "catalog_changed");
	if (!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) &&
		RelationGetRelid(trigger->tg_relation) == pgml::am::CatalogTable("files"))
		pgml::am::NoteModelFilesChanged();
	CacheInvalidateRelcacheByRelid(pgml::am::CatalogTable("deployments"));
	return PointerGetDatum(nullptr);
}

/// pgml.set_updated_at() -> trigger, BEFORE UPDATE, FOR EACH ROW
PGML_FUNCTION(pgml_set_updated_at) {
	TriggerData *trigger = RequireTrigger(fcinfo, "set_updated_at");
	if (!TRIGGER_FIRED_BEFORE(trigger->tg_event) || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(
			ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg(
				 "function \"pgml.set_updated_at\" must be fired before an update of each row")));
	TupleDesc descriptor = RelationGetDescr(trigger->tg_relation);
	int column = SPI_fnumber(descriptor, "updated_at");
	if (column <= 0 || SPI_gettypeid(descriptor, column) != TIMESTAMPOID)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("table \"%s\" has no column \"updated_at\" of type timestamp",
							   RelationGetRelationName(trigger->tg_relation))));
	Datum now =
		DirectFunctionCall1(timestamptz_timestamp, TimestampTzGetDatum(GetCurrentTimestamp()));
	bool is_null = false;
	return PointerGetDatum(
		heap_modify_tuple_by_cols(trigger->tg_newtuple, descriptor, 1, &column, &now, &is_null));
}
