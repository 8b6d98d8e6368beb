#pragma once
/// A principal component analysis: margins are the coordinates of a row along the components.
#include <vector>

#include "artefact/learner.h"

namespace pgml {

struct ProjectionParts {
	std::vector<double> means;      ///< [columns]
	std::vector<double> components; ///< [n_components][columns], orthonormal
	std::vector<double> variances;  ///< [n_components], of the training rows along each, >= 0
	double total_variance = 0;      ///< of the training rows, > 0
	bool whiten = false;            ///< coordinates are divided by their standard deviation
};

class ProjectionModel : public Learner {
public:
	explicit ProjectionModel(ProjectionParts parts);
	const ProjectionParts &
	parts() const {
		return parts_;
	}

	LearnerKind
	kind() const override {
		return LearnerKind::kProjection;
	}
	size_t
	n_columns() const override {
		return parts_.means.size();
	}
	size_t
	n_groups() const override {
		return parts_.variances.size();
	}
	void Margins(MatrixView columns, float *out) const override;
	void Values(MatrixView columns, double *out) const override;
	double RowCost() const override;
	void Encode(Writer &writer) const override;
	static std::unique_ptr<const ProjectionModel> Decode(Reader &reader);

private:
	void Coordinates(MatrixView columns, size_t component, double *out) const;
	ProjectionParts parts_;
	std::vector<double> factors_; ///< what whitening multiplies each coordinate by, else 1
};

} // namespace pgml
