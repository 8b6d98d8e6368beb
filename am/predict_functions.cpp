/// Finding the family in pg_proc, and telling its calls apart in expression trees. See
/// predict_functions.h.
#include "am/predict_functions.h"

#include "am/base/compat.h"

extern "C" {
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace pgml::am {

namespace {

constexpr const char *kMemberNames[kMembers] = {
	"predict",       "classify",  "predict_proba", "class_probability",
	"predict_joint", "decompose", "embed"};

/// Per backend. `valid` is dropped by syscache callbacks, which may do nothing but set flags.
struct FunctionTable {
	bool callbacks_registered;
	bool valid;
	bool installed;
	Oid pin_text, pin_bigint;
	int n;
	PredictFunction functions[kMembers * 4];
} table;

void
ForgetFunctions(Datum, int, uint32) {
	table.valid = false;
}

Oid
LookupFamilyFunction(Oid schema, const char *name, Oid first_type, bool has_label) {
	Oid arguments[3] = {first_type, static_cast<Oid>(has_label ? TEXTOID : ANYOID), ANYOID};
	oidvector *types = buildoidvector(arguments, has_label ? 3 : 2);
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
						   PointerGetDatum(types), ObjectIdGetDatum(schema));
}

void
AddTwins(Oid schema, Member member, Oid first_type) {
	const char *name = kMemberNames[static_cast<int>(member)];
	bool has_label = member == Member::kClassProbability;
	Oid real = LookupFamilyFunction(schema, name, first_type, has_label);
	Oid deferred =
		LookupFamilyFunction(schema, psprintf("%s_deferred", name), first_type, has_label);
	if (!OidIsValid(real) || !OidIsValid(deferred))
		return;
	bool by_model_id = first_type == INT8OID;
	table.functions[table.n++] = {member, by_model_id, false, real, deferred};
	table.functions[table.n++] = {member, by_model_id, true, deferred, real};
}

void
LoadFunctions() {
	if (!table.callbacks_registered) {
		CacheRegisterSyscacheCallback(PROCOID, ForgetFunctions, (Datum)0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, ForgetFunctions, (Datum)0);
		table.callbacks_registered = true;
	}
	// The lookups may themselves process invalidations: set valid first, so that one that arrives
	// meanwhile counts.
	table.valid = true;
	table.n = 0;
	table.pin_text = table.pin_bigint = InvalidOid;
	Oid schema = get_namespace_oid("pgml", true);
	if (OidIsValid(schema)) {
		for (int member = 0; member < kMembers; member++) {
			AddTwins(schema, static_cast<Member>(member), TEXTOID);
			AddTwins(schema, static_cast<Member>(member), INT8OID);
		}
		Oid text_type = TEXTOID, bigint_type = INT8OID;
		table.pin_text = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("pin"),
										 PointerGetDatum(buildoidvector(&text_type, 1)),
										 ObjectIdGetDatum(schema));
		table.pin_bigint = GetSysCacheOid3(
			PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("pin"),
			PointerGetDatum(buildoidvector(&bigint_type, 1)), ObjectIdGetDatum(schema));
	}
	table.installed = table.n == kMembers * 4;
}

void
EnsureLoaded() {
	if (!table.valid)
		LoadFunctions();
}

struct FindContext {
	bool deferred;
};

bool
FindWalker(Node *node, void *context) {
	if (node == nullptr)
		return false;
	if (IsA(node, FuncExpr)) {
		const PredictFunction *function = FindPredictFunction(((FuncExpr *)node)->funcid);
		if (function != nullptr &&
			function->deferred == static_cast<FindContext *>(context)->deferred)
			return true;
	}
	if (IsA(node, Query))
		return pg::WalkQuery((Query *)node, FindWalker, context, 0);
	return pg::WalkExpression(node, FindWalker, context);
}

/// context: bool *, true = towards the deferred twin.
Node *
TwinMutator(Node *node, void *context) {
	if (node == nullptr)
		return nullptr;
	Node *copy = pg::MutateExpression(node, TwinMutator, context);
	if (IsA(copy, FuncExpr)) {
		auto *call = (FuncExpr *)copy;
		bool to_deferred = *static_cast<bool *>(context);
		const PredictFunction *function = FindPredictFunction(call->funcid);
		if (function != nullptr && function->deferred != to_deferred) {
			call->funcid = function->twin;
			if (to_deferred)
				call->funcformat = COERCE_EXPLICIT_CALL;
			else
				MarkColumnCall(call);
		}
	}
	return copy;
}

} // namespace

bool
ExtensionInstalled() {
	if (!IsTransactionState())
		return false;
	EnsureLoaded();
	return table.installed;
}

const PredictFunction *
FindPredictFunction(Oid function) {
	if (function < FirstNormalObjectId)
		return nullptr;
	EnsureLoaded();
	for (int i = 0; i < table.n; i++)
		if (table.functions[i].oid == function)
			return &table.functions[i];
	return nullptr;
}

List *
FamilyFunctions() {
	EnsureLoaded();
	List *oids = NIL;
	for (int i = 0; i < table.n; i++)
		oids = lappend_oid(oids, table.functions[i].oid);
	return oids;
}

Oid
ProjectFunction(Member member) {
	EnsureLoaded();
	for (int i = 0; i < table.n; i++) {
		const PredictFunction &function = table.functions[i];
		if (function.member == member && !function.by_model_id && !function.deferred)
			return function.oid;
	}
	return InvalidOid;
}

const char *
MemberName(Member member) {
	return kMemberNames[static_cast<int>(member)];
}

Oid
PinFunction(bool by_model_id) {
	EnsureLoaded();
	return by_model_id ? table.pin_bigint : table.pin_text;
}

bool
ContainsPredictCall(Node *node) {
	FindContext context = {false};
	return FindWalker(node, &context);
}

bool
ContainsDeferredCall(Node *node) {
	FindContext context = {true};
	return FindWalker(node, &context);
}

Node *
DeferredToReal(Node *expression) {
	bool to_deferred = false;
	return TwinMutator(expression, &to_deferred);
}

Node *
RealToDeferred(Node *expression) {
	bool to_deferred = true;
	return TwinMutator(expression, &to_deferred);
}

} // namespace pgml::am
