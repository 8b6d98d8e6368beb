#pragma once
/**
 * The pgml.predict family as the server knows it: which pg_proc OIDs are a member, which is its
 * deferred twin.
 *
 * Every member exists four times in pg_proc: (project text | model_id bigint) x (real | deferred).
 * The deferred twin has the same arguments, returns NULL, and is what pg_attrdef holds for a
 * prediction column. OIDs are looked up once per backend and forgotten on any pg_proc or
 * pg_namespace invalidation.
 */
#include "am/base/pg.h"

extern "C" {
#include "nodes/primnodes.h"
}

namespace pgml::am {

enum class Member : uint8_t {
	kPredict,
	kClassify,
	kPredictProba,
	kClassProbability,
	kPredictJoint,
	kDecompose,
	kEmbed
};
inline constexpr int kMembers = 7;

struct PredictFunction {
	Member member;
	bool by_model_id; ///< first argument is a model id, not a project name
	bool deferred;
	Oid oid, twin; ///< twin: the deferred one of a real function and the other way round
	/// Position of the first feature among the arguments: 1, or 2 where a class label comes first.
	int
	first_feature() const {
		return member == Member::kClassProbability ? 2 : 1;
	}
};

/// False when the extension is not installed in this database (cached: this is the fast way out of
/// every hook).
bool ExtensionInstalled();

/// The family member with this OID, or nullptr. The pointer is valid until the next catalog access.
const PredictFunction *FindPredictFunction(Oid function);

/// The real function of a member that takes a project name.
Oid ProjectFunction(Member member);

/// OIDs of the whole family, real and deferred, by project and by model id: a List in the current
/// context.
List *FamilyFunctions();

/// SQL name of a member: "predict", "classify" ...
const char *MemberName(Member member);

/// True when the expression holds a real (deferred: a deferred) family call anywhere, sublinks
/// included.
bool ContainsPredictCall(Node *node);
bool ContainsDeferredCall(Node *node);

/// Copy of the expression with every deferred call replaced by the real one and marked as standing
/// for a prediction column (see IsColumnCall), or with every real call replaced by its deferred
/// twin.
Node *DeferredToReal(Node *expression);
Node *RealToDeferred(Node *expression);

/**
 * A call that stands for a prediction column evaluates its model with the rights of the table's
 * owner; one that a user wrote needs the user's own. They must stay equal() to each other, because
 * an index expression has to match either, so the difference is kept in a field that equal()
 * ignores, that copyObject and the transfer to parallel workers keep, that deparsing ignores for
 * functions it does not know, and that no SQL text can set: funcformat = COERCE_SQL_SYNTAX.
 */
inline bool
IsColumnCall(const FuncExpr *call) {
	return call->funcformat == COERCE_SQL_SYNTAX;
}
inline void
MarkColumnCall(FuncExpr *call) {
	call->funcformat = COERCE_SQL_SYNTAX;
}

/// OID of pgml.pin(text) or pgml.pin(bigint): STABLE identity that keeps calls with constant
/// arguments from being folded.
Oid PinFunction(bool by_model_id);

} // namespace pgml::am
