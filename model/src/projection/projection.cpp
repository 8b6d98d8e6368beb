// Prediction of a principal component analysis: the sum over the columns, in their order and in double, of
// (value - mean) * component. The mean is taken off first: folded into an intercept it would cost all digits of
// features that lie far from zero.
#include "projection/projection.h"

#include <algorithm>
#include <cmath>

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr size_t kTile = 256;

/// Along a direction in which the training rows do not vary, beyond rounding, whitening gives 0.
constexpr double kLeastVariance = 1e-14;

} // namespace

ProjectionModel::ProjectionModel(ProjectionParts parts) : parts_(std::move(parts)) {
	for (double variance : parts_.variances) {
		bool varies = variance > kLeastVariance * parts_.total_variance;
		factors_.push_back(!parts_.whiten ? 1 : varies ? 1 / std::sqrt(variance) : 0);
	}
}

void
ProjectionModel::Coordinates(MatrixView columns, size_t component, double *out) const {
	const double *direction = parts_.components.data() + component * n_columns();
	std::fill_n(out, columns.rows, 0.0);
	for (size_t col = 0; col < n_columns(); col++) {
		double weight = direction[col], mean = parts_.means[col];
		const float *values = columns.column(col);
		for (size_t row = 0; row < columns.rows; row++)
			out[row] += (static_cast<double>(ClampFeature(values[row])) - mean) * weight;
	}
	for (size_t row = 0; row < columns.rows; row++)
		out[row] *= factors_[component];
}

void
ProjectionModel::Margins(MatrixView columns, float *out) const {
	double sums[kTile];
	for (size_t first = 0; first < columns.rows; first += kTile) {
		size_t rows = std::min(kTile, columns.rows - first);
		for (size_t component = 0; component < n_groups(); component++) {
			Coordinates(columns.Slice(first, rows), component, sums);
			for (size_t row = 0; row < rows; row++)
				out[(first + row) * n_groups() + component] = ClampMargin(sums[row]);
		}
	}
}

void
ProjectionModel::Values(MatrixView columns, double *out) const {
	Coordinates(columns, 0, out);
}

double
ProjectionModel::RowCost() const {
	return 0.2 * static_cast<double>(parts_.components.size());
}

void
ProjectionModel::Encode(Writer &writer) const {
	writer.Count(n_columns());
	writer.Count(n_groups());
	writer.U8(parts_.whiten ? 1 : 0);
	writer.F64(parts_.total_variance);
	for (double mean : parts_.means)
		writer.F64(mean);
	for (double variance : parts_.variances)
		writer.F64(variance);
	for (double value : parts_.components)
		writer.F64(value);
}

std::unique_ptr<const ProjectionModel>
ProjectionModel::Decode(Reader &reader) {
	ProjectionParts parts;
	size_t n_columns = reader.Count(8, "columns");
	reader.Check(n_columns > 0, "a projection without columns");
	size_t n_components = reader.Count(8 * (n_columns + 1), "components");
	reader.Check(n_components > 0 && n_components <= n_columns,
				 "the number of components is wrong");
	parts.whiten = reader.Enum(2, "whitening") == 1;
	parts.total_variance = reader.FiniteF64("variance");
	reader.Check(parts.total_variance > 0, "the variance is not positive");
	parts.means.resize(n_columns);
	for (double &mean : parts.means)
		mean = reader.FiniteF64("mean");
	parts.variances.resize(n_components);
	for (double &variance : parts.variances) {
		variance = reader.FiniteF64("variance");
		reader.Check(variance >= 0, "a variance is negative");
	}
	reader.Check(reader.left() / 8 / n_columns >= n_components, "components are cut off");
	parts.components.resize(n_components * n_columns);
	for (double &value : parts.components)
		value = reader.FiniteF64("component");
	return std::make_unique<ProjectionModel>(std::move(parts));
}

} // namespace pgml
