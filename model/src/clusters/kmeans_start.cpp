// Where k-means starts. k-means++ (Arthur, Vassilvitskii 2007): each centroid is a row drawn with probability
// proportional to its squared distance from those chosen before; greedy as in scikit-learn: of 2 + log(k) draws the one
// that leaves the smallest sum.
#include "clusters/kmeans_start.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <Eigen/Core>

#include "clusters/centroids.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr size_t kRowsPerPoll = 4096;

/// Whether two of the rows have equal values.
bool
HaveEqual(const CentredRows &data, std::vector<size_t> numbers) {
	auto bounds = [&](size_t number) {
		return std::pair(data.row(number), data.row(number) + data.columns());
	};
	auto less = [&](size_t a, size_t b) {
		auto [a_begin, a_end] = bounds(a);
		auto [b_begin, b_end] = bounds(b);
		return std::lexicographical_compare(a_begin, a_end, b_begin, b_end);
	};
	std::sort(numbers.begin(), numbers.end(), less);
	return std::adjacent_find(numbers.begin(), numbers.end(), [&](size_t a, size_t b) {
			   return std::equal(data.row(a), data.row(a) + data.columns(), data.row(b));
		   }) != numbers.end();
}

class GreedyStart {
public:
	GreedyStart(const CentredRows &data, const std::vector<size_t> &candidates, Random &random,
				const StopToken &stop)
		: data_(data), candidates_(candidates), random_(random), stop_(stop) {}

	std::vector<size_t>
	Choose(size_t n_clusters) {
		closest_.assign(candidates_.size(), HUGE_VALF);
		std::vector<size_t> chosen = {candidates_[random_.Below(candidates_.size())]};
		std::vector<float> trial;
		double sum = Approach(chosen[0], trial);
		closest_.swap(trial);
		auto n_trials = 2 + static_cast<size_t>(std::log(static_cast<double>(n_clusters)));
		while (chosen.size() < n_clusters && sum > 0) {
			double best = HUGE_VAL;
			std::vector<float> best_closest;
			size_t best_row = 0;
			for (size_t t = 0; t < n_trials; t++) {
				size_t row = Draw(sum);
				double left = Approach(row, trial);
				if (left < best) {
					best = left;
					best_row = row;
					best_closest.swap(trial);
				}
			}
			chosen.push_back(best_row);
			closest_.swap(best_closest);
			sum = best;
		}
		return chosen;
	}

private:
	/// Distances to the nearest centroid if this row became one. @return their sum
	double
	Approach(size_t row, std::vector<float> &closest) {
		closest.resize(candidates_.size());
		double sum = 0;
		for (size_t i = 0; i < candidates_.size(); i++) {
			if (i % kRowsPerPoll == 0)
				stop_.ThrowIfStopped();
			double distance =
				SquaredDistance(data_.row(row), data_.row(candidates_[i]), data_.columns());
			closest[i] = std::min(closest_[i], static_cast<float>(distance));
			sum += closest[i];
		}
		return sum;
	}

	/// A candidate by its distance; never one with distance 0.
	size_t
	Draw(double sum) {
		double left = random_.Uniform() * sum;
		size_t last = 0;
		for (size_t i = 0; i < candidates_.size(); i++) {
			if (closest_[i] == 0)
				continue;
			last = i;
			left -= closest_[i];
			if (left < 0)
				break;
		}
		return candidates_[last];
	}

	const CentredRows &data_;
	const std::vector<size_t> &candidates_;
	Random &random_;
	const StopToken &stop_;
	std::vector<float> closest_; ///< squared distance of each candidate to the nearest centroid
};

} // namespace

CentredRows::CentredRows(MatrixView columns, const StopToken &stop)
	: rows_(columns.rows), means_(columns.cols) {
	double largest = 0;
	for (size_t col = 0; col < columns.cols; col++) {
		stop.ThrowIfStopped();
		const float *values = columns.column(col);
		means_[col] = std::accumulate(values, values + rows_, 0.0) / static_cast<double>(rows_);
		auto [low, high] = std::minmax_element(values, values + rows_);
		largest = std::max({largest, *high - means_[col], means_[col] - *low});
	}
	if (largest > 0)
		scale_ = largest;
	values_.resize(rows_ * columns.cols);
	for (size_t col = 0; col < columns.cols; col++) {
		stop.ThrowIfStopped();
		const float *values = columns.column(col);
		for (size_t row = 0; row < rows_; row++)
			values_[row * columns.cols + col] =
				static_cast<float>((values[row] - means_[col]) / scale_);
	}
}

