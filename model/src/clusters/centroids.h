#pragma once
/// Clusters: a row belongs to the nearest of the centroids. The single margin is the number of the cluster.
#include <vector>

#include "artefact/learner.h"

namespace pgml {

class CentroidModel : public Learner {
public:
	/// @param centroids  [clusters][columns], finite
	CentroidModel(size_t n_columns, std::vector<float> centroids)
		: n_columns_(n_columns), n_clusters_(centroids.size() / n_columns),
		  centroids_(std::move(centroids)) {}
	size_t
	n_clusters() const {
		return n_clusters_;
	}
	const std::vector<float> &
	centroids() const {
		return centroids_;
	}
	/// The nearest cluster of each row (ties: the lowest number), and the square of its distance. In double, in column
	/// order. @param distances  may be nullptr
	void Nearest(MatrixView columns, uint32_t *clusters, double *distances) const;

	LearnerKind
	kind() const override {
		return LearnerKind::kCentroids;
	}
	size_t
	n_columns() const override {
		return n_columns_;
	}
	size_t
	n_groups() const override {
		return 1;
	}
	void Margins(MatrixView columns, float *out) const override;
	void Values(MatrixView columns, double *out) const override;
	double RowCost() const override;
	void Encode(Writer &writer) const override;
	static std::unique_ptr<const CentroidModel> Decode(Reader &reader);

	static constexpr size_t kMaxClusters = 65536;

private:
	size_t n_columns_, n_clusters_;
	std::vector<float> centroids_;
};

} // namespace pgml
