#pragma once
/**
 * What a prediction column is: a STORED generated column whose pg_attrdef expression holds a
 * deferred family call. The marker is the expression, not the access method, so partitioned
 * parents, inheritance children and heap copies made by LIKE work alike. Cached per relation,
 * forgotten on relcache invalidation.
 */
#include "am/base/pg.h"

extern "C" {
#include "utils/rel.h"
}

namespace pgml::am {

/// Cheap test, cached: does the relation have a prediction column. The caller holds a lock on it.
bool HasPredictionColumns(Oid relid);

struct PredictionColumns {
	int natts;
	Oid owner; ///< owner of the table: evaluates the models
	/// [natts], attno - 1: nullptr, or the expression with real, column-marked calls, Vars with
	/// varno 1.
	Node **expr;
	bool
	Has(AttrNumber attno) const {
		return attno > 0 && attno <= natts && expr[attno - 1] != nullptr;
	}
};

/// Expressions of a relation, palloc'd in the current context (safe to modify). @return false when
/// it has none
bool GetPredictionColumns(Relation relation, PredictionColumns *out);
bool GetPredictionColumns(Oid relid, PredictionColumns *out);

} // namespace pgml::am
