// Logistic regression, binary and multinomial, by L-BFGS (Nocedal and Wright, Numerical
// Optimization, 2nd ed., algorithm 7.4). The iteration runs on centred columns, each multiplied so
// that its curvature is about that of the intercept; this is a change of variables only, the
// minimum is that of the documented objective.
#include "linear/linear_fit.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include <Eigen/Core>

#include "base/no_postgres.h"

namespace pgml {

namespace {

using Eigen::Index;
using Eigen::VectorXd;

constexpr size_t kTile = 256;

/// The mean loss plus penalty / (C n) and its gradient, as a function of [group][intercept, columns
/// ...].
class LogisticLoss {
public:
	LogisticLoss(MatrixView x, const std::vector<uint32_t> &classes, size_t n_groups,
				 const LogisticOptions &options, const StopToken &stop)
		: x_(x), classes_(classes), n_groups_(n_groups), fit_intercept_(options.fit_intercept),
		  weights_(options.class_weights), stop_(stop),
		  penalty_(1 / (options.c * static_cast<double>(x.rows))) {
		ColumnMoments moments = Moments(x, stop);
		center_ = options.fit_intercept ? moments.mean : std::vector<double>(x.cols, 0.0);
		for (size_t j = 0; j < x.cols; j++) {
			double size = options.fit_intercept ? moments.deviation[j]
												: std::hypot(moments.deviation[j], moments.mean[j]);
			factor_.push_back(1 / std::sqrt(size * size + 4 * penalty_));
		}
		margins_.resize(n_groups * kTile);
	}
	Index
	size() const {
		return static_cast<Index>(n_groups_ * stride());
	}

	double
	Evaluate(const VectorXd &at, VectorXd &gradient) {
		gradient.setZero();
		double loss = 0;
		for (size_t first = 0; first < x_.rows; first += kTile) {
			stop_.ThrowIfStopped();
			size_t rows = std::min(kTile, x_.rows - first);
			TileMargins(at, first, rows);
			loss += n_groups_ == 1 ? BinaryTile(first, rows) : SoftmaxTile(first, rows);
			TileGradient(first, rows, gradient);
		}
		double count = static_cast<double>(x_.rows);
		loss /= count;
		gradient /= count;
		for (size_t g = 0; g < n_groups_; g++) {
			Index base = static_cast<Index>(g * stride());
			if (!fit_intercept_)
				gradient[base] = 0;
			for (size_t j = 0; j < x_.cols; j++) {
				Index i = base + 1 + static_cast<Index>(j);
				double weight = at[i] * factor_[j];
				loss += 0.5 * penalty_ * weight * weight;
				gradient[i] += penalty_ * weight * factor_[j];
			}
		}
		return loss;
	}

	std::vector<LinearGroup>
	Groups(const VectorXd &at) const {
		std::vector<LinearGroup> groups(n_groups_);
		for (size_t g = 0; g < n_groups_; g++) {
			Index base = static_cast<Index>(g * stride());
			groups[g].intercept = at[base];
			for (size_t j = 0; j < x_.cols; j++) {
				double weight = at[base + 1 + static_cast<Index>(j)] * factor_[j];
				groups[g].weights.push_back(weight);
				groups[g].intercept -= weight * center_[j];
			}
		}
		return groups;
	}

private:
	size_t
	stride() const {
		return x_.cols + 1;
	}
	double
	WeightOf(size_t own) const {
		return weights_.empty() ? 1 : weights_[own];
	}

	void
	TileMargins(const VectorXd &at, size_t first, size_t rows) {
		for (size_t g = 0; g < n_groups_; g++) {
			double *margins = margins_.data() + g * kTile;
			Index base = static_cast<Index>(g * stride());
			std::fill(margins, margins + rows, at[base]);
			for (size_t j = 0; j < x_.cols; j++) {
				double weight = at[base + 1 + static_cast<Index>(j)] * factor_[j];
				const float *values = x_.column(j) + first;
				for (size_t row = 0; row < rows; row++)
					margins[row] += weight * (values[row] - center_[j]);
			}
		}
	}

	/// Sum of the losses; the margins become the derivatives of the loss.
	double
	BinaryTile(size_t first, size_t rows) {
		double loss = 0;
		for (size_t row = 0; row < rows; row++) {
			double margin = margins_[row];
			double small = std::exp(-std::fabs(margin));
			bool positive = classes_[first + row] == 1;
			double weight = WeightOf(positive);
			loss += weight * (std::log1p(small) +
							  (positive ? std::max(-margin, 0.0) : std::max(margin, 0.0)));
			double probability = margin >= 0 ? 1 / (1 + small) : small / (1 + small);
			margins_[row] = weight * (probability - positive);
		}
		return loss;
	}

