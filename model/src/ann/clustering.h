#pragma once
/// Large k-means for the lists: Lloyd's iterations with the kernels of the index.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "pgml/stop_token.h"

namespace pgml::ann {

/// Centroids as the kernels read them: blocks of 16, dimension-major, and their squared norms.
struct PackedCentroids {
	std::vector<float> blocks, norms;
	size_t n_blocks = 0, dims = 0;
	/// @param centroids  row-major [count, dims]
	void Pack(const float *centroids, size_t count, size_t n_dims, const StopToken &stop);
};

/// Some rows of a matrix: every so many elements one starts.
struct RowView {
	const float *data;
	size_t count, dims, stride;
	const float *
	operator[](size_t i) const {
		return data + i * stride;
	}
};

struct ClusteringOptions {
	int iterations = 10;
	int n_threads = 1;
	uint64_t seed = 1;
	StopToken stop;
	std::function<void(size_t iteration)> progress; ///< may be empty
};

/// The nearest centroid of each row. @throws Cancelled
void AssignRows(const RowView &rows, const PackedCentroids &centroids, int n_threads,
				const StopToken &stop, uint32_t *assigned);

/**
 * Lloyd's iterations from random rows, the first ones over a part of them, the last ones with a preference for clusters of equal size; clusters that lose their
 * rows take one of the largest cluster.
 *
 * @param rows  row-major [n, dims]; n >= 1. With fewer rows than clusters the centroids are rows, repeated
 * @return centroids, row-major [k, dims]. The same for any number of threads
 * @throws Cancelled
 */
std::vector<float> Cluster(const float *rows, size_t n, size_t dims, size_t k,
						   const ClusteringOptions &options);

} // namespace pgml::ann
