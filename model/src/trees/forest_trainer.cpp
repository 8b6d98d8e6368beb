// Forests of independent trees: random_forest, extra_trees and bagging, with scikit-learn's names and
// defaults. The trees are kept whole: no depth limit unless one is asked for.
//
// Regression: leaf = (mean of its rows - mean of all rows) / number of trees; a last tree of one leaf adds
// the mean of all rows, so that the float32 sum loses nothing for targets far from 0. Classification: a leaf holds shares of
// classes (Link::kVotes), in one ensemble per class, whose subtrees of equal leaves are cut off.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "trees/cart.h"
#include "pgml/error.h"
#include "training/trainers.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

using Amount = Hyperparameters::Amount;

enum class Kind : uint8_t { kRandomForest, kExtraTrees, kBagging };

struct Settings {
	Kind kind;
	size_t n_estimators;
	CartOptions tree;
	std::optional<Amount> min_samples_split, min_samples_leaf, max_features, max_samples;
	double min_weight_fraction_leaf = 0;
	bool bootstrap = true;
	bool bootstrap_features = false;
	uint64_t seed = 0;
	ClassWeight weight;
};

Settings
Read(Hyperparameters &from, Kind kind, Task task, const TrainOptions &options) {
	bool bagging = kind == Kind::kBagging;
	Settings settings;
	settings.kind = kind;
	settings.n_estimators =
		static_cast<size_t>(from.Integer({"n_estimators"}, bagging ? 10 : 100, 1, 100000));
	std::string criterion =
		task == Task::kRegression
			? from.Choice({"criterion"}, "squared_error",
						  {"squared_error", "friedman_mse", "poisson"})
			: from.Choice({"criterion"}, "gini", {"gini", "entropy", "log_loss"});
	// Friedman's score orders the splits of a node as the squared error does.
	settings.tree.impurity = criterion == "poisson"      ? Impurity::kPoisson
							 : task == Task::kRegression ? Impurity::kSquaredError
							 : criterion == "gini"       ? Impurity::kGini
														 : Impurity::kEntropy;
	settings.tree.max_depth = static_cast<size_t>(
		from.NullableInteger({"max_depth"}, std::nullopt, 1, std::numeric_limits<int32_t>::max())
			.value_or(TreeEnsemble::kMaxDepth));
	settings.tree.max_depth = std::min<size_t>(settings.tree.max_depth, TreeEnsemble::kMaxDepth);
	settings.tree.max_leaf_nodes =
		static_cast<size_t>(from.NullableInteger({"max_leaf_nodes"}, std::nullopt, 2,
												 std::numeric_limits<int32_t>::max())
								.value_or(0));
	settings.min_samples_split = from.OptionalAmount({"min_samples_split"}, 2);
	settings.min_samples_leaf = from.OptionalAmount({"min_samples_leaf"}, 1);
	settings.min_weight_fraction_leaf = from.Real({"min_weight_fraction_leaf"}, 0, 0, 0.5);
	settings.tree.min_impurity_decrease = from.Real({"min_impurity_decrease"}, 0, 0, HUGE_VAL);
	settings.max_features =
		bagging ? from.OptionalAmount({"max_features"}, 1)
				: from.OptionalAmount({"max_features"}, 1, {"sqrt", "log2", "null"});
	if (!settings.max_features && !bagging && task == Task::kClassification)
		settings.max_features = Amount{{}, {}, "sqrt"};
	settings.bootstrap = from.Flag({"bootstrap"}, kind != Kind::kExtraTrees);
	if (bagging)
		settings.bootstrap_features = from.Flag({"bootstrap_features"}, false);
	settings.max_samples = bagging ? from.OptionalAmount({"max_samples"}, 1)
								   : from.OptionalAmount({"max_samples"}, 1, {"null"});
	if (!bagging && task == Task::kClassification)
		settings.weight = from.Weight(true);
	settings.tree.random_thresholds = kind == Kind::kExtraTrees;
	settings.seed = static_cast<uint64_t>(
		from.Integer({"random_state", "seed"}, static_cast<int64_t>(options.seed & 0x7fffffff), 0,
					 std::numeric_limits<int32_t>::max()));
	from.Integer({"n_jobs"}, 0, -1, 1 << 16); // accepted; the server decides
	from.Finish();
	if (!bagging && !settings.bootstrap && settings.max_samples &&
		settings.max_samples->name.empty())
		throw Error(ErrorCode::kInvalidArgument,
					"hyperparameter \"max_samples\" needs \"bootstrap\" to be true");
	return settings;
}

