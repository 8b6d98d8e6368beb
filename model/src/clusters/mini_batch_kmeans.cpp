// Algorithm "mini_batch_kmeans": MiniBatchKMeans (Sculley 2010, with scikit-learn's stopping rule and its reassignment of
// clusters that get hardly any rows). Each step moves the centroids towards the rows of a random batch; a
// centroid's steps grow shorter with the rows that it has seen.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "clusters/centroids.h"
#include "clusters/kmeans_start.h"
#include "pgml/error.h"
#include "training/trainers.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

struct Settings {
	size_t n_clusters, batch_size;
	bool greedy;
	int64_t n_starts, max_epochs;
	std::optional<int64_t> init_size, max_no_improvement;
	double tolerance, reassignment_ratio;
	uint64_t seed;
};

Settings
ReadSettings(Hyperparameters &parameters, const TrainOptions &options) {
	Settings settings;
	settings.n_clusters =
		static_cast<size_t>(parameters.Integer({"n_clusters"}, 8, 1, CentroidModel::kMaxClusters));
	settings.greedy =
		parameters.Choice({"init"}, "k-means++", {"k-means++", "random"}) == "k-means++";
	settings.n_starts = parameters.IntegerOrWord({"n_init"}, 3, "auto", 1, 1000).value_or(3);
	settings.max_epochs = parameters.Integer({"max_iter"}, 100, 1, 1000000);
	settings.batch_size =
		static_cast<size_t>(parameters.Integer({"batch_size"}, 1024, 1, 100000000));
	settings.init_size =
		parameters.NullableInteger({"init_size"}, std::nullopt, 1, int64_t{1} << 40);
	settings.max_no_improvement =
		parameters.NullableInteger({"max_no_improvement"}, 10, 1, 1000000000);
	settings.tolerance = parameters.Real({"tol"}, 0, 0, HUGE_VAL);
	settings.reassignment_ratio = parameters.Real({"reassignment_ratio"}, 0.01, 0, 1);
	settings.seed = parameters.Seed(options.seed);
	parameters.Finish();
	return settings;
}

class MiniBatches {
public:
	MiniBatches(const CentredRows &data, const Settings &settings, const TrainOptions &options)
		: data_(data), settings_(settings), options_(options), random_(settings.seed),
		  batch_size_(std::min(settings.batch_size, data.rows())) {}

	std::vector<float>
	Train() {
		if (!ChooseStart())
			return centroids_;
		counts_.assign(settings_.n_clusters, 0);
		size_t n_columns = data_.columns();
		double n_steps =
			std::ceil(static_cast<double>(settings_.max_epochs) *
					  static_cast<double>(data_.rows()) / static_cast<double>(batch_size_));
		double tolerance = settings_.tolerance * data_.MeanVariance(options_.stop);
		std::vector<size_t> batch(batch_size_), own(batch_size_);
		size_t since_reassignment = 0;
		for (size_t step = 0; static_cast<double>(step) < n_steps; step++) {
			for (size_t &row : batch)
				row = random_.Below(data_.rows());
			double inertia = Assign(batch, own);
			std::vector<float> before = centroids_;
			Move(batch, own);
			since_reassignment += batch_size_;
			bool any_empty = std::find(counts_.begin(), counts_.end(), 0) != counts_.end();
			if (any_empty || since_reassignment >= 10 * settings_.n_clusters) {
				since_reassignment = 0;
				Reassign(batch);
			}
			double moved =
				SquaredDistance(before.data(), centroids_.data(), settings_.n_clusters * n_columns);
			if (Converged(step, inertia / static_cast<double>(batch_size_), moved, tolerance))
				break;
			if (options_.progress)
				options_.progress(step + 1, static_cast<size_t>(std::min(n_steps, 1e15)));
		}
		return centroids_;
	}

private:
	/// The best of several starts, on a sample. @return false when the rows have fewer different values than clusters:
	/// then each is a centroid
	bool
	ChooseStart() {
		size_t wanted = settings_.init_size ? static_cast<size_t>(*settings_.init_size)
											: 3 * settings_.batch_size;
		size_t size = std::min(std::max(wanted, 3 * settings_.n_clusters), data_.rows());
		std::vector<size_t> judge = DrawRows(size, data_.rows(), random_);
		std::vector<size_t> own(size);
		double smallest = HUGE_VAL;
		std::vector<float> best;
		for (int64_t run = 0; run < settings_.n_starts; run++) {
			std::vector<size_t> candidates = DrawRows(size, data_.rows(), random_);
			for (bool all : {false, true}) {
				if (all)
					candidates = DrawRows(data_.rows(), data_.rows(), random_);
				std::vector<size_t> start = StartingRows(data_, candidates, settings_.n_clusters,
														 settings_.greedy, random_, options_.stop);
				centroids_ = GatherRows(data_, start);
				if (start.size() == settings_.n_clusters)
					break;
				if (all)
					return false;
			}
			double inertia = Assign(judge, own);
			if (inertia < smallest) {
				smallest = inertia;
				best = centroids_;
			}
		}
		centroids_ = best;
		return true;
	}

