/// Weak stand-ins so that the library loads while the strong definitions are on their way; deleted
/// when they land.
#include "am/model_cache.h"
#include "am/predict_call.h"
#include "am/version_pin.h"

namespace pgml::am {
#define PENDING __attribute__((weak))
PENDING const pgml::Model *
AcquireModel(int64, MemoryContext) {
	elog(ERROR, "pending");
}
PENDING void
EvaluateCall(PredictCall *, pgml::MatrixView, Datum *) {
	elog(ERROR, "pending");
}
PENDING bool
PinnedProject(const char *name, Project *out) {
	return LookupProject(name, out);
}
PENDING void
SetClassLabel(PredictCall *, Datum) {
	elog(ERROR, "pending");
}
PENDING void
StoreFeatures(PredictCall *, const Datum *, const bool *, float *, size_t, size_t) {
	elog(ERROR, "pending");
}
PENDING PredictCall *
PreparePredictCall(Member, const char *, int64, int, const Oid *, bool, MemoryContext) {
	elog(ERROR, "pending");
}
PENDING size_t
RawWidth(const PredictCall *) {
	elog(ERROR, "pending");
}
} // namespace pgml::am

#define PENDING_SQL(name, body)                                                      \
	extern "C" {                                                                     \
	PGDLLEXPORT __attribute__((weak)) const Pg_finfo_record *pg_finfo_##name(void) { \
		static const Pg_finfo_record record = {1};                                   \
		return &record;                                                              \
	}                                                                                \
	PGDLLEXPORT __attribute__((weak)) Datum                                          \
	name(PG_FUNCTION_ARGS) {                                                         \
		body;                                                                        \
	}                                                                                \
	}
PENDING_SQL(pgml_predict, elog(ERROR, "pending"))
PENDING_SQL(pgml_classify, elog(ERROR, "pending"))
PENDING_SQL(pgml_predict_proba, elog(ERROR, "pending"))
PENDING_SQL(pgml_class_probability, elog(ERROR, "pending"))
PENDING_SQL(pgml_deferred, PG_RETURN_NULL())
PENDING_SQL(pgml_pin, PG_RETURN_DATUM(PG_GETARG_DATUM(0)))
PENDING_SQL(pgml_predict_support, PG_RETURN_POINTER(nullptr))
