/**
 * Binding of arguments to features. See feature_binding.h.
 *
 * Rows carry their type with them: the descriptor of a record is known only when the first one
 * comes and may be another one at the next, and a table's row type can change between two
 * executions of a cached expression. So the match of columns to features is kept with the
 * identifier that the type cache gives to a row type's shape, and is made again when that differs.
 */
#include "am/executor/feature_binding.h"

#include <algorithm>
#include <string>
#include <vector>

#include "am/base/guard.h"
#include "am/executor/feature_value.h"
#include "pgml/model.h"

extern "C" {
#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"
}

namespace pgml::am {

namespace {

/// Feature of the model, flat. `name` belongs to the model.
struct Feature {
	const char *name;
	pgml::FeatureType type;
	uint32 width;
	size_t column; ///< first column in the raw matrix
	uint32 number; ///< position in the model
	bool used;     ///< predictions depend on it
};

/// Where the values of one feature come from.
struct Source {
	ValueType type;
	const Feature *feature;
	int attribute; ///< row form: index of the column
	/// Predictions do not depend on the feature, and no value of this type raises an error: it is stored as missing.
	bool skipped;
};

} // namespace

struct FeatureBinding {
	BoundModel model;
	FeatureForm form;
	size_t width; ///< columns of the raw matrix
	int n_features;
	Feature *features;
	Source *sources;  ///< [n_features]; vector form: the one array, with no feature
	ValueType vector; ///< vector form

	// Row form.
	MemoryContext row_context; ///< holds what follows
	uint64 row_identifier;     ///< of the row type the sources were made for, 0 = none yet
	TupleDesc row_descriptor;
	Datum *row_values;
	bool *row_nulls;
};

namespace {

/// Longer lists of features are cut in messages.
constexpr int kMaxListed = 60;

const char *
FeatureTypeName(pgml::FeatureType type) {
	switch (type) {
		case pgml::FeatureType::kNumber:
			return "number";
		case pgml::FeatureType::kBoolean:
			return "boolean";
		case pgml::FeatureType::kText:
			return "text";
		case pgml::FeatureType::kTime:
			return "date or timestamp";
	}
	return "unknown";
}

/// "sqft, beds, city" or, with types, "sqft (number), image (number[64])".
char *
ListFeatures(const FeatureBinding *binding, bool with_types) {
	StringInfoData list;
	initStringInfo(&list);
	for (int i = 0; i < binding->n_features; i++) {
		const Feature &feature = binding->features[i];
		if (i == kMaxListed) {
			appendStringInfo(&list, " and %d more", binding->n_features - i);
			break;
		}
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", feature.name);
		if (!with_types)
			continue;
		appendStringInfo(&list, " (%s", FeatureTypeName(feature.type));
		if (feature.width > 1)
			appendStringInfo(&list, "[%u]", feature.width);
		appendStringInfoChar(&list, ')');
	}
	return list.data;
}

[[noreturn]] void
RaiseWrongCount(const FeatureBinding *binding, const char *given) {
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("%s expects %d feature%s", DescribeModel(binding->model),
						   binding->n_features, binding->n_features == 1 ? "" : "s"),
					errdetail("%s", given),
					errhint("Features in order: %s.", ListFeatures(binding, false))));
}

[[noreturn]] void
RaiseWrongLength(const FeatureBinding *binding, const Feature *feature, int length) {
	if (feature != nullptr)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("feature \"%s\" expects %s%u element%s", feature->name,
							   feature->width > 1 ? "an array of " : "", feature->width,
							   feature->width > 1 ? "s" : ""),
						errdetail("The array has %d.", length)));
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("%s expects a feature vector of %zu elements",
						   DescribeModel(binding->model), binding->width),
					errdetail("The array has %d.", length),
					errhint("Features in order: %s.",
							ListFeatures(binding, binding->width != (size_t)binding->n_features))));
}

[[noreturn]] void
RaiseWrongType(const FeatureBinding *binding, const Feature &feature, const char *given) {
	char *wanted = feature.width > 1 ? psprintf("an array of %u %ss", feature.width,
												FeatureTypeName(feature.type))
				   : feature.type == pgml::FeatureType::kText
					   ? pstrdup("text")
					   : psprintf("a %s", FeatureTypeName(feature.type));
	char *model = DescribeModel(binding->model);
	model[0] = pg_toupper((unsigned char)model[0]);
	ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
					errmsg("feature \"%s\" must be %s, not %s", feature.name, wanted, given),
					errdetail("%s has the features %s.", model, ListFeatures(binding, true))));
}

/// May a value of this kind stand for the feature. An untyped literal may be NULL: see StoreScalar.
bool
Fits(const Feature &feature, ValueKind kind) {
	if (kind == ValueKind::kUnknown)
		return true;
	switch (feature.type) {
		case pgml::FeatureType::kText:
			return IsText(kind);
		case pgml::FeatureType::kTime:
			return IsTime(kind);
		default:
			return IsNumber(kind);
	}
}

