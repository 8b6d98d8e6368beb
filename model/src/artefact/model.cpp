// Model: prediction. Storing it is in model_codec.cpp.
#include "artefact/model_impl.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "pgml/error.h"
#include "pgml/evaluator.h"
#include "engine/block_learner.h"
#include "trees/trees.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

/// Rows preprocessed at a time; fewer for very wide models, so that the scratch memory stays within
/// 16 MB.
constexpr size_t kMaxTileRows = 1024, kMaxTileCells = 4u << 20;

/// XGBoost's sigmoid, in float32 like its own.
float
Sigmoid(float margin) {
	return 1.0f / (1.0f + std::exp(-margin));
}

size_t
BestClass(const float *margins, size_t n_groups) {
	if (n_groups == 1)
		return margins[0] > 0 ? 1 : 0;
	return static_cast<size_t>(std::max_element(margins, margins + n_groups) - margins);
}

void
Softmax(const float *margins, size_t n_groups, float *out) {
	float largest = *std::max_element(margins, margins + n_groups);
	double sum = 0;
	for (size_t g = 0; g < n_groups; g++) {
		out[g] = std::exp(margins[g] - largest);
		sum += out[g];
	}
	for (size_t g = 0; g < n_groups; g++)
		out[g] = static_cast<float>(out[g] / sum);
}

/// Sums of votes to shares. A model of our own gives positive sums; others must not crash.
void
Shares(const float *votes, size_t n_groups, float *out) {
	double sum = 0;
	for (size_t g = 0; g < n_groups; g++)
		sum += std::max(votes[g], 0.0f);
	for (size_t g = 0; g < n_groups; g++)
		out[g] = sum > 0 ? static_cast<float>(std::max(votes[g], 0.0f) / sum)
						 : 1.0f / static_cast<float>(n_groups);
}

} // namespace

Model::~Model() = default;

const char *
TaskName(Task task) noexcept {
	switch (task) {
		case Task::kRegression:
			return "regression";
		case Task::kClassification:
			return "classification";
		case Task::kClustering:
			return "clustering";
		case Task::kDecomposition:
			break;
	}
	return "decomposition";
}

ModelImpl::ModelImpl(ModelParts parts)
	: parts_(std::move(parts)),
	  tile_rows_(std::clamp<size_t>(
		  kMaxTileCells / std::max<size_t>(parts_.preprocessor.width(), 1), 16, kMaxTileRows)) {}

const char *
ModelParts::Inconsistency() const {
	size_t n_groups = learner->n_groups(), n_classes = class_labels.size();
	if (learner->n_columns() != preprocessor.width())
		return "preprocessing and learner disagree about the number of columns";
	LearnerKind kind = learner->kind();
	if ((kind == LearnerKind::kCentroids) != (task == Task::kClustering) ||
		(kind == LearnerKind::kProjection) != (task == Task::kDecomposition))
		return "a learner that does not fit the task";
	if (task == Task::kRegression) {
		bool joint = kind == LearnerKind::kJoint || kind == LearnerKind::kLinear;
		if (n_groups < 1 || (n_groups > 1 && !joint) || n_classes != 0 ||
			(link != Link::kIdentity && link != Link::kLogistic && link != Link::kExp))
			return "regression with an output that does not fit";
	} else if (!HasTarget(task)) {
		if (n_classes != 0 || link != Link::kIdentity)
			return "an output that does not fit the task";
	} else if (kind == LearnerKind::kJoint) {
		return "classification of several targets";
	} else {
		bool single = n_groups == 1 && n_classes == 2 &&
					  (link == Link::kLogistic || link == Link::kDecision || link == Link::kVotes);
		bool one_each = n_groups > 1 && n_groups == n_classes &&
						(link == Link::kSoftmax || link == Link::kDecision ||
						 link == Link::kVotes || link == Link::kShares);
		if (!single && !one_each)
			return "classification with an output that does not fit";
		if (link == Link::kVotes) {
			if (learner->kind() != LearnerKind::kTrees)
				return "votes without trees";
			if (single && !(static_cast<const TreeEnsemble &>(*learner).base_margins()[0] < 0))
				return "votes that start above half";
		}
	}
	if (learner->kind() == LearnerKind::kNeighbors && (link == Link::kShares) != (n_classes > 0))
		return "neighbours with an output that does not fit";
	if (link == Link::kShares && learner->kind() != LearnerKind::kNeighbors)
		return "shares of a learner that has none";
	if (!learner->takes_missing())
		for (const FeatureTransform &feature : preprocessor.features())
			for (const ColumnTransform &column : feature.columns)
				if (!column.has_fill)
					return "a feature that the learner needs imputed is not";
	return nullptr;
}

