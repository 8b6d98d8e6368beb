/// What EXPLAIN tells about the predictions of a node (prediction_batch.h).
#include "am/executor/prediction_batch.h"

#include "am/models/model_catalog.h"
#include "am/models/version_pin.h"
#include "pgml/evaluator.h"

extern "C" {
#include "utils/builtins.h"
}

namespace pgml::am {

namespace {

/// Appends a label unless it is there already.
List *
AddLabel(List *labels, char *label) {
	ListCell *cell;
	foreach (cell, labels)
		if (strcmp((char *)lfirst(cell), label) == 0)
			return labels;
	return lappend(labels, label);
}

char *
ModelLabel(const Prediction *prediction) {
	if (prediction->by_model_id)
		return psprintf("model " INT64_FORMAT, prediction->model_id);
	int64 version = prediction->version;
	Project project;
	if (version == 0 && PinnedProject(prediction->project, &project))
		version = project.model_id;
	return psprintf("%s (model " INT64_FORMAT ")", quote_literal_cstr(prediction->project),
					version);
}

/// Features and trees of everything that is evaluated for a row: calls that share margins count once.
void
ExplainWork(const PredictionBatch *batch, ExplainState *es) {
	CallWork all = {};
	for (int p = 0; p < batch->n_predictions; p++) {
		const Prediction *prediction = &batch->predictions[p];
		if (prediction->call == nullptr || prediction->shares != nullptr)
			continue;
		CallWork work = DescribeWork(prediction->call);
		all.features += work.features;
		all.features_read += work.features_read;
		all.trees += work.trees;
	}
	if (es->format == EXPLAIN_FORMAT_TEXT) {
		char *read = psprintf("%d of %d", all.features_read, all.features);
		ExplainPropertyText("Features Read", read, es);
	} else {
		ExplainPropertyInteger("Features Read", nullptr, all.features_read, es);
		ExplainPropertyInteger("Features", nullptr, all.features, es);
	}
	ExplainPropertyInteger("Trees", nullptr, all.trees, es);
}

} // namespace

void
ExplainPredictions(PredictionBatch *batch, int64 n_predicted, int64 n_batches, ExplainState *es) {
	List *models = NIL, *evaluators = NIL;
	bool known = false;
	// The rows may all have been predicted in other processes.
	if (es->analyze && n_predicted > 0)
		ResolvePredictions(batch);
	for (int p = 0; p < batch->n_predictions; p++) {
		const Prediction *prediction = &batch->predictions[p];
		models = AddLabel(models, ModelLabel(prediction));
		// A plan that did not run has loaded no model: most are trees.
		known |= prediction->call != nullptr;
		const char *evaluator = prediction->call != nullptr
									? CallEvaluator(prediction->call)
									: pgml::EvaluatorName(pgml::ActiveEvaluator());
		evaluators = AddLabel(evaluators, psprintf("%s (cpu)", evaluator));
	}
	ExplainPropertyList("Models", models, es);
	ExplainPropertyList("Evaluator", evaluators, es);
	if (!es->analyze)
		return;
	if (known)
		ExplainWork(batch, es);
	ExplainPropertyInteger("Rows Predicted", nullptr, n_predicted, es);
	ExplainPropertyInteger("Batches", nullptr, n_batches, es);
}

} // namespace pgml::am
