// Algorithm "knn": KNeighborsRegressor and KNeighborsClassifier. Training keeps the rows.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "neighbors/neighbors.h"
#include "pgml/error.h"
#include "training/trainers.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

/// Cells that a model may keep: bounds its size (256 MB) and the time of a prediction.
constexpr size_t kMaxCells = size_t{1} << 26;

} // namespace

Trained
TrainKnn(Hyperparameters &parameters, Task task, const TrainingData *data,
		 const TrainOptions &options) {
	NeighborSettings settings;
	settings.n_neighbors =
		static_cast<uint32_t>(parameters.Integer({"n_neighbors"}, 5, 1, 1000000));
	settings.by_distance =
		parameters.Choice({"weights"}, "uniform", {"uniform", "distance"}) == "distance";
	double power = parameters.Real({"p"}, 2, 1, NeighborModel::kMaxPower);
	std::string metric = parameters.Choice({"metric"}, "minkowski",
										   {"minkowski", "euclidean", "manhattan", "chebyshev"});
	settings.power = metric == "euclidean"   ? 2
					 : metric == "manhattan" ? 1
					 : metric == "chebyshev" ? HUGE_VAL
											 : power;
	// How scikit-learn searches; every way gives the same neighbours.
	parameters.Choice({"algorithm"}, "auto", {"auto", "ball_tree", "kd_tree", "brute"});
	parameters.Integer({"leaf_size"}, 30, 1, 1000000);
	parameters.Integer({"n_jobs"}, 1, -1, 1 << 16);
	parameters.Seed(0);
	parameters.Finish();
	if (data == nullptr)
		return {};
	MatrixView x = data->columns;
	if (settings.n_neighbors > x.rows)
		throw Error(ErrorCode::kInvalidData,
					fmt::format("n_neighbors is {}, but there are only {} training rows",
								settings.n_neighbors, x.rows));
	if (x.rows > kMaxCells / (x.cols + 1))
		throw Error(ErrorCode::kLimitExceeded,
					fmt::format("nearest neighbours keep at most {} values", kMaxCells),
					fmt::format("There are {} rows of {} columns.", x.rows, x.cols),
					"Train on a sample of the rows, or use algorithm \"xgboost\".");
	std::vector<float> values;
	values.reserve(x.rows * x.cols);
	for (size_t col = 0; col < x.cols; col++) {
		options.stop.ThrowIfStopped();
		std::transform(x.column(col), x.column(col) + x.rows, std::back_inserter(values),
					   ClampFeature);
	}
	bool regression = task == Task::kRegression;
	std::vector<double> targets =
		regression ? data->target : std::vector<double>(data->classes.begin(), data->classes.end());
	return {regression ? Link::kIdentity : Link::kShares,
			std::make_unique<NeighborModel>(settings, x.cols, data->n_classes, std::move(values),
											std::move(targets))};
}

} // namespace pgml
