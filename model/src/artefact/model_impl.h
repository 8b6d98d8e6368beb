#pragma once
/// The one implementation of Model: parts put together by Train() or Decode(), checked for
/// consistency by both.
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/compiled_trees.h"
#include "artefact/learner.h"
#include "pgml/model.h"
#include "data/preprocessing.h"
#include "base/string_table.h"

namespace pgml {

/// From margins to what the user sees. Stored: do not change values.
enum class Link : uint8_t {
	kIdentity = 0, ///< regression: the margin
	kLogistic = 1, ///< 1 / (1 + exp(-margin)); two classes: probability of the second
	kSoftmax = 2,  ///< one margin per class
	kExp = 3,      ///< regression: exp(margin)
	kDecision =
		4, ///< classification by the largest margin (two classes: by its sign), no probabilities
	/// Classification by averaged class shares: one sum per class; two classes: one sum over the trees of
	/// the share of the second, starting from minus half the number of trees.
	kVotes = 5,
	kShares = 6, ///< one margin per class, which is its probability
};
constexpr uint8_t kLinkCount = 7;

enum class LabelKind : uint8_t {
	kNumber = 0,
	kBoolean = 1,
	kText = 2
}; // stored: do not change values

struct ModelParts {
	Task task = Task::kRegression;
	std::string algorithm;
	Link link = Link::kIdentity;
	std::vector<FeatureSpec> features;
	std::vector<StringTable> categories; ///< per feature, sorted by bytes; empty for non-text
	LabelKind label_kind = LabelKind::kNumber;
	std::vector<std::string> class_labels;
	std::vector<double> class_values;
	Preprocessor preprocessor;
	std::unique_ptr<const Learner> learner;

	/// nullptr when everything fits together, else what does not. Not for compiled trees.
	const char *Inconsistency() const;
};

class ModelImpl : public Model {
public:
	explicit ModelImpl(ModelParts parts);
	const ModelParts &
	parts() const {
		return parts_;
	}

	std::vector<std::byte> Encode(const StopToken &stop = StopToken()) const override;
	Task
	task() const override {
		return parts_.task;
	}
	std::string_view
	algorithm() const override {
		return parts_.algorithm;
	}
	const std::vector<FeatureSpec> &
	features() const override {
		return parts_.features;
	}
	size_t
	raw_width() const override {
		return parts_.preprocessor.raw_width();
	}
	float CategoryCode(size_t feature, std::string_view value) const override;
	const std::vector<std::string> &
	class_labels() const override {
		return parts_.class_labels;
	}
	const std::vector<double> &
	class_values() const override {
		return parts_.class_values;
	}
	double RowCost() const override;
	std::vector<bool> UsedFeatures() const override;
	size_t n_trees() const override;
	const char *evaluator() const override;
	size_t
	margin_groups() const override {
		return parts_.learner->n_groups();
	}
	void Margins(MatrixView raw, Workspace &work, float *out) const override;
	size_t vector_size() const override;
	void PredictVector(MatrixView raw, Workspace &work, float *out) const override;
	void Predict(MatrixView raw, Workspace &work, double *out) const override;
	void PredictClass(MatrixView raw, Workspace &work, int32_t *out) const override;
	void PredictProbabilities(MatrixView raw, Workspace &work, float *out) const override;
	void PredictFromMargins(const float *margins, size_t rows, double *out) const override;
	void PredictClassFromMargins(const float *margins, size_t rows, int32_t *out) const override;
	void PredictProbabilitiesFromMargins(const float *margins, size_t rows,
										 float *out) const override;

	/// The trees compiled, at the first call. Only for models whose learner is a TreeEnsemble.
	const engine::CompiledTrees &Compiled() const;
	/// Of a single margin that is a sum of votes: 1 / number of votes. Only for link kVotes.
	float VoteScale() const;

private:
	/// Calls use(first row, columns of the tile) for tiles of rows, preprocessed.
	template <typename Use> void ForTiles(MatrixView raw, Workspace &work, const Use &use) const;
	/// Margins of preprocessed columns: trees by the active evaluator, other learners by themselves.
	void LearnerMargins(MatrixView columns, Workspace &work, float *out) const;
	/// The compiled trees, nullptr for a model that is not made of trees.
	const engine::BlockHeader *TreeBlock() const;
	/// Whether it is made of trees, in whatever form.
	bool HasTrees() const;
	/// What runs the trees: kWalker is the learner itself, the others run their compiled form.
	Evaluator TreeEvaluator() const;
	/// Margins of a tile into the workspace, row-major.
	const float *TileMargins(MatrixView columns, Workspace &work) const;
	void CheckCall(MatrixView raw, bool needs_classes) const;

	ModelParts parts_;
	size_t tile_rows_;
	mutable std::once_flag compile_once_;
	mutable std::unique_ptr<const engine::CompiledTrees> compiled_;
};

/// Everything of a model but its learner, which follows it in the artefact.
void EncodeHead(const ModelParts &parts, Writer &writer);
ModelParts DecodeHead(Reader &reader);

std::unique_ptr<const Learner> DecodeLearner(Reader &reader);

/// The learner of one target of a joint model: refuses kinds that are no regression, and joint ones, so that the depth
/// is bounded.
std::unique_ptr<const Learner> DecodeTargetLearner(Reader &reader);

} // namespace pgml