class Forest {
public:
	Forest(Settings settings, const TrainingData &data, const TrainOptions &options)
		: settings_(std::move(settings)), data_(data), options_(options),
		  bins_(data.columns, Bins::kMaxBins, options.stop) {
		size_t n_rows = data.columns.rows, n_columns = data.columns.cols;
		CartOptions &tree = settings_.tree;
		if (settings_.min_samples_split)
			tree.min_samples_split = settings_.min_samples_split->Of(n_rows, 2);
		if (settings_.min_samples_leaf)
			tree.min_samples_leaf = settings_.min_samples_leaf->Of(n_rows, 1);
		tree.min_weight_leaf = settings_.min_weight_fraction_leaf * static_cast<double>(n_rows);
		n_features_ = FeatureCount(settings_.max_features, n_columns);
		if (settings_.kind != Kind::kBagging)
			tree.max_features = n_features_;
		n_samples_ = n_rows;
		if (settings_.max_samples && settings_.max_samples->name.empty())
			n_samples_ = std::min(settings_.max_samples->Of(n_rows, 1), n_rows);
		if (data.n_classes == 0) {
			for (double value : data.target)
				mean_ += value;
			mean_ /= static_cast<double>(n_rows);
		}
		if (!settings_.weight.per_tree)
			class_weights_ = WeightsOf(settings_.weight, data);
	}

	std::unique_ptr<const TreeEnsemble>
	Train() {
		size_t n_trees = settings_.n_estimators;
		size_t n_groups = data_.n_classes > 2 ? data_.n_classes : 1;
		float base = data_.n_classes == 2 ? -0.5f * static_cast<float>(n_trees) : 0;
		auto result =
			std::make_unique<TreeEnsemble>(data_.columns.cols, std::vector<float>(n_groups, base));
		Random seeds(settings_.seed);
		for (size_t t = 0; t < n_trees; t++) {
			Random random(seeds.Next());
			Add(GrowOne(random, kMaxEnsembleNodes - result->nodes().size()), *result);
			if (options_.progress)
				options_.progress(t + 1, n_trees);
		}
		if (data_.n_classes == 0)
			result->AddTree(0, {{static_cast<float>(mean_), TreeNode::kLeaf, 0}});
		return result;
	}

private:
	CartTree
	GrowOne(Random &random, size_t max_nodes) {
		DrawRows(random);
		CartTarget target{values_, data_.classes, data_.n_classes, weights_};
		if (data_.n_classes == 0) {
			values_.resize(weights_.size());
			for (size_t row = 0; row < weights_.size(); row++)
				values_[row] = data_.target[row] * weights_[row];
			target = {values_, {}, 0, weights_};
		}
		return GrowTree(bins_, target, settings_.tree, DrawFeatures(random), rows_, max_nodes,
						random, options_.stop);
	}

	/// How often each row is in the tree's sample.
	void
	DrawRows(Random &random) {
		size_t n_rows = data_.columns.rows;
		options_.stop.ThrowIfStopped();
		weights_.assign(n_rows, settings_.bootstrap ? 0 : 1);
		if (settings_.bootstrap) {
			for (size_t i = 0; i < n_samples_; i++)
				weights_[random.Below(n_rows)]++;
		} else if (n_samples_ < n_rows) {
			// Leave out as many as do not fit, each set of rows with equal chance.
			size_t left = n_samples_;
			for (size_t row = 0; row < n_rows; row++) {
				bool taken = random.Below(n_rows - row) < left;
				weights_[row] = taken;
				left -= taken;
			}
		}
		rows_.clear();
		for (size_t row = 0; row < n_rows; row++)
			if (weights_[row] > 0)
				rows_.push_back(static_cast<uint32_t>(row));
		if (data_.n_classes == 0)
			return;
		if (settings_.weight.per_tree) {
			std::vector<double> counts(data_.n_classes);
			for (uint32_t row : rows_)
				counts[data_.classes[row]] += weights_[row];
			class_weights_ = WeightsOf(settings_.weight, data_, counts);
		}
		for (uint32_t row : rows_)
			weights_[row] *= class_weights_[data_.classes[row]];
	}

