// Algorithm "mlp": MLPRegressor and MLPClassifier with their defaults: one hidden layer of 100 ReLU
// units, Adam (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015), L2 penalty,
// minibatches shuffled every epoch, stopping when the loss no longer falls. Weights are drawn as by
// Glorot and Bengio ("Understanding the difficulty of training deep feedforward neural networks",
// AISTATS 2010). Eigen multiplies the matrices, on one thread: equal seeds give equal models.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <Eigen/Core>
#include <fmt/format.h>

#include "pgml/error.h"
#include "network/perceptron.h"
#include "base/random.h"
#include "training/trainers.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

using Bound = Hyperparameters::Bound;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Bounds the memory: each weight takes 40 bytes while training.
constexpr size_t kMaxWeights = size_t{1} << 24;

struct Settings {
	std::vector<int64_t> hidden = {100};
	Activation activation = Activation::kRelu;
	double alpha = 1e-4, learning_rate = 1e-3, beta_1 = 0.9, beta_2 = 0.999, epsilon = 1e-8,
		   tol = 1e-4;
	size_t batch_size = 0, max_iter = 200, n_iter_no_change = 10; ///< batch_size 0 = min(200, rows)
	bool shuffle = true;
	uint64_t seed = 0;
};

Settings
ReadSettings(Hyperparameters &from, const TrainOptions &options) {
	Settings result;
	result.hidden =
		from.Integers({"hidden_layer_sizes"}, {100}, 1, 65536, PerceptronModel::kMaxLayers - 1);
	const std::vector<std::string> activations = {"identity", "logistic", "tanh", "relu"};
	std::string activation = from.Choice({"activation"}, "relu", activations);
	result.activation = static_cast<Activation>(
		std::find(activations.begin(), activations.end(), activation) - activations.begin());
	from.Choice({"solver"}, "adam", {"adam"});
	result.alpha = from.Real({"alpha"}, 1e-4, 0, 1e12);
	std::string word;
	if (auto size =
			from.RealOrChoice({"batch_size"}, "auto", {"auto"}, 1, 10000, Bound::kInclusive, word))
		result.batch_size = static_cast<size_t>(*size);
	result.learning_rate = from.Real({"learning_rate_init"}, 1e-3, 0, 1e6, Bound::kExclusiveLow);
	result.beta_1 = from.Real({"beta_1"}, 0.9, 0, 0.9999999);
	result.beta_2 = from.Real({"beta_2"}, 0.999, 0, 0.9999999);
	result.epsilon = from.Real({"epsilon"}, 1e-8, 0, 1, Bound::kExclusiveLow);
	result.max_iter = static_cast<size_t>(from.Integer({"max_iter"}, 200, 1, 100000000));
	result.n_iter_no_change =
		static_cast<size_t>(from.Integer({"n_iter_no_change"}, 10, 1, 100000000));
	result.tol = from.Real({"tol"}, 1e-4, 0, 1);
	result.shuffle = from.Flag({"shuffle"}, true);
	result.seed = from.Seed(options.seed);
	from.Finish();
	return result;
}

/// Weights, and what Adam remembers about each.
struct Layer {
	MatrixXd weights, weight_gradient, weight_mean, weight_square; ///< [outputs, inputs]
	VectorXd biases, bias_gradient, bias_mean, bias_square;
	MatrixXd outputs, deltas; ///< [outputs, batch]

	Layer(Index n_inputs, Index n_outputs, double bound, Random &random)
		: weights(n_outputs, n_inputs), weight_mean(MatrixXd::Zero(n_outputs, n_inputs)),
		  weight_square(weight_mean), biases(n_outputs), bias_mean(VectorXd::Zero(n_outputs)),
		  bias_square(bias_mean) {
		auto draw = [&] { return bound * (2 * random.Uniform() - 1); };
		for (Index i = 0; i < weights.size(); i++)
			weights.data()[i] = draw();
		for (Index i = 0; i < biases.size(); i++)
			biases[i] = draw();
	}
};

