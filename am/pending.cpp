/// Weak stand-ins so that the library loads while the strong definitions are on their way; deleted
/// when they land.
#include "am/predict_call.h"
#include "am/version_pin.h"

namespace pgml::am {
#define PENDING __attribute__((weak))
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
