/// Finding the family in pg_proc, and telling its calls apart in expression trees. See
/// predict_functions.h.
#include "am/executor/predict_functions.h"

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
constexpr const char *kDeferredSuffix = "_deferred";

/**
 * Per backend. `valid` is dropped by syscache callbacks, which may do nothing but set flags. Only what is asked for is
 * looked up: a new session pays for every name before its first statement.
 */
struct FunctionTable {
	bool callbacks_registered;
	bool valid;
	bool complete; ///< holds the whole family, not only what was asked for
	Oid schema, pin_text, pin_bigint;
	int n;
	PredictFunction functions[kMembers * 4];
} table;

void
ForgetFunctions(Datum, int, uint32) {
	table.valid = false;
}

Oid
LookupFunction(const char *name, const Oid *arguments, int n) {
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
						   PointerGetDatum(buildoidvector(arguments, n)),
						   ObjectIdGetDatum(table.schema));
}

Oid
LookupFamilyFunction(Member member, bool deferred, Oid first_type) {
	char name[NAMEDATALEN];
	snprintf(name, sizeof(name), "%s%s", MemberName(member), deferred ? kDeferredSuffix : "");
	bool has_label = member == Member::kClassProbability;
	Oid arguments[3] = {first_type, static_cast<Oid>(has_label ? TEXTOID : ANYOID), ANYOID};
	return LookupFunction(name, arguments, has_label ? 3 : 2);
}

/// Adds a function and its twin. @return the first of them, nullptr when one is missing
const PredictFunction *
AddTwins(Member member, Oid first_type, bool deferred) {
	Oid oid = LookupFamilyFunction(member, deferred, first_type);
	Oid twin = LookupFamilyFunction(member, !deferred, first_type);
	if (!OidIsValid(oid) || !OidIsValid(twin))
		return nullptr;
	bool by_model_id = first_type == INT8OID;
	if (table.n + 2 > kMembers * 4)
		table.n = 0;
	PredictFunction *added = &table.functions[table.n];
	added[0] = {member, by_model_id, deferred, oid, twin};
	added[1] = {member, by_model_id, !deferred, twin, oid};
	table.n += 2;
	return added;
}

/// @return whether the extension is installed
bool
EnsureLoaded() {
	if (!table.valid) {
		if (!table.callbacks_registered) {
			CacheRegisterSyscacheCallback(PROCOID, ForgetFunctions, (Datum)0);
			CacheRegisterSyscacheCallback(NAMESPACEOID, ForgetFunctions, (Datum)0);
			table.callbacks_registered = true;
		}
		// The lookups may themselves process invalidations: set valid first, so that one that
		// arrives meanwhile counts.
		table.valid = true;
		table.complete = false;
		table.n = 0;
		table.pin_text = table.pin_bigint = InvalidOid;
		table.schema = get_namespace_oid("pgml", true);
		if (OidIsValid(table.schema)) {
			Oid text_type = TEXTOID, bigint_type = INT8OID;
			table.pin_text = LookupFunction("pin", &text_type, 1);
			table.pin_bigint = LookupFunction("pin", &bigint_type, 1);
		}
	}
	return OidIsValid(table.pin_text) && OidIsValid(table.pin_bigint);
}

/// The whole family.
void
EnsureComplete() {
	if (!EnsureLoaded() || table.complete)
		return;
	table.complete = true;
	table.n = 0;
	for (int member = 0; member < kMembers; member++) {
		AddTwins(static_cast<Member>(member), TEXTOID, false);
		AddTwins(static_cast<Member>(member), INT8OID, false);
	}
}

/// Which member a function of the schema is by its name and first argument; its twins are then looked for.
const PredictFunction *
AddFunction(Oid function) {
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return nullptr;
	auto *form = (Form_pg_proc)GETSTRUCT(tuple);
	int found = kMembers;
	bool deferred = false;
	Oid first_type = InvalidOid;
	if (form->pronamespace == table.schema && form->pronargs >= 2) {
		const char *name = NameStr(form->proname);
		first_type = form->proargtypes.values[0];
		for (found = 0; found < kMembers; found++) {
			size_t length = strlen(kMemberNames[found]);
			if (strncmp(name, kMemberNames[found], length) != 0)
				continue;
			deferred = strcmp(name + length, kDeferredSuffix) == 0;
			if (deferred || name[length] == '\0')
				break;
		}
	}
	ReleaseSysCache(tuple);
	if (found == kMembers || (first_type != TEXTOID && first_type != INT8OID))
		return nullptr;
	const PredictFunction *added = AddTwins(static_cast<Member>(found), first_type, deferred);
	// Another one of this name is none of ours.
	return added != nullptr && added->oid == function ? added : nullptr;
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
	return EnsureLoaded();
}

const PredictFunction *
FindPredictFunction(Oid function) {
	if (function < FirstNormalObjectId)
		return nullptr;
	if (!EnsureLoaded())
		return nullptr;
	for (int i = 0; i < table.n; i++)
		if (table.functions[i].oid == function)
			return &table.functions[i];
	return table.complete ? nullptr : AddFunction(function);
}

List *
FamilyFunctions() {
	EnsureComplete();
	List *oids = NIL;
	for (int i = 0; i < table.n; i++)
		oids = lappend_oid(oids, table.functions[i].oid);
	return oids;
}

Oid
ProjectFunction(Member member) {
	return EnsureLoaded() ? LookupFamilyFunction(member, false, TEXTOID) : InvalidOid;
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
