/// The vector type: B-tree order and hashing.
#include "index/vector/vector.h"

extern "C" {
#include "common/hashfn.h"
}

namespace pgml::vec {

int
CompareVectors(const Vector *a, const Vector *b) {
	int n = Min(a->n, b->n);
	for (int i = 0; i < n; i++)
		if (a->x[i] != b->x[i])
			return a->x[i] < b->x[i] ? -1 : 1;
	return a->n < b->n ? -1 : a->n > b->n ? 1 : 0;
}

namespace {

/// Equal vectors give equal bytes: -0 becomes 0.
Vector *
WithoutNegativeZero(const Vector *vector) {
	Vector *copy = MakeVector(vector->n);
	for (int i = 0; i < vector->n; i++)
		copy->x[i] = vector->x[i] == 0 ? 0 : vector->x[i];
	return copy;
}

int
CompareArguments(FunctionCallInfo fcinfo) {
	const Vector *a = PGML_GETARG_VECTOR(0), *b = PGML_GETARG_VECTOR(1);
	int order = CompareVectors(a, b);
	// A sort calls this often in one memory context.
	PG_FREE_IF_COPY((void *)a, 0);
	PG_FREE_IF_COPY((void *)b, 1);
	return order;
}

} // namespace

} // namespace pgml::vec

using namespace pgml::vec;

PGML_FUNCTION(pgml_vector_lt) {
	PG_RETURN_BOOL(CompareArguments(fcinfo) < 0);
}
PGML_FUNCTION(pgml_vector_le) {
	PG_RETURN_BOOL(CompareArguments(fcinfo) <= 0);
}
PGML_FUNCTION(pgml_vector_eq) {
	PG_RETURN_BOOL(CompareArguments(fcinfo) == 0);
}
PGML_FUNCTION(pgml_vector_ne) {
	PG_RETURN_BOOL(CompareArguments(fcinfo) != 0);
}
PGML_FUNCTION(pgml_vector_ge) {
	PG_RETURN_BOOL(CompareArguments(fcinfo) >= 0);
}
PGML_FUNCTION(pgml_vector_gt) {
	PG_RETURN_BOOL(CompareArguments(fcinfo) > 0);
}
PGML_FUNCTION(pgml_vector_cmp) {
	PG_RETURN_INT32(CompareArguments(fcinfo));
}

/// vector_hash(vector) -> integer
PGML_FUNCTION(pgml_vector_hash) {
	Vector *vector = WithoutNegativeZero(PGML_GETARG_VECTOR(0));
	PG_RETURN_DATUM(
		hash_any((const unsigned char *)vector->x, (int)(sizeof(float) * (Size)vector->n)));
}

/// vector_hash_extended(vector, bigint) -> bigint
PGML_FUNCTION(pgml_vector_hash_extended) {
	Vector *vector = WithoutNegativeZero(PGML_GETARG_VECTOR(0));
	PG_RETURN_DATUM(hash_any_extended((const unsigned char *)vector->x,
									  (int)(sizeof(float) * (Size)vector->n),
									  (uint64)PG_GETARG_INT64(1)));
}
