// Gradient boosting on our own trees, with scikit-learn's names and defaults.
//
// gradient_boosting_trees (Friedman, 2001): trees fit the gradient by least squares, then every leaf takes a
// Newton step. hist_gradient_boosting (after LightGBM): at most 255 runs of values per column, splits
// by gradients and hessians, the best leaf first.
//
// Regression starts from a constant, which a last tree of one leaf adds: float32 sums that start from a
// large constant would lose the small steps. Classification starts from the log odds.
//
// Early stopping holds rows out: they have ranks like all others, but no part in starting values, gradients' sums and
// leaves. Trees after the best round are dropped.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "trees/cart.h"
#include "training/early_stopping.h"
#include "pgml/error.h"
#include "training/trainers.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

enum class Loss : uint8_t { kSquaredError, kQuantile, kPoisson, kLogLoss };

struct Settings {
	bool is_hist = false;
	Loss loss = Loss::kSquaredError;
	double quantile = 0.5; ///< the absolute error is the quantile loss at one half
	size_t rounds = 100, max_bins = Bins::kMaxBins;
	double learning_rate = 0.1, subsample = 1;
	CartOptions tree;
	std::optional<Hyperparameters::Amount> min_samples_split, min_samples_leaf, max_features;
	uint64_t seed = 0;
	/// Early stopping: rounds without progress, 0 = off. Above auto_rows rows where it is automatic.
	size_t patience = 0, auto_rows = 0;
	double validation_fraction = 0.1, tol = 0;
};

void
ReadEarlyStopping(Hyperparameters &from, Settings &settings) {
	constexpr int64_t kMany = 100000;
	if (settings.is_hist) {
		std::string when = from.FlagOrChoice({"early_stopping"}, "auto", {"auto"});
		int64_t patience = from.Integer({"n_iter_no_change"}, 10, 1, kMany);
		settings.patience = when == "false" ? 0 : static_cast<size_t>(patience);
		settings.auto_rows = when == "auto" ? 10000 : 0; // scikit-learn's bound
	} else {
		auto patience = from.NullableInteger({"n_iter_no_change"}, std::nullopt, 1, kMany);
		settings.patience = static_cast<size_t>(patience.value_or(0));
	}
	settings.validation_fraction =
		from.Real({"validation_fraction"}, 0.1, 0, 0.9999, Hyperparameters::Bound::kExclusiveLow);
	settings.tol = from.Real({"tol"}, settings.is_hist ? 1e-7 : 1e-4, 0, HUGE_VAL);
}

void
ReadLoss(Hyperparameters &from, Task task, Settings &settings) {
	if (task == Task::kClassification) {
		from.Choice({"loss"}, "log_loss", {"log_loss"});
		settings.loss = Loss::kLogLoss;
		return;
	}
	std::vector<std::string> allowed = {"squared_error", "absolute_error", "quantile"};
	if (settings.is_hist)
		allowed.emplace_back("poisson");
	std::string loss = from.Choice({"loss"}, "squared_error", allowed);
	auto quantile =
		settings.is_hist
			? from.OptionalReal({"quantile"}, 0, 1, Hyperparameters::Bound::kExclusiveLow)
			: from.OptionalReal({"alpha"}, 0, 1, Hyperparameters::Bound::kExclusiveLow);
	if (loss == "quantile") {
		if (settings.is_hist && !quantile)
			throw Error(ErrorCode::kInvalidArgument,
						"loss \"quantile\" needs the hyperparameter \"quantile\"", "",
						"Give a number between 0 and 1.");
		settings.quantile = quantile.value_or(0.9);
	}
	settings.loss = loss == "squared_error" ? Loss::kSquaredError
					: loss == "poisson"     ? Loss::kPoisson
											: Loss::kQuantile;
}

