#pragma once
/**
 * A family call made ready for evaluation: model, feature layout, conversion from datums to raw
 * floats.
 *
 * Shared by the SQL functions (one row at a time) and the PgmlPredict node (batches), so that both
 * give the same answer and the same errors by construction.
 */
#include "am/base/pg.h"
#include "am/executor/feature_value.h"
#include "am/executor/predict_functions.h"
#include "pgml/matrix.h"

namespace pgml {
class Model;
}

namespace pgml::am {

/// How the feature arguments of a call are laid out; known from the argument types alone.
enum class FeatureForm : uint8_t {
	kScalars,   ///< one argument per feature (array arguments stand for array features)
	kVector,    ///< a single array: the whole feature vector
	kComposite, ///< a single row: matched by column name where it has names, by position where not
};

/// Opaque: see predict_call.cpp. Lives in a memory context, owns its scratch memory through it.
struct PredictCall;

/**
 * Prepares a call for a model. Argument types are those of the feature arguments only (without
 * project and label).
 * @param variadic  the call used the VARIADIC keyword: its single feature argument is an array
 * @throws (ereport) 42804/42883-class errors naming the model's features on a wrong count or type
 */
PredictCall *PreparePredictCall(Member member, const char *project, int64 model_id, int n_features,
								const Oid *types, bool variadic, MemoryContext context);

/// False when no value of such arguments can make the call raise an error, so that it may be
/// evaluated for rows whose result nobody asks for (a branch of CASE that is not taken). Arrays can
/// have the wrong length, rows the wrong columns.
bool FeatureArgumentsMayFail(int n_features, const Oid *types);

/// Class label for class_probability; must be called before evaluation. 22023 for an unknown label
/// (lists the labels).
void SetClassLabel(PredictCall *call, Datum label_text);

/// Width of the raw matrix a caller must provide.
size_t RawWidth(const PredictCall *call);

/// A feature whose value is a plain number of fixed width.
struct DirectFeature {
	ValueKind kind; ///< kInt2 .. kFloat8 or kBoolean
	size_t column;  ///< in the raw matrix
};

/// True when NumberValue(kind, datum) of the argument, or NaN for NULL, is all that StoreFeatures
/// stores for it.
bool FindDirectFeature(const PredictCall *call, int argument, DirectFeature *feature);

/// False for an argument whose value StoreFeatures does not look at: the model does not use the feature, and no value of the type
/// could raise an error. Its cells in the raw matrix must be NaN.
bool FeatureIsRead(const PredictCall *call, int argument);

/// What EXPLAIN ANALYZE tells about a call.
struct CallWork {
	int features, features_read; ///< of the model
	int64 trees;                 ///< that a row goes through
};
CallWork DescribeWork(const PredictCall *call);

/// Converts one row of feature datums to raw floats at `row` of a column-major matrix. NULL becomes
/// NaN.
void StoreFeatures(PredictCall *call, const Datum *values, const bool *nulls, float *matrix,
				   size_t ld, size_t row);

/**
 * Evaluates `rows` rows. Results are never NULL; by-reference results (text, real[]) are allocated
 * in CurrentMemoryContext. Checks for interrupts at least every 1024 rows.
 */
void EvaluateCall(PredictCall *call, pgml::MatrixView raw, Datum *results);

/// Margins of a row from which the results of all calls with the same model follow; 0 when there are
/// none (only a classification gives more than one thing).
size_t MarginGroups(const PredictCall *call);

/// EvaluateCall in two steps, for calls that share the first. @param margins  [rows, MarginGroups()]
void EvaluateMargins(PredictCall *call, pgml::MatrixView raw, float *margins);
void ResultsFromMargins(PredictCall *call, const float *margins, size_t rows, Datum *results);

/// One row at a time: StoreFeatures and EvaluateCall with scratch memory of the call. The result is
/// as EvaluateCall's.
Datum EvaluateRow(PredictCall *call, const Datum *values, const bool *nulls);

/// What evaluates the model now, for EXPLAIN.
const char *CallEvaluator(const PredictCall *call);

/// The model version that answers, for EXPLAIN.
int64 CallModelId(const PredictCall *call);

} // namespace pgml::am
