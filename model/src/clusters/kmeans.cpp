// Algorithm "kmeans": KMeans. Lloyd's iterations by FAISS, in a module of its own (module/train_faiss.h), from starts of
// ours; the best of several. One more iteration in double at the end makes the centroids the exact means of their rows.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "clusters/centroids.h"
#include "clusters/kmeans_start.h"
#include "pgml/error.h"
#include "training/trainers.h"
#include "training/training_module.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

/// Rows to choose starts from; more for many clusters. The iterations use all rows.
constexpr size_t kStartRows = 20000, kStartRowsPerCluster = 50;
constexpr int64_t kDefaultStarts = 10;

struct Settings {
	size_t n_clusters;
	bool greedy;
	int64_t n_starts;
	int max_iterations;
	double tolerance;
	uint64_t seed;
};

Settings
ReadSettings(Hyperparameters &parameters, const TrainOptions &options) {
	Settings settings;
	settings.n_clusters =
		static_cast<size_t>(parameters.Integer({"n_clusters"}, 8, 1, CentroidModel::kMaxClusters));
	settings.greedy =
		parameters.Choice({"init"}, "k-means++", {"k-means++", "random"}) == "k-means++";
	settings.n_starts = parameters.IntegerOrWord({"n_init"}, kDefaultStarts, "auto", 1, 1000)
							.value_or(kDefaultStarts);
	settings.max_iterations = static_cast<int>(parameters.Integer({"max_iter"}, 300, 1, 1000000));
	settings.tolerance = parameters.Real({"tol"}, 1e-4, 0, HUGE_VAL);
	// How scikit-learn gets to the same result faster.
	parameters.Choice({"algorithm"}, "lloyd", {"lloyd", "elkan", "auto", "full"});
	settings.seed = parameters.Seed(options.seed);
	parameters.Finish();
	return settings;
}

/// The start of one run.
std::vector<size_t>
Start(const CentredRows &data, const Settings &settings, Random &random, const StopToken &stop) {
	size_t enough = std::max(kStartRows, kStartRowsPerCluster * settings.n_clusters);
	if (enough < data.rows()) {
		std::vector<size_t> start =
			StartingRows(data, DrawRows(enough, data.rows(), random), settings.n_clusters,
						 settings.greedy, random, stop);
		if (start.size() == settings.n_clusters)
			return start;
	}
	std::vector<size_t> all(data.rows());
	std::iota(all.begin(), all.end(), size_t{0});
	return StartingRows(data, all, settings.n_clusters, settings.greedy, random, stop);
}

/// Runs the iterations of the module. @return the sum of squared distances
double
Iterate(PgmlTrainFaissKmeans *kmeans, const CentredRows &data, const Settings &settings,
		const TrainOptions &options, std::vector<float> &centroids) {
	PgmlKmeans job = {};
	job.rows = data.rows();
	job.columns = data.columns();
	job.clusters = settings.n_clusters;
	job.values = data.row(0);
	job.centroids = centroids.data();
	job.max_iterations = settings.max_iterations;
	job.tolerance = settings.tolerance * data.MeanVariance(options.stop);
	job.n_threads = options.n_threads;
	job.stopped = [](void *argument) {
		return static_cast<const StopToken *>(argument)->StopRequested();
	};
	job.stopped_argument = const_cast<StopToken *>(&options.stop);
	switch (kmeans(&job)) {
		case PGML_TRAIN_DONE:
			return job.objective;
		case PGML_TRAIN_STOPPED:
			throw Cancelled();
		case PGML_TRAIN_NO_MEMORY:
			throw std::bad_alloc();
		default:
			throw Error(ErrorCode::kInternal, "FAISS could not cluster the rows",
						fmt::format("{}.", job.message));
	}
}

} // namespace

Trained
TrainKmeans(Hyperparameters &parameters, Task, const TrainingData *data,
			const TrainOptions &options) {
	Settings settings = ReadSettings(parameters, options);
	if (data == nullptr)
		return {};
	RequireFinite(*data, options.stop);
	CheckClusters(settings.n_clusters, *data, options);
	PgmlTrainFaissKmeans *kmeans = LoadFaissKmeans(options.module_directory);
	CentredRows rows(data->columns, options.stop);
	Random random(settings.seed);
	std::vector<float> best;
	double smallest = HUGE_VAL;
	for (int64_t run = 0; run < settings.n_starts; run++) {
		std::vector<size_t> start = Start(rows, settings, random, options.stop);
		std::vector<float> centroids = GatherRows(rows, start);
		if (start.size() < settings.n_clusters) {
			best = centroids; // the rows have no more different values: each is its own cluster
			break;
		}
		double objective = Iterate(kmeans, rows, settings, options, centroids);
		if (objective < smallest) {
			smallest = objective;
			best = centroids;
		}
		if (options.progress)
			options.progress(static_cast<size_t>(run + 1), static_cast<size_t>(settings.n_starts));
	}
	return {Link::kIdentity,
			std::make_unique<CentroidModel>(
				data->columns.cols, ExactMeans(data->columns, rows.Restore(best), options.stop))};
}

void
CheckClusters(size_t n_clusters, const TrainingData &data, const TrainOptions &options) {
	if (n_clusters > data.columns.rows)
		throw Error(ErrorCode::kInvalidData,
					fmt::format("n_clusters is {}, but there are only {} training rows", n_clusters,
								data.columns.rows));
	RequireMemory(
		options, Matrix::BytesFor(data.columns.cols, data.columns.rows),
		data.columns.rows * data.columns.cols * sizeof(float),
		fmt::format("{} centred rows of {} columns", data.columns.rows, data.columns.cols));
}

} // namespace pgml
