#pragma once
/**
 * From a datum to what a model takes: a float32 for a number, a boolean or a time, bytes for a text
 * category.
 *
 * A time is the number of days since 2000-01-01, as float32: exact for dates up to the year 47,900, to 84
 * seconds for timestamps from 2022 to 2044 (float32 has 24 bits). A timestamptz is taken in UTC, so that
 * the session's time zone does not change what a model learned. Infinite times are infinite numbers.
 *
 * Training and prediction read values through this one file, so that they cannot drift apart.
 * Nothing here raises an error for any value, only memory may run out.
 */
#include "am/base/pg.h"

#include <cmath>
#include <limits>

extern "C" {
#include "catalog/pg_type.h"
}

namespace pgml::am {

inline constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

enum class ValueKind : uint8_t {
	kUnsupported,
	// numbers
	kInt2,
	kInt4,
	kInt8,
	kFloat4,
	kFloat8,
	kNumeric,
	kBoolean,
	// times
	kDate,
	kTimestamp, ///< with time zone too: both count microseconds since 2000-01-01
	// texts
	kText,       ///< text, varchar and what is binary compatible with them
	kPaddedText, ///< character(n): without its trailing blanks
	kName,
	kCharacter, ///< "char"
	kEnum,      ///< its label
	kUnknown,   ///< an untyped literal; only NULL can stand for a number
};

constexpr bool
IsNumber(ValueKind kind) {
	return kind >= ValueKind::kInt2 && kind <= ValueKind::kBoolean;
}
constexpr bool
IsTime(ValueKind kind) {
	return kind == ValueKind::kDate || kind == ValueKind::kTimestamp;
}
constexpr bool
IsText(ValueKind kind) {
	return kind >= ValueKind::kText;
}

/// A type as a feature sees it: domains looked through, arrays described by their element.
struct ValueType {
	Oid type;       ///< as declared, for messages
	ValueKind kind; ///< of the value, or of an array's elements
	bool is_array;
	bool is_row; ///< composite or record; kind is kUnsupported then
	// Layout of an array's elements.
	bool by_value;
	int16 length;
	char align;
};

ValueType ResolveValueType(Oid type);

/// A number, boolean or time as float32: rounded once from the value (numeric: by way of double
/// precision).
float NumberValueSlow(ValueKind kind, Datum value);
inline float
NumberValue(ValueKind kind, Datum value) {
	switch (kind) {
		case ValueKind::kFloat4:
			return DatumGetFloat4(value);
		case ValueKind::kFloat8:
			return static_cast<float>(DatumGetFloat8(value));
		case ValueKind::kInt4:
			return static_cast<float>(DatumGetInt32(value));
		case ValueKind::kInt8:
			return static_cast<float>(DatumGetInt64(value));
		case ValueKind::kInt2:
			return static_cast<float>(DatumGetInt16(value));
		case ValueKind::kBoolean:
			return DatumGetBool(value) ? 1.0f : 0.0f;
		default:
			return NumberValueSlow(kind, value);
	}
}

/// Bytes of a text value in the database encoding, not terminated. Release with FreeText.
struct TextValue {
	const char *data;
	size_t length;
	void *copy;      ///< what had to be detoasted, or nullptr
	NameData buffer; ///< where an enum's label or a "char" is kept
};
void GetText(ValueKind kind, Datum value, TextValue *out);
inline void
FreeText(TextValue *text) {
	if (text->copy != nullptr)
		pfree(text->copy);
}

} // namespace pgml::am
