// Stores a model and reads it back. docs/model-format.md describes every field; both must change
// together.
#include "artefact/model_impl.h"

#include <limits>

#include "clusters/centroids.h"
#include "training/joint.h"
#include "linear/linear.h"
#include "neighbors/neighbors.h"
#include "network/perceptron.h"
#include "pgml/error.h"
#include "projection/projection.h"
#include "svm/support_vectors.h"
#include "trees/trees.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

/// Widest raw row: far beyond what a relation with arrays gives.
constexpr size_t kMaxRawWidth = Preprocessor::kMaxWidth;

void
EncodeFeatures(const ModelParts &parts, Writer &writer) {
	writer.Count(parts.features.size());
	for (size_t f = 0; f < parts.features.size(); f++) {
		const FeatureSpec &spec = parts.features[f];
		writer.String(spec.name);
		writer.U8(static_cast<uint8_t>(spec.type));
		writer.U32(spec.width);
		if (spec.type != FeatureType::kText)
			continue;
		writer.Count(parts.categories[f].size());
		for (size_t code = 0; code < parts.categories[f].size(); code++)
			writer.String(parts.categories[f][code]);
	}
}

void
DecodeFeatures(Reader &reader, ModelParts &parts) {
	size_t n_features = reader.Count(4 + 1 + 4, "features");
	size_t raw_width = 0;
	parts.features.reserve(n_features);
	parts.categories.resize(n_features);
	for (size_t f = 0; f < n_features; f++) {
		FeatureSpec spec;
		spec.name = reader.String("feature name");
		spec.type = static_cast<FeatureType>(reader.Enum(4, "feature type"));
		spec.width = reader.U32();
		reader.Check(spec.width > 0 && spec.width <= kMaxRawWidth - raw_width,
					 "a feature's width is wrong");
		raw_width += spec.width;
		if (spec.type == FeatureType::kText) {
			reader.Check(spec.width == 1, "a text feature is wider than 1");
			size_t n_categories = reader.Count(4, "categories");
			reader.Check(n_categories <= CategoryDictionary::kMaxCategories, "too many categories");
			std::string_view last;
			for (size_t code = 0; code < n_categories; code++) {
				std::string_view value = reader.String("category");
				reader.Check(code == 0 || last < value, "categories are not in order");
				parts.categories[f].Add(value);
				last = value;
			}
		}
		parts.features.push_back(std::move(spec));
	}
}

void
EncodeLabels(const ModelParts &parts, Writer &writer) {
	writer.U8(static_cast<uint8_t>(parts.label_kind));
	writer.Count(parts.class_labels.size());
	for (size_t i = 0; i < parts.class_labels.size(); i++) {
		writer.String(parts.class_labels[i]);
		writer.F64(parts.class_values[i]);
	}
}

void
DecodeLabels(Reader &reader, ModelParts &parts) {
	parts.label_kind = static_cast<LabelKind>(reader.Enum(3, "label kind"));
	size_t n_classes = reader.Count(4 + 8, "classes");
	reader.Check(n_classes >= 2, "a classification with fewer than two classes");
	for (size_t i = 0; i < n_classes; i++) {
		std::string label(reader.String("label"));
		double value = reader.FiniteF64("class value");
		bool first = i == 0;
		switch (parts.label_kind) {
			case LabelKind::kNumber:
				reader.Check(first || parts.class_values.back() < value,
							 "classes are not in order");
				break;
			case LabelKind::kBoolean:
				reader.Check(n_classes == 2 && label == (first ? "false" : "true") &&
								 value == (first ? 0 : 1),
							 "the classes of a boolean are not false and true");
				break;
			case LabelKind::kText:
				reader.Check(value == static_cast<double>(i) &&
								 (first || parts.class_labels.back() < label),
							 "classes are not in order");
				break;
		}
		parts.class_labels.push_back(std::move(label));
		parts.class_values.push_back(value);
	}
}

} // namespace

namespace {

std::unique_ptr<const Learner>
DecodeLearnerOf(LearnerKind kind, Reader &reader) {
	switch (kind) {
		case LearnerKind::kTrees:
			return TreeEnsemble::Decode(reader);
		case LearnerKind::kNeighbors:
			return NeighborModel::Decode(reader);
		case LearnerKind::kSupportVectors:
			return SupportVectorModel::Decode(reader);
		case LearnerKind::kPerceptron:
			return PerceptronModel::Decode(reader);
		case LearnerKind::kCentroids:
			return CentroidModel::Decode(reader);
		case LearnerKind::kProjection:
			return ProjectionModel::Decode(reader);
		case LearnerKind::kJoint:
			return JointModel::Decode(reader);
		case LearnerKind::kLinear:
		case LearnerKind::kCompiledTrees: // no stored number
			break;
	}
	return LinearModel::Decode(reader);
}

LearnerKind
ReadKind(Reader &reader) {
	return static_cast<LearnerKind>(reader.Enum(kLearnerKinds, "learner"));
}

} // namespace

std::unique_ptr<const Learner>
DecodeLearner(Reader &reader) {
	return DecodeLearnerOf(ReadKind(reader), reader);
}

std::unique_ptr<const Learner>
DecodeTargetLearner(Reader &reader) {
	LearnerKind kind = ReadKind(reader);
	reader.Check(kind < LearnerKind::kCentroids, "a learner that gives no value of a target");
	return DecodeLearnerOf(kind, reader);
}

void
EncodeHead(const ModelParts &parts, Writer &writer) {
	writer.U8(static_cast<uint8_t>(parts.task));
	writer.String(parts.algorithm);
	writer.U8(static_cast<uint8_t>(parts.link));
	EncodeFeatures(parts, writer);
	if (parts.task == Task::kClassification)
		EncodeLabels(parts, writer);
	parts.preprocessor.Encode(writer);
}

ModelParts
DecodeHead(Reader &reader) {
	ModelParts parts;
	parts.task = static_cast<Task>(reader.Enum(4, "task"));
	parts.algorithm = reader.String("algorithm");
	parts.link = static_cast<Link>(reader.Enum(kLinkCount, "link"));
	DecodeFeatures(reader, parts);
	if (parts.task == Task::kClassification)
		DecodeLabels(reader, parts);
	parts.preprocessor = Preprocessor::Decode(reader, parts.features, parts.categories);
	return parts;
}

std::vector<std::byte>
ModelImpl::Encode(const StopToken &stop) const {
	Writer writer(stop);
	EncodeHead(parts_, writer);
	writer.U8(static_cast<uint8_t>(parts_.learner->kind()));
	parts_.learner->Encode(writer);
	return writer.Finish();
}

std::unique_ptr<const Model>
Model::Decode(std::span<const std::byte> bytes) {
	Reader reader = OpenContainer(bytes);
	ModelParts parts = DecodeHead(reader);
	parts.learner = DecodeLearner(reader);
	reader.Check(reader.left() == 0, "there are bytes after the end");
	if (const char *problem = parts.Inconsistency())
		reader.Fail(problem);
	return std::make_unique<ModelImpl>(std::move(parts));
}

} // namespace pgml
