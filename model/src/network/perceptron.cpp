// Prediction and storage of multi-layer perceptrons.
#include "network/perceptron.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/dense.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr size_t kTile = engine::kDenseRows;
/// Fewer rows go one by one.
constexpr size_t kLeastTileRows = 6;

double
Activate(Activation activation, double value) {
	// Kept far from overflow, whatever the weights are.
	constexpr double kLimit = std::numeric_limits<float>::max();
	value = value > kLimit ? kLimit : value >= -kLimit ? value : value < 0 ? -kLimit : 0;
	switch (activation) {
		case Activation::kIdentity:
			return value;
		case Activation::kLogistic:
			return 1 / (1 + std::exp(-value));
		case Activation::kTanh:
			return std::tanh(value);
		case Activation::kRelu:
			break;
	}
	return value > 0 ? value : 0;
}

} // namespace

PerceptronModel::PerceptronModel(Activation activation, std::vector<PerceptronLayer> layers)
	: activation_(activation), layers_(std::move(layers)) {
	for (const PerceptronLayer &layer : layers_) {
		std::vector<double> &weights = by_input_.emplace_back(layer.weights.size());
		for (size_t unit = 0; unit < layer.n_outputs; unit++)
			for (size_t k = 0; k < layer.n_inputs; k++)
				weights[k * layer.n_outputs + unit] = layer.weights[unit * layer.n_inputs + k];
	}
}

const double *
PerceptronModel::Row(MatrixView columns, size_t row, double *inputs, double *outputs) const {
	const engine::DenseKernels &dense = engine::Dense();
	for (size_t col = 0; col < columns.cols; col++)
		inputs[col] = ClampFeature(columns.column(col)[row]);
	for (size_t l = 0; l < layers_.size(); l++) {
		const PerceptronLayer &layer = layers_[l];
		Activation activation = l + 1 < layers_.size() ? activation_ : Activation::kIdentity;
		bool relu = activation == Activation::kRelu;
		dense.row_layer(by_input_[l].data(), layer.biases.data(), layer.n_inputs, layer.n_outputs,
						relu, inputs, outputs);
		if (!relu)
			for (size_t unit = 0; unit < layer.n_outputs; unit++)
				outputs[unit] = Activate(activation, outputs[unit]);
		std::swap(inputs, outputs);
	}
	return inputs;
}

template <typename Use>
void
PerceptronModel::ForTiles(MatrixView columns, const Use &use) const {
	const engine::DenseKernels &dense = engine::Dense();
	size_t widest = n_columns();
	for (const PerceptronLayer &layer : layers_)
		widest = std::max(widest, layer.n_outputs);
	std::vector<double> inputs(widest * kTile), outputs(widest * kTile);
	for (size_t first = 0; first < columns.rows;) {
		size_t rows = std::min(kTile, columns.rows - first);
		if (rows < kLeastTileRows) {
			use(first, 1, Row(columns, first, inputs.data(), outputs.data()), 1);
			first++;
			continue;
		}
		for (size_t col = 0; col < columns.cols; col++)
			dense.load(columns.column(col) + first, rows, inputs.data() + col * kTile);
		for (size_t l = 0; l < layers_.size(); l++) {
			const PerceptronLayer &layer = layers_[l];
			Activation activation = l + 1 < layers_.size() ? activation_ : Activation::kIdentity;
			bool relu = activation == Activation::kRelu;
			dense.layer(layer.weights.data(), layer.biases.data(), layer.n_inputs, layer.n_outputs,
						relu, inputs.data(), outputs.data());
			if (!relu)
				for (size_t i = 0; i < layer.n_outputs * kTile; i++)
					outputs[i] = Activate(activation, outputs[i]);
			inputs.swap(outputs);
		}
		use(first, rows, inputs.data(), kTile);
		first += rows;
	}
}

void
PerceptronModel::Values(MatrixView columns, double *out) const {
	ForTiles(columns, [&](size_t first, size_t rows, const double *outputs, size_t) {
		std::copy_n(outputs, rows, out + first);
	});
}

void
PerceptronModel::Margins(MatrixView columns, float *out) const {
	size_t n_groups = this->n_groups();
	ForTiles(columns, [&](size_t first, size_t rows, const double *outputs, size_t stride) {
		for (size_t group = 0; group < n_groups; group++)
			for (size_t row = 0; row < rows; row++)
				out[(first + row) * n_groups + group] = ClampMargin(outputs[group * stride + row]);
	});
}

double
PerceptronModel::RowCost() const {
	double cost = 0;
	for (const PerceptronLayer &layer : layers_)
		cost +=
			0.1 * static_cast<double>(layer.weights.size()) + static_cast<double>(layer.n_outputs);
	return cost;
}

void
PerceptronModel::Encode(Writer &writer) const {
	writer.U8(static_cast<uint8_t>(activation_));
	writer.Count(n_columns());
	writer.Count(layers_.size());
	for (const PerceptronLayer &layer : layers_) {
		writer.Count(layer.n_outputs);
		for (double value : layer.biases)
			writer.F64(value);
		for (double value : layer.weights)
			writer.F64(value);
	}
}

std::unique_ptr<const PerceptronModel>
PerceptronModel::Decode(Reader &reader) {
	auto activation = static_cast<Activation>(reader.Enum(kActivations, "activation"));
	size_t n_inputs = reader.U32();
	size_t n_layers = reader.Count(4 + 8, "layers");
	reader.Check(n_layers > 0 && n_layers <= kMaxLayers, "the number of layers is wrong");
	std::vector<PerceptronLayer> layers(n_layers);
	for (PerceptronLayer &layer : layers) {
		layer.n_inputs = n_inputs;
		layer.n_outputs = reader.Count(8 * (n_inputs + 1), "units");
		reader.Check(layer.n_outputs > 0 && layer.n_outputs <= kMaxUnits,
					 "the number of units is wrong");
		layer.biases.resize(layer.n_outputs);
		for (double &value : layer.biases)
			value = reader.FiniteF64("bias");
		layer.weights.resize(layer.n_outputs * n_inputs);
		for (double &value : layer.weights)
			value = reader.FiniteF64("weight");
		n_inputs = layer.n_outputs;
	}
	return std::make_unique<PerceptronModel>(activation, std::move(layers));
}

} // namespace pgml
