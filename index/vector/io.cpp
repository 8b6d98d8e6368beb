/// The vector type: text and binary form, type modifier, casts.
#include "index/vector/vector.h"

#include "pgml/vector_text.h"

#include <cmath>

extern "C" {
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
}

namespace pgml::vec {

const Vector *
GetVector(Datum value) {
	auto *vector = (const Vector *)PG_DETOAST_DATUM(value);
	if (VARSIZE(vector) < offsetof(Vector, x) || vector->n < 1 ||
		VARSIZE(vector) != pg::VectorSize(vector->n))
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("a stored vector is damaged"),
						errdetail("Its size is %u bytes, for %d dimensions.",
								  (unsigned)VARSIZE(vector), vector->n)));
	return vector;
}

void
CheckDimensions(int64 n) {
	if (n < 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION), errmsg("vector must have at least 1 dimension")));
	if (n > kMaxVectorDimensions)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("vector cannot have more than %d dimensions", kMaxVectorDimensions)));
}

void
CheckTypmod(int n, int32 typmod) {
	if (typmod != -1 && typmod != n)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("expected %d dimensions, not %d", typmod, n)));
}

void
CheckSameDimensions(const Vector *a, const Vector *b) {
	if (a->n != b->n)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("different vector dimensions %d and %d", a->n, b->n)));
}

void
CheckElement(float value) {
	if (std::isnan(value))
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("NaN not allowed in vector")));
	if (std::isinf(value))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION), errmsg("infinite value not allowed in vector")));
}

namespace {

[[noreturn]] void
RaiseSyntax(const char *text, const char *detail) {
	ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					errmsg("invalid input syntax for type vector: \"%s\"", text),
					detail != nullptr ? errdetail("%s", detail) : 0));
}

/// @return the number of elements, at most kMaxVectorDimensions
int
ParseText(const char *text, float *x) {
	using Problem = VectorText::Problem;
	VectorText read = ParseVectorText(text, kMaxVectorDimensions, x);
	switch (read.problem) {
		case Problem::kNone:
			break;
		case Problem::kStart:
			RaiseSyntax(text, "A vector starts with \"[\".");
		case Problem::kBehindEnd:
			RaiseSyntax(text, "There is text behind the closing bracket.");
		case Problem::kSyntax:
			RaiseSyntax(text, nullptr);
		case Problem::kOutOfRange:
			ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
							errmsg("\"%s\" is out of range for type vector",
								   pnstrdup(read.element, read.element_length))));
		case Problem::kNaN:
			CheckElement(NAN);
			break;
		case Problem::kInfinite:
			CheckElement(INFINITY);
			break;
		case Problem::kEmpty:
			CheckDimensions(0);
			break;
		case Problem::kTooMany:
			CheckDimensions(read.n + 1);
			break;
	}
	return read.n;
}

/// Elements of an array of numbers as float32.
template <typename Convert>
Vector *
FromElements(ArrayType *array, int32 typmod, const Convert &convert) {
	if (ARR_NDIM(array) > 1)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("array must be 1-D")));
	if (ARR_HASNULL(array) && array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));
	int16 length;
	bool by_value;
	char align;
	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	Datum *elements;
	int n;
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align, &elements, nullptr, &n);
	CheckDimensions(n);
	CheckTypmod(n, typmod);
	Vector *vector = MakeVector(n);
	for (int i = 0; i < n; i++) {
		vector->x[i] = convert(elements[i]);
		CheckElement(vector->x[i]);
	}
	pfree(elements);
	return vector;
}

} // namespace

} // namespace pgml::vec

using namespace pgml::vec;

/// vector_in(cstring, oid, int4) -> vector: '[1,2,3]', spaces allowed
PGML_FUNCTION(pgml_vector_in) {
	const char *text = PG_GETARG_CSTRING(0);
	Size room = Min(pgml::VectorTextRoom(strlen(text)), (Size)kMaxVectorDimensions);
	auto *x = (float *)palloc(sizeof(float) * room);
	int n = ParseText(text, x);
	CheckTypmod(n, PG_GETARG_INT32(2));
	Vector *vector = MakeVector(n);
	memcpy(vector->x, x, sizeof(float) * (Size)n);
	pfree(x);
	PG_RETURN_POINTER(vector);
}

