// k-means. FAISS's takes 2.5 times as long for a thousand clusters: its distances go through a matrix in memory.
#include "ann/clustering.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <queue>

#include "ann/blob.h"
#include "ann/kernels.h"
#include "ann/parallel.h"
#include "pgml/distance.h"
#include "base/random.h"

#include "base/no_postgres.h"

namespace pgml::ann {

namespace {

/// Multiply-adds of a chunk: a few milliseconds on any processor.
constexpr size_t kChunkOperations = 10000000;

/**
 * Word vectors have hubs: a tenth of the lists of plain k-means has half of the rows, and those are the ones that queries open. In
 * the last iterations distances to large clusters are therefore raised a little, and very small ones split the largest.
 * For 334,479 word vectors in 1,024 lists that saves about a fifth of the codes and pages of a query at recalls of 0.90, 0.95
 * and 0.99; stronger penalties, and penalties kept when rows are assigned to lists, were worse again.
 */
constexpr int kBalancedIterations = 5;
constexpr size_t kFewRows = 20;   ///< of a cluster, in the iterations before those
constexpr double kPenalty = 0.03; ///< of the mean squared distance, for each factor of e in size
constexpr double kSmallShare = 0.1, kLargeShare = 2.5; ///< of the mean size

size_t
ChunkRows(size_t operations_each) {
	return std::clamp<size_t>(kChunkOperations / std::max<size_t>(operations_each, 1),
							  kNearestVectors, 4096) /
		   kNearestVectors * kNearestVectors;
}

/// Rows in the order of their clusters: starts[c] to starts[c + 1].
struct Members {
	std::vector<size_t> starts;
	std::vector<uint32_t> rows;

