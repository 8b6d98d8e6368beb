/**
 * Functions of vectors: pgml.add, subtract, multiply, divide, norm_*, normalize_*, distance_*,
 * dot_product and cosine_similarity over real[] and double precision[].
 *
 * Errors are PostgreSQL's own for floats: a result that becomes infinite out of finite values is an
 * overflow, a division by zero an error. Underflow is none: it gives 0. The loops are in the model library
 * (pgml/array_kernels.h); they neither throw nor allocate.
 */
#include "am/sqlfuncs/float_array.h"

#include "pgml/array_kernels.h"

extern "C" {
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
}

namespace pgml::am {

namespace {

double
ElementToDouble(Oid element, Datum value) {
	switch (element) {
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return static_cast<double>(DatumGetInt64(value));
		default:
			return DatumGetFloat8(DirectFunctionCall1(numeric_float8, value));
	}
}

/// A copy of an array of another number type as double precision[].
ArrayType *
ToDoubleArray(ArrayType *array) {
	int16 length;
	bool by_value;
	char align;
	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	Datum *elements;
	int n;
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align, &elements, nullptr, &n);
	ArrayType *result = MakeFloatArray(FLOAT8OID, n);
	auto *out = (float8 *)ARR_DATA_PTR(result);
	for (int i = 0; i < n; i++)
		out[i] = ElementToDouble(ARR_ELEMTYPE(array), elements[i]);
	return result;
}

} // namespace

FloatArray
CheckedFloatArray(ArrayType *array) {
	if (ARR_NDIM(array) > 1)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("vector must have one dimension"),
						errdetail("The array has %d dimensions.", ARR_NDIM(array))));
	if (ARR_HASNULL(array) && array_contains_nulls(array))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("vector must not have null elements")));
	if (ARR_ELEMTYPE(array) != FLOAT4OID && ARR_ELEMTYPE(array) != FLOAT8OID)
		array = ToDoubleArray(array);
	return {ARR_ELEMTYPE(array), ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)),
			ARR_DATA_PTR(array)};
}

void
CheckSameLength(const FloatArray &a, const FloatArray &b) {
	if (a.n != b.n)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("vectors of different lengths"),
						errdetail("One has %d elements, the other %d.", a.n, b.n)));
}

ArrayType *
MakeFloatArray(Oid element, int n) {
	if (n == 0)
		return construct_empty_array(element);
	Size size = ARR_OVERHEAD_NONULLS(1) +
				(element == FLOAT4OID ? sizeof(float4) : sizeof(float8)) * static_cast<Size>(n);
	auto *array = (ArrayType *)palloc0(size);
	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = element;
	ARR_DIMS(array)[0] = n;
	ARR_LBOUND(array)[0] = 1;
	return array;
}

Datum
FloatDatum(Oid element, double value) {
	if (element == FLOAT8OID)
		return Float8GetDatum(value);
	auto single = static_cast<float4>(value);
	if (std::isinf(single) && !std::isinf(value))
		float_overflow_error();
	return Float4GetDatum(single);
}