class Network {
public:
	Network(const Settings &settings, const TrainingData &data, const TrainOptions &options)
		: settings_(settings), data_(data), options_(options), random_(settings.seed) {
		size_t n_outputs = data.n_classes > 2 ? data.n_classes : 1;
		auto n_inputs = static_cast<Index>(data.columns.cols);
		std::vector<int64_t> sizes = settings.hidden;
		sizes.push_back(static_cast<int64_t>(n_outputs));
		size_t n_weights = 0;
		for (int64_t size : sizes) {
			n_weights += static_cast<size_t>(n_inputs + 1) * static_cast<size_t>(size);
			if (n_weights > kMaxWeights)
				throw Error(ErrorCode::kLimitExceeded,
							fmt::format("a network has at most {} weights", kMaxWeights), "",
							"Choose smaller hidden_layer_sizes.");
			double sum = static_cast<double>(n_inputs + size);
			double factor = settings.activation == Activation::kLogistic ? 2 : 6;
			layers_.emplace_back(n_inputs, size, std::sqrt(factor / sum), random_);
			n_inputs = size;
		}
	}

	void
	Train() {
		size_t n_rows = data_.columns.rows;
		size_t batch = settings_.batch_size == 0 ? 200 : settings_.batch_size;
		batch = std::min(batch, n_rows);
		std::vector<size_t> order(n_rows);
		std::iota(order.begin(), order.end(), size_t{0});
		double best = HUGE_VAL;
		size_t without_change = 0;
		for (size_t epoch = 0; epoch < settings_.max_iter; epoch++) {
			if (settings_.shuffle)
				random_.Shuffle(order);
			double loss = 0;
			for (size_t first = 0; first < n_rows; first += batch) {
				options_.stop.ThrowIfStopped();
				size_t rows = std::min(batch, n_rows - first);
				loss += Batch(order.data() + first, rows) * static_cast<double>(rows);
			}
			loss /= static_cast<double>(n_rows);
			if (!std::isfinite(loss))
				throw Error(
					ErrorCode::kInvalidData, "training diverged", "The loss is no longer finite.",
					"Scale the features, for example with \"scale\": \"standard\", or lower "
					"learning_rate_init.");
			if (options_.progress)
				options_.progress(epoch + 1, settings_.max_iter);
			without_change = loss > best - settings_.tol ? without_change + 1 : 0;
			best = std::min(best, loss);
			if (without_change > settings_.n_iter_no_change)
				break;
		}
	}

	std::unique_ptr<const PerceptronModel>
	Result() const {
		std::vector<PerceptronLayer> layers;
		for (const Layer &layer : layers_) {
			PerceptronLayer result;
			result.n_inputs = static_cast<size_t>(layer.weights.cols());
			result.n_outputs = static_cast<size_t>(layer.weights.rows());
			for (size_t unit = 0; unit < result.n_outputs; unit++) {
				auto row = static_cast<Index>(unit);
				result.biases.push_back(layer.biases[row]);
				for (Index k = 0; k < layer.weights.cols(); k++)
					result.weights.push_back(layer.weights(row, k));
			}
			if (!layer.weights.allFinite() || !layer.biases.allFinite())
				throw Error(ErrorCode::kInvalidData, "training did not give finite weights", "",
							"Scale the features, for example with \"scale\": \"standard\".");
			layers.push_back(std::move(result));
		}
		return std::make_unique<PerceptronModel>(settings_.activation, std::move(layers));
	}

private:
	/// One step. @return the mean loss of the batch before it
	double
	Batch(const size_t *rows, size_t n_rows) {
		auto count = static_cast<Index>(n_rows);
		inputs_.resize(static_cast<Index>(data_.columns.cols), count);
		for (Index col = 0; col < inputs_.rows(); col++) {
			const float *values = data_.columns.column(static_cast<size_t>(col));
			for (Index i = 0; i < count; i++)
				inputs_(col, i) = values[rows[i]];
		}
		const MatrixXd *inputs = &inputs_;
		for (size_t l = 0; l < layers_.size(); l++) {
			Layer &layer = layers_[l];
			layer.outputs.noalias() = layer.weights * *inputs;
			layer.outputs.colwise() += layer.biases;
			if (l + 1 < layers_.size())
				Activate(layer.outputs);
			inputs = &layer.outputs;
		}
		double penalty = 0;
		for (const Layer &layer : layers_)
			penalty += layer.weights.squaredNorm();
		Layer &last = layers_.back();
		last.deltas.resize(last.outputs.rows(), count);
		double loss = 0;
		for (Index i = 0; i < count; i++)
			loss += Loss(rows[i], last.outputs.col(i), last.deltas.col(i));
		loss = (loss + settings_.alpha * penalty / 2) / static_cast<double>(n_rows);
		Back(count);
		Step();
		return loss;
	}