float
ModelImpl::CategoryCode(size_t feature, std::string_view value) const {
	uint32_t code = feature < parts_.categories.size() ? parts_.categories[feature].Find(value)
													   : HashIndex::kAbsent;
	return code == HashIndex::kAbsent ? NAN : static_cast<float>(code);
}

double
ModelImpl::RowCost() const {
	double preprocessing =
		parts_.preprocessor.identity() ? 0 : static_cast<double>(parts_.preprocessor.width());
	return std::max(1.0, parts_.learner->RowCost() + 0.2 * preprocessing);
}

void
ModelImpl::CheckCall(MatrixView raw, bool needs_classes) const {
	if (raw.cols != raw_width())
		throw Error(ErrorCode::kInvalidArgument,
					fmt::format("model expects {} features", raw_width()),
					fmt::format("The input has {}.", raw.cols));
	if (needs_classes && parts_.task != Task::kClassification)
		throw Error(ErrorCode::kInvalidArgument, "model has no classes",
					fmt::format("Its task is {}.", TaskName(parts_.task)));
}

template <typename Use>
void
ModelImpl::ForTiles(MatrixView raw, Workspace &work, const Use &use) const {
	for (size_t first = 0; first < raw.rows; first += tile_rows_) {
		MatrixView tile = raw.Slice(first, std::min(tile_rows_, raw.rows - first));
		if (parts_.preprocessor.identity()) {
			use(first, tile);
		} else {
			parts_.preprocessor.Apply(tile, nullptr, work.transformed);
			use(first, work.transformed.view());
		}
	}
}

const engine::CompiledTrees &
ModelImpl::Compiled() const {
	std::call_once(compile_once_, [this] {
		compiled_ = std::make_unique<engine::CompiledTrees>(
			static_cast<const TreeEnsemble &>(*parts_.learner));
	});
	return *compiled_;
}

bool
ModelImpl::HasTrees() const {
	LearnerKind kind = parts_.learner->kind();
	return kind == LearnerKind::kTrees || kind == LearnerKind::kCompiledTrees;
}

Evaluator
ModelImpl::TreeEvaluator() const {
	Evaluator active = ActiveEvaluator();
	bool has_nodes = parts_.learner->kind() == LearnerKind::kTrees;
	return has_nodes ? active : engine::BlockEvaluator(active);
}

const engine::BlockHeader *
ModelImpl::TreeBlock() const {
	if (parts_.learner->kind() == LearnerKind::kCompiledTrees)
		return static_cast<const engine::BlockLearner &>(*parts_.learner).block();
	return parts_.learner->kind() == LearnerKind::kTrees ? Compiled().header() : nullptr;
}

std::vector<bool>
ModelImpl::UsedFeatures() const {
	const engine::BlockHeader *block = TreeBlock();
	std::vector<bool> used(parts_.features.size(), block == nullptr);
	if (block == nullptr)
		return used;
	std::vector<bool> columns(parts_.preprocessor.width());
	const uint32_t *column = engine::At<uint32_t>(block, block->used);
	for (uint32_t i = 0; i < block->n_used; i++)
		columns[column[i]] = true;
	for (size_t feature = 0; feature < used.size(); feature++) {
		const FeatureTransform &transform = parts_.preprocessor.features()[feature];
		for (size_t c = 0; c < transform.width; c++)
			used[feature] = used[feature] || columns[transform.first_column + c];
	}
	return used;
}

size_t
ModelImpl::n_trees() const {
	const engine::BlockHeader *block = TreeBlock();
	return block != nullptr ? block->n_source_trees : 0;
}

const char *
ModelImpl::evaluator() const {
	return HasTrees() ? EvaluatorName(TreeEvaluator()) : "generic";
}

void
ModelImpl::LearnerMargins(MatrixView columns, Workspace &work, float *out) const {
	Evaluator evaluator = HasTrees() ? TreeEvaluator() : Evaluator::kWalker;
	if (evaluator == Evaluator::kWalker)
		parts_.learner->Margins(columns, out);
	else
		engine::RunBlock(TreeBlock(), evaluator, columns, work.engine, out);
}

const float *
ModelImpl::TileMargins(MatrixView columns, Workspace &work) const {
	work.margins.resize(std::max(work.margins.size(), columns.rows * margin_groups()));
	LearnerMargins(columns, work, work.margins.data());
	return work.margins.data();
}

void
ModelImpl::Margins(MatrixView raw, Workspace &work, float *out) const {
	CheckCall(raw, false);
	ForTiles(raw, work, [&](size_t first, MatrixView columns) {
		LearnerMargins(columns, work, out + first * margin_groups());
	});
}