namespace {

template <typename T>
bool
AnyInfinity(const T *values, int n) {
	for (int i = 0; i < n; i++)
		if (std::isinf(values[i]))
			return true;
	return false;
}

/// The right side of an element-wise operation: a vector or one number.
template <typename T> struct RightSide {
	const T *values; ///< nullptr = the number
	T number;
	T
	at(int i) const {
		return values != nullptr ? values[i] : number;
	}
};

template <typename T>
void
CheckDivisors(const T *a, const RightSide<T> &right, int n) {
	for (int i = 0; i < n; i++)
		if (right.at(i) == 0 && !std::isnan(a[i]))
			float_zero_divide_error();
}

/// Some result is not finite: an error unless that comes from an argument.
template <typename T>
void
CheckOverflow(ArrayOperator op, const T *a, const RightSide<T> &right, const T *results, int n) {
	for (int i = 0; i < n; i++)
		if (std::isinf(results[i]) && !std::isinf(a[i]) &&
			(op == ArrayOperator::kDivide || !std::isinf(right.at(i))))
			float_overflow_error();
}

template <typename T>
ArrayType *
Combine(ArrayOperator op, const FloatArray &left, const RightSide<T> &right) {
	const T *a = left.as<T>();
	if (op == ArrayOperator::kDivide)
		CheckDivisors(a, right, left.n);
	ArrayType *result = MakeFloatArray(left.element, left.n);
	if (left.n == 0)
		return result;
	auto *out = (T *)ARR_DATA_PTR(result);
	bool finite = right.values != nullptr ? CombineArrays(op, a, right.values, out, left.n)
										  : CombineScalar(op, a, right.number, out, left.n);
	if (!finite)
		CheckOverflow(op, a, right, out, left.n);
	return result;
}

Datum
WithVector(FunctionCallInfo fcinfo, ArrayOperator op) {
	FloatArray a = FloatArrayArgument(fcinfo, 0), b = FloatArrayArgument(fcinfo, 1);
	CheckSameLength(a, b);
	if (a.element == FLOAT4OID)
		PG_RETURN_ARRAYTYPE_P(Combine(op, a, RightSide<float4>{b.as<float4>(), 0}));
	PG_RETURN_ARRAYTYPE_P(Combine(op, a, RightSide<float8>{b.as<float8>(), 0}));
}

Datum
WithScalar(FunctionCallInfo fcinfo, ArrayOperator op) {
	FloatArray a = FloatArrayArgument(fcinfo, 0);
	if (a.element == FLOAT4OID)
		PG_RETURN_ARRAYTYPE_P(Combine(op, a, RightSide<float4>{nullptr, PG_GETARG_FLOAT4(1)}));
	PG_RETURN_ARRAYTYPE_P(Combine(op, a, RightSide<float8>{nullptr, PG_GETARG_FLOAT8(1)}));
}

enum class Norm : uint8_t { kZero, kOne, kTwo, kMax };

template <typename T>
double
NormOf(Norm norm, const FloatArray &a) {
	switch (norm) {
		case Norm::kZero:
			return static_cast<double>(CountNonZero(a.as<T>(), a.n));
		case Norm::kOne:
			return SumAbsolute(a.as<T>(), a.n);
		case Norm::kTwo:
			return EuclideanNorm(a.as<T>(), a.n);
		case Norm::kMax:
			break;
	}
	return MaxAbsolute(a.as<T>(), a.n);
}

double
NormOf(Norm norm, const FloatArray &a) {
	return a.element == FLOAT4OID ? NormOf<float4>(norm, a) : NormOf<float8>(norm, a);
}

Datum
ReturnNorm(FunctionCallInfo fcinfo, Norm norm) {
	FloatArray a = FloatArrayArgument(fcinfo, 0);
	double result = NormOf(norm, a);
	if (std::isinf(result) && !HasInfinity(a))
		float_overflow_error();
	return FloatDatum(a.element, result);
}

/// Divides by the norm; a zero vector has no direction and stays as it is.
template <typename T>
ArrayType *
Normalize(const FloatArray &a, double norm) {
	ArrayType *result = MakeFloatArray(a.element, a.n);
	auto *out = (T *)ARR_DATA_PTR(result);
	for (int i = 0; i < a.n; i++)
		out[i] =
			norm == 0 ? a.as<T>()[i] : static_cast<T>(static_cast<double>(a.as<T>()[i]) / norm);
	return result;
}

Datum
ReturnNormalized(FunctionCallInfo fcinfo, Norm kind) {
	FloatArray a = FloatArrayArgument(fcinfo, 0);
	double norm = NormOf(kind, a);
	if (std::isinf(norm) && !HasInfinity(a))
		float_overflow_error();
	if (a.element == FLOAT4OID)
		PG_RETURN_ARRAYTYPE_P(Normalize<float4>(a, norm));
	PG_RETURN_ARRAYTYPE_P(Normalize<float8>(a, norm));
}

enum class Measure : uint8_t { kDistanceL1, kDistanceL2, kDotProduct, kCosine };

template <typename T>
double
MeasureOf(Measure measure, const FloatArray &a, const FloatArray &b) {
	switch (measure) {
		case Measure::kDistanceL1:
			return SumAbsoluteDifferences(a.as<T>(), b.as<T>(), a.n);
		case Measure::kDistanceL2:
			return EuclideanDistance(a.as<T>(), b.as<T>(), a.n);
		case Measure::kDotProduct:
			return DotProduct(a.as<T>(), b.as<T>(), a.n);
		case Measure::kCosine:
			break;
	}
	return CosineSimilarity(a.as<T>(), b.as<T>(), a.n);
}

Datum
ReturnMeasure(FunctionCallInfo fcinfo, Measure measure) {
	FloatArray a = FloatArrayArgument(fcinfo, 0), b = FloatArrayArgument(fcinfo, 1);
	CheckSameLength(a, b);
	double result = a.element == FLOAT4OID ? MeasureOf<float4>(measure, a, b)
										   : MeasureOf<float8>(measure, a, b);
	// Overflows of both signs make a sum NaN.
	if (!std::isfinite(result)) {
		if (measure == Measure::kCosine &&
			(NormOf(Norm::kMax, a) == 0 || NormOf(Norm::kMax, b) == 0))
			ereport(ERROR, (errcode(ERRCODE_DIVISION_BY_ZERO),
							errmsg("cosine similarity of a zero vector is not defined")));
		if (!HasInfinity(a) && !HasInfinity(b) && !std::isnan(NormOf(Norm::kMax, a)) &&
			!std::isnan(NormOf(Norm::kMax, b)))
			float_overflow_error();
	}
	return FloatDatum(a.element, result);
}

} // namespace

