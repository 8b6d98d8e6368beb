/**
 * Aggregates of vectors, element by element: pgml.sum, min, max, min_abs, max_abs over real[] and
 * double precision[]. Null rows are skipped; without any other row the result is '{}'.
 *
 * The state is in double for both types, in the aggregate's memory context; parallel workers ship
 * it as it lies in memory. A sum of reals is rounded once, at the end.
 */
#include "am/sqlfuncs/float_array.h"

#include "pgml/array_kernels.h"

extern "C" {
#include "utils/memutils.h"
}

namespace pgml::am {

namespace {

enum class Fold : uint8_t { kSum, kMin, kMax, kMinAbsolute, kMaxAbsolute };

/// Running aggregate. Plain memory; also what is shipped between processes, behind a bytea header.
struct ArrayFold {
	int32 n;
	bool has_infinity; ///< of a sum: an input was infinite or not a number, so the sums may be
	double values[FLEXIBLE_ARRAY_MEMBER];
};

Size
FoldSize(int n) {
	return offsetof(ArrayFold, values) + sizeof(double) * static_cast<Size>(n);
}

template <typename T>
void
StartFold(ArrayFold *state, Fold fold, const T *x) {
	bool absolute = fold == Fold::kMinAbsolute || fold == Fold::kMaxAbsolute;
	for (int i = 0; i < state->n; i++) {
		state->values[i] = absolute ? std::fabs(static_cast<double>(x[i])) : x[i];
		state->has_infinity = state->has_infinity || !std::isfinite(x[i]);
	}
}

/// Sums that may be infinite already, one by one.
template <typename T>
void
AddCarefully(ArrayFold *state, const T *x) {
	for (int i = 0; i < state->n; i++) {
		double sum = state->values[i] + static_cast<double>(x[i]);
		if (std::isinf(sum) && !std::isinf(state->values[i]) && !std::isinf(x[i]))
			float_overflow_error();
		state->values[i] = sum;
	}
}

template <typename T>
void
Add(ArrayFold *state, const T *x) {
	if (state->has_infinity) {
		AddCarefully(state, x);
		return;
	}
	if (AccumulateSum(state->values, x, state->n))
		return;
	// Every sum before was finite, so an infinite one comes from this row or is an overflow.
	for (int i = 0; i < state->n; i++)
		if (std::isinf(state->values[i]) && !std::isinf(x[i]))
			float_overflow_error();
	state->has_infinity = true;
}

template <typename T>
void
Step(ArrayFold *state, Fold fold, const T *x) {
	switch (fold) {
		case Fold::kSum:
			Add(state, x);
			return;
		case Fold::kMin:
			AccumulateMin(state->values, x, state->n);
			return;
		case Fold::kMax:
			AccumulateMax(state->values, x, state->n);
			return;
		case Fold::kMinAbsolute:
			AccumulateMinAbsolute(state->values, x, state->n);
			return;
		case Fold::kMaxAbsolute:
			AccumulateMaxAbsolute(state->values, x, state->n);
			return;
	}
}

MemoryContext
AggregateContext(FunctionCallInfo fcinfo) {
	MemoryContext context;
	if (AggCheckCallContext(fcinfo, &context) == 0)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("function can only be called as part of an aggregate")));
	return context;
}

ArrayFold *
StateArgument(FunctionCallInfo fcinfo, int argument) {
	return PG_ARGISNULL(argument) ? nullptr : (ArrayFold *)PG_GETARG_POINTER(argument);
}

Datum
ReturnState(FunctionCallInfo fcinfo, ArrayFold *state) {
	if (state == nullptr)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

void
CheckLength(const ArrayFold *state, int n) {
	if (n != state->n)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("vectors of different lengths"),
						errdetail("One has %d elements, another %d.", state->n, n)));
}

Datum
StepWithRow(FunctionCallInfo fcinfo, Fold fold) {
	MemoryContext context = AggregateContext(fcinfo);
	ArrayFold *state = StateArgument(fcinfo, 0);
	if (PG_ARGISNULL(1))
		return ReturnState(fcinfo, state);
	FloatArray row = FloatArrayArgument(fcinfo, 1);
	bool start = state == nullptr;
	if (start && FoldSize(row.n) > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("vector is too long to aggregate"),
				 errdetail("It has %d elements.", row.n)));
	if (start) {
		state = (ArrayFold *)MemoryContextAlloc(context, FoldSize(row.n));
		state->n = row.n;
		state->has_infinity = false;
	}
	CheckLength(state, row.n);
	if (row.element == FLOAT4OID)
		start ? StartFold(state, fold, row.as<float4>()) : Step(state, fold, row.as<float4>());
	else
		start ? StartFold(state, fold, row.as<float8>()) : Step(state, fold, row.as<float8>());
	return ReturnState(fcinfo, state);
}