void
BindSource(const FeatureBinding *binding, const Feature &feature, const ValueType &type,
		   int attribute, Source *source) {
	// An array for any feature, its length is looked at later: a column of arrays may have a single
	// element. A scalar only for a single element. An untyped NULL is also a missing array.
	bool fits = Fits(feature, type.kind) &&
				(type.is_array || feature.width == 1 || type.kind == ValueKind::kUnknown);
	if (!fits)
		RaiseWrongType(binding, feature, format_type_be(type.type));
	source->type = type;
	source->feature = &feature;
	source->attribute = attribute;
	// An array may have the wrong length, an untyped literal may be none of a number's.
	source->skipped = !feature.used && !type.is_array && type.kind != ValueKind::kUnknown;
}

void
BindScalars(FeatureBinding *binding, int n_arguments, const Oid *types) {
	if (n_arguments != binding->n_features)
		RaiseWrongCount(binding, psprintf("The call has %d.", n_arguments));
	for (int i = 0; i < n_arguments; i++)
		BindSource(binding, binding->features[i], ResolveValueType(types[i]), -1,
				   &binding->sources[i]);
}

void
BindVector(FeatureBinding *binding, const ValueType &type) {
	for (int i = 0; i < binding->n_features; i++)
		if (!Fits(binding->features[i], type.kind) || type.kind == ValueKind::kUnsupported)
			RaiseWrongType(binding, binding->features[i],
						   psprintf("an element of %s", format_type_be(type.type)));
	binding->vector = type;
}

int
FindAttribute(TupleDesc descriptor, const char *name) {
	for (int i = 0; i < descriptor->natts; i++) {
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
			return i;
	}
	return -1;
}

/// The names that the parser gives to the columns of ROW(...) and (a, b): f1, f2 ...
bool
HasGivenNames(TupleDesc descriptor) {
	for (int i = 0; i < descriptor->natts; i++) {
		char name[16];
		snprintf(name, sizeof(name), "f%d", i + 1);
		if (strcmp(NameStr(TupleDescAttr(descriptor, i)->attname), name) == 0)
			continue;
		return false;
	}
	return true;
}

/**
 * Columns of an anonymous record, by position. Its names may be real (a row of a subquery) or made
 * up by the parser; a subquery whose columns happen to be called f1, f2 ... cannot be told from a
 * ROW(...), which matters only where name and position disagree.
 */
bool
ByPosition(const FeatureBinding *binding, TupleDesc descriptor) {
	int n_found = 0;
	bool in_order = true;
	for (int i = 0; i < binding->n_features; i++) {
		int attribute = FindAttribute(descriptor, binding->features[i].name);
		n_found += attribute >= 0;
		in_order &= attribute == i;
	}
	if (!HasGivenNames(descriptor))
		return n_found == 0 && descriptor->natts == binding->n_features;
	if (n_found == binding->n_features && !in_order)
		ereport(
			ERROR,
			(errcode(ERRCODE_AMBIGUOUS_COLUMN),
			 errmsg("columns of the record could be matched to features by name or by position"),
			 errdetail("Names and order of its columns disagree with the features of %s.",
					   DescribeModel(binding->model)),
			 errhint(
				 "Give the features as separate arguments, or cast the record to a row type.")));
	return true;
}

void
BindRow(FeatureBinding *binding, Oid type, int32 typmod) {
	binding->row_identifier = 0; // nothing half made may look valid
	MemoryContextReset(binding->row_context);
	MemoryContext old = MemoryContextSwitchTo(binding->row_context);
	TupleDesc shared = lookup_rowtype_tupdesc(type, typmod);
	TupleDesc descriptor =
		CreateTupleDescCopyConstr(shared); // with the values of columns added later
	ReleaseTupleDesc(shared);
	bool by_position = type == RECORDOID && ByPosition(binding, descriptor);
	if (by_position && descriptor->natts != binding->n_features)
		RaiseWrongCount(binding, psprintf("The row has %d column%s.", descriptor->natts,
										  descriptor->natts == 1 ? "" : "s"));
	for (int i = 0; i < binding->n_features; i++) {
		const Feature &feature = binding->features[i];
		int attribute = by_position ? i : FindAttribute(descriptor, feature.name);
		if (attribute < 0)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
							errmsg("the row has no column \"%s\", a feature of %s", feature.name,
								   DescribeModel(binding->model)),
							errhint("The features are: %s.", ListFeatures(binding, false))));
		BindSource(binding, feature,
				   ResolveValueType(TupleDescAttr(descriptor, attribute)->atttypid), attribute,
				   &binding->sources[i]);
	}
	binding->row_descriptor = descriptor;
	binding->row_values = (Datum *)palloc(sizeof(Datum) * Max(descriptor->natts, 1));
	binding->row_nulls = (bool *)palloc(sizeof(bool) * Max(descriptor->natts, 1));
	MemoryContextSwitchTo(old);
	binding->row_identifier = assign_record_type_identifier(type, typmod);
}

