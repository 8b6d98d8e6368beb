/**
 * A family call ready for evaluation. See predict_call.h.
 *
 * Everything a call needs hangs off its memory context: the model and the model's scratch memory as
 * C++ objects owned by the context (base/guard.h), buffers as palloc'd memory. Evaluation allocates
 * nothing but the results that are returned by reference; memory for one tile of rows is made at
 * the first call that needs it.
 */
#include "am/executor/predict_call.h"

#include <string>
#include <vector>

#include "am/base/guard.h"
#include "am/base/vector.h"
#include "am/executor/evaluation_count.h"
#include "am/executor/feature_binding.h"
#include "am/executor/feature_value.h"
#include "am/models/model_cache.h"
#include "am/models/model_catalog.h"
#include "pgml/model.h"

extern "C" {
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
}

namespace pgml::am {

struct PredictCall {
	Member member;
	MemoryContext context;
	BoundModel model;
	FeatureBinding *binding;
	pgml::Workspace *work;
	size_t width;     ///< columns of the raw matrix
	float *row;       ///< [width], for EvaluateRow
	int n_classes;    ///< 0 for a regression
	text **labels;    ///< [n_classes], for classify and class_probability
	int class_number; ///< class_probability: position of the label, -1 = not set yet
	int n_values;     ///< numbers of a row in an array result: classes, targets or components
	int64 n_trees;
	size_t tile;  ///< most rows that are evaluated between two checks for interrupts
	size_t room;  ///< rows that `output` has room for
	void *output; ///< what the model writes: double, int32 or [n_values] float per row
};

namespace {

constexpr size_t kTileRows = 1024;
/// Floats that one tile gives: many classes make the tile smaller.
constexpr size_t kTileValues = 1 << 20;
/// Cost of one tile, in units of Model::RowCost: a slow model must still be interruptible.
constexpr double kTileCost = 1e7;

constexpr bool
WantsProbabilities(Member member) {
	return member == Member::kPredictProba || member == Member::kClassProbability;
}

/// The components of a decomposition, as an array or as a vector.
constexpr bool
GivesComponents(Member member) {
	return member == Member::kDecompose || member == Member::kEmbed;
}

constexpr bool
GivesArray(Member member) {
	return member == Member::kPredictProba || member == Member::kPredictJoint ||
		   GivesComponents(member);
}

/// The function that gives what a model has to give.
Member
MemberFor(const pgml::Model &model) {
	if (model.task() == pgml::Task::kDecomposition)
		return Member::kDecompose;
	return model.vector_size() > 0 ? Member::kPredictJoint : Member::kPredict;
}

/// Raises 22023 when the model cannot give what the function asks for.
void
CheckMember(const PredictCall *call) {
	const pgml::Model &model = *call->model.model;
	Member right = MemberFor(model);
	const char *problem;
	if (call->member == Member::kPredict || call->member == Member::kPredictJoint ||
		GivesComponents(call->member)) {
		if (call->member == right || (GivesComponents(call->member) && right == Member::kDecompose))
			return;
		problem = call->member == Member::kPredict ? "gives several values, not one"
				  : GivesComponents(call->member)  ? "has no components"
												   : "has one target, not several";
		if (call->member == Member::kPredictJoint && !pgml::HasTarget(model.task()))
			problem = "has no targets";
	} else {
		if (model.task() == pgml::Task::kClassification)
			return;
		problem = "has no classes";
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("%s %s", DescribeModel(call->model), problem),
					errdetail("Its task is %s.", pgml::TaskName(model.task())),
					errhint("Use pgml.%s for what it gives.", MemberName(right))));
}

void
PrepareClasses(PredictCall *call) {
	const std::vector<std::string> &labels = call->model.model->class_labels();
	if (call->model.model->task() != pgml::Task::kClassification)
		return;
	call->n_classes = (int)labels.size();
	if (call->n_classes == 0)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
						errmsg("model " INT64_FORMAT " is damaged", call->model.model_id),
						errdetail("It is a classification without classes.")));
	if (call->member != Member::kClassify && call->member != Member::kClassProbability)
		return;
	call->labels = (text **)palloc(sizeof(text *) * call->n_classes);
	for (int i = 0; i < call->n_classes; i++) {
		CheckModelText(call->model, labels[i].data(), labels[i].size());
		call->labels[i] = cstring_to_text_with_len(labels[i].data(), (int)labels[i].size());
	}
}

size_t
OutputSize(const PredictCall *call) {
	switch (call->member) {
		case Member::kPredict:
			return sizeof(double);
		case Member::kClassify:
			return sizeof(int32_t);
		case Member::kPredictProba:
		case Member::kClassProbability:
		case Member::kPredictJoint:
		case Member::kDecompose:
		case Member::kEmbed:
			break;
	}
	return sizeof(float) * call->n_values;
}