	Members(const std::vector<uint32_t> &assigned, size_t k)
		: starts(k + 1), rows(assigned.size()) {
		for (uint32_t cluster : assigned)
			starts[cluster + 1]++;
		std::partial_sum(starts.begin(), starts.end(), starts.begin());
		std::vector<size_t> next(starts.begin(), starts.end() - 1);
		for (size_t row = 0; row < assigned.size(); row++)
			rows[next[assigned[row]]++] = static_cast<uint32_t>(row);
	}
	size_t
	Size(size_t cluster) const {
		return starts[cluster + 1] - starts[cluster];
	}
};

/// Each cluster's mean is one thread's work, in the order of its rows: the same for any number of threads.
void
MoveToMeans(const RowView &rows, const Members &members, int n_threads, const StopToken &stop,
			std::vector<float> &centroids) {
	size_t k = members.starts.size() - 1;
	size_t dims = rows.dims, mean_size = members.rows.size() / k + 1;
	ParallelChunks(k, std::max<size_t>(kChunkOperations / 10 / (mean_size * dims), 1), n_threads,
				   stop, [&](size_t begin, size_t end) {
					   for (size_t cluster = begin; cluster < end; cluster++) {
						   if (members.Size(cluster) == 0)
							   continue;
						   float *centroid = centroids.data() + cluster * dims;
						   std::fill_n(centroid, dims, 0.0f);
						   for (size_t i = members.starts[cluster]; i < members.starts[cluster + 1];
								i++) {
							   const float *row = rows[members.rows[i]];
							   for (size_t j = 0; j < dims; j++)
								   centroid[j] += row[j];
						   }
						   float factor = 1 / static_cast<float>(members.Size(cluster));
						   for (size_t j = 0; j < dims; j++)
							   centroid[j] *= factor;
					   }
				   });
}

/// Clusters without rows, and while there are iterations to come those with few, become rows of the largest ones,
/// which the next iteration splits.
void
Reseed(const RowView &rows, const Members &members, bool also_small, Random &random,
	   std::vector<float> &centroids) {
	size_t k = members.starts.size() - 1;
	auto mean = static_cast<double>(members.rows.size()) / static_cast<double>(k);
	std::priority_queue<std::pair<size_t, size_t>> largest;
	for (size_t cluster = 0; cluster < k; cluster++)
		largest.emplace(members.Size(cluster), cluster);
	for (size_t cluster = 0; cluster < k; cluster++) {
		bool is_empty = members.Size(cluster) == 0;
		if (!is_empty &&
			!(also_small && static_cast<double>(members.Size(cluster)) < kSmallShare * mean))
			continue;
		auto [size, from] = largest.top();
		if (size < 2)
			return;
		if (!is_empty && static_cast<double>(size) < kLargeShare * mean)
			continue;
		largest.pop();
		largest.emplace(size / 2, from);
		size_t member = members.starts[from] + random.Below(members.Size(from));
		std::copy_n(rows[members.rows[member]], rows.dims, centroids.data() + cluster * rows.dims);
	}
}

/// What the distance to a cluster is raised by, because it has more rows than others.
class Penalties {
public:
	explicit Penalties(size_t k) : penalties_(k) {}
	void
	Update(const RowView &rows, const std::vector<uint32_t> &assigned, const Members &members,
		   const std::vector<float> &centroids) {
		size_t n = assigned.size(), step = n / kRowsMeasured + 1, measured = 0;
		double squared = 0;
		for (size_t i = 0; i < n; i += step, measured++) {
			squared +=
				SquaredL2Distance(rows[i], centroids.data() + assigned[i] * rows.dims, rows.dims);
		}
		squared /= static_cast<double>(measured);
		size_t k = penalties_.size();
		for (size_t cluster = 0; cluster < k; cluster++) {
			double share = static_cast<double>(members.Size(cluster)) * static_cast<double>(k) /
						   static_cast<double>(n);
			penalties_[cluster] = std::max(
				penalties_[cluster] + kPenalty * squared * std::log(std::max(share, 0.1)), 0.0);
		}
	}
	void
	AddTo(std::vector<float> &norms) const {
		for (size_t cluster = 0; cluster < penalties_.size(); cluster++)
			norms[cluster] += static_cast<float>(penalties_[cluster]);
	}

private:
	static constexpr size_t kRowsMeasured = 4096;
	std::vector<double> penalties_;
};

std::vector<float>
StartAtRows(const float *rows, size_t n, size_t dims, size_t k, Random &random,
			const StopToken &stop) {
	std::vector<uint32_t> order(n);
	std::iota(order.begin(), order.end(), 0u);
	random.Shuffle(order, stop);
	std::vector<float> centroids(k * dims);
	for (size_t cluster = 0; cluster < k; cluster++)
		std::copy_n(rows + order[cluster % n] * dims, dims, centroids.data() + cluster * dims);
	return centroids;
}

} // namespace

void
PackedCentroids::Pack(const float *centroids, size_t count, size_t n_dims, const StopToken &stop) {
	dims = n_dims;
	n_blocks = BlocksOf(count);
	blocks.assign(n_blocks * dims * kLanes, 0);
	norms.assign(n_blocks * kLanes, HUGE_VALF);
	size_t per_poll = kChunkOperations / 40 / dims + 1;
	for (size_t c = 0; c < count; c++) {
		if (c % per_poll == 0)
			stop.ThrowIfStopped();
		float *block = blocks.data() + c / kLanes * dims * kLanes + c % kLanes;
		const float *centroid = centroids + c * dims;
		double norm = 0;
		for (size_t j = 0; j < dims; j++) {
			block[j * kLanes] = centroid[j];
			norm += static_cast<double>(centroid[j]) * centroid[j];
		}
		norms[c] = static_cast<float>(norm);
	}
}

void
AssignRows(const RowView &rows, const PackedCentroids &centroids, int n_threads,
		   const StopToken &stop, uint32_t *assigned) {
	const Kernels &kernels = ActiveKernels();
	size_t dims = centroids.dims;
	ParallelChunks(rows.count, ChunkRows(centroids.n_blocks * kLanes * dims), n_threads, stop,
				   [&](size_t begin, size_t end) {
					   for (size_t i = begin; i < end; i += kNearestVectors) {
						   const float *vectors[kNearestVectors];
						   uint32_t best[kNearestVectors];
						   float scores[kNearestVectors];
						   for (size_t v = 0; v < kNearestVectors; v++)
							   vectors[v] = rows[std::min(i + v, end - 1)];
						   kernels.nearest_float(vectors, dims, centroids.blocks.data(),
												 centroids.norms.data(), centroids.n_blocks, best,
												 scores);
						   for (size_t v = 0; v < kNearestVectors && i + v < end; v++)
							   assigned[i + v] = best[v];
					   }
				   });
}

std::vector<float>
Cluster(const float *rows, size_t n, size_t dims, size_t k, const ClusteringOptions &options) {
	Random random(options.seed);
	std::vector<float> centroids = StartAtRows(rows, n, dims, k, random, options.stop);
	if (n <= k)
		return centroids;
	PackedCentroids packed;
	Penalties penalties(k);
	std::vector<uint32_t> assigned;
	for (int iteration = 0; iteration < options.iterations; iteration++) {
		int left = options.iterations - iteration - 1;
		// A part is enough to find where the clusters are.
		size_t part = left > kBalancedIterations ? std::clamp<size_t>(n / (k * kFewRows), 1, 4) : 1;
		RowView some = {rows, n / part, dims, part * dims};
		assigned.resize(some.count);
		packed.Pack(centroids.data(), k, dims, options.stop);
		penalties.AddTo(packed.norms);
		AssignRows(some, packed, options.n_threads, options.stop, assigned.data());
		Members members(assigned, k);
		MoveToMeans(some, members, options.n_threads, options.stop, centroids);
		if (left <= kBalancedIterations)
			penalties.Update(some, assigned, members, centroids);
		if (left > 0)
			Reseed(some, members, left > 1, random, centroids);
		if (options.progress)
			options.progress(static_cast<size_t>(iteration + 1));
	}
	return centroids;
}

} // namespace pgml::ann
