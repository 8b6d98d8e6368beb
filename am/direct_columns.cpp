/// Columns at fixed offsets. See direct_columns.h.
#include "am/direct_columns.h"

#include "am/feature_value.h"

extern "C" {
#include "access/tupmacs.h"
}

namespace pgml::am {

namespace {

constexpr int kGroup = 16; ///< rows

/// Neighbouring features of one kind: columns `column` and on of a prediction's raw matrix, at
/// `offset` and on in the tuple.
struct Run {
	Prediction *prediction;
	size_t column;
	uint32 offset;
	int n;
	ValueKind kind;
};

/// A feature whose NULL has no value that its type could hold.
struct Patch {
	Prediction *prediction;
	size_t column;
	int row;
};

struct Attribute {
	uint32 offset; ///< in a tuple without NULLs
	int16 length;
	uint8 align;            ///< in bytes
	uint8 null_pattern;     ///< 0: all bytes zero (and a patch), 4 or 8: a NaN of that width
	int16 kept;             ///< position among the kept columns, or -1
	int16 first_use, n_use; ///< features fed by it, in DirectColumns::uses
};

/// One feature fed by an attribute.
struct Use {
	Prediction *prediction;
	size_t column;
};

} // namespace

struct DirectColumns {
	PredictionBatch *batch;
	int n_attributes; ///< up to the last one needed
	Attribute *attributes;
	Use *uses;
	int n_runs;
	Run *runs;
	int n_kept; ///< kept columns read directly
	int *kept;  ///< [n_kept] positions among the kept columns
	uint32 *kept_offset;
	bool all_words; ///< every attribute is a float4, or as wide and aligned and with no patches