Settings
Read(Hyperparameters &from, bool is_hist, Task task, const TrainOptions &options) {
	using Bound = Hyperparameters::Bound;
	constexpr int64_t kMany = std::numeric_limits<int32_t>::max();
	Settings settings;
	settings.is_hist = is_hist;
	ReadLoss(from, task, settings);
	settings.learning_rate = from.Real({"learning_rate"}, 0.1, 0, 100, Bound::kExclusiveLow);
	settings.rounds = static_cast<size_t>(is_hist ? from.Integer({"max_iter"}, 100, 1, 100000)
												  : from.Integer({"n_estimators"}, 100, 1, 100000));
	CartOptions &tree = settings.tree;
	std::optional<int64_t> no_limit;
	auto depth = from.NullableInteger({"max_depth"}, is_hist ? no_limit : 3, 1, kMany);
	tree.max_depth = std::min<size_t>(static_cast<size_t>(depth.value_or(TreeEnsemble::kMaxDepth)),
									  TreeEnsemble::kMaxDepth);
	auto leaves = from.NullableInteger({"max_leaf_nodes"}, is_hist ? 31 : no_limit, 2, kMany);
	tree.max_leaf_nodes = static_cast<size_t>(leaves.value_or(0));
	if (is_hist) {
		tree.min_samples_leaf =
			static_cast<size_t>(from.Integer({"min_samples_leaf"}, 20, 1, kMany));
		tree.l2 = from.Real({"l2_regularization"}, 0, 0, HUGE_VAL);
		settings.max_bins = static_cast<size_t>(from.Integer({"max_bins"}, 255, 2, 255));
		settings.max_features = from.OptionalAmount({"max_features"}, 1);
		tree.min_weight_leaf = 1e-3; // scikit-learn's least hessian of a leaf
		tree.only_gains = true;
		tree.histogram = true;
	} else {
		// Friedman's score orders the splits of a node as the squared error does.
		from.Choice({"criterion"}, "friedman_mse", {"friedman_mse", "squared_error"});
		settings.subsample = from.Real({"subsample"}, 1, 0, 1, Bound::kExclusiveLow);
		settings.min_samples_split = from.OptionalAmount({"min_samples_split"}, 2);
		settings.min_samples_leaf = from.OptionalAmount({"min_samples_leaf"}, 1);
		tree.min_impurity_decrease = from.Real({"min_impurity_decrease"}, 0, 0, HUGE_VAL);
		settings.max_features = from.OptionalAmount({"max_features"}, 1, {"sqrt", "log2", "null"});
	}
	ReadEarlyStopping(from, settings);
	settings.seed = static_cast<uint64_t>(from.Integer(
		{"random_state", "seed"}, static_cast<int64_t>(options.seed & 0x7fffffff), 0, kMany));
	from.Finish();
	return settings;
}

/// The value that a share of the values does not exceed, between neighbours linearly.
double
QuantileOf(std::vector<double> &values, double share) {
	double at = share * static_cast<double>(values.size() - 1);
	auto below = static_cast<size_t>(at);
	auto middle = values.begin() + static_cast<ptrdiff_t>(below);
	std::nth_element(values.begin(), middle, values.end());
	double low = *middle;
	if (below + 1 == values.size())
		return low;
	double high = *std::min_element(middle + 1, values.end());
	return low + (at - static_cast<double>(below)) * (high - low);
}

class Booster {
public:
	Booster(Settings settings, const TrainingData &data, const TrainOptions &options)
		: settings_(std::move(settings)), data_(data), options_(options),
		  bins_(data.columns, settings_.max_bins, options.stop), n_rows_(data.columns.rows),
		  n_groups_(data.n_classes > 2 ? data.n_classes : 1), random_(settings_.seed) {
		if (settings_.patience > 0 && n_rows_ > settings_.auto_rows) {
			std::vector<bool> held_out =
				DrawValidationRows(data, settings_.validation_fraction, settings_.seed);
			for (uint32_t row = 0; row < n_rows_; row++)
				(held_out[row] ? held_out_ : rows_).push_back(row);
		} else {
			rows_.resize(n_rows_);
			std::iota(rows_.begin(), rows_.end(), 0);
		}
		CartOptions &tree = settings_.tree;
		if (settings_.min_samples_split)
			tree.min_samples_split = settings_.min_samples_split->Of(rows_.size(), 2);
		if (settings_.min_samples_leaf)
			tree.min_samples_leaf = settings_.min_samples_leaf->Of(rows_.size(), 1);
		tree.max_features = FeatureCount(settings_.max_features, data.columns.cols);
		features_.resize(data.columns.cols);
		std::iota(features_.begin(), features_.end(), 0);
	}

