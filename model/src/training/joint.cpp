// Prediction of several targets, learner by learner.
#include "training/joint.h"

#include <algorithm>

#include "linear/linear.h"
#include "artefact/model_impl.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr size_t kTile = 256;

} // namespace

bool
JointModel::takes_missing() const {
	return std::all_of(parts_.begin(), parts_.end(),
					   [](const auto &part) { return part->takes_missing(); });
}

void
JointModel::Margins(MatrixView columns, float *out) const {
	double values[kTile];
	for (size_t first = 0; first < columns.rows; first += kTile) {
		size_t rows = std::min(kTile, columns.rows - first);
		for (size_t part = 0; part < parts_.size(); part++) {
			parts_[part]->Values(columns.Slice(first, rows), values);
			for (size_t row = 0; row < rows; row++)
				out[(first + row) * parts_.size() + part] = ClampMargin(values[row]);
		}
	}
}

void
JointModel::Values(MatrixView columns, double *out) const {
	parts_[0]->Values(columns, out);
}

double
JointModel::RowCost() const {
	double cost = 0;
	for (const auto &part : parts_)
		cost += part->RowCost();
	return cost;
}

void
JointModel::Encode(Writer &writer) const {
	writer.Count(parts_.size());
	for (const auto &part : parts_) {
		writer.U8(static_cast<uint8_t>(part->kind()));
		part->Encode(writer);
	}
}

std::unique_ptr<const JointModel>
JointModel::Decode(Reader &reader) {
	size_t n_parts = reader.Count(1, "learners");
	reader.Check(n_parts >= 2, "a joint model of fewer than two targets");
	std::vector<std::unique_ptr<const Learner>> parts;
	for (size_t i = 0; i < n_parts; i++) {
		parts.push_back(DecodeTargetLearner(reader));
		reader.Check(parts[i]->n_groups() == 1 && parts[i]->n_columns() == parts[0]->n_columns(),
					 "the learners of a joint model do not fit together");
	}
	return std::make_unique<JointModel>(std::move(parts));
}

std::unique_ptr<const Learner>
JoinLearners(std::vector<std::unique_ptr<const Learner>> parts) {
	bool all_linear = std::all_of(parts.begin(), parts.end(), [](const auto &part) {
		return part->kind() == LearnerKind::kLinear;
	});
	if (!all_linear)
		return std::make_unique<JointModel>(std::move(parts));
	std::vector<LinearGroup> groups;
	for (const auto &part : parts)
		groups.push_back(static_cast<const LinearModel &>(*part).groups()[0]);
	return std::make_unique<LinearModel>(parts[0]->n_columns(), std::move(groups));
}

} // namespace pgml
