/// Columns at fixed offsets. See direct_columns.h.
#include "am/executor/direct_columns.h"

#include "am/executor/feature_value.h"
#include "pgml/words.h"

extern "C" {
#include "access/tupmacs.h"
}

namespace pgml::am {

namespace {

constexpr int kGroup = pgml::kWordRows; ///< rows
/// Fewer neighbouring columns of words are written one by one.
constexpr int kLeastColumns = 3;

/// Neighbouring features of one kind: columns `column` and on of a prediction's raw matrix, at
/// `offset` and on in the tuple.
struct Run {
	Prediction *prediction;
	size_t column;
	int attribute;
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
	uint32 tuple_bytes; ///< about what is read of a tuple
	int n_attributes;   ///< up to the last one needed
	int n_featured;     ///< up to the last one that feeds a feature
	Attribute *attributes;
	Use *uses;
	int n_runs;
	Run *runs;
	int n_kept; ///< kept columns read directly
	int *kept;  ///< [n_kept] positions among the kept columns
	uint32 *kept_offset;
	/// From this attribute on all are words: float4 features, and what is as wide and aligned and needs no
	/// patch. Their row may have gaps.
	int first_word;
	uint32 first_word_offset;
	pgml::TransposeWordsFunction transpose;

	size_t spread_size; ///< bytes of a spread tuple
	char *spread;       ///< [kGroup * spread_size]
	pgml::WordRow rows[kGroup];
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
		if (prediction->column[i] == kNotRead)
			continue;
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
		if (prediction->column[i] == kNotRead)
			continue;
		FindDirectFeature(prediction->call, i, &feature);
		int attribute = prediction->column[i];
		uint32 offset = direct->attributes[attribute].offset;
		Run *last = direct->n_runs > 0 ? &direct->runs[direct->n_runs - 1] : nullptr;
		if (last != nullptr && last->prediction == prediction && last->kind == feature.kind &&
			last->column + last->n == feature.column && last->attribute + last->n == attribute)
			last->n++;
		else
			direct->runs[direct->n_runs++] = {prediction, feature.column, attribute, offset,
											  1,          feature.kind};
	}
}

void
LayOutWords(DirectColumns *direct) {
	direct->first_word = direct->n_attributes;
	while (direct->first_word > 0) {
		const Attribute &attribute = direct->attributes[direct->first_word - 1];
		if (attribute.length != 4 || attribute.align != 4 || attribute.n_use > 0)
			break;
		direct->first_word--;
	}
	if (direct->first_word < direct->n_attributes)
		direct->first_word_offset = direct->attributes[direct->first_word].offset;
	direct->transpose = pgml::FindTransposeWords();
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
			if (prediction->from_slot || prediction->shares != nullptr)
				continue;
			for (int i = 0; i < prediction->n_features; i++) {
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
StoreKept(DirectColumns *direct, const char *data, int row, int n_present) {
	KeptColumns *kept = &direct->batch->kept;
	Datum *values = kept->values + (size_t)row * kept->n;
	bool *nulls = kept->nulls + (size_t)row * kept->n;
	for (int i = 0; i < direct->n_kept; i++) {
		int k = direct->kept[i];
		nulls[k] = kept->source[k] >= n_present;
		values[k] =
			nulls[k] ? (Datum)0 : fetch_att(data + direct->kept_offset[i], true, kept->length[k]);
	}
}

/// The first `n` attributes of the tuple are not NULL.
inline bool
FirstArePresent(HeapTupleHeader tuple, int n) {
	const bits8 *bitmap = tuple->t_bits;
	// Eight bytes at a time: of more than eight attributes there are two bytes of bitmap at least, and the
	// padding behind them, which ends at a multiple of eight, has room for the others.
	while (n > 8) {
		uint64 bits;
		memcpy(&bits, bitmap, sizeof(bits));
		uint64 wanted = n >= 64 ? ~UINT64CONST(0) : (UINT64CONST(1) << n) - 1;
		if ((bits & wanted) != wanted)
			return false;
		if (n <= 64)
			return true;
		bitmap += sizeof(bits);
		n -= 64;
	}
	unsigned wanted = (1u << n) - 1;
	return (*bitmap & wanted) == wanted;
}

/// Kept columns of a tuple that has NULLs among its words only.
void
StoreKeptWithGaps(DirectColumns *direct, const char *data, const bits8 *bitmap, int row) {
	KeptColumns *kept = &direct->batch->kept;
	Datum *values = kept->values + (size_t)row * kept->n;
	bool *nulls = kept->nulls + (size_t)row * kept->n;
	for (int i = 0; i < direct->n_kept; i++) {
		int k = direct->kept[i];
		uint32 offset = direct->kept_offset[i];
		nulls[k] = att_isnull(kept->source[k], bitmap);
		if (nulls[k]) {
			values[k] = (Datum)0;
			continue;
		}
		for (int a = direct->first_word; a < kept->source[k]; a++)
			if (att_isnull(a, bitmap))
				offset -= 4;
		values[k] = fetch_att(data + offset, true, kept->length[k]);
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

/// Attributes behind those that feed features are all NULL, as stored predictions are.
inline bool
RestIsNull(const DirectColumns *direct, HeapTupleHeader tuple) {
	for (int a = direct->n_featured; a < direct->n_attributes; a++)
		if (!att_isnull(a, tuple->t_bits))
			return false;
	return true;
}

/// Notes where the tuple's values are.
pg_attribute_always_inline void
AddTuple(DirectColumns *direct, HeapTupleHeader tuple, int row) {
	pgml::WordRow *added = &direct->rows[direct->n_rows++];
	*added = {(const char *)tuple + tuple->t_hoff, nullptr};
	// A row with a prediction column has a NULL, but behind the features as a rule.
	if ((tuple->t_infomask & HEAP_HASNULL) == 0 || FirstArePresent(tuple, direct->n_attributes)) {
		if (direct->n_kept > 0)
			StoreKept(direct, added->data, row, direct->n_attributes);
	} else if (FirstArePresent(tuple, direct->first_word)) {
		added->present = tuple->t_bits;
		if (direct->n_kept > 0)
			StoreKeptWithGaps(direct, added->data, tuple->t_bits, row);
	} else if (FirstArePresent(tuple, direct->n_featured) && RestIsNull(direct, tuple)) {
		StoreKept(direct, added->data, row, direct->n_featured);
	} else {
		char *spread = direct->spread + (direct->n_rows - 1) * direct->spread_size;
		SpreadTuple(direct, tuple, spread, row);
		added->data = spread;
	}
}

template <typename T>
void
WriteColumn(const pgml::WordRow *rows, int n_rows, uint32 offset, float *cell) {
	for (int r = 0; r < n_rows; r++) {
		T value;
		memcpy(&value, rows[r].data + offset, sizeof(T));
		cell[r] = static_cast<float>(value);
	}
}

void
WriteOneColumn(const Run &run, int i, const pgml::WordRow *rows, int n_rows, float *cell) {
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

/// Integers as they were transposed, bit by bit, become numbers.
void
ConvertIntegers(float *cell, size_t ld, int n_columns, int n_rows) {
	for (int c = 0; c < n_columns; c++, cell += ld)
		for (int r = 0; r < n_rows; r++) {
			int32 value;
			memcpy(&value, &cell[r], sizeof(value));
			cell[r] = static_cast<float>(value);
		}
}

void
WriteRun(const DirectColumns *direct, const Run &run) {
	size_t ld = run.prediction->raw.ld;
	float *cell = run.prediction->raw.data + run.column * ld + direct->first_row;
	bool is_word = run.kind == ValueKind::kFloat4 || run.kind == ValueKind::kInt4;
	bool may_have_gaps = run.attribute >= direct->first_word;
	if (is_word && (may_have_gaps || run.n >= kLeastColumns)) {
		pgml::WordRange range = {run.offset, (size_t)run.attribute, 0, (size_t)run.n};
		if (may_have_gaps)
			range = {direct->first_word_offset, (size_t)direct->first_word,
					 (size_t)(run.attribute - direct->first_word), (size_t)run.n};
		direct->transpose(direct->rows, (size_t)direct->n_rows, range, cell, ld);
		if (run.kind == ValueKind::kInt4)
			ConvertIntegers(cell, ld, run.n, direct->n_rows);
		return;
	}
	for (int i = 0; i < run.n; i++)
		WriteOneColumn(run, i, direct->rows, direct->n_rows, cell + i * ld);
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
	int n_featured = n_needed;
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
	direct->n_featured = n_featured;
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
	LayOutWords(direct);
	direct->tuple_bytes = (uint32)direct->spread_size;
	direct->spread = (char *)palloc(direct->spread_size * kGroup);
	direct->patches = (Patch *)palloc(sizeof(Patch) * Max(n_features, 1) * kGroup);
	return direct;
}

int
AddDirectRows(DirectColumns *direct, HeapReader *reader, int n, int row) {
	HeapTupleHeader tuples[kGroup];
	int taken = 0;
	while (taken < n) {
		// First where they are, then a look at each: the processor then waits for several at once. All of them come from the
		// second-level cache (PrefetchNextPage) to the first one while that goes on.
		int n_tuples = Min(kGroup - direct->n_rows, n - taken);
		const OffsetNumber *offsets = HeapRowOffsets(reader);
		for (int i = 0; i < n_tuples; i++)
			tuples[i] =
				(HeapTupleHeader)PageGetItem(reader->page, PageGetItemId(reader->page, offsets[i]));
		if (direct->n_rows == 0)
			direct->first_row = row + taken;
		for (int i = 0; i < n_tuples; i++) {
			if (HeapTupleHeaderGetNatts(tuples[i]) < direct->n_attributes)
				return taken + i;
			AddTuple(direct, tuples[i], row + taken + i);
			PrefetchNextPage(reader);
			reader->position++;
		}
		taken += n_tuples;
		if (direct->n_rows == kGroup)
			FlushDirectRows(direct);
	}
	return taken;
}

bool
AddDirectRow(DirectColumns *direct, HeapTupleHeader tuple, int row) {
	if (HeapTupleHeaderGetNatts(tuple) < direct->n_attributes)
		return false;
	if (direct->n_rows == 0)
		direct->first_row = row;
	AddTuple(direct, tuple, row);
	if (direct->n_rows == kGroup)
		FlushDirectRows(direct);
	return true;
}

void
FlushDirectRows(DirectColumns *direct) {
	if (direct->n_rows == 0)
		return;
	for (int i = 0; i < direct->n_runs; i++)
		WriteRun(direct, direct->runs[i]);
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
			int column = prediction->column[i];
			batch->feature_nulls[i] = column == kNotRead || slot->tts_isnull[column];
			if (!batch->feature_nulls[i])
				batch->feature_values[i] = slot->tts_values[column];
		}
		StoreFeatures(prediction->call, batch->feature_values, batch->feature_nulls,
					  prediction->raw.data, prediction->raw.ld, row);
	}
}

} // namespace pgml::am
