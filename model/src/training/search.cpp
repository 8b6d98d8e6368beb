// Cross-validated search: folds, scores, the best candidate and its report. See pgml/search.h.
//
// A fold whose score is undefined makes the candidate undefined, except for F1: no row of the class and
// none predicted counts 0 there, as scikit-learn scores it.
#include "pgml/search.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "pgml/error.h"
#include "base/random.h"
#include "training/search_space.h"
#include "training/trainers.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

using Json = nlohmann::ordered_json;

double
SteadySeconds() {
	return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
		.count();
}

double
Mean(const std::vector<double> &values) {
	return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Of the population, as numpy's std.
double
Deviation(const std::vector<double> &values) {
	double mean = Mean(values), sum = 0;
	for (double value : values)
		sum += (value - mean) * (value - mean);
	return std::sqrt(sum / static_cast<double>(values.size()));
}

std::string
Explain(const Error &error) {
	return error.detail().empty() ? error.what()
								  : fmt::format("{}: {}", error.what(), error.detail());
}

} // namespace

const char *
ScoreMetric(Task task) {
	switch (task) {
		case Task::kClassification:
			return "f1";
		case Task::kClustering:
			return "silhouette";
		case Task::kDecomposition:
			return "cumulative_explained_variance";
		case Task::kRegression:
			break;
	}
	return "r2";
}

std::vector<uint32_t>
FoldOfRows(const Dataset &data, Task task, size_t n_folds, uint64_t seed) {
	size_t n_rows = data.rows();
	if (n_folds > n_rows)
		throw Error(ErrorCode::kInvalidArgument,
					fmt::format("cannot make {} folds of {} training rows", n_folds, n_rows), "",
					"Give a smaller \"cv\" in search_args.");
	std::vector<uint32_t> fold(n_rows);
	Random random(seed);
	size_t dealt = 0;
	auto deal = [&](std::vector<size_t> &rows) {
		random.Shuffle(rows);
		// Each class goes on where the last one ended, so that the folds' sizes stay equal.
		for (size_t row : rows)
			fold[row] = static_cast<uint32_t>(dealt++ % n_folds);
	};
	if (task == Task::kClassification) {
		std::map<double, std::vector<size_t>> by_class;
		for (size_t row = 0; row < n_rows; row++)
			by_class[data.target[row]].push_back(row);
		for (auto &[label, rows] : by_class)
			deal(rows);
	} else {
		std::vector<size_t> rows(n_rows);
		std::iota(rows.begin(), rows.end(), size_t{0});
		deal(rows);
	}
	return fold;
}

// The JSON library's destructor allocates; it cannot fail for what was parsed.
struct HyperparameterSearch::Impl { // NOLINT(bugprone-exception-escape)
	TrainOptions fixed;
	SearchOptions options;
	SearchArguments arguments;
	std::vector<Json> candidates;
	/// Why the hyperparameters of a candidate are not allowed; empty: they are.
	std::vector<std::string> refused;
	const Dataset *data = nullptr;
	std::vector<uint32_t> fold_of_row;
	double started = 0;
	bool out_of_time = false;

	struct Scored {
		CandidateScore score;
		std::vector<double> fold_scores, fit_times, score_times; ///< empty when it failed
	};
	std::vector<Scored> scored;
	std::optional<size_t> best;
	std::optional<Error> first_failure;
	size_t n_failed = 0;

	double
	Now() const {
		return options.clock ? options.clock() : SteadySeconds();
	}

	std::string
	Hyperparams(const Json &candidate) const {
		Json all = Json::parse(fixed.hyperparams_json);
		if (all.is_null())
			all = Json::object();
		all.update(candidate);
		return all.dump();
	}

	/// @throws Error when no candidate is allowed
	void
	CheckCandidates() {
		Json given = Json::parse(fixed.hyperparams_json, nullptr, false);
		if (given.is_object() && !candidates.empty())
			for (const auto &[name, value] : candidates[0].items())
				if (given.contains(name))
					throw Error(ErrorCode::kInvalidArgument,
								fmt::format("hyperparameter \"{}\" is in hyperparams and in "
											"search_params",
											name),
								"", "Leave it out of one of them.");
		std::optional<Error> first;
		refused.resize(candidates.size());
		for (size_t i = 0; i < candidates.size(); i++) {
			fixed.stop.ThrowIfStopped();
			TrainOptions trial = fixed;
			trial.hyperparams_json =
				given.is_object() ? Hyperparams(candidates[i]) : fixed.hyperparams_json;
			try {
				CheckHyperparameters(trial);
			} catch (const Error &error) {
				refused[i] = Explain(error);
				if (!first)
					first = error;
			}
		}
		if (std::none_of(refused.begin(), refused.end(),
						 [](const auto &why) { return why.empty(); }))
			throw *first;
	}

