#pragma once
/**
 * Arrays of numbers as plain vectors, checked: one dimension, no nulls. The type of the elements is
 * known from the array itself, so one C function serves all SQL types; arrays of integers and numerics
 * become double precision[].
 */
#include "am/base/pg.h"

#include <cmath>

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/float.h"
}

namespace pgml::am {

/// A view of an array's elements; valid as long as the array.
struct FloatArray {
	Oid element; ///< FLOAT4OID or FLOAT8OID
	int n;
	const void *data;
	template <typename T>
	const T *
	as() const {
		return static_cast<const T *>(data);
	}
};

/// @throws (ereport) 22000 more than one dimension, 22004 a null element, 22003 a numeric out of range
FloatArray CheckedFloatArray(ArrayType *array);

inline FloatArray
FloatArrayArgument(FunctionCallInfo fcinfo, int argument) {
	return CheckedFloatArray(PG_GETARG_ARRAYTYPE_P(argument));
}

/// Two vectors of equal length. @throws (ereport) 22000 when they are not
void CheckSameLength(const FloatArray &a, const FloatArray &b);

/// An empty-handed real[] or double precision[] of n elements to be filled; n = 0 gives '{}'.
ArrayType *MakeFloatArray(Oid element, int n);

/// A result in double as a datum of the type; overflow (22003) when the type cannot hold it.
Datum FloatDatum(Oid element, double value);

/// Does the vector hold an infinity? An infinite result is no overflow then.
bool HasInfinity(const FloatArray &array);

} // namespace pgml::am
