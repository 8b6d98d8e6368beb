/**
 * The vector type: avg and sum. The state of avg is a double precision[] whose first element counts the rows and the
 * others are sums, as pgvector's is; a sum is a vector.
 */
#include "index/vector/vector.h"

#include <cmath>

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/float.h"
}

namespace pgml::vec {

namespace {

/// The numbers of a state: 1 + dimensions, or 1 before the first row.
double *
StateValues(ArrayType *state, int *n) {
	if (ARR_NDIM(state) != 1 || ARR_DIMS(state)[0] < 1 || ARR_HASNULL(state) ||
		ARR_ELEMTYPE(state) != FLOAT8OID)
		ereport(
			ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("the state of an average of vectors must be an array of double precision")));
	*n = ARR_DIMS(state)[0];
	return (double *)ARR_DATA_PTR(state);
}

ArrayType *
MakeState(int n) {
	Size bytes = ARR_OVERHEAD_NONULLS(1) + sizeof(double) * (Size)n;
	auto *state = (ArrayType *)palloc0(bytes);
	SET_VARSIZE(state, bytes);
	state->ndim = 1;
	state->elemtype = FLOAT8OID;
	ARR_DIMS(state)[0] = n;
	ARR_LBOUND(state)[0] = 1;
	return state;
}

void
CheckSum(double value) {
	if (std::isinf(value))
		float_overflow_error();
}

} // namespace

} // namespace pgml::vec

using namespace pgml::vec;

/// vector_accum(double precision[], vector) -> double precision[]
PGML_FUNCTION(pgml_vector_accum) {
	ArrayType *state = PG_GETARG_ARRAYTYPE_P(0);
	const Vector *vector = PGML_GETARG_VECTOR(1);
	int n;
	double *values = StateValues(state, &n);
	if (n > 1 && n - 1 != vector->n)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("expected %d dimensions, not %d", n - 1, vector->n)));
	// An aggregate's own state may be changed in place.
	bool in_place = n > 1 && AggCheckCallContext(fcinfo, nullptr) != 0;
	ArrayType *result = in_place ? state : MakeState(1 + vector->n);
	auto *sums = (double *)ARR_DATA_PTR(result);
	sums[0] = values[0] + 1;
	for (int i = 1; i <= vector->n; i++) {
		sums[i] = (n > 1 ? values[i] : 0) + vector->x[i - 1];
		CheckSum(sums[i]);
	}
	PG_RETURN_POINTER(result);
}

/// vector_combine(double precision[], double precision[]) -> double precision[]
PGML_FUNCTION(pgml_vector_combine) {
	ArrayType *a = PG_GETARG_ARRAYTYPE_P(0), *b = PG_GETARG_ARRAYTYPE_P(1);
	int n_a, n_b;
	double *x = StateValues(a, &n_a), *y = StateValues(b, &n_b);
	if (x[0] == 0)
		PG_RETURN_POINTER(b);
	if (y[0] == 0)
		PG_RETURN_POINTER(a);
	if (n_a != n_b)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("expected %d dimensions, not %d", n_a - 1, n_b - 1)));
	ArrayType *result = MakeState(n_a);
	auto *sums = (double *)ARR_DATA_PTR(result);
	for (int i = 0; i < n_a; i++) {
		sums[i] = x[i] + y[i];
		CheckSum(sums[i]);
	}
	PG_RETURN_POINTER(result);
}

/// vector_avg(double precision[]) -> vector: NULL without rows
PGML_FUNCTION(pgml_vector_avg) {
	ArrayType *state = PG_GETARG_ARRAYTYPE_P(0);
	int n;
	double *values = StateValues(state, &n);
	if (values[0] == 0)
		PG_RETURN_NULL();
	CheckDimensions(n - 1);
	Vector *result = MakeVector(n - 1);
	for (int i = 0; i < n - 1; i++) {
		result->x[i] = (float)(values[i + 1] / values[0]);
		CheckElement(result->x[i]);
	}
	PG_RETURN_POINTER(result);
}
