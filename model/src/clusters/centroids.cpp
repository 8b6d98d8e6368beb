// Prediction of clusters. Squared distances are summed in double over the columns in their order, so that a row's cluster
// does not depend on the rows beside it, which ||x||^2 - 2 x c + ||c||^2 by a GEMM would not promise.
#include "clusters/centroids.h"

#include <algorithm>

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr size_t kTile = 256;

} // namespace

void
CentroidModel::Nearest(MatrixView columns, uint32_t *clusters, double *distances) const {
	double best[kTile], sums[kTile];
	for (size_t first = 0; first < columns.rows; first += kTile) {
		size_t rows = std::min(kTile, columns.rows - first);
		for (size_t k = 0; k < n_clusters_; k++) {
			const float *centroid = centroids_.data() + k * n_columns_;
			std::fill_n(sums, rows, 0.0);
			for (size_t col = 0; col < n_columns_; col++) {
				double center = centroid[col];
				const float *values = columns.column(col) + first;
				for (size_t row = 0; row < rows; row++) {
					double difference = static_cast<double>(ClampFeature(values[row])) - center;
					sums[row] += difference * difference;
				}
			}
			for (size_t row = 0; row < rows; row++)
				if (k == 0 || sums[row] < best[row]) {
					best[row] = sums[row];
					clusters[first + row] = static_cast<uint32_t>(k);
				}
		}
		if (distances != nullptr)
			std::copy_n(best, rows, distances + first);
	}
}

void
CentroidModel::Margins(MatrixView columns, float *out) const {
	uint32_t clusters[kTile];
	for (size_t first = 0; first < columns.rows; first += kTile) {
		size_t rows = std::min(kTile, columns.rows - first);
		Nearest(columns.Slice(first, rows), clusters, nullptr);
		std::copy_n(clusters, rows, out + first);
	}
}

void
CentroidModel::Values(MatrixView columns, double *out) const {
	uint32_t clusters[kTile];
	for (size_t first = 0; first < columns.rows; first += kTile) {
		size_t rows = std::min(kTile, columns.rows - first);
		Nearest(columns.Slice(first, rows), clusters, nullptr);
		std::copy_n(clusters, rows, out + first);
	}
}

double
CentroidModel::RowCost() const {
	return 0.2 * static_cast<double>(n_columns_ * n_clusters_);
}

void
CentroidModel::Encode(Writer &writer) const {
	writer.Count(n_columns_);
	writer.Count(n_clusters_);
	for (float value : centroids_)
		writer.F32(value);
}

std::unique_ptr<const CentroidModel>
CentroidModel::Decode(Reader &reader) {
	size_t n_columns = reader.Count(4, "columns");
	reader.Check(n_columns > 0, "centroids without columns");
	size_t n_clusters = reader.Count(4 * n_columns, "clusters");
	reader.Check(n_clusters > 0 && n_clusters <= kMaxClusters, "the number of clusters is wrong");
	std::vector<float> centroids(n_clusters * n_columns);
	for (float &value : centroids)
		value = reader.FiniteF32("centroid");
	return std::make_unique<CentroidModel>(n_columns, std::move(centroids));
}

} // namespace pgml
