#pragma once
/// Data and models of bench evaluator: a generator that resembles the Higgs data (28 features of a collision, some
/// discrete, 5 % missing), wider and sparser ones, and scikit-learn's toy sets. Models are trained by libxgboost on one
/// thread and kept in a folder, because training takes minutes.
#include <cstdint>
#include <string>
#include <vector>

namespace pgml::bench {

struct ModelSpec {
	std::string name;
	std::string data; ///< "higgs", "higgs5" (5 classes), "wide", or a toy set's name
	int n_trees = 100, depth = 6;
	const char *gamma = "0"; ///< what a split must gain: sparse trees
	int n_classes = 1;       ///< margins per row
};

/// The four models that the targets are about, then those that are reported beside them.
std::vector<ModelSpec> AllModels();

struct Samples {
	size_t n_features = 0, rows = 0;
	std::vector<float> row_major;
	std::vector<float> labels;
};

/// @param toy_folder  the toy sets as CSV; their rows are drawn with replacement, with a little noise
Samples MakeSamples(const ModelSpec &spec, size_t rows, uint64_t seed,
					const std::string &toy_folder);

/// The model as XGBoost's JSON, from the folder or trained now.
std::string TrainedModel(const ModelSpec &spec, size_t train_rows, const std::string &folder,
						 const std::string &toy_folder);

} // namespace pgml::bench
