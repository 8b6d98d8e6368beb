#pragma once
/**
 * The vector type: checks and access that its SQL functions share.
 *
 * A vector holds 1 to 16,000 finite float32 numbers. Every value that comes from outside (text, binary, arrays) is
 * checked once, when it becomes a vector; every result is checked before it is stored. Error codes are pgvector's,
 * which its clients test for.
 */
#include "am/base/vector.h"

namespace pgml::vec {

using pg::kMaxVectorDimensions;
using pg::MakeVector;
using pg::Vector;

/// The argument, detoasted, with its stored dimension checked against its size.
/// @throws (ereport) XX001
const Vector *GetVector(Datum value);
#define PGML_GETARG_VECTOR(n) pgml::vec::GetVector(PG_GETARG_DATUM(n))

/// @throws (ereport) 22000 fewer than 1, 54000 more than 16,000
void CheckDimensions(int64 n);
/// The dimension that the column demands, -1 = any. @throws (ereport) 22000
void CheckTypmod(int n, int32 typmod);
/// @throws (ereport) 22000
void CheckSameDimensions(const Vector *a, const Vector *b);
/// @throws (ereport) 22000 for NaN and infinity
void CheckElement(float value);
/// A result: infinities are overflow. @throws (ereport) 22003
void CheckResult(const Vector *result);

/// Order of the B-tree: element by element, then the shorter one first.
int CompareVectors(const Vector *a, const Vector *b);

} // namespace pgml::vec