	size_t spread_size; ///< bytes of a spread tuple
	char *spread;       ///< [kGroup * spread_size]
	const char *rows[kGroup];
	int first_row, n_rows;
	int n_patches;
	Patch *patches; ///< [kGroup * features]
};

namespace {

int
AlignBytes(char align) {
	switch (align) {
		case TYPALIGN_CHAR:
			return 1;
		case TYPALIGN_SHORT:
			return ALIGNOF_SHORT;
		case TYPALIGN_INT:
			return ALIGNOF_INT;
		default:
			return ALIGNOF_DOUBLE;
	}
}

int
KindWidth(ValueKind kind) {
	switch (kind) {
		case ValueKind::kBoolean:
			return 1;
		case ValueKind::kInt2:
			return 2;
		case ValueKind::kInt4:
		case ValueKind::kFloat4:
			return 4;
		default:
			return 8;
	}
}

/// Attributes at fixed offsets, from the first on.
int
FixedAttributes(TupleDesc descriptor) {
	int n = 0;
	while (n < descriptor->natts && TupleDescAttr(descriptor, n)->attlen > 0)
		n++;
	return n;
}

/// Every feature of the prediction is a plain number in one of the first `n_fixed` attributes.
bool
IsDirect(const Prediction *prediction, int n_fixed) {
	for (int i = 0; i < prediction->n_features; i++) {
		DirectFeature feature;
		if (prediction->column[i] < 0 || prediction->column[i] >= n_fixed ||
			!FindDirectFeature(prediction->call, i, &feature))
			return false;
	}
	return prediction->n_features > 0;
}

void
LayOutAttributes(DirectColumns *direct, TupleDesc descriptor) {
	uint32 offset = 0;
	for (int i = 0; i < direct->n_attributes; i++) {
		Form_pg_attribute form = TupleDescAttr(descriptor, i);
		Attribute *attribute = &direct->attributes[i];
		attribute->align = AlignBytes(form->attalign);
		offset = TYPEALIGN(attribute->align, offset);
		attribute->offset = offset;
		attribute->length = form->attlen;
		attribute->kept = -1;
		offset += form->attlen;
	}
	direct->spread_size = MAXALIGN(offset);
}

/// Runs of the prediction, merged where features and attributes are neighbours.
void
AddRuns(DirectColumns *direct, Prediction *prediction) {
	for (int i = 0; i < prediction->n_features; i++) {
		DirectFeature feature;
		FindDirectFeature(prediction->call, i, &feature);
		uint32 offset = direct->attributes[prediction->column[i]].offset;
		Run *last = direct->n_runs > 0 ? &direct->runs[direct->n_runs - 1] : nullptr;
		if (last != nullptr && last->prediction == prediction && last->kind == feature.kind &&
			last->column + last->n == feature.column &&
			last->offset + last->n * KindWidth(feature.kind) == offset)
			last->n++;
		else
			direct->runs[direct->n_runs++] = {prediction, feature.column, offset, 1, feature.kind};
	}
}

void
AddUses(DirectColumns *direct, int n_features) {
	direct->uses = (Use *)palloc(sizeof(Use) * n_features);
	int n_uses = 0;
	PredictionBatch *batch = direct->batch;
	for (int a = 0; a < direct->n_attributes; a++) {
		Attribute *attribute = &direct->attributes[a];
		attribute->first_use = n_uses;
		for (int p = 0; p < batch->n_predictions; p++) {
			Prediction *prediction = &batch->predictions[p];
			for (int i = 0; !prediction->from_slot && i < prediction->n_features; i++) {
				if (prediction->column[i] != a)
					continue;
				DirectFeature feature;
				FindDirectFeature(prediction->call, i, &feature);
				bool has_nan =
					feature.kind == ValueKind::kFloat4 || feature.kind == ValueKind::kFloat8;
				if (has_nan)
					attribute->null_pattern = KindWidth(feature.kind);
				else
					direct->uses[n_uses++] = {prediction, feature.column};
			}
		}
		attribute->n_use = n_uses - attribute->first_use;
	}
}

void
StoreKept(DirectColumns *direct, const char *data, int row) {
	KeptColumns *kept = &direct->batch->kept;
	Datum *values = kept->values + (size_t)row * kept->n;
	bool *nulls = kept->nulls + (size_t)row * kept->n;
	for (int i = 0; i < direct->n_kept; i++) {
		int k = direct->kept[i];
		values[k] = fetch_att(data + direct->kept_offset[i], true, kept->length[k]);
		nulls[k] = false;
	}
}

/// Copies a tuple with NULLs to the layout of one without.
void
SpreadTuple(DirectColumns *direct, HeapTupleHeader tuple, char *out, int row) {
	const char *data = (const char *)tuple + tuple->t_hoff;
	const bits8 *bitmap = tuple->t_bits;
	KeptColumns *kept = &direct->batch->kept;
	uint32 offset = 0;
	for (int a = 0; a < direct->n_attributes; a++) {
		const Attribute &attribute = direct->attributes[a];
		char *target = out + attribute.offset;
		bool is_null = att_isnull(a, bitmap);
		if (!is_null) {
			offset = TYPEALIGN(attribute.align, offset);
			switch (attribute.length) {
				case 4:
					memcpy(target, data + offset, 4);
					break;
				case 8:
					memcpy(target, data + offset, 8);
					break;
				default:
					memcpy(target, data + offset, attribute.length);
			}
			offset += attribute.length;
		}
#if PGML_PLANT == 5
		else if (attribute.null_pattern == 4)
			memset(target, 0, 4);
#endif
		else if (attribute.null_pattern == 4)
			memcpy(target, &kMissing, 4);
		else if (attribute.null_pattern == 8) {
			constexpr double kMissingDouble = std::numeric_limits<double>::quiet_NaN();
			memcpy(target, &kMissingDouble, 8);
		} else {
			memset(target, 0, attribute.length);
			for (int i = 0; i < attribute.n_use; i++) {
				const Use &use = direct->uses[attribute.first_use + i];
				direct->patches[direct->n_patches++] = {use.prediction, use.column, row};
			}
		}
		if (attribute.kept >= 0) {
			size_t cell = (size_t)row * kept->n + attribute.kept;
			kept->nulls[cell] = is_null;
			kept->values[cell] =
				is_null ? (Datum)0 : fetch_att(target, true, kept->length[attribute.kept]);
		}
	}
}

/// The same where all attributes are words: eight at a time while there is no NULL.
void
SpreadWords(const DirectColumns *direct, HeapTupleHeader tuple, char *out) {
	const char *data = (const char *)tuple + tuple->t_hoff;
	for (int first = 0; first < direct->n_attributes; first += 8) {
		unsigned present = tuple->t_bits[first / 8];
		int n = Min(8, direct->n_attributes - first);
		if (present == 0xff && n == 8) {
			memcpy(out, data, 32);
			data += 32;
		} else
			for (int i = 0; i < n; i++) {
				// Without a branch: NULLs come at random. What is read past the last value is
				// still in the page.
				bool is_present = (present >> i) & 1;
				const char *source = is_present ? data : (const char *)&kMissing;
				memcpy(out + 4 * i, source, 4);
				data += is_present ? 4 : 0;
			}
		out += 32;
	}
}

using Float4 = float __attribute__((vector_size(16)));
using Int4 = int __attribute__((vector_size(16)));

inline Float4
LoadFour(const char *data) {
	Float4 value;
	memcpy(&value, data, sizeof(value));
	return value;
}

inline void
StoreFour(float *cell, Float4 value) {
	memcpy(cell, &value, sizeof(value));
}

/// Four columns of four rows.
inline void
Transpose(const char *const *rows, uint32 offset, float *cell, size_t ld) {
	Float4 a = LoadFour(rows[0] + offset), b = LoadFour(rows[1] + offset);
	Float4 c = LoadFour(rows[2] + offset), d = LoadFour(rows[3] + offset);
	Float4 ab_low = __builtin_shuffle(a, b, Int4{0, 4, 1, 5});
	Float4 ab_high = __builtin_shuffle(a, b, Int4{2, 6, 3, 7});
	Float4 cd_low = __builtin_shuffle(c, d, Int4{0, 4, 1, 5});
	Float4 cd_high = __builtin_shuffle(c, d, Int4{2, 6, 3, 7});
	StoreFour(cell, __builtin_shuffle(ab_low, cd_low, Int4{0, 1, 4, 5}));
	StoreFour(cell + ld, __builtin_shuffle(ab_low, cd_low, Int4{2, 3, 6, 7}));
	StoreFour(cell + 2 * ld, __builtin_shuffle(ab_high, cd_high, Int4{0, 1, 4, 5}));
	StoreFour(cell + 3 * ld, __builtin_shuffle(ab_high, cd_high, Int4{2, 3, 6, 7}));
}

template <typename T>
void
WriteColumn(const char *const *rows, int n_rows, uint32 offset, float *cell) {
	for (int r = 0; r < n_rows; r++) {
		T value;
		memcpy(&value, rows[r] + offset, sizeof(T));
		cell[r] = static_cast<float>(value);
	}
}

void
WriteOneColumn(const Run &run, int i, const char *const *rows, int n_rows, float *cell) {
	uint32 offset = run.offset + i * KindWidth(run.kind);
	switch (run.kind) {
		case ValueKind::kFloat4:
			return WriteColumn<float>(rows, n_rows, offset, cell);
		case ValueKind::kFloat8:
			return WriteColumn<double>(rows, n_rows, offset, cell);
		case ValueKind::kInt2:
			return WriteColumn<int16>(rows, n_rows, offset, cell);
		case ValueKind::kInt4:
			return WriteColumn<int32>(rows, n_rows, offset, cell);
		case ValueKind::kInt8:
			return WriteColumn<int64>(rows, n_rows, offset, cell);
		default:
			return WriteColumn<int8>(rows, n_rows, offset, cell); // boolean: 0 or 1
	}
}

void
WriteRun(const Run &run, const char *const *rows, int n_rows, int first_row) {
	size_t ld = run.prediction->raw.ld;
	float *cell = run.prediction->raw.data + run.column * ld + first_row;
	int i = 0;
	if (run.kind == ValueKind::kFloat4) {
		// A whole line of a column (16 rows) is written before the next four columns.
		for (; i + 4 <= run.n; i += 4) {
			uint32 offset = run.offset + 4 * (uint32)i;
			float *to = cell + (size_t)i * ld;
			int r = 0;
			for (; r + 4 <= n_rows; r += 4)
				Transpose(rows + r, offset, to + r, ld);
			for (; r < n_rows; r++)
				for (int j = 0; j < 4; j++)
					memcpy(to + (size_t)j * ld + r, rows[r] + offset + 4 * j, 4);
		}
	}
	for (; i < run.n; i++)
		WriteOneColumn(run, i, rows, n_rows, cell + i * ld);
}

} // namespace

DirectColumns *
LayOutDirectColumns(PredictionBatch *batch, TupleDesc descriptor) {
	int n_fixed = FixedAttributes(descriptor), n_needed = 0, n_features = 0, n_kept = 0;
	for (int p = 0; p < batch->n_predictions; p++) {
		Prediction *prediction = &batch->predictions[p];
		if (prediction->shares != nullptr || !IsDirect(prediction, n_fixed))
			continue;
		prediction->from_slot = false;
		n_features += prediction->n_features;
		for (int i = 0; i < prediction->n_features; i++)
			n_needed = Max(n_needed, prediction->column[i] + 1);
	}
	KeptColumns *kept = &batch->kept;
	for (int i = 0; i < kept->n; i++) {
		if (kept->source[i] < 0 || kept->source[i] >= n_fixed || !kept->by_value[i])
			continue;
		kept->from_slot[i] = false;
		n_needed = Max(n_needed, kept->source[i] + 1);
		n_kept++;
	}
	ReadColumnsFromSlot(batch);
	if (n_needed == 0)
		return nullptr;

	auto *direct = (DirectColumns *)palloc0(sizeof(DirectColumns));
	direct->batch = batch;
	direct->n_attributes = n_needed;
	direct->attributes = (Attribute *)palloc0(sizeof(Attribute) * n_needed);
	LayOutAttributes(direct, descriptor);
	direct->runs = (Run *)palloc(sizeof(Run) * Max(n_features, 1));
	for (int p = 0; p < batch->n_predictions; p++)
		if (!batch->predictions[p].from_slot && batch->predictions[p].shares == nullptr)
			AddRuns(direct, &batch->predictions[p]);
	AddUses(direct, Max(n_features, 1));
	direct->kept = (int *)palloc(sizeof(int) * Max(n_kept, 1));
	direct->kept_offset = (uint32 *)palloc(sizeof(uint32) * Max(n_kept, 1));
	for (int i = 0; i < kept->n; i++) {
		if (kept->from_slot[i])
			continue;
		Attribute *attribute = &direct->attributes[kept->source[i]];
		attribute->kept = i;
		direct->kept[direct->n_kept] = i;
		direct->kept_offset[direct->n_kept++] = attribute->offset;
	}
	direct->all_words = n_kept == 0;
	for (int a = 0; a < n_needed; a++)
		direct->all_words &= direct->attributes[a].length == 4 &&
							 direct->attributes[a].align == 4 && direct->attributes[a].n_use == 0;
	// Eight words more than needed: SpreadWords writes in eights.
	direct->spread_size += 32;
	direct->spread = (char *)palloc(direct->spread_size * kGroup);
	direct->patches = (Patch *)palloc(sizeof(Patch) * Max(n_features, 1) * kGroup);
	return direct;
}

bool
AddDirectRow(DirectColumns *direct, HeapTupleHeader tuple, int row) {
	if (HeapTupleHeaderGetNatts(tuple) < direct->n_attributes)
		return false;
	if (direct->n_rows == 0)
		direct->first_row = row;
	const char *data = (const char *)tuple + tuple->t_hoff;
	if ((tuple->t_infomask & HEAP_HASNULL) == 0) {
		if (direct->n_kept > 0)
			StoreKept(direct, data, row);
	} else {
		char *spread = direct->spread + direct->n_rows * direct->spread_size;
		if (direct->all_words)
			SpreadWords(direct, tuple, spread);
		else
			SpreadTuple(direct, tuple, spread, row);
		data = spread;
	}
	direct->rows[direct->n_rows++] = data;
	if (direct->n_rows == kGroup)
		FlushDirectRows(direct);
	return true;
}

void
FlushDirectRows(DirectColumns *direct) {
	if (direct->n_rows == 0)
		return;
	for (int i = 0; i < direct->n_runs; i++)
		WriteRun(direct->runs[i], direct->rows, direct->n_rows, direct->first_row);
	for (int i = 0; i < direct->n_patches; i++) {
		const Patch &patch = direct->patches[i];
		RawFeatures *raw = &patch.prediction->raw;
		raw->data[patch.column * raw->ld + patch.row] = kMissing;
	}
	direct->n_rows = direct->n_patches = 0;
}

void
StoreDirectFromSlot(DirectColumns *direct, TupleTableSlot *slot, int row) {
	FlushDirectRows(direct); // what follows starts a new group
	PredictionBatch *batch = direct->batch;
	slot_getsomeattrs(slot, direct->n_attributes);
	for (int i = 0; i < direct->n_kept; i++) {
		int k = direct->kept[i];
		size_t cell = (size_t)row * batch->kept.n + k;
		batch->kept.values[cell] = slot->tts_values[batch->kept.source[k]];
		batch->kept.nulls[cell] = slot->tts_isnull[batch->kept.source[k]];
	}
	for (int p = 0; p < batch->n_predictions; p++) {
		Prediction *prediction = &batch->predictions[p];
		if (prediction->from_slot || prediction->shares != nullptr)
			continue;
		for (int i = 0; i < prediction->n_features; i++) {
			batch->feature_values[i] = slot->tts_values[prediction->column[i]];
			batch->feature_nulls[i] = slot->tts_isnull[prediction->column[i]];
		}
		StoreFeatures(prediction->call, batch->feature_values, batch->feature_nulls,
					  prediction->raw.data, prediction->raw.ld, row);
	}
}

} // namespace pgml::am
