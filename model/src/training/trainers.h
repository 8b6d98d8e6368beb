#pragma once
/// What Train() hands to an algorithm's trainer, and what it gets back.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "training/hyperparameters.h"
#include "artefact/learner.h"
#include "linear/linear.h"
#include "artefact/model_impl.h"
#include "pgml/train.h"

namespace pgml {

struct TrainingData {
	MatrixView columns; ///< preprocessed; missing values only if the algorithm takes them
	const std::vector<double> &target;      ///< regression: one number per row
	const std::vector<uint32_t> &classes;   ///< classification: 0 .. n_classes - 1
	size_t n_classes = 0;                   ///< 0 = regression
	const std::vector<std::string> &labels; ///< of the classes
	/// Holds the memory of `columns`: for threads that may outlive the training.
	std::shared_ptr<const void> columns_owner;
	/// Gives the memory of `columns` back as far as nobody else holds it: for trainers that made a copy of their own.
	std::function<void()> release_columns;
};

/// What a row of each class counts; `counts` are the rows of each class that "balanced" balances.
/// @throws Error(kInvalidArgument) for a label that is no class
std::vector<double> WeightsOf(const ClassWeight &weight, const TrainingData &data,
							  const std::vector<double> &counts);
/// The same for all rows of the data.
std::vector<double> WeightsOf(const ClassWeight &weight, const TrainingData &data);

struct Trained {
	Link link;
	std::unique_ptr<const Learner> learner;
};

/// What all tree algorithms of our own need. @param counts  the target must not be negative
/// @throws Error(kInvalidData), Error(kLimitExceeded) for more rows than 32 bits count
void CheckTreeData(const TrainingData &data, bool counts);

/// scikit-learn's max_features: nothing given and "null" are all columns, then "sqrt", "log2", a count, a
/// fraction.
size_t FeatureCount(const std::optional<Hyperparameters::Amount> &amount, size_t n_columns);

constexpr unsigned
TaskBit(Task task) {
	return 1u << static_cast<unsigned>(task);
}

/// @throws Error(kOutOfMemory) when `held` and `needed` bytes together exceed the limit
/// @param what  for the message: what takes the memory, with its size
void RequireMemory(const TrainOptions &options, size_t held, size_t needed,
				   const std::string &what);

/// One entry per algorithm name.
struct Algorithm {
	const char *name;
	bool is_tree;   ///< takes missing values and does its own scaling
	unsigned tasks; ///< TaskBit() of each task that it is for
	/// Reads and checks the hyperparameters first, so that a typing error shows at once.
	/// @param data  nullptr: only check
	Trained (*train)(Hyperparameters &parameters, Task task, const TrainingData *data,
					 const TrainOptions &options);
};

/// All algorithms of the product, sorted by name.
const std::vector<Algorithm> &Algorithms();

/// For algorithms that take finite features only.
/// @throws Error(kInvalidData)
void RequireFinite(const TrainingData &data, const StopToken &stop);

/// Linear weights checked to be finite, as a learner.
Trained LinearResult(Link link, const TrainingData &data, std::vector<LinearGroup> groups);

/// @throws Error(kInvalidData) for more clusters than rows; Error(kOutOfMemory) when there is no room for the copy of the
/// rows that k-means works on
void CheckClusters(size_t n_clusters, const TrainingData &data, const TrainOptions &options);

Trained TrainKmeans(Hyperparameters &parameters, Task task, const TrainingData *data,
					const TrainOptions &options);
Trained TrainMiniBatchKmeans(Hyperparameters &parameters, Task task, const TrainingData *data,
							 const TrainOptions &options);
Trained TrainPca(Hyperparameters &parameters, Task task, const TrainingData *data,
				 const TrainOptions &options);
Trained TrainHuber(Hyperparameters &parameters, Task task, const TrainingData *data,
				   const TrainOptions &options);
Trained TrainKnn(Hyperparameters &parameters, Task task, const TrainingData *data,
				 const TrainOptions &options);
Trained TrainLinearSvm(Hyperparameters &parameters, Task task, const TrainingData *data,
					   const TrainOptions &options);
Trained TrainMlp(Hyperparameters &parameters, Task task, const TrainingData *data,
				 const TrainOptions &options);
Trained TrainNuSvm(Hyperparameters &parameters, Task task, const TrainingData *data,
				   const TrainOptions &options);
Trained TrainQuantile(Hyperparameters &parameters, Task task, const TrainingData *data,
					  const TrainOptions &options);
Trained TrainStochasticGradientDescent(Hyperparameters &parameters, Task task,
									   const TrainingData *data, const TrainOptions &options);
Trained TrainSvm(Hyperparameters &parameters, Task task, const TrainingData *data,
				 const TrainOptions &options);
Trained TrainLinear(Hyperparameters &parameters, Task task, const TrainingData *data,
					const TrainOptions &options);
Trained TrainRidge(Hyperparameters &parameters, Task task, const TrainingData *data,
				   const TrainOptions &options);
Trained TrainLasso(Hyperparameters &parameters, Task task, const TrainingData *data,
				   const TrainOptions &options);
Trained TrainElasticNet(Hyperparameters &parameters, Task task, const TrainingData *data,
						const TrainOptions &options);
Trained TrainXgboost(Hyperparameters &parameters, Task task, const TrainingData *data,
					 const TrainOptions &options);
Trained TrainRandomForest(Hyperparameters &parameters, Task task, const TrainingData *data,
						  const TrainOptions &options);
Trained TrainExtraTrees(Hyperparameters &parameters, Task task, const TrainingData *data,
						const TrainOptions &options);
Trained TrainBagging(Hyperparameters &parameters, Task task, const TrainingData *data,
					 const TrainOptions &options);
Trained TrainGradientBoosting(Hyperparameters &parameters, Task task, const TrainingData *data,
							  const TrainOptions &options);
Trained TrainHistGradientBoosting(Hyperparameters &parameters, Task task, const TrainingData *data,
								  const TrainOptions &options);
Trained TrainXgboostForest(Hyperparameters &parameters, Task task, const TrainingData *data,
						   const TrainOptions &options);

} // namespace pgml