	std::unique_ptr<const TreeEnsemble>
	Train() {
		std::vector<double> start = Start();
		std::vector<float> base(start.begin(), start.end());
		if (data_.n_classes == 0)
			base[0] = 0;
		auto result = std::make_unique<TreeEnsemble>(data_.columns.cols, base);
		margins_.resize(n_rows_ * n_groups_);
		for (size_t g = 0; g < n_groups_; g++)
			std::fill_n(margins_.begin() + static_cast<ptrdiff_t>(g * n_rows_), n_rows_, start[g]);
		gradients_.resize(n_rows_ * n_groups_);
		hessians_.assign(n_rows_ * n_groups_, 1);
		if (!settings_.is_hist)
			ones_.assign(n_rows_, 1);
		StoppingRule rule(settings_.patience, settings_.tol);
		for (size_t round = 0; round < settings_.rounds; round++) {
			Gradients();
			std::vector<uint32_t> rows = DrawRows();
			for (uint32_t g = 0; g < n_groups_; g++)
				Step(g, rows);
			if (options_.progress)
				options_.progress(round + 1, settings_.rounds);
			// Trees wait until a round is known to be worth keeping.
			if (held_out_.empty() || rule.Add(HeldOutLoss()))
				AddWaitingTrees(*result);
			if (!held_out_.empty() && rule.Ends())
				break;
		}
		Report(rule);
		if (data_.n_classes == 0)
			Add(*result, 0, {{{static_cast<float>(start[0]), TreeNode::kLeaf, 0}}, {}, {}, {}});
		return result;
	}

private:
	void
	Report(const StoppingRule &rule) const {
		if (held_out_.empty())
			return;
		if (!std::isfinite(rule.best()))
			throw Error(ErrorCode::kInvalidData, "training did not give a finite model",
						"The loss on the rows held out for early stopping is not finite.",
						"Scale the target down, or choose a smaller \"learning_rate\".");
		if (options_.report != nullptr)
			*options_.report = {rule.best_round(), rule.best()};
	}

	/// The best constant, on the scale of the margins.
	std::vector<double>
	Start() const {
		if (data_.n_classes > 0) {
			std::vector<double> counts(data_.n_classes), start;
			for (uint32_t row : rows_)
				counts[data_.classes[row]]++;
			if (data_.n_classes == 2)
				return {std::log(counts[1] / counts[0])};
			start.reserve(counts.size());
			for (double count : counts)
				start.push_back(std::log(count / static_cast<double>(rows_.size())));
			return start;
		}
		if (settings_.loss == Loss::kQuantile) {
			std::vector<double> target;
			target.reserve(rows_.size());
			for (uint32_t row : rows_)
				target.push_back(data_.target[row]);
			return {QuantileOf(target, settings_.quantile)};
		}
		double mean = 0;
		for (uint32_t row : rows_)
			mean += data_.target[row];
		mean /= static_cast<double>(rows_.size());
		return {settings_.loss == Loss::kPoisson ? std::log(mean) : mean};
	}