	double
	ScoreOf(const Model &model, const Dataset &held_out) const {
		Json metrics = Json::parse(EvaluateToJson(model, held_out, fixed.stop));
		const Json &score = metrics[ScoreMetric(fixed.task)];
		if (score.is_number())
			return score.get<double>();
		if (fixed.task == Task::kClassification)
			return 0;
		throw Error(ErrorCode::kInvalidData,
					fmt::format("{} of a fold is undefined", ScoreMetric(fixed.task)),
					"Every fold needs two different values of the target.",
					"Give a smaller \"cv\" in search_args.");
	}

	/// One fold of one candidate. @throws Error, Cancelled
	void
	ScoreFold(const TrainOptions &trial, size_t fold, Scored &result) {
		std::vector<size_t> train_rows, test_rows;
		for (size_t row = 0; row < fold_of_row.size(); row++)
			(fold_of_row[row] == fold ? test_rows : train_rows).push_back(row);
		fixed.stop.ThrowIfStopped();
		std::unique_ptr<const Model> model;
		double start = 0;
		{
			Dataset train = data->Subset(train_rows);
			fixed.stop.ThrowIfStopped();
			start = Now();
			model = Train(std::move(train), trial);
		}
		double fitted = Now();
		Dataset held_out = data->Subset(test_rows);
		double score = ScoreOf(*model, held_out);
		result.fold_scores.push_back(score);
		result.fit_times.push_back(fitted - start);
		result.score_times.push_back(Now() - fitted);
	}

	bool
	TimeIsUp() const {
		return arguments.time_limit_s && Now() - started >= *arguments.time_limit_s;
	}

	/// @return false when time ran out before its last fold: it does not count then
	bool
	ScoreCandidate(size_t index, Scored &result) {
		result.score.params_json = candidates[index].dump();
		TrainOptions trial = fixed;
		trial.hyperparams_json = Hyperparams(candidates[index]);
		try {
			for (size_t fold = 0; fold < arguments.n_folds; fold++) {
				if (best && TimeIsUp())
					return false;
				if (options.before_fold)
					options.before_fold(index, fold);
				ScoreFold(trial, fold, result);
			}
			result.score.mean_score = Mean(result.fold_scores);
			result.score.std_score = Deviation(result.fold_scores);
		} catch (const Error &error) {
			if (error.code() == ErrorCode::kInternal)
				throw;
			Fail(result, Explain(error), error);
		}
		return true;
	}

	void
	Fail(Scored &result, std::string why, const Error &error) {
		result.score.failure = std::move(why);
		result.fold_scores.clear();
		result.fit_times.clear();
		result.score_times.clear();
		n_failed++;
		if (!first_failure)
			first_failure = error;
	}

	template <typename Get>
	Json
	Column(const Get &get) const {
		Json column = Json::array();
		for (const Scored &one : scored)
			column.push_back(one.fold_scores.empty() ? Json() : Json(get(one)));
		return column;
	}
};

HyperparameterSearch::HyperparameterSearch(TrainOptions fixed, SearchOptions options)
	: impl_(std::make_unique<Impl>()) {
	impl_->fixed = std::move(fixed);
	impl_->options = std::move(options);
	impl_->arguments = ReadSearchArguments(impl_->options.args_json, impl_->fixed.seed);
	impl_->candidates =
		MakeCandidates(impl_->options.kind, impl_->options.params_json, impl_->arguments);
	impl_->CheckCandidates();
}

HyperparameterSearch::~HyperparameterSearch() = default;

size_t
HyperparameterSearch::n_candidates() const {
	return impl_->candidates.size();
}

size_t
HyperparameterSearch::n_folds() const {
	return impl_->arguments.n_folds;
}

