#pragma once
/**
 * Nearest neighbours: the training rows themselves, searched one by one. Exact: a neighbour is never
 * missed, and of rows equally far away the one that came first in training is nearer.
 */
#include <vector>

#include "artefact/learner.h"

namespace pgml {

struct NeighborSettings {
	uint32_t n_neighbors = 5;
	bool by_distance = false; ///< weights 1 / distance instead of equal ones
	double power = 2;         ///< of the Minkowski metric, >= 1; infinity = Chebyshev
};

class NeighborModel : public Learner {
public:
	static constexpr double kMaxPower = 64; ///< finite powers: |difference| ^ power stays a number

	/// @param values   training rows, column-major [n_columns][n_rows], finite
	/// @param targets  regression: the targets; else the classes 0 .. n_classes - 1
	NeighborModel(NeighborSettings settings, size_t n_columns, size_t n_classes,
				  std::vector<float> values, std::vector<double> targets)
		: settings_(settings), n_columns_(n_columns), n_classes_(n_classes),
		  values_(std::move(values)), targets_(std::move(targets)) {}

	LearnerKind
	kind() const override {
		return LearnerKind::kNeighbors;
	}
	size_t
	n_columns() const override {
		return n_columns_;
	}
	size_t
	n_groups() const override {
		return n_classes_ == 0 ? 1 : n_classes_;
	}
	/// Classification: each class's share of the weights.
	void Margins(MatrixView columns, float *out) const override;
	void Values(MatrixView columns, double *out) const override;
	double RowCost() const override;
	void Encode(Writer &writer) const override;
	static std::unique_ptr<const NeighborModel> Decode(Reader &reader);

private:
	struct Neighbor {
		double distance; ///< to the power of the metric
		uint32_t row;
	};
	/// Calls use(row, its neighbours nearest first).
	template <typename Use> void ForNeighbors(MatrixView columns, const Use &use) const;
	void Distances(const float *query, size_t first, size_t rows, double *out) const;
	void Weights(const std::vector<Neighbor> &neighbors, std::vector<double> &weights) const;

	NeighborSettings settings_;
	size_t n_columns_, n_classes_;
	std::vector<float> values_;
	std::vector<double> targets_;
};

} // namespace pgml