	std::vector<uint32_t>
	DrawFeatures(Random &random) {
		std::vector<uint32_t> features(data_.columns.cols);
		std::iota(features.begin(), features.end(), 0);
		if (settings_.kind != Kind::kBagging)
			return features;
		if (settings_.bootstrap_features) {
			for (size_t i = 0; i < features.size(); i++)
				features[i] = static_cast<uint32_t>(random.Below(features.size()));
		} else if (n_features_ < features.size()) {
			random.Shuffle(features);
		}
		features.resize(n_features_);
		std::sort(features.begin(), features.end());
		features.erase(std::unique(features.begin(), features.end()), features.end());
		return features;
	}

	void
	Add(const CartTree &tree, TreeEnsemble &result) {
		auto n_trees = static_cast<double>(settings_.n_estimators);
		// Every tree counts the same for the importance of features, as in scikit-learn, and every split of
		// it once, in the tree of the first class that has it.
		double total_gain = 0;
		for (const CartNode &node : tree.nodes)
			total_gain += std::max(node.gain, 0.0);
		std::vector<char> is_counted(tree.nodes.size());
		std::vector<uint32_t> splits;
		std::vector<float> values(tree.nodes.size());
		for (uint32_t group = 0; group < result.n_groups(); group++) {
			options_.stop.ThrowIfStopped();
			uint32_t own = data_.n_classes == 2 ? 1 : group;
			for (size_t id = 0; id < tree.nodes.size(); id++) {
				const CartNode &node = tree.nodes[id];
				if (!node.is_leaf())
					continue;
				double sum = 0, weight = 0;
				for (uint32_t i = node.begin; i < node.end; i++) {
					uint32_t row = tree.rows[i];
					weight += weights_[row];
					if (data_.n_classes == 0)
						sum += weights_[row] * (data_.target[row] - mean_);
					else if (data_.classes[row] == own)
						sum += weights_[row];
				}
				double value = sum / weight;
				values[id] = static_cast<float>(data_.n_classes == 0 ? value / n_trees : value);
			}
			splits.clear();
			TreeParts parts = tree.Export(values, &splits);
			for (size_t i = 0; i < splits.size(); i++) {
				bool counts = total_gain > 0 && !is_counted[splits[i]];
				parts.gains[i] = counts ? static_cast<float>(parts.gains[i] / total_gain) : 0;
				is_counted[splits[i]] = 1;
			}
			if (parts.nodes.size() > kMaxEnsembleNodes - result.nodes().size())
				RefuseNodes();
			if (const char *problem = result.AddTree(group, parts))
				throw Error(ErrorCode::kInvalidData, "training did not give a finite model",
							std::string("A tree has ") + problem + ".", "Scale the target down.");
		}
	}

	Settings settings_;
	const TrainingData &data_;
	const TrainOptions &options_;
	Bins bins_;
	size_t n_features_ = 0, n_samples_ = 0;
	double mean_ = 0;
	std::vector<double> weights_, values_;
	std::vector<double> class_weights_; ///< empty for regression
	std::vector<uint32_t> rows_;
};

Trained
TrainForest(Kind kind, Hyperparameters &parameters, Task task, const TrainingData *data,
			const TrainOptions &options) {
	Settings settings = Read(parameters, kind, task, options);
	if (data == nullptr)
		return {};
	CheckTreeData(*data, settings.tree.impurity == Impurity::kPoisson);
	return {task == Task::kRegression ? Link::kIdentity : Link::kVotes,
			Forest(settings, *data, options).Train()};
}

} // namespace

Trained
TrainRandomForest(Hyperparameters &parameters, Task task, const TrainingData *data,
				  const TrainOptions &options) {
	return TrainForest(Kind::kRandomForest, parameters, task, data, options);
}

Trained
TrainExtraTrees(Hyperparameters &parameters, Task task, const TrainingData *data,
				const TrainOptions &options) {
	return TrainForest(Kind::kExtraTrees, parameters, task, data, options);
}

Trained
TrainBagging(Hyperparameters &parameters, Task task, const TrainingData *data,
			 const TrainOptions &options) {
	return TrainForest(Kind::kBagging, parameters, task, data, options);
}

} // namespace pgml
