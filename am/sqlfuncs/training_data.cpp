/**
 * Streams the rows of a relation from the executor into a pgml::Dataset. See training_data.h.
 *
 * A DestReceiver takes each row as the executor makes it: no cursor, no tuple store, one copy of
 * the data. Rows gather in a chunk of plain memory, which goes into the C++ matrix and dictionaries
 * under one Guard().
 */
#include "am/sqlfuncs/training_data.h"

#include "am/base/guard.h"
#include "am/base/guc.h"
#include "am/sqlfuncs/training_progress.h"

#include <cmath>
#include <cstring>

extern "C" {
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "tcop/dest.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"
}

namespace pgml::am {

namespace {

/// No power of two: columns 4 KB apart would share their lines of the first cache.
constexpr int kMaxChunkRows = 1008;
constexpr int kMaxChunkFloats = 4 * 1024 * 1024;

/// A text in the chunk's memory.
struct ChunkText {
	const char *bytes; ///< nullptr = NULL
	size_t length;
};

/// The receiver of rows. Plain memory.
struct RowReader {
	DestReceiver receiver; // must be first
	const TrainingSource *source;
	Dataset *data;
	MemoryContext chunk_context;
	uint64 rows_done; ///< rows before this chunk
	int chunk_rows, chunk_capacity;
	float *floats;     ///< [raw_width][chunk_capacity]
	ChunkText **texts; ///< per feature: [chunk_capacity] for text features, else nullptr
	ChunkText *labels; ///< [chunk_capacity] for a text target
	double *targets;   ///< [chunk_capacity][n_targets] for other ones
};

/// A target keeps double precision.
double
TargetNumber(ValueKind kind, Datum value) {
	switch (kind) {
		case ValueKind::kFloat8:
			return DatumGetFloat8(value);
		case ValueKind::kInt8:
			return static_cast<double>(DatumGetInt64(value));
		case ValueKind::kInt4:
			return DatumGetInt32(value);
		case ValueKind::kNumeric:
			return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));
		default:
			return NumberValue(kind, value);
	}
}

ChunkText
CopyText(ValueKind kind, Datum value) {
	TextValue text;
	GetText(kind, value, &text);
	auto *copy = (char *)palloc(text.length + 1);
	memcpy(copy, text.data, text.length);
	ChunkText result = {copy, text.length};
	FreeText(&text);
	return result;
}

/// Infinity would drown what the other rows say; a value that float32 cannot hold becomes one.
float
FeatureNumber(const RowReader *reader, const SourceColumn &column, Datum value, int row) {
	float number = NumberValue(column.type.kind, value);
	if (std::isinf(number))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("column \"%s\" is infinite or too large for real in row %llu",
							   column.name, (unsigned long long)(reader->rows_done + row + 1)),
						errhint("Give NULL instead, which counts as missing, or leave such rows "
								"out with a view.")));
	return number;
}

void
StoreArray(RowReader *reader, const SourceColumn &column, Datum value, int row) {
	ArrayType *array = DatumGetArrayTypeP(value);
	Datum *elements;
	bool *nulls;
	int n;
	deconstruct_array(array, ARR_ELEMTYPE(array), column.type.length, column.type.by_value,
					  column.type.align, &elements, &nulls, &n);
	if (n != column.width)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("arrays of different lengths in column \"%s\"", column.name),
				 errdetail("Row %llu has %d elements, others have %d.",
						   (unsigned long long)(reader->rows_done + row + 1), n, column.width)));
	for (int i = 0; i < n; i++)
		reader->floats[static_cast<size_t>(column.first + i) * reader->chunk_capacity + row] =
			nulls[i] ? kMissing : FeatureNumber(reader, column, elements[i], row);
}

void
StoreFeature(RowReader *reader, int feature, Datum value, bool is_null, int row) {
	const SourceColumn &column = reader->source->features[feature];
	if (IsText(column.type.kind)) {
		reader->texts[feature][row] =
			is_null ? ChunkText{nullptr, 0} : CopyText(column.type.kind, value);
	} else if (column.type.is_array && !is_null) {
		StoreArray(reader, column, value, row);
	} else {
		for (int i = 0; i < column.width; i++)
			reader->floats[static_cast<size_t>(column.first + i) * reader->chunk_capacity + row] =
				is_null ? kMissing : FeatureNumber(reader, column, value, row);
	}
}

