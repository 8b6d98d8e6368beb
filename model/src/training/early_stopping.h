#pragma once
/// Early stopping of boosting: rows held out of the training rows, and when to end.
#include <cmath>
#include <cstdint>
#include <vector>

#include "training/trainers.h"

namespace pgml {

/**
 * Draws the rows that a boosting holds out to see when it stops getting better: a share of the rows, of each class for a
 * classification, never all of a class.
 * @return for each row whether it is held out; at least one is and at least one is not
 * @throws Error(kInvalidData) fewer than two rows
 */
std::vector<bool> DrawValidationRows(const TrainingData &data, double fraction, uint64_t seed);

/// The rows of a training, in the part to learn from and the part held out.
struct HeldOutRows {
	struct Part {
		Matrix columns;
		std::vector<double> target;
		std::vector<uint32_t> classes;
	};
	Part learning, held_out;

	HeldOutRows(const TrainingData &data, double fraction, uint64_t seed, const StopToken &stop);
};

/// Follows a loss from round to round.
class StoppingRule {
public:
	/// @param patience   rounds without progress after which it ends, at least 1
	/// @param tolerance  what the loss must fall by to count as progress
	StoppingRule(size_t patience, double tolerance) : patience_(patience), tolerance_(tolerance) {}

	/// @return true when this round is the best so far
	bool
	Add(double loss) {
		bool is_best = loss < best_;
		if (is_best) {
			best_ = loss;
			best_round_ = rounds_;
		}
		if (loss < reference_ - tolerance_) {
			reference_ = loss;
			progress_round_ = rounds_;
		}
		rounds_++;
		return is_best;
	}
	bool
	Ends() const {
		return rounds_ - 1 - progress_round_ >= patience_;
	}
	/// From 0.
	size_t
	best_round() const {
		return best_round_;
	}
	/// Infinity when no loss was finite.
	double
	best() const {
		return best_;
	}

private:
	size_t patience_;
	double tolerance_;
	size_t rounds_ = 0, best_round_ = 0, progress_round_ = 0;
	double best_ = HUGE_VAL, reference_ = HUGE_VAL;
};

} // namespace pgml