	/// Where each margin should go, and the curvature of the loss there.
	void
	Gradients() {
		for (size_t row = 0; row < n_rows_; row++) {
			if (row % 8192 == 0)
				options_.stop.ThrowIfStopped();
			if (n_groups_ > 1) {
				SoftmaxGradients(row);
				continue;
			}
			double margin = margins_[row], &gradient = gradients_[row], &hessian = hessians_[row];
			switch (settings_.loss) {
				case Loss::kSquaredError:
					gradient = data_.target[row] - margin;
					break;
				case Loss::kQuantile:
					gradient =
						data_.target[row] > margin ? settings_.quantile : settings_.quantile - 1;
					break;
				case Loss::kPoisson:
					hessian = std::exp(margin);
					gradient = data_.target[row] - hessian;
					break;
				case Loss::kLogLoss: {
					double probability = 1 / (1 + std::exp(-margin));
					gradient = (data_.classes[row] == 1) - probability;
					hessian = probability * (1 - probability);
					break;
				}
			}
		}
	}

	void
	SoftmaxGradients(size_t row) {
		double largest = margins_[row], sum = 0;
		for (size_t g = 1; g < n_groups_; g++)
			largest = std::max(largest, margins_[g * n_rows_ + row]);
		for (size_t g = 0; g < n_groups_; g++)
			sum += gradients_[g * n_rows_ + row] = std::exp(margins_[g * n_rows_ + row] - largest);
		for (size_t g = 0; g < n_groups_; g++) {
			double probability = gradients_[g * n_rows_ + row] / sum;
			gradients_[g * n_rows_ + row] = (data_.classes[row] == g) - probability;
			hessians_[g * n_rows_ + row] = probability * (1 - probability);
		}
	}

	std::vector<uint32_t>
	DrawRows() {
		size_t n = rows_.size();
		auto count = static_cast<size_t>(settings_.subsample * static_cast<double>(n));
		count = std::max<size_t>(count, 1);
		if (count >= n)
			return rows_;
		std::vector<uint32_t> drawn;
		drawn.reserve(count);
		for (size_t i = 0; i < n && drawn.size() < count; i++)
			if (random_.Below(n - i) < count - drawn.size())
				drawn.push_back(rows_[i]);
		return drawn;
	}

	/// One tree for a group: grown, its leaves fitted, the margins moved.
	void
	Step(uint32_t group, const std::vector<uint32_t> &rows) {
		size_t first = group * n_rows_;
		std::span<const double> gradients(gradients_.data() + first, n_rows_);
		std::span<const double> hessians(hessians_.data() + first, n_rows_);
		CartTarget target{gradients, {}, 0, settings_.is_hist ? hessians : ones_};
		CartTree tree = GrowTree(bins_, target, settings_.tree, features_, rows,
								 kMaxEnsembleNodes - n_nodes_, random_, options_.stop);
		std::vector<float> values(tree.nodes.size());
		double *margins = margins_.data() + first;
		for (size_t id = 0; id < tree.nodes.size(); id++) {
			const CartNode &node = tree.nodes[id];
			if (!node.is_leaf())
				continue;
			std::span<const uint32_t> own =
				std::span(tree.rows).subspan(node.begin, node.end - node.begin);
			values[id] = static_cast<float>(settings_.learning_rate *
											LeafValue(own, gradients, hessians, margins));
			if (tree.rows.size() == rows_.size())
				for (uint32_t row : own)
					margins[row] += values[id];
		}
		if (tree.rows.size() < rows_.size())
			for (uint32_t row : rows_)
				margins[row] += values[tree.LeafOf(bins_, row)];
		for (uint32_t row : held_out_)
			margins[row] += values[tree.LeafOf(bins_, row)];
		options_.stop.ThrowIfStopped();
		waiting_.emplace_back(group, tree.Export(values));
		n_nodes_ += waiting_.back().second.nodes.size();
	}

	/// Mean loss of the rows held out.
	double
	HeldOutLoss() const {
		double sum = 0;
		for (uint32_t row : held_out_)
			sum += LossOf(row);
		return sum / static_cast<double>(held_out_.size());
	}