bool
HasInfinity(const FloatArray &array) {
	return array.element == FLOAT4OID ? AnyInfinity(array.as<float4>(), array.n)
									  : AnyInfinity(array.as<float8>(), array.n);
}

} // namespace pgml::am

using pgml::ArrayOperator;
using namespace pgml::am;

// pgml.NAME(vector, vector) and pgml.NAME(vector, scalar) -> vector
PGML_FUNCTION(pgml_array_add) {
	return WithVector(fcinfo, ArrayOperator::kAdd);
}
PGML_FUNCTION(pgml_array_subtract) {
	return WithVector(fcinfo, ArrayOperator::kSubtract);
}
PGML_FUNCTION(pgml_array_multiply) {
	return WithVector(fcinfo, ArrayOperator::kMultiply);
}
PGML_FUNCTION(pgml_array_divide) {
	return WithVector(fcinfo, ArrayOperator::kDivide);
}
PGML_FUNCTION(pgml_array_add_scalar) {
	return WithScalar(fcinfo, ArrayOperator::kAdd);
}
PGML_FUNCTION(pgml_array_subtract_scalar) {
	return WithScalar(fcinfo, ArrayOperator::kSubtract);
}
PGML_FUNCTION(pgml_array_multiply_scalar) {
	return WithScalar(fcinfo, ArrayOperator::kMultiply);
}
PGML_FUNCTION(pgml_array_divide_scalar) {
	return WithScalar(fcinfo, ArrayOperator::kDivide);
}

// pgml.norm_*(vector) -> scalar
PGML_FUNCTION(pgml_array_norm_l0) {
	return ReturnNorm(fcinfo, Norm::kZero);
}
PGML_FUNCTION(pgml_array_norm_l1) {
	return ReturnNorm(fcinfo, Norm::kOne);
}
PGML_FUNCTION(pgml_array_norm_l2) {
	return ReturnNorm(fcinfo, Norm::kTwo);
}
PGML_FUNCTION(pgml_array_norm_max) {
	return ReturnNorm(fcinfo, Norm::kMax);
}

// pgml.normalize_*(vector) -> vector
PGML_FUNCTION(pgml_array_normalize_l1) {
	return ReturnNormalized(fcinfo, Norm::kOne);
}
PGML_FUNCTION(pgml_array_normalize_l2) {
	return ReturnNormalized(fcinfo, Norm::kTwo);
}
PGML_FUNCTION(pgml_array_normalize_max) {
	return ReturnNormalized(fcinfo, Norm::kMax);
}

// pgml.distance_l1, distance_l2, dot_product, cosine_similarity (vector, vector) -> scalar
PGML_FUNCTION(pgml_array_distance_l1) {
	return ReturnMeasure(fcinfo, Measure::kDistanceL1);
}
PGML_FUNCTION(pgml_array_distance_l2) {
	return ReturnMeasure(fcinfo, Measure::kDistanceL2);
}
PGML_FUNCTION(pgml_array_dot_product) {
	return ReturnMeasure(fcinfo, Measure::kDotProduct);
}
PGML_FUNCTION(pgml_array_cosine_similarity) {
	return ReturnMeasure(fcinfo, Measure::kCosine);
}
