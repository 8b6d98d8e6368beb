#pragma once
/**
 * The check after a DDL command: it looks at the state of every relation that the command touched,
 * not at the command's syntax. What can be put right is patched (real family calls that got into
 * the generation expression of a table that computes at reading); what would give wrong answers is
 * refused.
 *
 * A prediction column stores null. Whatever the server itself does with the stored value
 * (constraints, plain indexes, trigger conditions, publication filters) would act on that null, so
 * it is refused.
 */
#include "am/base/pg.h"
#include "am/ddl/touched.h"
#include "am/table/prediction_column.h"

extern "C" {
#include "utils/rel.h"
}

namespace pgml::am {

/// Checks and patches the relations; makes the changes visible.
void VerifyRelations(const TouchedRelations &touched);

/// Before a table becomes the child of another: its generation expressions for the parent's
/// prediction columns change to the deferred form that the parent has. The caller holds
/// AccessExclusiveLock on the child and checked ownership.
void DeferToMatchParent(Oid child, Oid parent);

/// dependents.cpp: refuses constraints, indexes, statistics, triggers and publications that use
/// stored predictions.
void VerifyDependents(Relation relation, const PredictionColumns &columns);

/// version.cpp: refuses CHECK constraints and partition keys that ask a project, on any table.
void VerifyVersionIndependence(Relation relation);

/// expression.cpp: the rules for a prediction column's expression (deferred form).
/// @return the expression with the project of each call folded to a constant; raises 42P17 for what
/// is not allowed
Node *CheckPredictionExpression(Relation relation, AttrNumber attno, Node *expression);
/// Warns, for a model that is known, about features that do not fit and about rights that the owner
/// lacks.
void WarnAboutModels(Relation relation, AttrNumber attno, Node *expression);

// Refusals that are made before the command, too, where core would fail for a reason that explains
// nothing.
[[noreturn]] void RefuseNotNull(const char *column);
[[noreturn]] void RefuseKeyConstraint(const char *column, const char *kind);
[[noreturn]] void RefuseDropExpression(const char *column);
[[noreturn]] void RefuseIncludedColumn(const char *column);

} // namespace pgml::am
