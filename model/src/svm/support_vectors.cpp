// Prediction and storage of support vector machines.
#include "svm/support_vectors.h"

#include <algorithm>
#include <cmath>

#include "base/no_postgres.h"

namespace pgml {

template <typename Use>
void
SupportVectorModel::ForDecisions(MatrixView columns, const Use &use) const {
	const SupportVectorParts &p = parts_;
	size_t n_classes = p.n_classes, stride = std::max<size_t>(n_classes, 2) - 1;
	std::vector<float> query(p.n_columns);
	std::vector<double> kernel(p.n_vectors), decisions(p.biases.size());
	std::vector<size_t> starts(n_classes + 1);
	for (size_t c = 0; c < n_classes; c++)
		starts[c + 1] = starts[c] + p.class_sizes[c];
	for (size_t row = 0; row < columns.rows; row++) {
		for (size_t col = 0; col < p.n_columns; col++)
			query[col] = ClampFeature(columns.column(col)[row]);
		p.kernel.Row(p.values.data(), p.n_vectors, p.n_columns, 0, p.n_vectors, query.data(),
					 kernel.data());
		decisions = p.biases;
		auto add = [&](size_t pair, size_t from, size_t to, size_t k) {
			for (size_t v = from; v < to; v++)
				decisions[pair] += p.coefficients[v * stride + k] * kernel[v];
		};
		if (n_classes == 0)
			add(0, 0, p.n_vectors, 0);
		size_t pair = 0;
		for (size_t a = 0; a < n_classes; a++)
			for (size_t b = a + 1; b < n_classes; b++, pair++) {
				add(pair, starts[a], starts[a + 1], b - 1);
				add(pair, starts[b], starts[b + 1], a);
			}
		use(row, decisions);
	}
}

void
SupportVectorModel::Values(MatrixView columns, double *out) const {
	ForDecisions(columns, [&](size_t row, const std::vector<double> &decisions) {
		out[row] = decisions[0];
	});
}

void
SupportVectorModel::Margins(MatrixView columns, float *out) const {
	size_t n_groups = this->n_groups();
	std::vector<double> votes(n_groups), confidence(n_groups);
	ForDecisions(columns, [&](size_t row, const std::vector<double> &decisions) {
		if (n_groups == 1) {
			out[row] = ClampMargin(decisions[0]);
			return;
		}
		std::fill(votes.begin(), votes.end(), 0.0);
		std::fill(confidence.begin(), confidence.end(), 0.0);
		size_t pair = 0;
		for (size_t a = 0; a < n_groups; a++)
			for (size_t b = a + 1; b < n_groups; b++, pair++) {
				votes[decisions[pair] > 0 ? b : a]++;
				confidence[a] -= decisions[pair];
				confidence[b] += decisions[pair];
			}
		for (size_t c = 0; c < n_groups; c++) {
			if (parts_.break_ties)
				votes[c] += static_cast<double>(ClampMargin(confidence[c])) /
							(3 * (std::fabs(static_cast<double>(ClampMargin(confidence[c]))) + 1));
			out[row * n_groups + c] = ClampMargin(votes[c]);
		}
	});
}

double
SupportVectorModel::RowCost() const {
	const SupportVectorParts &p = parts_;
	double each = 0.1 * static_cast<double>(p.n_columns + std::max<size_t>(p.n_classes, 2)) +
				  (p.kernel.kind == KernelKind::kLinear ? 0 : 1);
	return each * static_cast<double>(p.n_vectors);
}

void
SupportVectorModel::Encode(Writer &writer) const {
	const SupportVectorParts &p = parts_;
	writer.U8(static_cast<uint8_t>(p.kernel.kind));
	writer.U32(p.kernel.degree);
	writer.F64(p.kernel.gamma);
	writer.F64(p.kernel.coef0);
	writer.U8(p.break_ties);
	writer.Count(p.n_columns);
	writer.Count(p.n_vectors);
	writer.Count(p.n_classes);
	for (uint32_t size : p.class_sizes)
		writer.U32(size);
	for (double bias : p.biases)
		writer.F64(bias);
	for (double coefficient : p.coefficients)
		writer.F64(coefficient);
	for (float value : p.values)
		writer.F32(value);
}

std::unique_ptr<const SupportVectorModel>
SupportVectorModel::Decode(Reader &reader) {
	SupportVectorParts p;
	p.kernel.kind = static_cast<KernelKind>(reader.Enum(kKernelKinds, "kernel"));
	p.kernel.degree = reader.U32();
	p.kernel.gamma = reader.FiniteF64("gamma");
	p.kernel.coef0 = reader.FiniteF64("coef0");
	p.break_ties = reader.Enum(2, "break_ties") == 1;
	p.n_columns = reader.U32();
	p.n_vectors = reader.Count(8, "support vectors");
	p.n_classes = reader.Count(4, "classes");
	reader.Check(p.n_classes != 1, "a classification with fewer than two classes");
	size_t in_classes = 0;
	for (size_t c = 0; c < p.n_classes; c++) {
		p.class_sizes.push_back(reader.U32());
		in_classes += p.class_sizes.back();
	}
	reader.Check(p.n_classes == 0 || in_classes == p.n_vectors,
				 "the classes do not have all support vectors");
	size_t n_pairs = p.n_classes == 0 ? 1 : p.n_classes * (p.n_classes - 1) / 2;
	size_t stride = std::max<size_t>(p.n_classes, 2) - 1;
	reader.Check(n_pairs <= reader.left() / 8, "more pairs of classes than the data can hold");
	p.biases.resize(n_pairs);
	for (double &bias : p.biases)
		bias = reader.FiniteF64("bias");
	size_t bytes_each = 8 * stride + 4 * p.n_columns;
	reader.Check(p.n_vectors <= reader.left() / bytes_each,
				 "more support vectors than the data can hold");
	p.coefficients.resize(p.n_vectors * stride);
	for (double &coefficient : p.coefficients)
		coefficient = reader.FiniteF64("coefficient");
	p.values.resize(p.n_vectors * p.n_columns);
	for (float &value : p.values)
		value = reader.FiniteF32("support vector");
	return std::make_unique<SupportVectorModel>(std::move(p));
}

} // namespace pgml
