/// The vector type: distances, arithmetic, functions. Names and meaning are pgvector's.
#include "index/vector/vector.h"

#include <cmath>

#include "pgml/distance.h"

extern "C" {
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/varbit.h"
}

namespace pgml::vec {

void
CheckResult(const Vector *result) {
	for (int i = 0; i < result->n; i++)
		if (std::isinf(result->x[i]))
			float_overflow_error();
}

namespace {

template <typename Operation>
Vector *
Combine(const Vector *a, const Vector *b, const Operation &operation) {
	CheckSameDimensions(a, b);
	Vector *result = MakeVector(a->n);
	for (int i = 0; i < a->n; i++)
		result->x[i] = operation(a->x[i], b->x[i]);
	CheckResult(result);
	return result;
}

} // namespace

} // namespace pgml::vec

using namespace pgml::vec;

#define PGML_TWO_VECTORS                     \
	const Vector *a = PGML_GETARG_VECTOR(0); \
	const Vector *b = PGML_GETARG_VECTOR(1); \
	CheckSameDimensions(a, b)

/// l2_distance(vector, vector) -> float8, operator <->
PGML_FUNCTION(pgml_vector_l2_distance) {
	PGML_TWO_VECTORS;
	PG_RETURN_FLOAT8(std::sqrt(pgml::SquaredL2Distance(a->x, b->x, (size_t)a->n)));
}

/// vector_l2_squared_distance(vector, vector) -> float8: for the index
PGML_FUNCTION(pgml_vector_l2_squared_distance) {
	PGML_TWO_VECTORS;
	PG_RETURN_FLOAT8(pgml::SquaredL2Distance(a->x, b->x, (size_t)a->n));
}

/// inner_product(vector, vector) -> float8
PGML_FUNCTION(pgml_vector_inner_product) {
	PGML_TWO_VECTORS;
	PG_RETURN_FLOAT8(pgml::InnerProduct(a->x, b->x, (size_t)a->n));
}

/// vector_negative_inner_product(vector, vector) -> float8, operator <#>
PGML_FUNCTION(pgml_vector_negative_inner_product) {
	PGML_TWO_VECTORS;
	PG_RETURN_FLOAT8(-pgml::InnerProduct(a->x, b->x, (size_t)a->n));
}

/// cosine_distance(vector, vector) -> float8, operator <=>: NaN for a zero vector
PGML_FUNCTION(pgml_vector_cosine_distance) {
	PGML_TWO_VECTORS;
	PG_RETURN_FLOAT8(1 - pgml::CosineSimilarity(a->x, b->x, (size_t)a->n));
}

/// vector_spherical_distance(vector, vector) -> float8: of normalized vectors, in half turns
PGML_FUNCTION(pgml_vector_spherical_distance) {
	PGML_TWO_VECTORS;
	double cosine = pgml::InnerProduct(a->x, b->x, (size_t)a->n);
	cosine = cosine > 1 ? 1 : cosine < -1 ? -1 : cosine;
	PG_RETURN_FLOAT8(std::acos(cosine) / M_PI);
}

/// l1_distance(vector, vector) -> float8, operator <+>
PGML_FUNCTION(pgml_vector_l1_distance) {
	PGML_TWO_VECTORS;
	PG_RETURN_FLOAT8(pgml::L1Distance(a->x, b->x, (size_t)a->n));
}

/// vector_dims(vector) -> integer
PGML_FUNCTION(pgml_vector_dims) {
	PG_RETURN_INT32(PGML_GETARG_VECTOR(0)->n);
}

/// vector_norm(vector) -> float8
PGML_FUNCTION(pgml_vector_norm) {
	const Vector *a = PGML_GETARG_VECTOR(0);
	double sum = 0;
	for (int i = 0; i < a->n; i++)
		sum += (double)a->x[i] * (double)a->x[i];
	PG_RETURN_FLOAT8(std::sqrt(sum));
}

/// l2_normalize(vector) -> vector: a zero vector stays one
PGML_FUNCTION(pgml_vector_l2_normalize) {
	const Vector *a = PGML_GETARG_VECTOR(0);
	Vector *result = MakeVector(a->n);
	double sum = 0;
	for (int i = 0; i < a->n; i++)
		sum += (double)a->x[i] * (double)a->x[i];
	double norm = std::sqrt(sum);
	for (int i = 0; norm > 0 && i < a->n; i++)
		result->x[i] = (float)(a->x[i] / norm);
	CheckResult(result);
	PG_RETURN_POINTER(result);
}

/// vector_add(vector, vector) -> vector, operator +
PGML_FUNCTION(pgml_vector_add) {
	PG_RETURN_POINTER(Combine(PGML_GETARG_VECTOR(0), PGML_GETARG_VECTOR(1),
							  [](float a, float b) { return a + b; }));
}

/// vector_sub(vector, vector) -> vector, operator -
PGML_FUNCTION(pgml_vector_sub) {
	PG_RETURN_POINTER(Combine(PGML_GETARG_VECTOR(0), PGML_GETARG_VECTOR(1),
							  [](float a, float b) { return a - b; }));
}

/// vector_mul(vector, vector) -> vector, operator *
PGML_FUNCTION(pgml_vector_mul) {
	PG_RETURN_POINTER(Combine(PGML_GETARG_VECTOR(0), PGML_GETARG_VECTOR(1), [](float a, float b) {
		float product = a * b;
		if (product == 0 && a != 0 && b != 0)
			float_underflow_error();
		return product;
	}));
}

/// vector_concat(vector, vector) -> vector, operator ||
PGML_FUNCTION(pgml_vector_concat) {
	const Vector *a = PGML_GETARG_VECTOR(0), *b = PGML_GETARG_VECTOR(1);
	CheckDimensions((int64)a->n + b->n);
	Vector *result = MakeVector(a->n + b->n);
	memcpy(result->x, a->x, sizeof(float) * (Size)a->n);
	memcpy(result->x + a->n, b->x, sizeof(float) * (Size)b->n);
	PG_RETURN_POINTER(result);
}

/// binary_quantize(vector) -> bit: which elements are positive
PGML_FUNCTION(pgml_vector_binary_quantize) {
	const Vector *a = PGML_GETARG_VECTOR(0);
	auto *bits = (VarBit *)palloc0(VARBITTOTALLEN(a->n));
	SET_VARSIZE(bits, VARBITTOTALLEN(a->n));
	VARBITLEN(bits) = a->n;
	for (int i = 0; i < a->n; i++)
		if (a->x[i] > 0)
			VARBITS(bits)[i / 8] |= (bits8)(0x80 >> (i % 8));
	PG_RETURN_VARBIT_P(bits);
}

/// subvector(vector, start integer, count integer) -> vector: as substring counts, from 1
PGML_FUNCTION(pgml_vector_subvector) {
	const Vector *a = PGML_GETARG_VECTOR(0);
	int64 start = PG_GETARG_INT32(1), end = start + PG_GETARG_INT32(2);
	start = Max(start, 1);
	end = Min(end, (int64)a->n + 1);
	CheckDimensions(end - start);
	Vector *result = MakeVector((int)(end - start));
	memcpy(result->x, a->x + start - 1, sizeof(float) * (Size)(end - start));
	PG_RETURN_POINTER(result);
}