/// Result of the row `row` of the tile that was evaluated.
Datum
ResultOf(const PredictCall *call, size_t row) {
	switch (call->member) {
		case Member::kPredict:
			return Float8GetDatum(((const double *)call->output)[row]);
		case Member::kClassify: {
			const text *label = call->labels[((const int32_t *)call->output)[row]];
			auto *copy = (text *)palloc(VARSIZE(label));
			memcpy(copy, label, VARSIZE(label));
			return PointerGetDatum(copy);
		}
		case Member::kPredictProba:
		case Member::kPredictJoint:
		case Member::kDecompose: {
			size_t bytes = ARR_OVERHEAD_NONULLS(1) + sizeof(float) * call->n_values;
			auto *array = (ArrayType *)palloc0(bytes);
			SET_VARSIZE(array, bytes);
			array->ndim = 1;
			array->elemtype = FLOAT4OID;
			ARR_DIMS(array)[0] = call->n_values;
			ARR_LBOUND(array)[0] = 1;
			memcpy(ARR_DATA_PTR(array), (const float *)call->output + row * call->n_values,
				   sizeof(float) * call->n_values);
			return PointerGetDatum(array);
		}
		case Member::kEmbed: {
			pg::Vector *vector = pg::MakeVector(call->n_values);
			memcpy(vector->x, (const float *)call->output + row * call->n_values,
				   sizeof(float) * call->n_values);
			return PointerGetDatum(vector);
		}
		case Member::kClassProbability:
			break;
	}
	return Float8GetDatum(((const float *)call->output)[row * call->n_values + call->class_number]);
}

/// Room in `output` for so many rows.
void
ReserveOutput(PredictCall *call, size_t rows) {
	if (call->room >= rows)
		return;
	call->room = 0;
	if (call->output != nullptr)
		pfree(call->output);
	call->output = nullptr;
	call->output = MemoryContextAlloc(call->context, OutputSize(call) * rows);
	call->room = rows;
}

/// Runs the model over at most one tile.
void
EvaluateTile(PredictCall *call, pgml::MatrixView raw) {
	ReserveOutput(call, raw.rows);
	const pgml::Model *model = call->model.model;
	pgml::Workspace &work = *call->work;
	void *output = call->output;
	pg::Guard([&] {
		if (call->member == Member::kPredict)
			model->Predict(raw, work, (double *)output);
		else if (call->member == Member::kClassify)
			model->PredictClass(raw, work, (int32_t *)output);
		else if (call->member == Member::kPredictJoint || GivesComponents(call->member))
			model->PredictVector(raw, work, (float *)output);
		else
			model->PredictProbabilities(raw, work, (float *)output);
	});
}

size_t
TileRows(const PredictCall *call) {
	size_t rows = kTileRows;
	if (WantsProbabilities(call->member) || GivesArray(call->member))
		rows = Min(rows, kTileValues / call->n_values);
	double affordable = kTileCost / call->model.model->RowCost();
	if (affordable < (double)rows)
		rows = (size_t)affordable;
	return Max(rows, 1);
}

/// Name of the project that a model belongs to, in the current context; nullptr when it is gone.
const char *
NameOfProject(int64 model_id) {
	Project project;
	return LookupModelProject(model_id, &project) ? ProjectName(project.project_id) : nullptr;
}

} // namespace

PredictCall *
PreparePredictCall(Member member, const char *project, int64 model_id, int n_features,
				   const Oid *types, bool variadic, MemoryContext context) {
	CountEvaluation();
	MemoryContext old = MemoryContextSwitchTo(context);
	auto *call = (PredictCall *)palloc0(sizeof(PredictCall));
	call->member = member;
	call->context = context;
	call->class_number = -1;
	call->model = {AcquireModel(model_id, context), model_id,
				   project != nullptr ? pstrdup(project) : NameOfProject(model_id)};
	PrepareClasses(call);
	CheckMember(call);
	call->n_values = WantsProbabilities(member)
						 ? call->n_classes
						 : static_cast<int>(call->model.model->vector_size());
	if (member == Member::kEmbed && call->n_values > pg::kMaxVectorDimensions)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s gives %d components", DescribeModel(call->model), call->n_values),
				 errdetail("A vector has at most %d.", pg::kMaxVectorDimensions),
				 errhint("pgml.decompose gives them as an array.")));
	std::string_view algorithm = call->model.model->algorithm(); // stands in messages of the model
	CheckModelText(call->model, algorithm.data(), algorithm.size());
	call->binding = BindFeatures(call->model, n_features, types, variadic, context);
	call->width = BindingWidth(call->binding);
	call->row = (float *)MemoryContextAllocHuge(context, sizeof(float) * Max(call->width, 1));
	call->tile = TileRows(call);
	const pgml::Model *model = call->model.model;
	pg::Guard([&] { call->n_trees = (int64)model->n_trees(); });
	auto *slot = pg::OwnedByContext<pgml::Workspace>(context);
	pg::Guard([&] { slot->object = std::make_unique<pgml::Workspace>(); });
	call->work = slot->object.get();
	// Not every classification has probabilities. Said now: evaluation raises no error.
	if (WantsProbabilities(member))
		EvaluateTile(call, {call->row, 0, call->width, 1});
	MemoryContextSwitchTo(old);
	return call;
}