	double
	LossOf(size_t row) const {
		double margin = margins_[row];
		switch (settings_.loss) {
			case Loss::kSquaredError:
				return (data_.target[row] - margin) * (data_.target[row] - margin);
			case Loss::kQuantile: {
				double error = data_.target[row] - margin;
				return error > 0 ? settings_.quantile * error : (settings_.quantile - 1) * error;
			}
			case Loss::kPoisson:
				return std::exp(margin) - data_.target[row] * margin;
			case Loss::kLogLoss:
				break;
		}
		if (n_groups_ == 1) {
			double towards = data_.classes[row] == 1 ? margin : -margin;
			return std::max(-towards, 0.0) + std::log1p(std::exp(-std::fabs(towards)));
		}
		double largest = margin, sum = 0;
		for (size_t g = 1; g < n_groups_; g++)
			largest = std::max(largest, margins_[g * n_rows_ + row]);
		for (size_t g = 0; g < n_groups_; g++)
			sum += std::exp(margins_[g * n_rows_ + row] - largest);
		return largest + std::log(sum) - margins_[data_.classes[row] * n_rows_ + row];
	}

	void
	AddWaitingTrees(TreeEnsemble &result) {
		for (const auto &[group, tree] : waiting_)
			Add(result, group, tree);
		waiting_.clear();
	}

	double
	LeafValue(std::span<const uint32_t> rows, std::span<const double> gradients,
			  std::span<const double> hessians, const double *margins) {
		if (settings_.loss == Loss::kQuantile) {
			residuals_.clear();
			for (uint32_t row : rows)
				residuals_.push_back(data_.target[row] - margins[row]);
			return QuantileOf(residuals_, settings_.quantile);
		}
		double gradient = 0, hessian = settings_.tree.l2;
		for (uint32_t row : rows) {
			gradient += gradients[row];
			hessian += hessians[row];
		}
		if (hessian < 1e-150)
			return 0; // every row is told for sure
		double step = gradient / hessian;
		// Friedman's factor for several classes.
		if (n_groups_ > 1 && !settings_.is_hist)
			step *= static_cast<double>(n_groups_ - 1) / static_cast<double>(n_groups_);
		return step;
	}

	void
	Add(TreeEnsemble &result, uint32_t group, const TreeParts &parts) {
		if (const char *problem = result.AddTree(group, parts))
			throw Error(ErrorCode::kInvalidData, "training did not give a finite model",
						fmt::format("A tree has {}.", problem),
						"Scale the target down, or choose a smaller \"learning_rate\".");
	}

	Settings settings_;
	const TrainingData &data_;
	const TrainOptions &options_;
	Bins bins_;
	size_t n_rows_, n_groups_;
	Random random_;
	std::vector<uint32_t> features_;
	std::vector<uint32_t> rows_,
		held_out_; ///< to learn from; for early stopping, empty when that is off
	std::vector<std::pair<uint32_t, TreeParts>> waiting_; ///< group and tree
	size_t n_nodes_ = 0;
	std::vector<double> margins_, gradients_, hessians_; ///< group by group
	std::vector<double> ones_, residuals_;
};

Trained
TrainBoosting(bool is_hist, Hyperparameters &parameters, Task task, const TrainingData *data,
			  const TrainOptions &options) {
	Settings settings = Read(parameters, is_hist, task, options);
	if (data == nullptr)
		return {};
	CheckTreeData(*data, settings.loss == Loss::kPoisson);
	Link link = task == Task::kRegression
					? (settings.loss == Loss::kPoisson ? Link::kExp : Link::kIdentity)
				: data->n_classes == 2 ? Link::kLogistic
									   : Link::kSoftmax;
	return {link, Booster(std::move(settings), *data, options).Train()};
}

} // namespace

Trained
TrainGradientBoosting(Hyperparameters &parameters, Task task, const TrainingData *data,
					  const TrainOptions &options) {
	return TrainBoosting(false, parameters, task, data, options);
}

Trained
TrainHistGradientBoosting(Hyperparameters &parameters, Task task, const TrainingData *data,
						  const TrainOptions &options) {
	return TrainBoosting(true, parameters, task, data, options);
}

} // namespace pgml