	double
	SoftmaxTile(size_t first, size_t rows) {
		double loss = 0;
		for (size_t row = 0; row < rows; row++) {
			double largest = margins_[row], sum = 0;
			for (size_t g = 1; g < n_groups_; g++)
				largest = std::max(largest, margins_[g * kTile + row]);
			size_t own = classes_[first + row];
			double weight = WeightOf(own);
			loss += weight * (largest - margins_[own * kTile + row]);
			for (size_t g = 0; g < n_groups_; g++)
				sum += margins_[g * kTile + row] = std::exp(margins_[g * kTile + row] - largest);
			loss += weight * std::log(sum);
			for (size_t g = 0; g < n_groups_; g++)
				margins_[g * kTile + row] = weight * (margins_[g * kTile + row] / sum - (g == own));
		}
		return loss;
	}

	void
	TileGradient(size_t first, size_t rows, VectorXd &gradient) {
		for (size_t g = 0; g < n_groups_; g++) {
			const double *derivative = margins_.data() + g * kTile;
			Index base = static_cast<Index>(g * stride());
			double total = 0;
			for (size_t row = 0; row < rows; row++)
				total += derivative[row];
			gradient[base] += total;
			for (size_t j = 0; j < x_.cols; j++) {
				const float *values = x_.column(j) + first;
				double sum = 0;
				for (size_t row = 0; row < rows; row++)
					sum += derivative[row] * (values[row] - center_[j]);
				gradient[base + 1 + static_cast<Index>(j)] += sum * factor_[j];
			}
		}
	}

	MatrixView x_;
	const std::vector<uint32_t> &classes_;
	size_t n_groups_;
	bool fit_intercept_;
	const std::vector<double> &weights_; ///< per class; empty: 1
	const StopToken &stop_;
	double penalty_;
	std::vector<double> center_, factor_, margins_;
};

/// The last steps of L-BFGS and the direction they give.
class History {
public:
	void
	Add(const VectorXd &step, const VectorXd &change) {
		double product = step.dot(change);
		if (!(product > 1e-12 * step.norm() * change.norm()))
			return; // no curvature information beyond rounding
		if (pairs_.size() == 10)
			pairs_.pop_front();
		pairs_.push_back({step, change, 1 / product});
	}
	void
	Clear() {
		pairs_.clear();
	}
	bool
	empty() const {
		return pairs_.empty();
	}
	VectorXd
	Direction(const VectorXd &gradient) const {
		// The first step assumes the curvature that the variables were scaled to.
		VectorXd q = gradient;
		std::vector<double> alpha(pairs_.size());
		for (size_t i = pairs_.size(); i-- > 0;) {
			alpha[i] = pairs_[i].inverse * pairs_[i].step.dot(q);
			q -= alpha[i] * pairs_[i].change;
		}
		if (pairs_.empty())
			q *= 4;
		else
			q /= pairs_.back().inverse * pairs_.back().change.squaredNorm();
		for (size_t i = 0; i < pairs_.size(); i++)
			q += (alpha[i] - pairs_[i].inverse * pairs_[i].change.dot(q)) * pairs_[i].step;
		return -q;
	}

private:
	struct Pair {
		VectorXd step, change;
		double inverse;
	};
	std::deque<Pair> pairs_;
};

} // namespace

std::vector<LinearGroup>
FitLogistic(MatrixView x, const std::vector<uint32_t> &classes, size_t n_classes,
			const LogisticOptions &options, const FitContext &context) {
	LogisticLoss loss(x, classes, n_classes == 2 ? 1 : n_classes, options, context.stop);
	VectorXd at = VectorXd::Zero(loss.size());
	VectorXd gradient(loss.size()), next_gradient(loss.size());
	double value = loss.Evaluate(at, gradient);
	History history;
	for (size_t iteration = 0; iteration < options.max_iter; iteration++) {
		if (gradient.size() == 0 || gradient.lpNorm<Eigen::Infinity>() <= options.tol)
			break;
		VectorXd direction = history.Direction(gradient);
		double slope = direction.dot(gradient);
		double length = 1, next_value = 0;
		VectorXd next;
		bool accepted = false;
		for (int attempt = 0; attempt < 40 && slope < 0 && !accepted; attempt++, length /= 2) {
			next = at + length * direction;
			next_value = loss.Evaluate(next, next_gradient);
			accepted = next_value <= value + 1e-4 * length * slope;
		}
		if (!accepted) {
			if (history.empty())
				break; // rounding: no descent is left
			history.Clear();
			continue;
		}
		history.Add(next - at, next_gradient - gradient);
		at = next;
		gradient = next_gradient;
		value = next_value;
		if (context.progress)
			context.progress(iteration + 1, options.max_iter);
	}
	return loss.Groups(at);
}

} // namespace pgml
