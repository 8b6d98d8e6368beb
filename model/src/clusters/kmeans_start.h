#pragma once
/// What k-means and its mini-batch form share: the rows as they work on them, and where the centroids start.
#include <cstdint>
#include <vector>

#include "pgml/matrix.h"
#include "pgml/stop_token.h"
#include "base/random.h"

namespace pgml {

/**
 * Row-major copy of the data, every column moved to mean 0 and all divided by one number, so that values lie in
 * [-1, 1]: distances in float32 keep their digits, and clusters are the same.
 */
class CentredRows {
public:
	CentredRows(MatrixView columns, const StopToken &stop);
	size_t
	rows() const {
		return rows_;
	}
	size_t
	columns() const {
		return means_.size();
	}
	const float *
	row(size_t number) const {
		return values_.data() + number * columns();
	}
	/// Mean over the columns of their variance.
	double MeanVariance(const StopToken &stop) const;
	/// Centroids in the units of the data.
	std::vector<float> Restore(const std::vector<float> &centroids) const;

private:
	size_t rows_;
	std::vector<double> means_;
	double scale_ = 1;
	std::vector<float> values_;
};

double SquaredDistance(const float *a, const float *b, size_t n);

/// The nearest of the centroids (ties: the lowest). @param distance  its squared distance
size_t NearestCentroid(const float *row, const std::vector<float> &centroids, size_t n_columns,
					   double &distance);

/// `count` different ones of the numbers below `total`, in random order. @param count  <= total
std::vector<size_t> DrawRows(size_t count, size_t total, Random &random);

/**
 * Numbers of the rows to start from, all of different values.
 * @param greedy      k-means++ with several candidates for each step (as scikit-learn's "k-means++"), else any rows
 * @param candidates  rows to choose from
 * @return fewer than n_clusters when the candidates have no more different values
 */
std::vector<size_t> StartingRows(const CentredRows &data, const std::vector<size_t> &candidates,
								 size_t n_clusters, bool greedy, Random &random,
								 const StopToken &stop);

/// The rows' values one behind the other.
std::vector<float> GatherRows(const CentredRows &data, const std::vector<size_t> &numbers);

/// One iteration in double, in the units of the data: the exact means of the rows of each cluster. Clusters without rows
/// stay.
std::vector<float> ExactMeans(MatrixView columns, std::vector<float> centroids,
							  const StopToken &stop);

} // namespace pgml
