/**
 * Reading features from table pages, alone: the product's reader (am/heap_reader, am/direct_columns, compiled into this library) beside
 * the server's slots. Benchmarks only.
 *
 *   extract_features(table regclass, features int, how text) -> float8
 *     the first `features` columns, float4, into a column-major batch of 1024 rows, over and over; the result is the sum of
 *     every 1024th row's features without NULLs, so that both ways can be compared
 *     how: 'pages' or 'slots' (table_scan_getnextslot, slot_getallattrs)
 */
#include "am/executor/direct_columns.h"
#include "am/executor/heap_reader.h"
#include "am/table/tableam.h"

#include <cmath>

extern "C" {
#include "access/table.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

// What direct_columns and heap_reader need of the rest of the extension: every argument is a float4 feature.
namespace pgml::am {

bool
IsPgmlRelation(Relation) {
	return false;
}

bool
FindDirectFeature(const PredictCall *, int argument, DirectFeature *feature) {
	*feature = {ValueKind::kFloat4, (size_t)argument};
	return true;
}

void
ReadColumnsFromSlot(PredictionBatch *) {}

void
StoreFeatures(PredictCall *, const Datum *, const bool *, float *, size_t, size_t) {
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a row is older than its table")));
}

namespace {

constexpr int kBatch = 1024;

/// Sum of the last row of a batch.
double
Checksum(const RawFeatures &raw, int rows) {
	double sum = 0;
	for (size_t column = 0; column < raw.width; column++) {
		float value = raw.data[column * raw.ld + (size_t)rows - 1];
		if (!std::isnan(value))
			sum += value;
	}
	return sum;
}

double
FromSlots(Relation relation, RawFeatures *raw) {
	TableScanDesc scan = table_beginscan(relation, GetActiveSnapshot(), 0, nullptr);
	TupleTableSlot *slot = table_slot_create(relation, nullptr);
	double sum = 0;
	int row = 0;
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
		slot_getallattrs(slot);
		for (size_t i = 0; i < raw->width; i++)
			raw->data[i * raw->ld + row] =
				slot->tts_isnull[i] ? kMissing : DatumGetFloat4(slot->tts_values[i]);
		if (++row == kBatch) {
			sum += Checksum(*raw, row);
			row = 0;
		}
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	return sum;
}

double
FromPages(Relation relation, PredictionBatch *batch) {
	DirectColumns *direct = LayOutDirectColumns(batch, RelationGetDescr(relation));
	HeapReader reader = {};
	reader.relation = relation;
	reader.slot = table_slot_create(relation, nullptr);
	BeginHeapReader(&reader, GetActiveSnapshot(), nullptr);
	double sum = 0;
	int row = 0;
	while (NextHeapPage(&reader)) {
		while (reader.position < reader.n_rows) {
			int n = Min(reader.n_rows - reader.position, kBatch - row);
			if (AddDirectRows(direct, &reader, n, row) < n)
				StoreFeatures(nullptr, nullptr, nullptr, nullptr, 0, 0);
			row += n;
			if (row == kBatch) {
				FlushDirectRows(direct);
				sum += Checksum(batch->predictions[0].raw, row);
				row = 0;
			}
		}
		FlushDirectRows(direct);
	}
	ExecDropSingleTupleTableSlot(reader.slot);
	EndHeapReader(&reader);
	return sum;
}

} // namespace

} // namespace pgml::am

PGML_FUNCTION(extract_features) {
	using namespace pgml::am;
	Relation relation = table_open(PG_GETARG_OID(0), AccessShareLock);
	int n = PG_GETARG_INT32(1);
	Prediction prediction = {};
	prediction.n_features = n;
	prediction.column = (int *)palloc(sizeof(int) * (Size)n);
	for (int i = 0; i < n; i++)
		prediction.column[i] = i;
	prediction.from_slot = true;
	prediction.raw.width = (size_t)n;
	prediction.raw.ld = pgml::PaddedLeadingDimension(kBatch);
	prediction.raw.data = (float *)palloc0(sizeof(float) * prediction.raw.ld * (Size)n);
	PredictionBatch batch = {};
	batch.n_predictions = 1;
	batch.predictions = &prediction;
	bool pages = strcmp(text_to_cstring(PG_GETARG_TEXT_PP(2)), "pages") == 0;
	double sum = pages ? FromPages(relation, &batch) : FromSlots(relation, &prediction.raw);
	table_close(relation, AccessShareLock);
	PG_RETURN_FLOAT8(sum);
}