void
HyperparameterSearch::SetData(const Dataset &train) {
	impl_->data = &train;
	impl_->fold_of_row =
		FoldOfRows(train, impl_->fixed.task, impl_->arguments.n_folds, impl_->arguments.seed);
	impl_->started = impl_->Now();
}

bool
HyperparameterSearch::Step() {
	Impl &self = *impl_;
	if (self.data == nullptr)
		throw Error(ErrorCode::kInternal, "search has no data");
	size_t index = self.scored.size();
	if (self.out_of_time || index == self.candidates.size())
		return false;
	Impl::Scored result;
	if (self.best && self.TimeIsUp()) {
		self.out_of_time = true;
		return false;
	}
	if (!self.refused[index].empty()) {
		result.score.params_json = self.candidates[index].dump();
		self.Fail(result, self.refused[index],
				  Error(ErrorCode::kInvalidArgument, self.refused[index]));
	} else if (!self.ScoreCandidate(index, result)) {
		self.out_of_time = true;
		return false;
	}
	self.scored.push_back(std::move(result));
	const auto &mean = self.scored.back().score.mean_score;
	// Equal scores: the candidate that came first.
	if (mean && (!self.best || *mean > *self.scored[*self.best].score.mean_score))
		self.best = index;
	return true;
}

const CandidateScore &
HyperparameterSearch::last() const {
	return impl_->scored.back().score;
}

std::optional<size_t>
HyperparameterSearch::best() const {
	return impl_->best;
}

size_t
HyperparameterSearch::n_scored() const {
	return impl_->scored.size();
}

size_t
HyperparameterSearch::n_failed() const {
	return impl_->n_failed;
}

bool
HyperparameterSearch::out_of_time() const {
	return impl_->out_of_time;
}

std::string
HyperparameterSearch::BestHyperparametersJson() const {
	const Impl &self = *impl_;
	if (self.best)
		return self.Hyperparams(self.candidates[*self.best]);
	if (!self.first_failure)
		throw Error(ErrorCode::kInternal, "search has not tried anything");
	throw Error(self.first_failure->code(), "no candidate of the search could be trained",
				fmt::format("The first one, {}: {}", self.scored[0].score.params_json,
							self.scored[0].score.failure),
				self.first_failure->hint());
}

std::unique_ptr<const Model>
HyperparameterSearch::Refit() {
	TrainOptions chosen = impl_->fixed;
	chosen.hyperparams_json = BestHyperparametersJson();
	return Train(*impl_->data, chosen);
}

std::string
HyperparameterSearch::ResultsJson() const {
	const Impl &self = *impl_;
	using Scored = Impl::Scored;
	Json result;
	result["metric"] = ScoreMetric(self.fixed.task);
	result["n_splits"] = self.arguments.n_folds;
	result["n_candidates"] = self.candidates.size();
	result["time_limit_reached"] = self.out_of_time;
	result["best_index"] = self.best ? Json(*self.best) : Json();
	result["params"] = Json::array();
	Json errors = Json::array();
	for (size_t i = 0; i < self.scored.size(); i++) {
		result["params"].push_back(self.candidates[i]);
		for (const auto &[name, value] : self.candidates[i].items())
			result["param_" + name].push_back(value);
		const std::string &failure = self.scored[i].score.failure;
		errors.push_back(failure.empty() ? Json() : Json(failure));
	}
	for (size_t fold = 0; fold < self.arguments.n_folds; fold++)
		result[fmt::format("split{}_test_score", fold)] =
			self.Column([&](const Scored &one) { return one.fold_scores[fold]; });
	result["mean_test_score"] =
		self.Column([](const Scored &one) { return Mean(one.fold_scores); });
	result["std_test_score"] =
		self.Column([](const Scored &one) { return Deviation(one.fold_scores); });
	result["mean_fit_time"] = self.Column([](const Scored &one) { return Mean(one.fit_times); });
	result["std_fit_time"] =
		self.Column([](const Scored &one) { return Deviation(one.fit_times); });
	result["mean_score_time"] =
		self.Column([](const Scored &one) { return Mean(one.score_times); });
	result["std_score_time"] =
		self.Column([](const Scored &one) { return Deviation(one.score_times); });
	result["errors"] = std::move(errors);
	return result.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace pgml