/// vector_out(vector) -> cstring: shortest numbers that read back as the same, no spaces
PGML_FUNCTION(pgml_vector_out) {
	const Vector *vector = PGML_GETARG_VECTOR(0);
	auto *text = (char *)palloc((Size)vector->n * FLOAT_SHORTEST_DECIMAL_LEN + 3);
	char *at = text;
	*at++ = '[';
	for (int i = 0; i < vector->n; i++) {
		if (i > 0)
			*at++ = ',';
		at += float_to_shortest_decimal_bufn(vector->x[i], at);
	}
	*at++ = ']';
	*at = '\0';
	PG_RETURN_CSTRING(text);
}

/// vector_typmod_in(cstring[]) -> int4
PGML_FUNCTION(pgml_vector_typmod_in) {
	int n;
	int32 *modifiers = ArrayGetIntegerTypmods(PG_GETARG_ARRAYTYPE_P(0), &n);
	if (n != 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid type modifier")));
	if (*modifiers < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("dimensions for type vector must be at least 1")));
	if (*modifiers > kMaxVectorDimensions)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimensions for type vector cannot exceed %d", kMaxVectorDimensions)));
	PG_RETURN_INT32(*modifiers);
}

/// vector_recv(internal, oid, int4) -> vector: int16 dimensions, int16 0, float4 each, big-endian
PGML_FUNCTION(pgml_vector_recv) {
	auto *message = (StringInfo)PG_GETARG_POINTER(0);
	int n = (int16)pq_getmsgint(message, sizeof(int16));
	int unused = (int16)pq_getmsgint(message, sizeof(int16));
	CheckDimensions(n);
	CheckTypmod(n, PG_GETARG_INT32(2));
	if (unused != 0)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("expected unused to be 0, not %d", unused)));
	Vector *vector = MakeVector(n);
	for (int i = 0; i < n; i++) {
		vector->x[i] = pq_getmsgfloat4(message);
		CheckElement(vector->x[i]);
	}
	PG_RETURN_POINTER(vector);
}

/// vector_send(vector) -> bytea
PGML_FUNCTION(pgml_vector_send) {
	const Vector *vector = PGML_GETARG_VECTOR(0);
	StringInfoData message;
	pq_begintypsend(&message);
	pq_sendint16(&message, (uint16)vector->n);
	pq_sendint16(&message, (uint16)vector->unused);
	for (int i = 0; i < vector->n; i++)
		pq_sendfloat4(&message, vector->x[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/// vector(vector, int4, boolean) -> vector: the cast to vector(n)
PGML_FUNCTION(pgml_vector) {
	const Vector *vector = PGML_GETARG_VECTOR(0);
	CheckTypmod(vector->n, PG_GETARG_INT32(1));
	PG_RETURN_POINTER(vector);
}

/// array_to_vector(integer[] | real[] | double precision[] | numeric[], int4, boolean) -> vector
PGML_FUNCTION(pgml_array_to_vector) {
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(0);
	int32 typmod = PG_GETARG_INT32(1);
	switch (ARR_ELEMTYPE(array)) {
		case INT4OID:
			PG_RETURN_POINTER(FromElements(
				array, typmod, [](Datum value) { return (float)DatumGetInt32(value); }));
		case FLOAT4OID:
			PG_RETURN_POINTER(
				FromElements(array, typmod, [](Datum value) { return DatumGetFloat4(value); }));
		case FLOAT8OID:
			PG_RETURN_POINTER(FromElements(
				array, typmod, [](Datum value) { return (float)DatumGetFloat8(value); }));
		case NUMERICOID:
			PG_RETURN_POINTER(FromElements(array, typmod, [](Datum value) {
				return DatumGetFloat4(DirectFunctionCall1(numeric_float4, value));
			}));
		default:
			ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
							errmsg("an array of type %s cannot become a vector",
								   format_type_be(ARR_ELEMTYPE(array)))));
	}
}

/// vector_to_float4(vector, int4, boolean) -> real[]
PGML_FUNCTION(pgml_vector_to_float4) {
	const Vector *vector = PGML_GETARG_VECTOR(0);
	auto *elements = (Datum *)palloc(sizeof(Datum) * (Size)vector->n);
	for (int i = 0; i < vector->n; i++)
		elements[i] = Float4GetDatum(vector->x[i]);
	ArrayType *array =
		construct_array(elements, vector->n, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT);
	pfree(elements);
	PG_RETURN_POINTER(array);
}