void
StoreTarget(RowReader *reader, int number, Datum value, bool is_null, int row) {
	const SourceColumn &target = reader->source->targets[number];
	unsigned long long row_number = reader->rows_done + row + 1;
	if (is_null)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("target column \"%s\" is null in row %llu", target.name, row_number),
				 errhint("Leave such rows out with a view: SELECT * FROM %s WHERE %s IS NOT NULL.",
						 reader->source->qualified_name, quote_identifier(target.name))));
	if (IsText(target.type.kind)) {
		reader->labels[row] = CopyText(target.type.kind, value);
		return;
	}
	double *cell = &reader->targets[static_cast<size_t>(row) * reader->source->n_targets + number];
	*cell = TargetNumber(target.type.kind, value);
	if (!std::isfinite(*cell))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("target column \"%s\" is not a finite number in row %llu",
							   target.name, row_number),
						errhint("Leave such rows out with a view.")));
}

/// Raises 53200 when the rows with those of the chunk take more than the setting allows.
void
CheckMemory(const RowReader *reader) {
	const Dataset &data = *reader->data;
	size_t rows = reader->rows_done + reader->chunk_rows;
	size_t bytes = rows * reader->source->raw_width * sizeof(float) +
				   data.target.size() * sizeof(double) + data.target_labels.bytes();
	for (const CategoryDictionary &dictionary : data.dictionaries)
		bytes += dictionary.bytes();
	if (bytes / 1024 > static_cast<size_t>(guc_training_memory))
		ereport(
			ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("the rows of %s take more than \"pgml.training_memory\", %s",
					reader->source->qualified_name,
					GetConfigOptionByName("pgml.training_memory", nullptr, false)),
			 errdetail("Read so far: %llu rows of %d feature values.", (unsigned long long)rows,
					   reader->source->raw_width),
			 errhint(
				 "Raise the setting if the machine has that memory, or read fewer rows or columns "
				 "through a view.")));
}

/// Moves the chunk into the dataset: all C++ of the reader is here.
void
FlushChunk(RowReader *reader) {
	if (reader->chunk_rows == 0)
		return;
	CheckMemory(reader);
	pg::Guard([reader] {
		Dataset &data = *reader->data;
		const TrainingSource &source = *reader->source;
		size_t first = data.raw.rows();
		size_t n = static_cast<size_t>(reader->chunk_rows);
		data.raw.Resize(first + n);
		for (int column = 0; column < source.raw_width; column++)
			memcpy(data.raw.column(column) + first,
				   reader->floats + static_cast<size_t>(column) * reader->chunk_capacity,
				   n * sizeof(float));
		for (int feature = 0; feature < source.n_features; feature++) {
			if (reader->texts[feature] == nullptr)
				continue;
			float *codes = data.raw.column(source.features[feature].first) + first;
			for (size_t row = 0; row < n; row++) {
				const ChunkText &value = reader->texts[feature][row];
				codes[row] = value.bytes == nullptr
								 ? kMissing
								 : static_cast<float>(data.dictionaries[feature].CodeOf(
									   {value.bytes, value.length}));
			}
		}
		if (reader->labels == nullptr)
			data.target.insert(data.target.end(), reader->targets,
							   reader->targets + n * data.n_targets);
		else
			for (size_t row = 0; row < n; row++)
				data.target.push_back(data.target_labels.CodeOf(
					{reader->labels[row].bytes, reader->labels[row].length}));
	});
	reader->rows_done += reader->chunk_rows;
	reader->chunk_rows = 0;
	ReportRowsRead(reader->rows_done);
	MemoryContextReset(reader->chunk_context);
}

bool
ReceiveRow(TupleTableSlot *slot, DestReceiver *self) {
	auto *reader = reinterpret_cast<RowReader *>(self);
	slot_getallattrs(slot);
	MemoryContext caller = MemoryContextSwitchTo(reader->chunk_context);
	int row = reader->chunk_rows;
	int n_features = reader->source->n_features;
	for (int feature = 0; feature < n_features; feature++)
		StoreFeature(reader, feature, slot->tts_values[feature], slot->tts_isnull[feature], row);
	for (int number = 0; number < reader->source->n_targets; number++)
		StoreTarget(reader, number, slot->tts_values[n_features + number],
					slot->tts_isnull[n_features + number], row);
	MemoryContextSwitchTo(caller);
	if (++reader->chunk_rows == reader->chunk_capacity)
		FlushChunk(reader);
	return true;
}

