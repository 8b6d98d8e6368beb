/**
 * The types that the faiss index takes, and the distance operators of real[].
 *
 * An operator class names its metric and its type by support function 1, which returns a VectorType. A new type needs a
 * reader here and operator classes in sql/extension/06_faiss.sql.
 */
#include "index/faiss/faiss.h"

#include <cmath>

#include "index/vector/vector.h"
#include "pgml/distance.h"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
}

namespace pgml::index {

namespace {

const float *
VectorElements(Datum value, int *n) {
	const vec::Vector *vector = vec::GetVector(value);
	*n = vector->n;
	return vector->x;
}

const float *
RealArrayElements(Datum value, int *n) {
	ArrayType *array = DatumGetArrayTypeP(value);
	if (ARR_ELEMTYPE(array) != FLOAT4OID)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("expected an array of real")));
	if (ARR_NDIM(array) > 1)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("array must be 1-D")));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));
	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	vec::CheckDimensions(*n);
	auto *elements = (const float *)ARR_DATA_PTR(array);
	for (int i = 0; i < *n; i++)
		vec::CheckElement(elements[i]);
	return elements;
}

/// Without the complaints of RealArrayElements.
const float *
TryRealArrayElements(Datum value, int *n) {
	ArrayType *array = DatumGetArrayTypeP(value);
	if (ARR_ELEMTYPE(array) != FLOAT4OID || ARR_NDIM(array) != 1 || array_contains_nulls(array))
		return nullptr;
	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	auto *elements = (const float *)ARR_DATA_PTR(array);
	for (int i = 0; i < *n; i++)
		if (!std::isfinite(elements[i]))
			return nullptr;
	return elements;
}

constexpr VectorType kVectorTypes[] = {
	{ann::Metric::kL2, VectorElements, VectorElements},
	{ann::Metric::kInnerProduct, VectorElements, VectorElements},
	{ann::Metric::kCosine, VectorElements, VectorElements},
	{ann::Metric::kL2, RealArrayElements, TryRealArrayElements},
	{ann::Metric::kInnerProduct, RealArrayElements, TryRealArrayElements},
	{ann::Metric::kCosine, RealArrayElements, TryRealArrayElements},
};

} // namespace

const VectorType *
VectorTypeOf(Relation index) {
	FmgrInfo *function = index_getprocinfo(index, 1, 1);
	return (const VectorType *)DatumGetPointer(FunctionCall1(function, PointerGetDatum(nullptr)));
}

const VectorType *
VectorTypeOf(Oid opfamily, Oid type) {
	Oid function = get_opfamily_proc(opfamily, type, type, 1);
	if (!OidIsValid(function))
		return nullptr;
	return (const VectorType *)DatumGetPointer(
		OidFunctionCall1(function, PointerGetDatum(nullptr)));
}

void
CheckIndexable(Relation index, int n) {
	if ((uint32)n > ann::kMaxDims)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("index \"%s\" cannot hold vectors of more than %u dimensions",
							   RelationGetRelationName(index), ann::kMaxDims),
						errdetail("The vector has %d.", n),
						errhint("Index an expression of fewer dimensions: subvector(...) or a "
								"decomposition by pgml.embed.")));
}

void
CheckIndexDimensions(const ann::Layout &layout, int n) {
	if ((uint32)n != layout.dims)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("different vector dimensions %u and %d", layout.dims, n)));
}

} // namespace pgml::index

using namespace pgml::index;

/// The support functions of the operator classes, in the order of the table above: (internal) -> internal
#define PGML_FAISS_SUPPORT(name, position)                  \
	PGML_FUNCTION(name) {                                   \
		PG_RETURN_POINTER((void *)&kVectorTypes[position]); \
	}
PGML_FAISS_SUPPORT(pgml_faiss_vector_l2, 0)
PGML_FAISS_SUPPORT(pgml_faiss_vector_ip, 1)
PGML_FAISS_SUPPORT(pgml_faiss_vector_cosine, 2)
PGML_FAISS_SUPPORT(pgml_faiss_real_l2, 3)
PGML_FAISS_SUPPORT(pgml_faiss_real_ip, 4)
PGML_FAISS_SUPPORT(pgml_faiss_real_cosine, 5)

#define PGML_TWO_ARRAYS                                           \
	int n, n_b;                                                   \
	const float *a = RealArrayElements(PG_GETARG_DATUM(0), &n);   \
	const float *b = RealArrayElements(PG_GETARG_DATUM(1), &n_b); \
	if (n != n_b)                                                 \
	ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),              \
					errmsg("different vector dimensions %d and %d", n, n_b)))

/// pgml.l2_distance(real[], real[]) -> float8, operator <->
PGML_FUNCTION(pgml_real_l2_distance) {
	PGML_TWO_ARRAYS;
	PG_RETURN_FLOAT8(std::sqrt(pgml::SquaredL2Distance(a, b, (size_t)n)));
}

/// pgml.negative_inner_product(real[], real[]) -> float8, operator <#>
PGML_FUNCTION(pgml_real_negative_inner_product) {
	PGML_TWO_ARRAYS;
	PG_RETURN_FLOAT8(-pgml::InnerProduct(a, b, (size_t)n));
}

/// pgml.cosine_distance(real[], real[]) -> float8, operator <=>
PGML_FUNCTION(pgml_real_cosine_distance) {
	PGML_TWO_ARRAYS;
	PG_RETURN_FLOAT8(1 - pgml::CosineSimilarity(a, b, (size_t)n));
}
