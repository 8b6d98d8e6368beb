#pragma once
/**
 * Support vector machines as learned by svm and nu_svm.
 *
 * Regression and two classes: margin = bias + sum of coefficient * K(support vector, row). More
 * classes: one such function per pair of classes, each a vote, as in libsvm; the margin of a class is
 * its votes (and, with break_ties, a share below one half for how decided they were).
 *
 * Support vectors lie class by class. Each has n_classes - 1 coefficients, one for each other class in
 * ascending order; regression: one.
 */
#include <vector>

#include "svm/kernel.h"
#include "artefact/learner.h"

namespace pgml {

struct SupportVectorParts {
	Kernel kernel;
	bool break_ties = false;
	size_t n_columns = 0;
	size_t n_classes = 0; ///< 0 = regression
	size_t n_vectors = 0;
	std::vector<uint32_t> class_sizes; ///< support vectors of each class; empty for regression
	std::vector<float> values;         ///< column-major [n_columns][n_vectors]
	std::vector<double> coefficients;  ///< [n_vectors][max(n_classes - 1, 1)]
	std::vector<double> biases; ///< of the pairs (0, 1), (0, 2) ... (1, 2) ...; regression: one
};

class SupportVectorModel : public Learner {
public:
	explicit SupportVectorModel(SupportVectorParts parts) : parts_(std::move(parts)) {}
	const SupportVectorParts &
	parts() const {
		return parts_;
	}
	LearnerKind
	kind() const override {
		return LearnerKind::kSupportVectors;
	}
	size_t
	n_columns() const override {
		return parts_.n_columns;
	}
	size_t
	n_groups() const override {
		return parts_.n_classes <= 2 ? 1 : parts_.n_classes;
	}
	void Margins(MatrixView columns, float *out) const override;
	void Values(MatrixView columns, double *out) const override;
	double RowCost() const override;
	void Encode(Writer &writer) const override;
	static std::unique_ptr<const SupportVectorModel> Decode(Reader &reader);

private:
	/// Calls use(row, decision values of the pairs). Of pair (a, b), positive values speak for b.
	template <typename Use> void ForDecisions(MatrixView columns, const Use &use) const;

	SupportVectorParts parts_;
};

} // namespace pgml
