// Prediction of linear models, a tile of rows at a time: each row's sum is formed in the same order whatever the number
// of rows, so one row and a batch agree bit for bit. A GEMV would not promise that.
#include "linear/linear.h"

#include <algorithm>
#include <limits>

#include "engine/dense.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr size_t kTile = 256;

void
TileValues(const LinearGroup &group, MatrixView columns, size_t first, size_t rows, double *out) {
	engine::Dense().linear(group.weights.data(), group.intercept, columns.data + first, columns.ld,
						   columns.cols, rows, out);
}

} // namespace

void
LinearModel::Values(MatrixView columns, double *out) const {
	for (size_t first = 0; first < columns.rows; first += kTile)
		TileValues(groups_[0], columns, first, std::min(kTile, columns.rows - first), out + first);
}

void
LinearModel::Margins(MatrixView columns, float *out) const {
	double sums[kTile];
	for (size_t first = 0; first < columns.rows; first += kTile) {
		size_t rows = std::min(kTile, columns.rows - first);
		for (size_t g = 0; g < groups_.size(); g++) {
			TileValues(groups_[g], columns, first, rows, sums);
			for (size_t row = 0; row < rows; row++) {
				// Kept finite, so that softmax of it is defined.
				double limit = std::numeric_limits<float>::max();
				out[(first + row) * groups_.size() + g] =
					static_cast<float>(std::clamp(sums[row], -limit, limit));
			}
		}
	}
}

double
LinearModel::RowCost() const {
	return 0.2 * static_cast<double>(n_columns_ * groups_.size());
}

void
LinearModel::Encode(Writer &writer) const {
	writer.Count(n_columns_);
	writer.Count(groups_.size());
	for (const LinearGroup &group : groups_) {
		writer.F64(group.intercept);
		for (double weight : group.weights)
			writer.F64(weight);
	}
}

std::unique_ptr<const LinearModel>
LinearModel::Decode(Reader &reader) {
	size_t n_columns = reader.Count(8, "weights");
	size_t n_groups = reader.Count(8 * (n_columns + 1), "margins");
	reader.Check(n_groups > 0, "a linear model without weights");
	std::vector<LinearGroup> groups(n_groups);
	for (LinearGroup &group : groups) {
		group.intercept = reader.FiniteF64("intercept");
		group.weights.resize(n_columns);
		for (double &weight : group.weights)
			weight = reader.FiniteF64("weight");
	}
	return std::make_unique<LinearModel>(n_columns, std::move(groups));
}

} // namespace pgml
