// Sequential minimal optimisation with second order working set selection (Fan, Chen and Lin,
// "Working set selection using second order information for training support vector machines", JMLR
// 6, 2005; Chang and Lin, "LIBSVM: a library for support vector machines", 2011, section 4), the
// method of libsvm, without shrinking. A solver of our own, because libsvm cannot be interrupted,
// does not check its allocations (a server under a strict memory limit would crash) and prints; the
// tests compare the two.
#include "svm/smo.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <list>

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr double kInfinity = HUGE_VAL;
constexpr double kLeastCurvature = 1e-12;
constexpr size_t kTile = 4096;
/// Variables looked at between two polls.
constexpr size_t kWorkPerPoll = 1000000;

/// Kernel rows, those used last kept.
class KernelCache {
public:
	KernelCache(MatrixView x, const Kernel &kernel, size_t bytes, const StopToken &stop)
		: x_(x), kernel_(kernel), stop_(stop),
		  capacity_(std::max<size_t>(2, bytes / (sizeof(float) * std::max<size_t>(x.rows, 1)))),
		  slots_(x.rows, nullptr), query_(x.cols), tile_(kTile) {}

	const float *
	Row(size_t row) {
		if (Slot *slot = slots_[row]) {
			slots_list_.splice(slots_list_.begin(), slots_list_, slot->at);
			return slot->values.data();
		}
		if (slots_list_.size() < capacity_) {
			slots_list_.emplace_front();
			slots_list_.front().values.resize(x_.rows);
		} else {
			slots_[slots_list_.back().row] = nullptr;
			slots_list_.splice(slots_list_.begin(), slots_list_, std::prev(slots_list_.end()));
		}
		Slot &slot = slots_list_.front();
		slot.at = slots_list_.begin();
		slot.row = row;
		Fill(row, slot.values.data());
		slots_[row] = &slot;
		return slot.values.data();
	}

	double
	Diagonal(size_t row) {
		LoadQuery(row);
		double value = 0;
		kernel_.Row(x_.data, x_.ld, x_.cols, row, 1, query_.data(), &value);
		return value;
	}

private:
	struct Slot {
		size_t row = 0;
		std::vector<float> values;
		std::list<Slot>::iterator at;
	};

	void
	LoadQuery(size_t row) {
		for (size_t col = 0; col < x_.cols; col++)
			query_[col] = x_.column(col)[row];
	}

	void
	Fill(size_t row, float *out) {
		LoadQuery(row);
		size_t step = std::clamp<size_t>(kWorkPerPoll / (x_.cols + 1), 16, kTile);
		for (size_t first = 0; first < x_.rows; first += step) {
			stop_.ThrowIfStopped();
			size_t rows = std::min(step, x_.rows - first);
			kernel_.Row(x_.data, x_.ld, x_.cols, first, rows, query_.data(), tile_.data());
			std::transform(tile_.data(), tile_.data() + rows, out + first,
						   [](double value) { return static_cast<float>(value); });
		}
	}

	MatrixView x_;
	const Kernel &kernel_;
	const StopToken &stop_;
	size_t capacity_;
	std::vector<Slot *> slots_;
	std::list<Slot> slots_list_; ///< used last comes first
	std::vector<float> query_;
	std::vector<double> tile_;
};

class Solver {
public:
	Solver(MatrixView x, const Kernel &kernel, const SmoProblem &problem, const SmoOptions &options,
		   const StopToken &stop)
		: p_(problem), options_(options), stop_(stop), cache_(x, kernel, options.cache_bytes, stop),
		  n_(problem.row.size()), alpha_(problem.start), gradient_(problem.linear), diagonal_(n_) {
		std::vector<double> of_row(x.rows);
		for (size_t row = 0; row < x.rows; row++)
			of_row[row] = cache_.Diagonal(row);
		for (size_t t = 0; t < n_; t++)
			diagonal_[t] = of_row[p_.row[t]];
		for (size_t s = 0; s < n_; s++)
			if (alpha_[s] > 0)
				AddToGradient(s, alpha_[s]);
	}

	SmoResult
	Solve() {
		int64_t limit = options_.max_iter;
		if (limit < 0)
			limit = std::max<int64_t>(10000000, 100 * static_cast<int64_t>(n_));
		size_t work = 0, i = 0, j = 0;
		for (int64_t iteration = 0; iteration < limit && Select(i, j); iteration++) {
			Step(i, j);
			if ((work += n_) >= kWorkPerPoll) {
				stop_.ThrowIfStopped();
				work = 0;
			}
		}
		SmoResult result;
		Bias(result);
		result.alpha = std::move(alpha_);
		return result;
	}

private:
	bool
	CanGrow(size_t t) const {
		return p_.sign[t] > 0 ? alpha_[t] < p_.upper[t] : alpha_[t] > 0;
	}
	bool
	CanShrink(size_t t) const {
		return p_.sign[t] > 0 ? alpha_[t] > 0 : alpha_[t] < p_.upper[t];
	}

	void
	AddToGradient(size_t s, double change) {
		const float *kernel = cache_.Row(p_.row[s]);
		change *= p_.sign[s];
		for (size_t t = 0; t < n_; t++)
			gradient_[t] += p_.sign[t] * change * static_cast<double>(kernel[p_.row[t]]);
	}

