#pragma once
/**
 * How the arguments of a call feed the features of a model: resolved once from the argument types,
 * then applied to rows.
 *
 * The three forms (FeatureForm, predict_call.h) end in the same thing: for every feature a source,
 * which is an argument, a stretch of the one array, or a column of the one row. Everything that
 * does not fit is reported here, with the model's features in the message.
 */
#include "am/base/pg.h"
#include "am/executor/predict_call.h"

namespace pgml::am {

/// The model that a binding feeds, for values and for messages. Must stay alive as long as the
/// binding.
struct BoundModel {
	const pgml::Model *model;
	int64 model_id;
	const char *project; ///< nullptr when unknown
};

struct FeatureBinding;

/// Lives in `context`. @throws (ereport) 22023 wrong count, 42804 wrong type, 42703 missing column
FeatureBinding *BindFeatures(const BoundModel &model, int n_arguments, const Oid *types,
							 bool variadic, MemoryContext context);

size_t BindingWidth(const FeatureBinding *binding);

/// See StoreFeatures in predict_call.h.
void StoreRow(FeatureBinding *binding, const Datum *values, const bool *nulls, float *matrix,
			  size_t ld, size_t row);

/// Raises XX001 unless text out of the artefact is valid in the database encoding: anybody may have written the bytes.
void CheckModelText(const BoundModel &model, const char *data, size_t length);

/// See FeatureIsRead in predict_call.h.
bool BindingReads(const FeatureBinding *binding, int argument);
int CountFeatures(const FeatureBinding *binding);
int CountFeaturesRead(const FeatureBinding *binding);

/// See FindDirectFeature in predict_call.h.
bool BindingDirectFeature(const FeatureBinding *binding, int argument, DirectFeature *feature);

/// "model 7 of project "houses"", palloc'd.
char *DescribeModel(const BoundModel &model);

} // namespace pgml::am
