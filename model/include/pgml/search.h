#pragma once
/**
 * Searching hyperparameters: every candidate is scored by cross-validation on the training rows, the one with the
 * best mean score wins and is trained on all of them. The held-out test part is never looked at.
 *
 * Candidates are scored one per Step(), so that the caller can say something in between. One model is
 * alive at a time. Preprocessing is fitted anew in every fold, on that fold's training rows.
 */
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pgml/train.h"

namespace pgml {

enum class SearchKind : uint8_t {
	kGrid,  ///< all combinations
	kRandom ///< n_iter of them
};

struct SearchOptions {
	SearchKind kind = SearchKind::kGrid;
	/// {"name": [values]}; a random search also takes {"min": 1, "max": 100, "scale": "linear" | "log"}, whole
	/// numbers when both ends are
	std::string params_json = "{}";
	/// {"cv": 5, "n_iter": 10, "time_limit": seconds, "random_state": 0}
	std::string args_json = "{}";
	/// Seconds from any origin; tests put their own clock here. Empty: a steady clock.
	std::function<double()> clock;
	/// Called before each fit of a fold. Must not throw.
	std::function<void(size_t candidate, size_t fold)> before_fold;
};

/// What became of one candidate.
struct CandidateScore {
	std::string params_json;          ///< what was searched, without the fixed hyperparameters
	std::optional<double> mean_score; ///< nullopt: it could not be scored
	double std_score = 0;
	std::string failure; ///< why not
};

/// The metric that models of a task are compared by, higher is better; a key of EvaluateToJson().
const char *ScoreMetric(Task task);

/**
 * The fold of each row, 0 .. n_folds - 1, shuffled: sizes differ by one at most. A classification is stratified: so
 * do the shares of each class.
 * @throws Error(kInvalidArgument) more folds than rows
 */
std::vector<uint32_t> FoldOfRows(const Dataset &data, Task task, size_t n_folds, uint64_t seed);

class HyperparameterSearch {
public:
	static constexpr size_t kMaxCandidates = 10000;
	static constexpr size_t kMaxFolds = 1000;

	/**
	 * Reads and checks the space, the arguments and every candidate's hyperparameters; needs no data.
	 * @param fixed  hyperparams_json holds what all candidates share; its seed, threads and stop token
	 *               count for every fit, its `progress` is called in each of them
	 * @throws Error(kInvalidArgument) malformed space or arguments, a hyperparameter that is both fixed and
	 *         searched, no candidate whose hyperparameters are allowed; Error(kLimitExceeded)
	 */
	HyperparameterSearch(TrainOptions fixed, SearchOptions options);
	~HyperparameterSearch();
	HyperparameterSearch(const HyperparameterSearch &) = delete;
	HyperparameterSearch &operator=(const HyperparameterSearch &) = delete;

	size_t n_candidates() const;
	size_t n_folds() const;

	/// The rows to train on, which must outlive the search. Before the first Step().
	void SetData(const Dataset &train);

	/// Scores the next candidate.
	/// @return false when none is left or time is up: nothing was done
	bool Step();
	const CandidateScore &last() const;
	/// Best candidate so far: its position among those scored; nullopt when all failed.
	std::optional<size_t> best() const;
	size_t n_scored() const;
	size_t n_failed() const;
	bool out_of_time() const;

	/**
	 * Trains with the best candidate on all rows.
	 * @throws what its training throws; Error of the first failure when no candidate has a score
	 */
	std::unique_ptr<const Model> Refit();
	/// The best candidate's hyperparameters, the fixed ones included.
	std::string BestHyperparametersJson() const;
	/// PostgresML's `search_results`: params, param_NAME, n_splits, best_index, splitK_test_score, mean and std of
	/// test_score, fit_time and score_time; ours: metric, errors, n_candidates, time_limit_reached.
	std::string ResultsJson() const;

private:
	struct Impl;
	std::unique_ptr<Impl> impl_;
};

} // namespace pgml
