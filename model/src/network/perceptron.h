#pragma once
/// Multi-layer perceptron as learned by mlp: dense layers, all sums in double in column order, so
/// that one row and a batch agree bit for bit. A matrix product would not promise that.
#include <vector>

#include "artefact/learner.h"

namespace pgml {

enum class Activation : uint8_t {
	kIdentity = 0,
	kLogistic = 1,
	kTanh = 2,
	kRelu = 3
}; // stored: do not change values
constexpr uint8_t kActivations = 4;

struct PerceptronLayer {
	size_t n_inputs = 0, n_outputs = 0;
	std::vector<double> biases;  ///< [n_outputs]
	std::vector<double> weights; ///< [n_outputs][n_inputs]
};

class PerceptronModel : public Learner {
public:
	static constexpr size_t kMaxLayers = 33, kMaxUnits = 65536;

	/// @param layers  at least one; each takes what the one before gives
	PerceptronModel(Activation activation, std::vector<PerceptronLayer> layers);
	const std::vector<PerceptronLayer> &
	layers() const {
		return layers_;
	}
	LearnerKind
	kind() const override {
		return LearnerKind::kPerceptron;
	}
	size_t
	n_columns() const override {
		return layers_.front().n_inputs;
	}
	size_t
	n_groups() const override {
		return layers_.back().n_outputs;
	}
	void Margins(MatrixView columns, float *out) const override;
	void Values(MatrixView columns, double *out) const override;
	double RowCost() const override;
	void Encode(Writer &writer) const override;
	static std::unique_ptr<const PerceptronModel> Decode(Reader &reader);

private:
	/// Calls use(first row, rows, outputs, stride between the outputs of two groups).
	template <typename Use> void ForTiles(MatrixView columns, const Use &use) const;
	/// Outputs of one row. @return where they lie, in one of the two buffers
	const double *Row(MatrixView columns, size_t row, double *inputs, double *outputs) const;

	Activation activation_; ///< of all layers but the last
	std::vector<PerceptronLayer> layers_;
	std::vector<std::vector<double>> by_input_; ///< per layer: weights as [n_inputs][n_outputs]
};

} // namespace pgml
