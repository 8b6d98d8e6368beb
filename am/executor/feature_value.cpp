/// Conversion of single values. See feature_value.h.
#include "am/executor/feature_value.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
}

namespace pgml::am {

namespace {

ValueKind
KindOfScalar(Oid type) {
	switch (type) {
		case INT2OID:
			return ValueKind::kInt2;
		case INT4OID:
			return ValueKind::kInt4;
		case INT8OID:
			return ValueKind::kInt8;
		case FLOAT4OID:
			return ValueKind::kFloat4;
		case FLOAT8OID:
			return ValueKind::kFloat8;
		case NUMERICOID:
			return ValueKind::kNumeric;
		case BOOLOID:
			return ValueKind::kBoolean;
		case DATEOID:
			return ValueKind::kDate;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return ValueKind::kTimestamp;
		case TEXTOID:
		case VARCHAROID:
			return ValueKind::kText;
		case BPCHAROID:
			return ValueKind::kPaddedText;
		case NAMEOID:
			return ValueKind::kName;
		case CHAROID:
			return ValueKind::kCharacter;
		case UNKNOWNOID:
			return ValueKind::kUnknown;
		default:
			return OidIsValid(type) && get_typtype(type) == TYPTYPE_ENUM ? ValueKind::kEnum
																		 : ValueKind::kUnsupported;
	}
}

} // namespace

ValueType
ResolveValueType(Oid type) {
	ValueType result = {};
	result.type = type;
	Oid base = OidIsValid(type) ? getBaseType(type) : InvalidOid;
	result.kind = KindOfScalar(base);
	if (result.kind != ValueKind::kUnsupported || !OidIsValid(base))
		return result;
	if (base == RECORDOID || get_typtype(base) == TYPTYPE_COMPOSITE) {
		result.is_row = true;
		return result;
	}
	Oid element = get_element_type(base);
	if (!OidIsValid(element))
		return result;
	result.is_array = true;
	result.kind = KindOfScalar(getBaseType(element));
	get_typlenbyvalalign(element, &result.length, &result.by_value, &result.align);
	return result;
}

float
NumberValueSlow(ValueKind kind, Datum value) {
	constexpr float kInfinite = std::numeric_limits<float>::infinity();
	if (kind == ValueKind::kDate) {
		DateADT days = DatumGetDateADT(value);
		return DATE_IS_NOBEGIN(days) ? -kInfinite
			   : DATE_IS_NOEND(days) ? kInfinite
									 : static_cast<float>(days);
	}
	if (kind == ValueKind::kTimestamp) {
		Timestamp time = DatumGetTimestamp(value);
		return TIMESTAMP_IS_NOBEGIN(time) ? -kInfinite
			   : TIMESTAMP_IS_NOEND(time)
				   ? kInfinite
				   : static_cast<float>(static_cast<double>(time) / USECS_PER_DAY);
	}
	if (kind != ValueKind::kNumeric)
		return kMissing;
	// Detoasted here and not in the called function, so that a copy can be given back: this runs
	// once per row.
	Numeric number = DatumGetNumeric(value);
	double result =
		DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number)));
	if ((Pointer)number != DatumGetPointer(value))
		pfree(number);
	return static_cast<float>(result);
}

void
GetText(ValueKind kind, Datum value, TextValue *out) {
	out->copy = nullptr;
	switch (kind) {
		case ValueKind::kText:
		case ValueKind::kPaddedText: {
			text *packed = DatumGetTextPP(value);
			if ((Pointer)packed != DatumGetPointer(value))
				out->copy = packed;
			out->data = VARDATA_ANY(packed);
			out->length = VARSIZE_ANY_EXHDR(packed);
			if (kind == ValueKind::kPaddedText)
				while (out->length > 0 && out->data[out->length - 1] == ' ')
					out->length--;
			return;
		}
		case ValueKind::kName:
			out->data = NameStr(*DatumGetName(value));
			out->length = strlen(out->data);
			return;
		case ValueKind::kCharacter:
			out->buffer.data[0] = DatumGetChar(value);
			out->data = out->buffer.data;
			out->length = out->data[0] != '\0' ? 1 : 0;
			return;
		case ValueKind::kEnum: {
			// Copied: the cache entry may go away once it is released.
			NameStr(out->buffer)[0] = '\0';
			HeapTuple tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(DatumGetObjectId(value)));
			if (HeapTupleIsValid(tuple)) {
				out->buffer = ((Form_pg_enum)GETSTRUCT(tuple))->enumlabel;
				ReleaseSysCache(tuple);
			}
			out->data = NameStr(out->buffer);
			out->length = strlen(out->data);
			return;
		}
		default:
			out->data = DatumGetCString(value);
			out->length = strlen(out->data);
			return;
	}
}

} // namespace pgml::am