	/// The pair that promises the largest decrease. @return false when none violates by more than tol
	bool
	Select(size_t &i, size_t &j) {
		// With nu both must have the same sign, so there are two first candidates.
		double largest[2] = {-kInfinity, -kInfinity}, smallest[2] = {-kInfinity, -kInfinity};
		size_t first[2] = {n_, n_};
		auto side = [&](size_t t) { return p_.nu && p_.sign[t] < 0 ? 1 : 0; };
		for (size_t t = 0; t < n_; t++) {
			double value = -p_.sign[t] * gradient_[t];
			if (CanGrow(t) && value >= largest[side(t)]) {
				largest[side(t)] = value;
				first[side(t)] = t;
			}
		}
		const float *rows[2] = {nullptr, nullptr};
		for (int s = 0; s < 2; s++)
			if (first[s] != n_)
				rows[s] = cache_.Row(p_.row[first[s]]);
		double best = kInfinity;
		size_t second = n_;
		for (size_t t = 0; t < n_; t++) {
			int s = side(t);
			if (rows[s] == nullptr || !CanShrink(t))
				continue;
			double value = p_.sign[t] * gradient_[t], violation = largest[s] + value;
			smallest[s] = std::max(smallest[s], value);
			if (violation <= 0)
				continue;
			double curvature =
				diagonal_[first[s]] + diagonal_[t] - 2 * static_cast<double>(rows[s][p_.row[t]]);
			double gain = -violation * violation / (curvature > 0 ? curvature : kLeastCurvature);
			if (gain <= best) {
				best = gain;
				second = t;
			}
		}
		if (second == n_ ||
			std::max(largest[0] + smallest[0], largest[1] + smallest[1]) < options_.tol)
			return false;
		i = first[side(second)];
		j = second;
		return true;
	}

	/// Solves for the two variables exactly: u_i = sign_i a_i grows, u_j shrinks by the same amount.
	void
	Step(size_t i, size_t j) {
		const float *kernel = cache_.Row(p_.row[i]);
		double curvature = diagonal_[i] + diagonal_[j] - 2 * static_cast<double>(kernel[p_.row[j]]);
		double step = (-p_.sign[i] * gradient_[i] + p_.sign[j] * gradient_[j]) /
					  (curvature > 0 ? curvature : kLeastCurvature);
		double room_i = p_.sign[i] > 0 ? p_.upper[i] - alpha_[i] : alpha_[i];
		double room_j = p_.sign[j] > 0 ? alpha_[j] : p_.upper[j] - alpha_[j];
		step = std::min({step, room_i, room_j});
		double old_i = alpha_[i], old_j = alpha_[j];
		// Exactly at the bound, not nearly: the bounds decide what may still move.
		alpha_[i] = step == room_i ? (p_.sign[i] > 0 ? p_.upper[i] : 0)
								   : std::clamp(old_i + p_.sign[i] * step, 0.0, p_.upper[i]);
		alpha_[j] = step == room_j ? (p_.sign[j] > 0 ? 0 : p_.upper[j])
								   : std::clamp(old_j - p_.sign[j] * step, 0.0, p_.upper[j]);
		const float *other = cache_.Row(p_.row[j]); // the cache holds at least two
		double change_i = p_.sign[i] * (alpha_[i] - old_i),
			   change_j = p_.sign[j] * (alpha_[j] - old_j);
		for (size_t t = 0; t < n_; t++) {
			size_t row = p_.row[t];
			gradient_[t] += p_.sign[t] * (change_i * static_cast<double>(kernel[row]) +
										  change_j * static_cast<double>(other[row]));
		}
	}

	/// The multiplier of sign'a, from the free variables, else the middle of what the bounds allow.
	void
	Bias(SmoResult &result) const {
		double middle[2];
		for (int side = 0; side < 2; side++) {
			double high = kInfinity, low = -kInfinity, sum = 0;
			size_t n_free = 0;
			for (size_t t = 0; t < n_; t++) {
				if (p_.nu && (p_.sign[t] < 0) != (side == 1))
					continue;
				// With nu: of a'sign and of a alone; the sign is applied below.
				double value = p_.nu ? gradient_[t] : p_.sign[t] * gradient_[t];
				bool at_upper = alpha_[t] >= p_.upper[t], at_zero = alpha_[t] <= 0;
				bool positive = p_.nu || p_.sign[t] > 0;
				if (at_upper == at_zero) {
					n_free++;
					sum += value;
				} else if (at_upper == positive) {
					low = std::max(low, value);
				} else {
					high = std::min(high, value);
				}
			}
			bool bounded = std::isfinite(low) && std::isfinite(high);
			middle[side] = n_free > 0            ? sum / static_cast<double>(n_free)
						   : bounded             ? (low + high) / 2
						   : std::isfinite(low)  ? low
						   : std::isfinite(high) ? high
												 : 0;
		}
		result.rho = p_.nu ? (middle[0] - middle[1]) / 2 : middle[0];
		result.scale = p_.nu ? (middle[0] + middle[1]) / 2 : 1;
	}

	const SmoProblem &p_;
	const SmoOptions &options_;
	const StopToken &stop_;
	KernelCache cache_;
	size_t n_;
	std::vector<double> alpha_, gradient_, diagonal_;
};

} // namespace

SmoResult
SolveSmo(MatrixView x, const Kernel &kernel, const SmoProblem &problem, const SmoOptions &options,
		 const StopToken &stop) {
	return Solver(x, kernel, problem, options, stop).Solve();
}

} // namespace pgml
