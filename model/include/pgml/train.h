#pragma once
/// Training: raw matrix and targets in, Model and metrics out. See model.h for the raw encoding.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pgml/matrix.h"
#include "pgml/model.h"
#include "pgml/stop_token.h"

namespace pgml {

/// Collects the distinct texts of a feature or target while rows stream in: text -> code 0, 1, 2 ... by first appearance.
class CategoryDictionary {
public:
	/// @throws Error(kLimitExceeded) above kMaxCategories
	uint32_t CodeOf(std::string_view value);
	const std::vector<std::string> &
	values() const {
		return values_;
	}
	static constexpr size_t kMaxCategories = 1 << 24; ///< codes must be exact in float32
	/// About what the dictionary takes.
	size_t
	bytes() const {
		return bytes_;
	}

private:
	std::vector<std::string> values_;
	size_t bytes_ = 0;
	struct Index;
	std::shared_ptr<Index> index_;
};

struct Dataset {
	std::vector<FeatureSpec> features;
	Matrix raw; ///< [rows, sum of widths]; text features hold dictionary codes
	std::vector<CategoryDictionary> dictionaries; ///< one per feature, empty for non-text
	/// 0 for the tasks that have no target, more than 1 for a joint regression (numbers and booleans).
	size_t n_targets = 1;
	std::vector<double>
		target; ///< row-major [rows, n_targets], finite: the number, or the code in target_labels
	bool target_is_text = false;
	bool target_is_boolean = false;
	CategoryDictionary target_labels; ///< for a text target

	size_t
	rows() const {
		return raw.rows();
	}
	/// The rows given, sharing the dictionaries' codes.
	Dataset Subset(const std::vector<size_t> &rows, const StopToken &stop = StopToken()) const;
	/// Takes the test part of a split out; the training part stays, and the memory of the rest is given back.
	/// @throws Cancelled, after which neither part can be used
	Dataset SplitOff(const struct Split &split, const StopToken &stop);
};

enum class Sampling : uint8_t { kRandom, kLast, kStratified };

struct Split {
	std::vector<size_t> train, test; ///< ascending row numbers
};

/// Splits rows into train and test parts, deterministic for a seed. Stratified is by the classes of a
/// classification; for the other tasks it is random.
/// @param test_size  < 1: fraction, rounded to whole rows; > 1: number of rows; 0 = no test part. One row always trains.
/// @throws Error(kInvalidArgument) negative, exactly 1, or not smaller than the number of rows
Split SplitRows(const Dataset &data, double test_size, Sampling sampling, Task task, uint64_t seed,
				const StopToken &stop = StopToken());

/// What a training tells besides the model.
struct TrainReport {
	/// Of early stopping: the round that was best on the rows held out, from 0. The model ends with it.
	std::optional<size_t> best_iteration;
	double validation_score = 0; ///< there: the loss, or XGBoost's metric
};

struct TrainOptions {
	std::string algorithm = "linear";
	Task task = Task::kRegression;
	std::string hyperparams_json =
		"{}"; ///< object; an unknown key or a value out of range is an error that lists what is allowed
	std::string preprocess_json =
		"{}"; ///< {"column": {"encode"|"impute"|"scale": ...}}, reference names as PostgresML's
	uint64_t seed = 0;
	int n_threads = 1;
	/// Bytes that the matrices may take: the rows, the preprocessed rows, and a library's own form of them. What an
	/// algorithm needs beside that is small, or bounded by its hyperparameters.
	size_t memory_limit = SIZE_MAX;
	std::string module_directory; ///< where pgml_train_faiss.so is; needed by kmeans only
	StopToken stop;
	/// Called on the training thread between rounds with rounds done and total; may be empty. Must not throw.
	std::function<void(size_t done, size_t total)> progress;
	/// Called once, when the features are preprocessed and fitting begins; may be empty. Must not throw.
	std::function<void()> preprocessed;
	TrainReport *report = nullptr; ///< filled in by Train() where given
};

/// Major, minor and patch version of the libxgboost that trains.
void XgboostVersion(int (&version)[3]) noexcept;

/// Algorithms that Train() knows for a task, e.g. "linear", "ridge", "lasso", "elastic_net", "xgboost".
std::vector<std::string> AvailableAlgorithms(Task task);

/// What trains a task when nobody names an algorithm: linear, kmeans or pca.
const char *DefaultAlgorithm(Task task) noexcept;

/// @throws Error(kNotSupported) for an algorithm that is not available for the task: the hint names the nearest one
///         or all; Error(kInvalidArgument) for a name that nobody knows
void CheckAlgorithm(const std::string &name, Task task);

/// Checks algorithm, task and hyperparameters as Train() does, without data.
/// @throws as Train() does for them
void CheckHyperparameters(const TrainOptions &options);

/**
 * Trains on all rows of `data`.
 * Several targets, which regression may have: one learner for each, in one model.
 * @throws Error(kInvalidArgument) unknown algorithm, hyperparameter or preprocessing; Error(kInvalidData) no rows,
 *         one class only, constant target; Error(kNotSupported); Error(kOutOfMemory) beyond memory_limit; Cancelled
 * Deterministic for equal data, options, seed and n_threads.
 */
std::unique_ptr<const Model> Train(const Dataset &data, const TrainOptions &options);

/// The same with rows that nobody needs afterwards: their memory is given back as soon as the algorithm does not need
/// them any more, or serves to preprocess them in place.
std::unique_ptr<const Model> Train(Dataset &&data, const TrainOptions &options);

/// A training that was cancelled inside of a library leaves it behind on a thread of its own, with the memory it works
/// on, until the library's call is over: usually one boosting round. The next training waits for that.
/// True while such a call runs: a process must not run the destructors of its libraries then.
bool AbandonedCallRuns() noexcept;
/// @throws Cancelled
void WaitForAbandonedCall(const StopToken &stop);

/// Metrics on `test` as a JSON object, null where undefined. Regression: r2, mean_absolute_error,
/// mean_squared_error, root_mean_squared_error, median_absolute_error, explained_variance.
/// Classification: f1, precision, recall (two classes: of the second one; more: macro means),
/// accuracy, balanced_accuracy, mcc, log_loss, brier_score and, for two classes, roc_auc and
/// average_precision; the last four from probabilities and margins, not from labels. Several targets: of all values
/// together. Clustering: silhouette (of 5000 evenly spaced rows where there are more), inertia. Decomposition:
/// cumulative_explained_variance, explained_variance_ratio (an array), of these rows.
/// @throws Error(kInvalidArgument) when features or targets do not fit the model
std::string EvaluateToJson(const Model &model, const Dataset &test, const StopToken &stop);

/// What pgml.snapshots.columns holds: a JSON array with name, position, size, type and statistics of each column.
/// @param target_names  one per target
std::string DescribeColumnsToJson(const Dataset &data, const std::vector<std::string> &target_names,
								  const StopToken &stop = StopToken());

} // namespace pgml