float
CategoryValue(const FeatureBinding *binding, uint32 feature, ValueKind kind, Datum value) {
	TextValue text;
	GetText(kind, value, &text);
	float code = kMissing;
	pg::Guard([&] {
		code = binding->model.model->CategoryCode(feature, {text.data, text.length});
	});
	FreeText(&text);
	return code;
}

inline float
ScalarValue(const FeatureBinding *binding, const Feature &feature, ValueKind kind, Datum value) {
	if (feature.type == pgml::FeatureType::kText)
		return CategoryValue(binding, feature.number, kind, value);
	if (unlikely(kind == ValueKind::kUnknown))
		RaiseWrongType(binding, feature, "text");
	return NumberValue(kind, value);
}

/// Fills `width` cells of a row; NULL as a whole is as many missing values.
void
StoreMissing(size_t width, float *cell, size_t ld) {
	for (size_t i = 0; i < width; i++)
		cell[i * ld] = kMissing;
}

/**
 * Elements of an array, nested ones in storage order, into consecutive columns.
 * @param feature  the array feature, or nullptr: the array is the whole vector, text features
 * included
 */
void
StoreArray(const FeatureBinding *binding, const ValueType &type, const Feature *feature,
		   Datum value, float *cell, size_t ld) {
	size_t width = feature != nullptr ? feature->width : binding->width;
	ArrayType *array = DatumGetArrayTypeP(value);
	int n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if ((size_t)n != width)
		RaiseWrongLength(binding, feature, n);
	const char *at = ARR_DATA_PTR(array);
	const bits8 *bitmap = ARR_NULLBITMAP(array);
	const Feature *target = feature != nullptr ? feature : binding->features;
	if (bitmap == nullptr && type.kind == ValueKind::kFloat4) {
		auto *numbers = (const float *)at;
		for (int i = 0; i < n; i++)
			cell[i * ld] = numbers[i];
	} else {
		for (int i = 0; i < n; i++) {
			while ((size_t)i >= target->column + target->width && feature == nullptr)
				target++;
			if (bitmap != nullptr && (bitmap[i / 8] & (1 << (i % 8))) == 0) {
				cell[i * ld] = kMissing;
				continue;
			}
			cell[i * ld] =
				ScalarValue(binding, *target, type.kind, fetch_att(at, type.by_value, type.length));
			at = att_addlength_pointer(at, type.length, at);
			at = (const char *)att_align_nominal(at, type.align);
		}
	}
	if ((Pointer)array != DatumGetPointer(value))
		pfree(array);
}

inline void
StoreSource(const FeatureBinding *binding, const Source &source, Datum value, bool is_null,
			float *matrix, size_t ld, size_t row) {
	const Feature &feature = *source.feature;
	float *cell = matrix + feature.column * ld + row;
	if (is_null || source.skipped)
		StoreMissing(feature.width, cell, ld);
	else if (source.type.is_array)
		StoreArray(binding, source.type, &feature, value, cell, ld);
	else if (unlikely(feature.width > 1)) // an untyped literal for an array feature, and not NULL
		RaiseWrongType(binding, feature, "text");
	else
		*cell = ScalarValue(binding, feature, source.type.kind, value);
}

void
StoreComposite(FeatureBinding *binding, Datum value, float *matrix, size_t ld, size_t row) {
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	Oid type = HeapTupleHeaderGetTypeId(header);
	int32 typmod = HeapTupleHeaderGetTypMod(header);
	if (binding->row_identifier == 0 ||
		binding->row_identifier != assign_record_type_identifier(type, typmod))
		BindRow(binding, type, typmod);
	HeapTupleData tuple = {};
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	heap_deform_tuple(&tuple, binding->row_descriptor, binding->row_values, binding->row_nulls);
	for (int i = 0; i < binding->n_features; i++) {
		const Source &source = binding->sources[i];
		StoreSource(binding, source, binding->row_values[source.attribute],
					binding->row_nulls[source.attribute], matrix, ld, row);
	}
	if ((Pointer)header != DatumGetPointer(value))
		pfree(header);
}

