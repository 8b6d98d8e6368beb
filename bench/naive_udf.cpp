/**
 * The incumbent's way, for comparison: a SQL function that predicts one row with libxgboost itself.
 *
 * Benchmarks only; never installed with the extension. One model per session, kept in this file:
 *   naive_train(query text, rounds int, depth int) -> bigint   trains on the query's rows, last
 * column the target naive_predict(VARIADIC features "any") -> float8               a DMatrix of one
 * row, XGBoosterPredict, free
 *
 * Features are float4 and are read as such, without conversions that a fair comparison would have
 * to explain.
 */
#include "am/base/pg.h"

#include <xgboost/c_api.h>

extern "C" {
#include "executor/spi.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;
}

namespace {

constexpr int kMaxFeatures = 1024;
BoosterHandle booster = nullptr;

/// Raises what libxgboost says when a call of it failed.
void
Check(int status) {
	if (status != 0)
		ereport(ERROR, (errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
						errmsg("libxgboost: %s", XGBGetLastError())));
}

void
SetParameter(const char *name, const char *value) {
	Check(XGBoosterSetParam(booster, name, value));
}

} // namespace

PGML_FUNCTION(naive_train) {
	char *query = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int rounds = PG_GETARG_INT32(1);
	int depth = PG_GETARG_INT32(2);

	SPI_connect();
	if (SPI_execute(query, true, 0) != SPI_OK_SELECT)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("not a SELECT")));
	uint64 n_rows = SPI_processed;
	TupleDesc desc = SPI_tuptable->tupdesc;
	int width = desc->natts - 1;
	auto *features = static_cast<float *>(
		MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * n_rows * width));
	auto *target =
		static_cast<float *>(MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * n_rows));
	for (uint64 row = 0; row < n_rows; row++) {
		bool is_null;
		HeapTuple tuple = SPI_tuptable->vals[row];
		for (int column = 0; column < width; column++)
			features[row * width + column] =
				DatumGetFloat4(SPI_getbinval(tuple, desc, column + 1, &is_null));
		target[row] = DatumGetFloat4(SPI_getbinval(tuple, desc, width + 1, &is_null));
	}

	DMatrixHandle matrix;
	Check(XGDMatrixCreateFromMat(features, n_rows, width, __builtin_nanf(""), &matrix));
	Check(XGDMatrixSetFloatInfo(matrix, "label", target, n_rows));
	if (booster)
		XGBoosterFree(booster);
	Check(XGBoosterCreate(&matrix, 1, &booster));
	SetParameter("nthread", "1");
	SetParameter("tree_method", "hist");
	SetParameter("max_depth", psprintf("%d", depth));
	SetParameter("objective", "reg:squarederror");
	for (int round = 0; round < rounds; round++) {
		CHECK_FOR_INTERRUPTS();
		Check(XGBoosterUpdateOneIter(booster, round, matrix));
	}
	XGDMatrixFree(matrix);
	SPI_finish();
	PG_RETURN_INT64(static_cast<int64>(n_rows));
}

PGML_FUNCTION(naive_predict) {
	float row[kMaxFeatures];
	int width = PG_NARGS();
	if (!booster || width > kMaxFeatures)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("train in this session first")));
	for (int column = 0; column < width; column++)
		row[column] = PG_ARGISNULL(column) ? __builtin_nanf("") : PG_GETARG_FLOAT4(column);
	DMatrixHandle matrix;
	bst_ulong n_values;
	const float *values;
	Check(XGDMatrixCreateFromMat(row, 1, width, __builtin_nanf(""), &matrix));
	Check(XGBoosterPredict(booster, matrix, 0, 0, 0, &n_values, &values));
	double result = values[0];
	XGDMatrixFree(matrix);
	PG_RETURN_FLOAT8(result);
}
