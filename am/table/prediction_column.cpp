/// Lookup of prediction columns, with a per-backend cache of "has any". See prediction_column.h.
#include "am/table/prediction_column.h"

#include "am/executor/predict_functions.h"

extern "C" {
#include "access/relation.h"
#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
}

namespace pgml::am {

namespace {

/// relid -> has prediction columns. Only relations with stored generated columns get an entry.
struct CacheEntry {
	Oid relid; // hash key
	bool has_any;
	bool valid;
};
HTAB *cache = nullptr;

void
ForgetRelation(Datum, Oid relid) {
	if (relid != InvalidOid) {
		auto *entry = static_cast<CacheEntry *>(hash_search(cache, &relid, HASH_FIND, nullptr));
		if (entry != nullptr)
			entry->valid = false;
		return;
	}
	HASH_SEQ_STATUS status;
	hash_seq_init(&status, cache);
	while (auto *entry = static_cast<CacheEntry *>(hash_seq_search(&status)))
		entry->valid = false;
}

CacheEntry *
CacheSlot(Oid relid, bool *found) {
	if (cache == nullptr) {
		HASHCTL control = {};
		control.keysize = sizeof(Oid);
		control.entrysize = sizeof(CacheEntry);
		control.hcxt = TopMemoryContext;
		cache = hash_create("pgml prediction columns", 64, &control,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		CacheRegisterRelcacheCallback(ForgetRelation, (Datum)0);
	}
	return static_cast<CacheEntry *>(hash_search(cache, &relid, HASH_ENTER, found));
}

bool
HasStoredGenerated(Relation relation) {
	TupleConstr *constraints = RelationGetDescr(relation)->constr;
	return constraints != nullptr && constraints->has_generated_stored;
}

/// The column's collation, not that of the function's result, decides how the value is ordered and
/// compared.
Node *
WithColumnCollation(Node *expression, Oid collation) {
	if (!OidIsValid(collation) || exprCollation(expression) == collation)
		return expression;
	CollateExpr *collate = makeNode(CollateExpr);
	collate->arg = (Expr *)expression;
	collate->collOid = collation;
	collate->location = -1;
	return (Node *)collate;
}

} // namespace

bool
HasPredictionColumns(Oid relid) {
	if (!ExtensionInstalled())
		return false;
	Relation relation = relation_open(relid, NoLock);
	if (!HasStoredGenerated(relation)) {
		relation_close(relation, NoLock);
		return false;
	}
	bool found;
	CacheEntry *entry = CacheSlot(relid, &found);
	if (found && entry->valid) {
		bool result = entry->has_any;
		relation_close(relation, NoLock);
		return result;
	}
	// Valid before looking: an invalidation that arrives while we look must win.
	entry->valid = true;
	entry->has_any = false;
	PredictionColumns columns;
	bool result = GetPredictionColumns(relation, &columns);
	entry = CacheSlot(relid, &found);
	entry->has_any = result;
	relation_close(relation, NoLock);
	return result;
}

bool
GetPredictionColumns(Relation relation, PredictionColumns *out) {
	*out = {};
	if (!ExtensionInstalled() || !HasStoredGenerated(relation))
		return false;
	TupleDesc descriptor = RelationGetDescr(relation);
	bool any = false;
	out->natts = descriptor->natts;
	out->owner = relation->rd_rel->relowner;
	out->expr = (Node **)palloc0(sizeof(Node *) * descriptor->natts);
	for (int i = 0; i < descriptor->natts; i++) {
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		if (attribute->attisdropped || attribute->attgenerated != ATTRIBUTE_GENERATED_STORED)
			continue;
		Node *expression = build_column_default(relation, i + 1);
		if (expression == nullptr || !ContainsDeferredCall(expression))
			continue;
		out->expr[i] = WithColumnCollation(DeferredToReal(expression), attribute->attcollation);
		any = true;
	}
	return any;
}

bool
GetPredictionColumns(Oid relid, PredictionColumns *out) {
	Relation relation = relation_open(relid, NoLock);
	bool result = GetPredictionColumns(relation, out);
	relation_close(relation, NoLock);
	return result;
}

} // namespace pgml::am