	/// The loss of a row, and its derivative by the outputs.
	double
	Loss(size_t row, Eigen::Ref<VectorXd> output, Eigen::Ref<VectorXd> delta) const {
		if (data_.n_classes == 0) {
			delta[0] = output[0] - data_.target[row];
			return delta[0] * delta[0] / 2;
		}
		uint32_t own = data_.classes[row];
		if (data_.n_classes == 2) {
			double margin = own == 1 ? output[0] : -output[0];
			double small = std::exp(-std::fabs(margin));
			double wrong = margin >= 0 ? small / (1 + small) : 1 / (1 + small);
			delta[0] = own == 1 ? -wrong : wrong;
			return std::log1p(small) + std::max(-margin, 0.0);
		}
		double largest = output.maxCoeff(), sum = 0;
		for (Index k = 0; k < output.size(); k++)
			sum += delta[k] = std::exp(output[k] - largest);
		delta /= sum;
		delta[own] -= 1;
		return largest + std::log(sum) - output[own];
	}

	void
	Activate(MatrixXd &values) const {
		for (Index i = 0; i < values.size(); i++) {
			double &value = values.data()[i];
			switch (settings_.activation) {
				case Activation::kIdentity:
					break;
				case Activation::kLogistic:
					value = 1 / (1 + std::exp(-value));
					break;
				case Activation::kTanh:
					value = std::tanh(value);
					break;
				case Activation::kRelu:
					value = value > 0 ? value : 0;
			}
		}
	}

	/// Multiplies by the derivative of the activation, given what it gave.
	void
	ThroughActivation(const MatrixXd &outputs, MatrixXd &deltas) const {
		for (Index i = 0; i < deltas.size(); i++) {
			double output = outputs.data()[i], &delta = deltas.data()[i];
			switch (settings_.activation) {
				case Activation::kIdentity:
					break;
				case Activation::kLogistic:
					delta *= output * (1 - output);
					break;
				case Activation::kTanh:
					delta *= 1 - output * output;
					break;
				case Activation::kRelu:
					delta = output > 0 ? delta : 0;
			}
		}
	}

	void
	Back(Index count) {
		for (size_t l = layers_.size(); l-- > 0;) {
			Layer &layer = layers_[l];
			const MatrixXd &inputs = l == 0 ? inputs_ : layers_[l - 1].outputs;
			double share = 1 / static_cast<double>(count);
			layer.weight_gradient.noalias() = layer.deltas * inputs.transpose();
			layer.weight_gradient =
				(layer.weight_gradient + settings_.alpha * layer.weights) * share;
			layer.bias_gradient = layer.deltas.rowwise().sum() * share;
			if (l == 0)
				break;
			layers_[l - 1].deltas.noalias() = layer.weights.transpose() * layer.deltas;
			ThroughActivation(layers_[l - 1].outputs, layers_[l - 1].deltas);
		}
	}

	void
	Step() {
		step_++;
		double rate = settings_.learning_rate * std::sqrt(1 - std::pow(settings_.beta_2, step_)) /
					  (1 - std::pow(settings_.beta_1, step_));
		auto update = [&](auto &values, const auto &gradient, auto &mean, auto &square) {
			mean = settings_.beta_1 * mean + (1 - settings_.beta_1) * gradient;
			square = settings_.beta_2 * square +
					 (1 - settings_.beta_2) * gradient.cwiseProduct(gradient);
			values.array() -= rate * mean.array() / (square.array().sqrt() + settings_.epsilon);
		};
		for (Layer &layer : layers_) {
			update(layer.weights, layer.weight_gradient, layer.weight_mean, layer.weight_square);
			update(layer.biases, layer.bias_gradient, layer.bias_mean, layer.bias_square);
		}
	}

	const Settings &settings_;
	const TrainingData &data_;
	const TrainOptions &options_;
	Random random_;
	std::vector<Layer> layers_;
	MatrixXd inputs_; ///< [columns, batch]
	double step_ = 0;
};

} // namespace

Trained
TrainMlp(Hyperparameters &parameters, Task task, const TrainingData *data,
		 const TrainOptions &options) {
	Settings settings = ReadSettings(parameters, options);
	if (data == nullptr)
		return {};
	RequireFinite(*data, options.stop);
	Network network(settings, *data, options);
	network.Train();
	Link link = task == Task::kRegression ? Link::kIdentity
				: data->n_classes == 2    ? Link::kLogistic
										  : Link::kSoftmax;
	return {link, network.Result()};
}

} // namespace pgml