double
CentredRows::MeanVariance(const StopToken &stop) const {
	double sum = 0;
	for (size_t number = 0; number < rows_; number++) {
		if (number % kRowsPerPoll == 0)
			stop.ThrowIfStopped();
		for (size_t col = 0; col < columns(); col++)
			sum += static_cast<double>(row(number)[col]) * row(number)[col];
	}
	return sum / static_cast<double>(rows_ * columns());
}

std::vector<float>
CentredRows::Restore(const std::vector<float> &centroids) const {
	std::vector<float> result(centroids.size());
	for (size_t i = 0; i < centroids.size(); i++)
		result[i] = static_cast<float>(centroids[i] * scale_ + means_[i % columns()]);
	return result;
}

double
SquaredDistance(const float *a, const float *b, size_t n) {
	using Values = Eigen::Map<const Eigen::ArrayXf>;
	auto size = static_cast<Eigen::Index>(n);
	return (Values(a, size) - Values(b, size)).square().sum();
}

size_t
NearestCentroid(const float *row, const std::vector<float> &centroids, size_t n_columns,
				double &distance) {
	size_t best = 0, n_clusters = centroids.size() / n_columns;
	distance = HUGE_VAL;
	for (size_t k = 0; k < n_clusters; k++) {
		double here = SquaredDistance(row, centroids.data() + k * n_columns, n_columns);
		if (here < distance) {
			distance = here;
			best = k;
		}
	}
	return best;
}

std::vector<size_t>
DrawRows(size_t count, size_t total, Random &random) {
	std::vector<size_t> numbers(total);
	std::iota(numbers.begin(), numbers.end(), size_t{0});
	for (size_t i = 0; i < count; i++)
		std::swap(numbers[i], numbers[i + random.Below(total - i)]);
	numbers.resize(count);
	return numbers;
}

std::vector<size_t>
StartingRows(const CentredRows &data, const std::vector<size_t> &candidates, size_t n_clusters,
			 bool greedy, Random &random, const StopToken &stop) {
	if (!greedy && candidates.size() >= n_clusters) {
		std::vector<size_t> chosen = DrawRows(n_clusters, candidates.size(), random);
		for (size_t &number : chosen)
			number = candidates[number];
		if (!HaveEqual(data, chosen))
			return chosen;
	}
	return GreedyStart(data, candidates, random, stop).Choose(n_clusters);
}

std::vector<float>
GatherRows(const CentredRows &data, const std::vector<size_t> &numbers) {
	std::vector<float> values;
	values.reserve(numbers.size() * data.columns());
	for (size_t number : numbers)
		values.insert(values.end(), data.row(number), data.row(number) + data.columns());
	return values;
}

std::vector<float>
ExactMeans(MatrixView columns, std::vector<float> centroids, const StopToken &stop) {
	constexpr size_t kTile = 1024;
	CentroidModel model(columns.cols, centroids);
	std::vector<double> sums(centroids.size());
	std::vector<size_t> members(model.n_clusters());
	uint32_t own[kTile];
	for (size_t first = 0; first < columns.rows; first += kTile) {
		stop.ThrowIfStopped();
		MatrixView tile = columns.Slice(first, std::min(kTile, columns.rows - first));
		model.Nearest(tile, own, nullptr);
		for (size_t row = 0; row < tile.rows; row++)
			members[own[row]]++;
		for (size_t col = 0; col < tile.cols; col++)
			for (size_t row = 0; row < tile.rows; row++)
				sums[own[row] * tile.cols + col] += tile.column(col)[row];
	}
	for (size_t i = 0; i < centroids.size(); i++)
		if (size_t count = members[i / columns.cols]; count > 0)
			centroids[i] = static_cast<float>(sums[i] / static_cast<double>(count));
	return centroids;
}

} // namespace pgml