/// Copies the model's features into flat memory.
void
DescribeFeatures(FeatureBinding *binding) {
	const std::vector<pgml::FeatureSpec> &features = binding->model.model->features();
	binding->n_features = (int)features.size();
	binding->features = (Feature *)palloc0(sizeof(Feature) * Max(features.size(), 1));
	binding->sources = (Source *)palloc0(sizeof(Source) * Max(features.size(), 1));
	auto *used = (bool *)palloc(Max(features.size(), 1));
	const pgml::Model *model = binding->model.model;
	pg::Guard([&] {
		std::vector<bool> flags = model->UsedFeatures();
		std::copy(flags.begin(), flags.end(), used);
	});
	for (int i = 0; i < binding->n_features; i++) {
		const pgml::FeatureSpec &spec = features[i];
		CheckModelText(binding->model, spec.name.data(), spec.name.size());
		binding->features[i] = {spec.name.c_str(), spec.type, spec.width,
								binding->width,    (uint32)i, used[i]};
		binding->width += spec.width;
	}
	if (binding->width != binding->model.model->raw_width())
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
						errmsg("model " INT64_FORMAT " is damaged", binding->model.model_id),
						errdetail("The widths of its features do not add up.")));
}

} // namespace

FeatureBinding *
BindFeatures(const BoundModel &model, int n_arguments, const Oid *types, bool variadic,
			 MemoryContext context) {
	MemoryContext old = MemoryContextSwitchTo(context);
	auto *binding = (FeatureBinding *)palloc0(sizeof(FeatureBinding));
	binding->model = model;
	DescribeFeatures(binding);
	ValueType only = {};
	if (n_arguments == 1)
		only = ResolveValueType(types[0]);
	if (only.is_row) {
		binding->form = FeatureForm::kComposite;
		binding->row_context =
			AllocSetContextCreate(context, "pgml row features", ALLOCSET_SMALL_SIZES);
		Oid base = getBaseType(types[0]);
		if (base != RECORDOID)
			BindRow(binding, base, -1);
	} else if (only.is_array || (variadic && n_arguments == 1)) {
		binding->form = FeatureForm::kVector;
		BindVector(binding, only);
	} else {
		binding->form = FeatureForm::kScalars;
		BindScalars(binding, n_arguments, types);
	}
	MemoryContextSwitchTo(old);
	return binding;
}

size_t
BindingWidth(const FeatureBinding *binding) {
	return binding->width;
}

void
StoreRow(FeatureBinding *binding, const Datum *values, const bool *nulls, float *matrix, size_t ld,
		 size_t row) {
	switch (binding->form) {
		case FeatureForm::kScalars:
			for (int i = 0; i < binding->n_features; i++)
				StoreSource(binding, binding->sources[i], values[i], nulls[i], matrix, ld, row);
			break;
		case FeatureForm::kVector:
			if (nulls[0])
				StoreMissing(binding->width, matrix + row, ld);
			else
				StoreArray(binding, binding->vector, nullptr, values[0], matrix + row, ld);
			break;
		case FeatureForm::kComposite:
			if (nulls[0])
				StoreMissing(binding->width, matrix + row, ld);
			else
				StoreComposite(binding, values[0], matrix, ld, row);
			break;
	}
}

bool
BindingReads(const FeatureBinding *binding, int argument) {
	return binding->form != FeatureForm::kScalars || !binding->sources[argument].skipped;
}

int
CountFeatures(const FeatureBinding *binding) {
	return binding->n_features;
}

int
CountFeaturesRead(const FeatureBinding *binding) {
	int n = 0;
	for (int i = 0; i < binding->n_features; i++)
		n += binding->form == FeatureForm::kVector || !binding->sources[i].skipped;
	return n;
}

bool
BindingDirectFeature(const FeatureBinding *binding, int argument, DirectFeature *feature) {
	if (binding->form != FeatureForm::kScalars)
		return false;
	const Source &source = binding->sources[argument];
	if (source.type.is_array || source.feature->width != 1 ||
		source.feature->type == pgml::FeatureType::kText)
		return false;
	switch (source.type.kind) {
		case ValueKind::kInt2:
		case ValueKind::kInt4:
		case ValueKind::kInt8:
		case ValueKind::kFloat4:
		case ValueKind::kFloat8:
		case ValueKind::kBoolean:
			*feature = {source.type.kind, source.feature->column};
			return true;
		default:
			return false;
	}
}

void
CheckModelText(const BoundModel &model, const char *data, size_t length) {
	if (length <= MaxAllocSize / 4 && pg_verifymbstr(data, (int)length, true))
		return;
	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("model " INT64_FORMAT " is damaged", model.model_id),
					errdetail("A name in it is no valid text in the encoding \"%s\".",
							  GetDatabaseEncodingName())));
}

char *
DescribeModel(const BoundModel &model) {
	if (model.project == nullptr)
		return psprintf("model " INT64_FORMAT, model.model_id);
	return psprintf("model " INT64_FORMAT " of project \"%s\"", model.model_id, model.project);
}

} // namespace pgml::am