void
NothingToStart(DestReceiver *, int, TupleDesc) {}

void
NothingToDo(DestReceiver *) {}

bool
HasTextTarget(const TrainingSource &source) {
	return source.n_targets == 1 && IsText(source.targets[0].type.kind);
}

RowReader *
MakeReader(const TrainingSource &source, Dataset *data) {
	auto *reader = (RowReader *)palloc0(sizeof(RowReader));
	reader->receiver.receiveSlot = ReceiveRow;
	reader->receiver.rStartup = NothingToStart;
	reader->receiver.rShutdown = NothingToDo;
	reader->receiver.rDestroy = NothingToDo;
	reader->receiver.mydest = DestNone;
	reader->source = &source;
	reader->data = data;
	reader->chunk_context =
		AllocSetContextCreate(CurrentMemoryContext, "pgml training chunk", ALLOCSET_DEFAULT_SIZES);
	int capacity = Max(Min(kMaxChunkRows, kMaxChunkFloats / source.raw_width), 1);
	reader->chunk_capacity = capacity;
	reader->floats = (float *)MemoryContextAllocHuge(CurrentMemoryContext,
													 sizeof(float) * capacity * source.raw_width);
	reader->texts = (ChunkText **)palloc0(sizeof(ChunkText *) * source.n_features);
	for (int i = 0; i < source.n_features; i++)
		if (IsText(source.features[i].type.kind))
			reader->texts[i] = (ChunkText *)palloc(sizeof(ChunkText) * capacity);
	if (HasTextTarget(source))
		reader->labels = (ChunkText *)palloc(sizeof(ChunkText) * capacity);
	else
		reader->targets = (double *)palloc(sizeof(double) * capacity * Max(source.n_targets, 1));
	return reader;
}

void
DescribeDataset(const TrainingSource &source, Dataset *data) {
	pg::Guard([&] {
		for (int i = 0; i < source.n_features; i++) {
			const SourceColumn &column = source.features[i];
			FeatureType type = IsText(column.type.kind)   ? FeatureType::kText
							   : IsTime(column.type.kind) ? FeatureType::kTime
							   : column.type.kind == ValueKind::kBoolean && !column.type.is_array
								   ? FeatureType::kBoolean
								   : FeatureType::kNumber;
			data->features.push_back({column.name, type, static_cast<uint32_t>(column.width)});
		}
		data->dictionaries.resize(source.n_features);
		data->raw = Matrix(source.raw_width, 0);
		data->n_targets = static_cast<size_t>(source.n_targets);
		data->target_is_text = HasTextTarget(source);
		data->target_is_boolean =
			source.n_targets == 1 && source.targets[0].type.kind == ValueKind::kBoolean;
	});
}

void
SetForRead(const char *setting, const char *value) {
	(void)set_config_option(setting, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							false);
}

} // namespace

void
ReadTrainingData(const TrainingSource &source, Dataset *data) {
	StringInfoData sql;
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	for (int i = 0; i < source.n_features; i++)
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(source.features[i].name));
	for (int i = 0; i < source.n_targets; i++)
		appendStringInfo(&sql, ", %s", quote_identifier(source.targets[i].name));
	appendStringInfo(&sql, " FROM %s", source.qualified_name);

	DescribeDataset(source, data);
	RowReader *reader = MakeReader(source, data);
	// Equal tables give equal models: rows come in the order of storage, from one process, starting
	// at the beginning.
	int guc_nest_level = NewGUCNestLevel();
	SetForRead("synchronize_seqscans", "off");
	SetForRead("max_parallel_workers_per_gather", "0");
	SPIExecuteOptions options = {};
	options.dest = &reader->receiver;
	options.must_return_tuples = true;
	int result = SPI_execute_extended(sql.data, &options);
	if (result < 0)
		elog(ERROR, "could not read training data: %s", SPI_result_code_string(result));
	AtEOXact_GUC(false, guc_nest_level);
	FlushChunk(reader);
	MemoryContextDelete(reader->chunk_context);
}

} // namespace pgml::am