size_t
ModelImpl::vector_size() const {
	bool is_vector = parts_.task == Task::kDecomposition ||
					 (parts_.task == Task::kRegression && margin_groups() > 1);
	return is_vector ? margin_groups() : 0;
}

void
ModelImpl::PredictVector(MatrixView raw, Workspace &work, float *out) const {
	CheckCall(raw, false);
	if (vector_size() == 0)
		throw Error(ErrorCode::kInvalidArgument, "model gives one value, not several");
	size_t n_groups = margin_groups();
	ForTiles(raw, work, [&](size_t first, MatrixView columns) {
		float *to = out + first * n_groups;
		parts_.learner->Margins(columns, to);
		if (parts_.link == Link::kLogistic)
			std::transform(to, to + columns.rows * n_groups, to, Sigmoid);
		else if (parts_.link == Link::kExp)
			std::transform(to, to + columns.rows * n_groups, to,
						   [](float margin) { return std::exp(margin); });
	});
}

void
ModelImpl::Predict(MatrixView raw, Workspace &work, double *out) const {
	CheckCall(raw, false);
	if (vector_size() != 0)
		throw Error(ErrorCode::kInvalidArgument,
					fmt::format("model gives {} values, not one", vector_size()));
	ForTiles(raw, work, [&](size_t first, MatrixView columns) {
		double *to = out + first;
		if (parts_.task == Task::kClassification) {
			PredictFromMargins(TileMargins(columns, work), columns.rows, to);
			return;
		}
		if (HasTrees())
			std::copy_n(TileMargins(columns, work), columns.rows, to);
		else
			parts_.learner->Values(columns, to);
		if (parts_.link == Link::kLogistic)
			for (size_t row = 0; row < columns.rows; row++)
				to[row] = Sigmoid(static_cast<float>(to[row]));
		else if (parts_.link == Link::kExp)
			for (size_t row = 0; row < columns.rows; row++)
				to[row] = std::exp(static_cast<float>(to[row]));
	});
}

void
ModelImpl::PredictFromMargins(const float *margins, size_t rows, double *out) const {
	size_t n_groups = margin_groups();
	for (size_t row = 0; row < rows; row++)
		out[row] = parts_.class_values[BestClass(margins + row * n_groups, n_groups)];
}

void
ModelImpl::PredictClassFromMargins(const float *margins, size_t rows, int32_t *out) const {
	size_t n_groups = margin_groups();
	for (size_t row = 0; row < rows; row++)
		out[row] = static_cast<int32_t>(BestClass(margins + row * n_groups, n_groups));
}

void
ModelImpl::PredictClass(MatrixView raw, Workspace &work, int32_t *out) const {
	CheckCall(raw, true);
	ForTiles(raw, work, [&](size_t first, MatrixView columns) {
		PredictClassFromMargins(TileMargins(columns, work), columns.rows, out + first);
	});
}

float
ModelImpl::VoteScale() const {
	if (parts_.learner->kind() == LearnerKind::kCompiledTrees)
		return static_cast<const engine::BlockLearner &>(*parts_.learner).vote_scale();
	return -0.5f / static_cast<const TreeEnsemble &>(*parts_.learner).base_margins()[0];
}

void
ModelImpl::PredictProbabilitiesFromMargins(const float *margins, size_t rows, float *out) const {
	if (parts_.link == Link::kDecision)
		throw Error(ErrorCode::kNotSupported,
					fmt::format("algorithm \"{}\" has no class probabilities", parts_.algorithm),
					"", "Use \"linear\" or \"xgboost\".");
	size_t n_classes = parts_.class_labels.size(), n_groups = margin_groups();
	for (size_t row = 0; row < rows; row++, margins += n_groups, out += n_classes) {
		if (n_groups == 1) {
			out[1] = parts_.link == Link::kVotes
						 ? std::clamp(0.5f + margins[0] * VoteScale(), 0.0f, 1.0f)
						 : Sigmoid(margins[0]);
			out[0] = 1.0f - out[1];
		} else if (parts_.link == Link::kVotes) {
			Shares(margins, n_classes, out);
		} else if (parts_.link == Link::kShares) {
			std::copy_n(margins, n_classes, out);
		} else {
			Softmax(margins, n_classes, out);
		}
	}
}

void
ModelImpl::PredictProbabilities(MatrixView raw, Workspace &work, float *out) const {
	CheckCall(raw, true);
	size_t n_classes = parts_.class_labels.size();
	// Also without rows: whether there are probabilities at all is asked that way.
	PredictProbabilitiesFromMargins(nullptr, 0, out);
	ForTiles(raw, work, [&](size_t first, MatrixView columns) {
		PredictProbabilitiesFromMargins(TileMargins(columns, work), columns.rows,
										out + first * n_classes);
	});
}

} // namespace pgml