bool
FeatureArgumentsMayFail(int n_features, const Oid *types) {
	for (int i = 0; i < n_features; i++) {
		ValueType type = ResolveValueType(types[i]);
		if (type.is_array || type.is_row || type.kind == ValueKind::kUnknown)
			return true;
	}
	return false;
}

void
SetClassLabel(PredictCall *call, Datum label_text) {
	text *label = DatumGetTextPP(label_text);
	int length = VARSIZE_ANY_EXHDR(label);
	auto is_label = [&](int number) {
		const text *other = call->labels[number];
		return VARSIZE_ANY_EXHDR(other) == (size_t)length &&
			   memcmp(VARDATA_ANY(other), VARDATA_ANY(label), length) == 0;
	};
	if (call->class_number >= 0 && is_label(call->class_number))
		return;
	for (int i = 0; i < call->n_classes; i++)
		if (is_label(i)) {
			call->class_number = i;
			return;
		}
	StringInfoData list;
	initStringInfo(&list);
	for (int i = 0; i < call->n_classes && i < 60; i++)
		appendStringInfo(&list, "%s\"%s\"", i > 0 ? ", " : "", text_to_cstring(call->labels[i]));
	if (call->n_classes > 60)
		appendStringInfo(&list, " and %d more", call->n_classes - 60);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s has no class \"%s\"", DescribeModel(call->model), text_to_cstring(label)),
			 errhint("Its classes are: %s.", list.data)));
}

size_t
RawWidth(const PredictCall *call) {
	return call->width;
}

bool
FindDirectFeature(const PredictCall *call, int argument, DirectFeature *feature) {
	return BindingDirectFeature(call->binding, argument, feature);
}

bool
FeatureIsRead(const PredictCall *call, int argument) {
	return BindingReads(call->binding, argument);
}

CallWork
DescribeWork(const PredictCall *call) {
	return {CountFeatures(call->binding), CountFeaturesRead(call->binding), call->n_trees};
}

void
StoreFeatures(PredictCall *call, const Datum *values, const bool *nulls, float *matrix, size_t ld,
			  size_t row) {
	StoreRow(call->binding, values, nulls, matrix, ld, row);
}

void
EvaluateCall(PredictCall *call, pgml::MatrixView raw, Datum *results) {
	CountEvaluation();
	for (size_t first = 0; first < raw.rows; first += call->tile) {
		CHECK_FOR_INTERRUPTS();
		size_t rows = Min(call->tile, raw.rows - first);
		EvaluateTile(call, raw.Slice(first, rows));
		for (size_t i = 0; i < rows; i++)
			results[first + i] = ResultOf(call, i);
	}
}

size_t
MarginGroups(const PredictCall *call) {
	const pgml::Model *model = call->model.model;
	return model->task() == pgml::Task::kClassification ? model->margin_groups() : 0;
}

void
EvaluateMargins(PredictCall *call, pgml::MatrixView raw, float *margins) {
	CountEvaluation();
	const pgml::Model *model = call->model.model;
	pgml::Workspace &work = *call->work;
	size_t groups = model->margin_groups();
	for (size_t first = 0; first < raw.rows; first += call->tile) {
		CHECK_FOR_INTERRUPTS();
		pgml::MatrixView tile = raw.Slice(first, Min(call->tile, raw.rows - first));
		pg::Guard([&] { model->Margins(tile, work, margins + first * groups); });
	}
}

void
ResultsFromMargins(PredictCall *call, const float *margins, size_t rows, Datum *results) {
	const pgml::Model *model = call->model.model;
	size_t groups = model->margin_groups();
	for (size_t first = 0; first < rows; first += call->tile) {
		CHECK_FOR_INTERRUPTS();
		size_t n = Min(call->tile, rows - first);
		ReserveOutput(call, n);
		const float *from = margins + first * groups;
		void *output = call->output;
		pg::Guard([&] {
			if (call->member == Member::kPredict)
				model->PredictFromMargins(from, n, (double *)output);
			else if (call->member == Member::kClassify)
				model->PredictClassFromMargins(from, n, (int32_t *)output);
			else
				model->PredictProbabilitiesFromMargins(from, n, (float *)output);
		});
		for (size_t i = 0; i < n; i++)
			results[first + i] = ResultOf(call, i);
	}
}

Datum
EvaluateRow(PredictCall *call, const Datum *values, const bool *nulls) {
	CountEvaluation();
	StoreRow(call->binding, values, nulls, call->row, 1, 0);
	EvaluateTile(call, {call->row, 1, call->width, 1});
	return ResultOf(call, 0);
}

const char *
CallEvaluator(const PredictCall *call) {
	return call->model.model->evaluator();
}

int64
CallModelId(const PredictCall *call) {
	return call->model.model_id;
}

} // namespace pgml::am
