// Metrics of clusterings and decompositions, in the columns that the learner sees: after imputing, encoding and scaling.
#include "scoring/unlabelled_metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <nlohmann/json.hpp>

#include "clusters/centroids.h"
#include "projection/projection.h"
#include "base/random.h"
#include "data/test_rows.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

using Json = nlohmann::ordered_json;

/// The silhouette compares every row with every other: of more rows, as many random ones stand for all.
/// Evenly spaced ones would be fooled by any order that repeats.
constexpr size_t kSilhouetteRows = 5000;

Json
Number(double value) {
	return std::isfinite(value) ? Json(value) : Json();
}

/// Calls use(first row, columns as the learner sees them).
template <typename Use>
void
ForPreprocessedTiles(const ModelImpl &model, const Dataset &test, const StopToken &stop,
					 const Use &use) {
	Matrix columns;
	const Preprocessor &preprocessor = model.parts().preprocessor;
	ForTestTiles(model, test, stop, [&](size_t first, MatrixView raw) {
		if (preprocessor.identity()) {
			use(first, raw);
			return;
		}
		preprocessor.Apply(raw, nullptr, columns);
		use(first, columns.view());
	});
}

/// Rows as points, with the number of their cluster.
struct Points {
	size_t n_columns = 0;
	std::vector<float> values; ///< row-major
	std::vector<uint32_t> clusters;
};

double
Distance(const Points &points, size_t a, size_t b) {
	const float *from = points.values.data() + a * points.n_columns;
	const float *to = points.values.data() + b * points.n_columns;
	double sum = 0;
	for (size_t col = 0; col < points.n_columns; col++) {
		double difference = static_cast<double>(ClampFeature(from[col])) -
							static_cast<double>(ClampFeature(to[col]));
		sum += difference * difference;
	}
	return std::sqrt(sum);
}

/// scikit-learn's silhouette_score: the mean over the rows of (b - a) / max(a, b), where a is the mean distance to the
/// others of the own cluster and b the smallest mean distance to another cluster; 0 for a row alone in its cluster.
Json
Silhouette(const Points &points, size_t n_clusters, const StopToken &stop) {
	size_t n_rows = points.clusters.size();
	std::vector<double> members(n_clusters);
	for (uint32_t cluster : points.clusters)
		members[cluster]++;
	auto used = static_cast<size_t>(
		std::count_if(members.begin(), members.end(), [](double count) { return count > 0; }));
	if (used < 2 || used >= n_rows)
		return Json();
	double total = 0;
	size_t rows_per_poll = 1 + 1000000 / points.n_columns;
	std::vector<double> sums(n_clusters);
	for (size_t row = 0; row < n_rows; row++) {
		std::fill(sums.begin(), sums.end(), 0.0);
		for (size_t other = 0; other < n_rows; other++) {
			if (other % rows_per_poll == 0)
				stop.ThrowIfStopped();
			sums[points.clusters[other]] += Distance(points, row, other);
		}
		uint32_t own = points.clusters[row];
		if (members[own] == 1)
			continue;
		double within = sums[own] / (members[own] - 1), nearest = HUGE_VAL;
		for (size_t k = 0; k < n_clusters; k++)
			if (k != own && members[k] > 0)
				nearest = std::min(nearest, sums[k] / members[k]);
		double larger = std::max(within, nearest);
		total += larger > 0 ? (nearest - within) / larger : 0;
	}
	return Number(total / static_cast<double>(n_rows));
}

} // namespace

std::string
ClusteringMetrics(const ModelImpl &model, const Dataset &test, const StopToken &stop) {
	const auto &learner = static_cast<const CentroidModel &>(*model.parts().learner);
	Points points;
	points.n_columns = learner.n_columns();
	size_t n_rows = test.rows(), wanted = std::min(n_rows, kSilhouetteRows);
	Random random(0);
	std::vector<uint32_t> clusters;
	std::vector<double> distances;
	double inertia = 0;
	ForPreprocessedTiles(model, test, stop, [&](size_t first, MatrixView columns) {
		clusters.resize(columns.rows);
		distances.resize(columns.rows);
		learner.Nearest(columns, clusters.data(), distances.data());
		inertia = std::accumulate(distances.begin(), distances.end(), inertia);
		// Each row with the probability that makes all samples of this size equally likely.
		for (size_t row = 0; row < columns.rows; row++) {
			if (random.Below(n_rows - first - row) >= wanted)
				continue;
			wanted--;
			points.clusters.push_back(clusters[row]);
			for (size_t col = 0; col < columns.cols; col++)
				points.values.push_back(columns.column(col)[row]);
		}
	});
	Json result;
	result["silhouette"] = Silhouette(points, learner.n_clusters(), stop);
	result["inertia"] = n_rows == 0 ? Json() : Number(inertia);
	return result.dump();
}

std::string
DecompositionMetrics(const ModelImpl &model, const Dataset &test, const StopToken &stop) {
	const ProjectionParts &parts =
		static_cast<const ProjectionModel &>(*model.parts().learner).parts();
	size_t n_columns = parts.means.size(), n_components = parts.variances.size();
	// Sums around the means of the training rows, which lie near those of these rows: no digits are lost.
	std::vector<double> sums(n_columns), squares(n_columns);
	std::vector<double> along(n_components), along_squares(n_components);
	std::vector<double> coordinates;
	ForPreprocessedTiles(model, test, stop, [&](size_t, MatrixView columns) {
		for (size_t col = 0; col < n_columns; col++)
			for (size_t row = 0; row < columns.rows; row++) {
				double value = ClampFeature(columns.column(col)[row]) - parts.means[col];
				sums[col] += value;
				squares[col] += value * value;
			}
		coordinates.resize(columns.rows);
		for (size_t k = 0; k < n_components; k++) {
			stop.ThrowIfStopped();
			std::fill(coordinates.begin(), coordinates.end(), 0.0);
			for (size_t col = 0; col < n_columns; col++)
				for (size_t row = 0; row < columns.rows; row++)
					coordinates[row] +=
						(ClampFeature(columns.column(col)[row]) - parts.means[col]) *
						parts.components[k * n_columns + col];
			for (double value : coordinates) {
				along[k] += value;
				along_squares[k] += value * value;
			}
		}
	});
	auto count = static_cast<double>(test.rows());
	double total = 0, explained = 0;
	for (size_t col = 0; col < n_columns; col++)
		total += squares[col] - sums[col] * sums[col] / count;
	Json ratios = Json::array();
	for (size_t k = 0; k < n_components; k++) {
		double variance = along_squares[k] - along[k] * along[k] / count;
		explained += variance;
		ratios.push_back(total > 0 ? Number(std::max(variance, 0.0) / total) : Json());
	}
	Json result;
	result["cumulative_explained_variance"] =
		total > 0 ? Number(std::min(explained / total, 1.0)) : Json();
	result["explained_variance_ratio"] = ratios;
	return result.dump();
}

} // namespace pgml