	/// @return sum of squared distances
	double
	Assign(const std::vector<size_t> &rows, std::vector<size_t> &own) {
		double sum = 0;
		size_t rows_per_poll = 1 + 1000000 / centroids_.size();
		for (size_t i = 0; i < rows.size(); i++) {
			if (i % rows_per_poll == 0)
				options_.stop.ThrowIfStopped();
			double distance;
			own[i] = NearestCentroid(data_.row(rows[i]), centroids_, data_.columns(), distance);
			sum += distance;
		}
		return sum;
	}

	void
	Move(const std::vector<size_t> &rows, const std::vector<size_t> &own) {
		size_t n_columns = data_.columns();
		std::vector<double> sums(centroids_.size());
		std::vector<double> added(settings_.n_clusters);
		for (size_t i = 0; i < rows.size(); i++) {
			added[own[i]]++;
			for (size_t col = 0; col < n_columns; col++)
				sums[own[i] * n_columns + col] += data_.row(rows[i])[col];
		}
		for (size_t k = 0; k < settings_.n_clusters; k++) {
			if (added[k] == 0)
				continue;
			double total = counts_[k] + added[k];
			for (size_t col = 0; col < n_columns; col++) {
				float &value = centroids_[k * n_columns + col];
				value =
					static_cast<float>((value * counts_[k] + sums[k * n_columns + col]) / total);
			}
			counts_[k] = total;
		}
	}

	/// Clusters with hardly any rows start again at rows of the batch, the emptiest first.
	void
	Reassign(const std::vector<size_t> &batch) {
		double most = *std::max_element(counts_.begin(), counts_.end());
		std::vector<size_t> poor;
		for (size_t k = 0; k < counts_.size(); k++)
			if (counts_[k] < settings_.reassignment_ratio * most || counts_[k] == 0)
				poor.push_back(k);
		std::stable_sort(poor.begin(), poor.end(),
						 [&](size_t a, size_t b) { return counts_[a] < counts_[b]; });
		poor.resize(std::min(poor.size(), batch.size() / 2));
		if (poor.empty())
			return;
		std::vector<size_t> rows = DrawRows(poor.size(), batch.size(), random_);
		for (size_t i = 0; i < poor.size(); i++)
			std::copy_n(data_.row(batch[rows[i]]), data_.columns(),
						centroids_.data() + poor[i] * data_.columns());
		// As much weight as the poorest of the others has, so that they do not jump at every batch.
		double least = most;
		for (size_t k = 0; k < counts_.size(); k++)
			if (std::find(poor.begin(), poor.end(), k) == poor.end())
				least = std::min(least, counts_[k]);
		for (size_t k : poor)
			counts_[k] = least;
	}

	/// scikit-learn's rule: a weighted mean of the batches' inertia has not become smaller for some time.
	bool
	Converged(size_t step, double inertia, double moved, double tolerance) {
		if (step == 0)
			return false; // the inertia of the start says nothing
		if (!mean_inertia_) {
			mean_inertia_ = inertia;
		} else {
			double alpha = std::min(1.0, static_cast<double>(batch_size_) * 2 /
											 (static_cast<double>(data_.rows()) + 1));
			mean_inertia_ = *mean_inertia_ * (1 - alpha) + inertia * alpha;
		}
		if (tolerance > 0 && moved <= tolerance)
			return true;
		if (*mean_inertia_ < least_inertia_) {
			least_inertia_ = *mean_inertia_;
			no_improvement_ = 0;
		} else {
			no_improvement_++;
		}
		return settings_.max_no_improvement && no_improvement_ >= *settings_.max_no_improvement;
	}

	const CentredRows &data_;
	const Settings &settings_;
	const TrainOptions &options_;
	Random random_;
	size_t batch_size_;
	std::vector<float> centroids_;
	std::vector<double> counts_; ///< rows that each centroid has seen
	std::optional<double> mean_inertia_;
	double least_inertia_ = HUGE_VAL;
	int64_t no_improvement_ = 0;
};

} // namespace

Trained
TrainMiniBatchKmeans(Hyperparameters &parameters, Task, const TrainingData *data,
					 const TrainOptions &options) {
	Settings settings = ReadSettings(parameters, options);
	if (data == nullptr)
		return {};
	RequireFinite(*data, options.stop);
	CheckClusters(settings.n_clusters, *data, options);
	CentredRows rows(data->columns, options.stop);
	std::vector<float> centroids = rows.Restore(MiniBatches(rows, settings, options).Train());
	if (centroids.size() < settings.n_clusters * data->columns.cols)
		centroids = ExactMeans(data->columns, std::move(centroids), options.stop);
	return {Link::kIdentity,
			std::make_unique<CentroidModel>(data->columns.cols, std::move(centroids))};
}

} // namespace pgml