Datum
CombineStates(FunctionCallInfo fcinfo, Fold fold) {
	MemoryContext context = AggregateContext(fcinfo);
	ArrayFold *state = StateArgument(fcinfo, 0), *other = StateArgument(fcinfo, 1);
	if (other == nullptr)
		return ReturnState(fcinfo, state);
	if (state == nullptr) {
		state = (ArrayFold *)MemoryContextAlloc(context, FoldSize(other->n));
		memcpy(state, other, FoldSize(other->n));
		return ReturnState(fcinfo, state);
	}
	CheckLength(state, other->n);
	state->has_infinity = state->has_infinity || other->has_infinity;
	Step(state, fold, other->values);
	return ReturnState(fcinfo, state);
}

template <typename T>
Datum
Finish(FunctionCallInfo fcinfo, Oid element) {
	AggregateContext(fcinfo);
	const ArrayFold *state = StateArgument(fcinfo, 0);
	int n = state == nullptr ? 0 : state->n;
	ArrayType *result = MakeFloatArray(element, n);
	auto *out = (T *)ARR_DATA_PTR(result);
	for (int i = 0; i < n; i++) {
		out[i] = static_cast<T>(state->values[i]);
		if (std::isinf(out[i]) && !std::isinf(state->values[i]))
			float_overflow_error();
	}
	PG_RETURN_ARRAYTYPE_P(result);
}

} // namespace

} // namespace pgml::am

using namespace pgml::am;

// pgml.array_*_step(internal, vector) -> internal
PGML_FUNCTION(pgml_array_sum_step) {
	return StepWithRow(fcinfo, Fold::kSum);
}
PGML_FUNCTION(pgml_array_min_step) {
	return StepWithRow(fcinfo, Fold::kMin);
}
PGML_FUNCTION(pgml_array_max_step) {
	return StepWithRow(fcinfo, Fold::kMax);
}
PGML_FUNCTION(pgml_array_min_abs_step) {
	return StepWithRow(fcinfo, Fold::kMinAbsolute);
}
PGML_FUNCTION(pgml_array_max_abs_step) {
	return StepWithRow(fcinfo, Fold::kMaxAbsolute);
}

// pgml.array_*_combine(internal, internal) -> internal; absolute values are in the states already
PGML_FUNCTION(pgml_array_sum_combine) {
	return CombineStates(fcinfo, Fold::kSum);
}
PGML_FUNCTION(pgml_array_min_combine) {
	return CombineStates(fcinfo, Fold::kMin);
}
PGML_FUNCTION(pgml_array_max_combine) {
	return CombineStates(fcinfo, Fold::kMax);
}

/// pgml.array_fold_serialize(internal) -> bytea
PGML_FUNCTION(pgml_array_fold_serialize) {
	AggregateContext(fcinfo);
	auto *state = (ArrayFold *)PG_GETARG_POINTER(0);
	Size size = FoldSize(state->n);
	auto *bytes = (bytea *)palloc(VARHDRSZ + size);
	SET_VARSIZE(bytes, VARHDRSZ + size);
	memcpy(VARDATA(bytes), state, size);
	PG_RETURN_BYTEA_P(bytes);
}

/// pgml.array_fold_deserialize(bytea, internal) -> internal; only ever given what the function above made
PGML_FUNCTION(pgml_array_fold_deserialize) {
	AggregateContext(fcinfo);
	bytea *bytes = PG_GETARG_BYTEA_PP(0);
	auto *state = (ArrayFold *)palloc(VARSIZE_ANY_EXHDR(bytes));
	memcpy(state, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	PG_RETURN_POINTER(state);
}

/// pgml.array_fold_real(internal) -> real[]
PGML_FUNCTION(pgml_array_fold_real) {
	return Finish<float4>(fcinfo, FLOAT4OID);
}

/// pgml.array_fold_double(internal) -> double precision[]
PGML_FUNCTION(pgml_array_fold_double) {
	return Finish<float8>(fcinfo, FLOAT8OID);
}
