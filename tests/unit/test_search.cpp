// Hyperparameter search: spaces, folds, scores, the winner, failing candidates, the time limit.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include <nlohmann/json.hpp>

#include "datasets.h"
#include "pgml/error.h"
#include "pgml/search.h"
#include "training/search_space.h"

namespace pgml {

using nlohmann::json;
using test::Options;

namespace {

std::string
Text(const Error &e) {
	return std::string(e.what()) + " | " + e.detail() + " | " + e.hint();
}

std::string
SpaceError(SearchKind kind, const std::string &params, const std::string &args = "{}") {
	try {
		MakeCandidates(kind, params, ReadSearchArguments(args, 0));
	} catch (const Error &e) {
		return Text(e);
	}
	return "";
}

std::vector<std::string>
Candidates(SearchKind kind, const std::string &params, const std::string &args = "{}") {
	std::vector<std::string> result;
	for (const auto &candidate : MakeCandidates(kind, params, ReadSearchArguments(args, 0)))
		result.push_back(candidate.dump());
	return result;
}

bool
Contains(const std::string &text, const std::string &part) {
	return text.find(part) != std::string::npos;
}

double
Line(const std::vector<float> &x, std::mt19937 &random) {
	return 3 * x[0] - x[1] + std::normal_distribution<double>(0, 0.5)(random);
}

double
Wave(const std::vector<float> &x, std::mt19937 &random) {
	return std::sin(2 * x[0]) + x[1] * x[2] + std::normal_distribution<double>(0, 0.2)(random);
}

double
ThreeClasses(const std::vector<float> &x, std::mt19937 &) {
	return (x[0] > 0.3) + (x[0] + x[1] > 1.5);
}

SearchOptions
Grid(const std::string &params, const std::string &args = "{}") {
	SearchOptions options;
	options.params_json = params;
	options.args_json = args;
	return options;
}

void
RunAll(HyperparameterSearch &search, const Dataset &data) {
	search.SetData(data);
	while (search.Step()) {
	}
}

std::string
SearchError(const Dataset &data, const TrainOptions &fixed, const SearchOptions &options) {
	try {
		HyperparameterSearch search(fixed, options);
		RunAll(search, data);
		search.Refit();
	} catch (const Error &e) {
		return Text(e);
	}
	return "";
}

/// Results without what differs from run to run.
json
StableResults(const HyperparameterSearch &search) {
	json results = json::parse(search.ResultsJson());
	for (const char *key : {"mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time"})
		results.erase(key);
	return results;
}

} // namespace

TEST(SearchSpace, GridIsTheProductInOrder) {
	EXPECT_EQ(Candidates(SearchKind::kGrid, R"({"a": [1, 2], "b": ["x", null, [3, 4]]})"),
			  (std::vector<std::string>{R"({"a":1,"b":"x"})", R"({"a":1,"b":null})",
										R"({"a":1,"b":[3,4]})", R"({"a":2,"b":"x"})",
										R"({"a":2,"b":null})", R"({"a":2,"b":[3,4]})"}));
	EXPECT_EQ(Candidates(SearchKind::kGrid, R"({"a": [1.0, true]})"),
			  (std::vector<std::string>{R"({"a":1.0})", R"({"a":true})"}));
	// Nothing to vary: a plain cross-validation.
	EXPECT_EQ(Candidates(SearchKind::kGrid, "{}"), std::vector<std::string>{"{}"});
	EXPECT_EQ(Candidates(SearchKind::kRandom, "{}"), std::vector<std::string>{"{}"});
}

TEST(SearchSpace, RandomDrawsDistinctPointsOfTheSpace) {
	const std::string lists = R"({"a": [1, 2, 3, 4, 5, 6], "b": [1, 2, 3, 4, 5, 6]})";
	for (int n : {1, 10, 35}) {
		std::string args = R"({"n_iter": )" + std::to_string(n) + "}";
		std::vector<std::string> drawn = Candidates(SearchKind::kRandom, lists, args);
		EXPECT_EQ(drawn.size(), size_t(n));
		EXPECT_EQ(std::set<std::string>(drawn.begin(), drawn.end()).size(), size_t(n));
		EXPECT_EQ(Candidates(SearchKind::kRandom, lists, args), drawn);
	}
	EXPECT_NE(Candidates(SearchKind::kRandom, lists, R"({"random_state": 1})"),
			  Candidates(SearchKind::kRandom, lists, R"({"random_state": 2})"));
	// A small space is tried whole.
	EXPECT_EQ(Candidates(SearchKind::kRandom, lists, R"({"n_iter": 100})"),
			  Candidates(SearchKind::kGrid, lists));
	EXPECT_EQ(Candidates(SearchKind::kRandom, R"({"a": {"min": -1, "max": 1}})"),
			  (std::vector<std::string>{R"({"a":-1})", R"({"a":0})", R"({"a":1})"}));
}

TEST(SearchSpace, RangesGiveTheirKindOfNumbers) {
	auto drawn = MakeCandidates(
		SearchKind::kRandom,
		R"({"w": {"min": 1, "max": 1000, "scale": "log"}, "r": {"min": 0.001, "max": 10, "scale": "log"},
			"l": {"min": 0.0, "max": 100}, "i": {"min": -5, "max": 5000}})",
		ReadSearchArguments(R"({"n_iter": 2000})", 0));
	ASSERT_EQ(drawn.size(), 2000u);
	size_t small_w = 0, small_r = 0, small_l = 0, least_w = 0;
	for (const auto &one : drawn) {
		ASSERT_TRUE(one["w"].is_number_integer() && one["i"].is_number_integer());
		ASSERT_TRUE(one["r"].is_number_float() && one["l"].is_number_float());
		ASSERT_TRUE(one["w"] >= 1 && one["w"] <= 1000 && one["i"] >= -5 && one["i"] <= 5000);
		ASSERT_TRUE(one["r"] >= 0.001 && one["r"] <= 10.0 && one["l"] >= 0.0 && one["l"] <= 100.0);
		small_w += one["w"] <= 31;
		least_w += one["w"] == 1;
		small_r += one["r"] < 0.1;
		small_l += one["l"] < 50.0;
	}
	// Half of a logarithmic range lies below the geometric mean of its ends.
	EXPECT_NEAR(double(small_w), 1090, 120);
	EXPECT_NEAR(double(small_r), 1000, 120);
	EXPECT_NEAR(double(small_l), 1000, 120);
	EXPECT_NEAR(double(least_w), 2000 * std::log(3) / std::log(2001), 80);
}

TEST(SearchSpace, SaysWhatIsWrong) {
	for (SearchKind kind : {SearchKind::kGrid, SearchKind::kRandom}) {
		EXPECT_TRUE(Contains(SpaceError(kind, "[]"), "search_params must be a JSON object"));
		EXPECT_TRUE(Contains(SpaceError(kind, R"({"a": []})"), "\"a\" has no values"));
		EXPECT_TRUE(Contains(SpaceError(kind, R"({"a": 3})"), "must be an array of values"));
		EXPECT_TRUE(Contains(SpaceError(kind, R"({"seed": [1, 2]})"), "cannot be searched"));
	}
	EXPECT_TRUE(Contains(SpaceError(SearchKind::kGrid, R"({"a": {"min": 1, "max": 2}})"),
						 "Only a random search takes ranges"));
	auto range = [](const std::string &text) {
		return SpaceError(SearchKind::kRandom, R"({"a": )" + text + "}");
	};
	EXPECT_TRUE(Contains(range(R"({"min": 1})"), "needs a number \"max\""));
	EXPECT_TRUE(Contains(range(R"({"min": "1", "max": 2})"), "needs a number \"min\""));
	EXPECT_TRUE(Contains(range(R"({"min": 2, "max": 2})"), "is empty"));
	EXPECT_TRUE(
		Contains(range(R"({"min": 1, "max": 2, "step": 1})"), "Available keys: min, max, scale"));
	EXPECT_TRUE(
		Contains(range(R"({"min": 1, "max": 2, "scale": "cubic"})"), "\"linear\" or \"log\""));
	EXPECT_TRUE(Contains(range(R"({"min": 0, "max": 2, "scale": "log"})"), "above 0"));
	EXPECT_TRUE(Contains(range(R"({"min": -1e308, "max": 1e308})"), "too large"));
	EXPECT_TRUE(Contains(range(R"({"min": 0, "max": 9007199254740993})"), "too large"));
	std::string many = "[0";
	for (int i = 1; i <= 100; i++)
		many += "," + std::to_string(i);
	many += "]";
	std::string space = R"({"a": )" + many + R"(, "b": )" + many + "}";
	EXPECT_TRUE(
		Contains(SpaceError(SearchKind::kGrid, space), "has 10201 combinations, more than 10000"));
	EXPECT_EQ(Candidates(SearchKind::kRandom, space).size(), 10u);
}

TEST(SearchArguments, DefaultsAndErrors) {
	SearchArguments defaults = ReadSearchArguments("{}", 7);
	EXPECT_EQ(defaults.n_folds, 5u);
	EXPECT_EQ(defaults.n_iter, 10u);
	EXPECT_EQ(defaults.seed, 7u);
	EXPECT_FALSE(defaults.time_limit_s);
	SearchArguments given =
		ReadSearchArguments(R"({"cv": 3, "n_iter": 2, "time_limit": 0.5, "random_state": 9})", 7);
	EXPECT_EQ(given.n_folds, 3u);
	EXPECT_EQ(given.n_iter, 2u);
	EXPECT_EQ(given.seed, 9u);
	EXPECT_EQ(given.time_limit_s, 0.5);
	auto error = [](const std::string &args) { return SpaceError(SearchKind::kGrid, "{}", args); };
	EXPECT_TRUE(Contains(error(R"({"folds": 3})"),
						 "Available search_args: cv, n_iter, random_state, time_limit"));
	for (const char *bad : {R"({"cv": 1})", R"({"cv": 2.5})", R"({"cv": "5"})", R"({"cv": 1001})"})
		EXPECT_TRUE(Contains(error(bad), "\"cv\" must be a whole number from 2 to 1000")) << bad;
	for (const char *bad : {R"({"n_iter": 0})", R"({"n_iter": 10001})", R"({"n_iter": null})"})
		EXPECT_TRUE(Contains(error(bad), "\"n_iter\" must be a whole number")) << bad;
	for (const char *bad : {R"({"time_limit": -1})", R"({"time_limit": "1"})"})
		EXPECT_TRUE(Contains(error(bad), "\"time_limit\" must be a number of seconds")) << bad;
	EXPECT_TRUE(Contains(error(R"({"random_state": -1})"), "\"random_state\""));
	EXPECT_TRUE(Contains(error("3"), "search_args must be a JSON object"));
}

TEST(SearchFolds, EqualSharesOfRowsAndClasses) {
	Dataset data = test::RandomDataset(103, 3, 0, 1, ThreeClasses);
	std::vector<uint32_t> fold = FoldOfRows(data, Task::kClassification, 5, 3);
	ASSERT_EQ(fold.size(), 103u);
	std::map<uint32_t, size_t> sizes;
	std::map<std::pair<double, uint32_t>, size_t> of_class;
	std::map<double, size_t> classes;
	for (size_t row = 0; row < fold.size(); row++) {
		sizes[fold[row]]++;
		of_class[{data.target[row], fold[row]}]++;
		classes[data.target[row]]++;
	}
	ASSERT_EQ(sizes.size(), 5u);
	for (auto [number, size] : sizes)
		EXPECT_TRUE(size == 20 || size == 21) << number;
	for (auto [key, size] : of_class)
		EXPECT_NEAR(double(size), double(classes[key.first]) / 5, 0.99);
	EXPECT_EQ(FoldOfRows(data, Task::kClassification, 5, 3), fold);
	EXPECT_NE(FoldOfRows(data, Task::kClassification, 5, 4), fold);
	// Shuffled: not runs of neighbours, which a sorted table would turn into different distributions.
	std::vector<uint32_t> plain = FoldOfRows(data, Task::kRegression, 5, 3);
	EXPECT_FALSE(std::is_sorted(plain.begin(), plain.end()));
	size_t periodic = 0;
	for (size_t row = 5; row < plain.size(); row++)
		periodic += plain[row] == plain[row - 5];
	EXPECT_LT(periodic, 50u);
	EXPECT_EQ(FoldOfRows(data, Task::kRegression, 103, 0).size(), 103u);
	EXPECT_THROW(FoldOfRows(data, Task::kRegression, 104, 0), Error);
}

TEST(Search, ScoresEqualOnesMadeByHand) {
	Dataset data = test::RandomDataset(120, 3, 0.05, 2, Wave);
	TrainOptions fixed = Options("ridge", Task::kRegression, R"({"fit_intercept": true})");
	HyperparameterSearch search(fixed, Grid(R"({"alpha": [0.1, 100, 10000]})", R"({"cv": 4})"));
	RunAll(search, data);
	json results = json::parse(search.ResultsJson());
	std::vector<uint32_t> fold = FoldOfRows(data, Task::kRegression, 4, 0);
	std::vector<double> means;
	for (size_t c = 0; c < 3; c++) {
		double sum = 0;
		for (size_t k = 0; k < 4; k++) {
			std::vector<size_t> train, test;
			for (size_t row = 0; row < fold.size(); row++)
				(fold[row] == k ? test : train).push_back(row);
			TrainOptions one = fixed;
			one.hyperparams_json = c == 0   ? R"({"alpha": 0.1})"
								   : c == 1 ? R"({"alpha": 100})"
											: R"({"alpha": 10000})";
			auto model = Train(data.Subset(train), one);
			double r2 = json::parse(EvaluateToJson(*model, data.Subset(test), StopToken()))["r2"];
			EXPECT_EQ(results["split" + std::to_string(k) + "_test_score"][c], r2);
			sum += r2;
		}
		means.push_back(sum / 4);
		EXPECT_DOUBLE_EQ(results["mean_test_score"][c], means.back());
		EXPECT_GE(results["mean_fit_time"][c], 0);
		EXPECT_GE(results["std_score_time"][c], 0);
	}
	size_t best = size_t(std::max_element(means.begin(), means.end()) - means.begin());
	EXPECT_EQ(results["best_index"], best);
	EXPECT_EQ(results["param_alpha"], json::parse("[0.1, 100, 10000]"));
	EXPECT_EQ(results["params"][1], json::parse(R"({"alpha": 100})"));
	EXPECT_EQ(results["n_splits"], 4);
	EXPECT_EQ(results["n_candidates"], 3);
	EXPECT_EQ(results["metric"], "r2");
	EXPECT_EQ(json::parse(search.BestHyperparametersJson())["fit_intercept"], true);
	// The model is trained on all rows, not on those of a fold.
	TrainOptions chosen = fixed;
	chosen.hyperparams_json = search.BestHyperparametersJson();
	EXPECT_EQ(search.Refit()->Encode(), Train(data, chosen)->Encode());
}

TEST(Search, TheBestMeanWinsNotTheBestFold) {
	// 20 rows, 19 on a line; one candidate fits its lucky folds perfectly and fails on the others.
	Dataset data = test::RandomDataset(60, 2, 0, 5, Line);
	HyperparameterSearch search(
		Options("knn", Task::kRegression),
		Grid(R"({"n_neighbors": [1, 2, 3, 4, 5, 6, 8, 10, 12]})", R"({"cv": 10})"));
	RunAll(search, data);
	json results = json::parse(search.ResultsJson());
	size_t best_mean = 0, best_fold = 0;
	double highest = -HUGE_VAL;
	for (size_t c = 0; c < 9; c++) {
		if (results["mean_test_score"][c] > results["mean_test_score"][best_mean])
			best_mean = c;
		for (size_t k = 0; k < 10; k++) {
			double score = results["split" + std::to_string(k) + "_test_score"][c];
			if (score > highest) {
				highest = score;
				best_fold = c;
			}
		}
	}
	ASSERT_NE(best_mean, best_fold) << "the data must tell the two rules apart";
	EXPECT_EQ(results["best_index"], best_mean);
	EXPECT_EQ(search.best(), best_mean);
}

TEST(Search, EqualInputGivesEqualResults) {
	Dataset data = test::RandomDataset(90, 3, 0.05, 3, ThreeClasses);
	SearchOptions options = Grid(
		R"({"max_depth": {"min": 1, "max": 8}, "learning_rate": {"min": 0.01, "max": 1, "scale": "log"}})",
		R"({"cv": 3, "n_iter": 4})");
	options.kind = SearchKind::kRandom;
	TrainOptions fixed = Options("xgboost", Task::kClassification, R"({"n_estimators": 5})");
	HyperparameterSearch first(fixed, options), second(fixed, options);
	RunAll(first, data);
	RunAll(second, data);
	EXPECT_EQ(StableResults(first), StableResults(second));
	EXPECT_EQ(first.Refit()->Encode(), second.Refit()->Encode());
	EXPECT_EQ(StableResults(first)["metric"], "f1");
	options.args_json = R"({"cv": 3, "n_iter": 4, "random_state": 5})";
	HyperparameterSearch other(fixed, options);
	RunAll(other, data);
	EXPECT_NE(StableResults(first), StableResults(other));
}

TEST(Search, PreprocessingSeesTheFoldsTrainingRowsOnly) {
	// The rare text occurs once. Where it is held out, the fold's model must not know it.
	std::vector<float> x;
	std::vector<std::optional<std::string>> texts;
	std::vector<double> target;
	for (int i = 0; i < 40; i++) {
		x.push_back(float(i % 7));
		texts.emplace_back(i == 17 ? "rare" : i % 2 == 0 ? "even" : "odd");
		target.push_back(i % 7 + (i % 2) + (i == 17 ? 1000 : 0));
	}
	Dataset data = test::DatasetBuilder().Number("x", x).Text("t", texts).Target(target).Build();
	std::vector<uint32_t> fold = FoldOfRows(data, Task::kRegression, 2, 0);
	for (uint32_t k = 0; k < 2; k++) {
		std::vector<size_t> train;
		for (size_t row = 0; row < 40; row++)
			if (fold[row] != k)
				train.push_back(row);
		auto model = Train(data.Subset(train), Options("linear", Task::kRegression));
		EXPECT_EQ(std::isnan(model->CategoryCode(1, "rare")), fold[17] == k);
	}
	HyperparameterSearch search(Options("linear", Task::kRegression), Grid("{}", R"({"cv": 2})"));
	RunAll(search, data);
	json results = json::parse(search.ResultsJson());
	// A model that had seen the held-out row's text would be right about its 1000.
	std::string without = "split" + std::to_string(fold[17]) + "_test_score";
	EXPECT_LT(results[without][0], 0.5);
}

TEST(Search, CandidatesThatFailScoreNull) {
	Dataset data = test::RandomDataset(40, 2, 0, 4, Line);
	// 30 neighbours are more than the 20 training rows of a fold; -1 is never allowed.
	HyperparameterSearch search(Options("knn", Task::kRegression),
								Grid(R"({"n_neighbors": [30, 3, -1]})", R"({"cv": 2})"));
	RunAll(search, data);
	json results = json::parse(search.ResultsJson());
	EXPECT_EQ(results["best_index"], 1);
	EXPECT_TRUE(results["mean_test_score"][0].is_null());
	EXPECT_TRUE(results["split1_test_score"][2].is_null());
	EXPECT_TRUE(results["mean_fit_time"][2].is_null());
	EXPECT_TRUE(results["errors"][1].is_null());
	EXPECT_TRUE(Contains(results["errors"][0], "n_neighbors")) << results["errors"];
	EXPECT_TRUE(Contains(results["errors"][2], "invalid value for hyperparameter"));
	EXPECT_EQ(search.n_failed(), 2u);
	EXPECT_EQ(search.n_scored(), 3u);
	search.Refit();

	TrainOptions knn = Options("knn", Task::kRegression);
	std::string all = SearchError(data, knn, Grid(R"({"n_neighbors": [30, 35]})", R"({"cv": 2})"));
	EXPECT_TRUE(Contains(all, "no candidate of the search could be trained")) << all;
	EXPECT_TRUE(Contains(all, "The first one, {\"n_neighbors\":30}")) << all;
	// What can never be allowed shows before any data is needed.
	EXPECT_TRUE(Contains(SearchError(data, knn, Grid(R"({"neighbours": [1, 2]})")),
						 "unrecognized hyperparameter \"neighbours\""));
	EXPECT_TRUE(Contains(SearchError(data, knn, Grid(R"({"n_neighbors": [0, -1]})")),
						 "invalid value for hyperparameter \"n_neighbors\": 0"));
	EXPECT_TRUE(Contains(SearchError(data, Options("knn", Task::kRegression, R"({"p": 1})"),
									 Grid(R"({"p": [1, 2]})")),
						 "\"p\" is in hyperparams and in search_params"));
	EXPECT_TRUE(Contains(SearchError(data, knn, Grid("{}", R"({"cv": 41})")),
						 "cannot make 41 folds of 40 training rows"));
	// One row per fold: r2 of one row does not exist.
	EXPECT_TRUE(
		Contains(SearchError(data, knn, Grid("{}", R"({"cv": 40})")), "r2 of a fold is undefined"));
}

TEST(Search, TimeLimitEndsItAfterTheFirstCandidate) {
	Dataset data = test::RandomDataset(40, 2, 0, 6, Line);
	TrainOptions ridge = Options("ridge", Task::kRegression);
	HyperparameterSearch zero(ridge,
							  Grid(R"({"alpha": [1, 2, 3]})", R"({"cv": 2, "time_limit": 0})"));
	RunAll(zero, data);
	EXPECT_EQ(zero.n_scored(), 1u);
	EXPECT_TRUE(zero.out_of_time());
	json results = json::parse(zero.ResultsJson());
	EXPECT_EQ(results["time_limit_reached"], true);
	EXPECT_EQ(results["n_candidates"], 3);
	EXPECT_EQ(results["params"].size(), 1u);
	zero.Refit();

	// A clock that goes on by one second whenever a fold begins: ten seconds are five candidates of
	// two folds.
	double now = 100;
	SearchOptions options =
		Grid(R"({"alpha": [1, 2, 3, 4, 5, 6, 7]})", R"({"cv": 2, "time_limit": 9})");
	options.clock = [&] { return now; };
	options.before_fold = [&](size_t, size_t) { now++; };
	HyperparameterSearch search(ridge, options);
	RunAll(search, data);
	EXPECT_TRUE(search.out_of_time());
	// The fifth had one of its two folds scored: it does not count.
	EXPECT_EQ(search.n_scored(), 4u);
	options.args_json = R"({"cv": 2, "time_limit": 14.5})";
	HyperparameterSearch enough(ridge, options);
	RunAll(enough, data);
	EXPECT_FALSE(enough.out_of_time());
	EXPECT_EQ(enough.n_scored(), 7u);
}

TEST(Search, CanBeStopped) {
	Dataset data = test::RandomDataset(40, 2, 0, 6, Line);
	TrainOptions fixed = Options("ridge", Task::kRegression);
	static int polls;
	polls = 0;
	fixed.stop = StopToken([] { return ++polls > 20; });
	HyperparameterSearch search(fixed, Grid(R"({"alpha": [1, 2, 3, 4, 5]})"));
	search.SetData(data);
	EXPECT_THROW(while (search.Step()){}, Cancelled);
}

TEST(Search, ReportsEveryFold) {
	Dataset data = test::RandomDataset(40, 2, 0, 6, Line);
	std::vector<std::pair<size_t, size_t>> seen;
	SearchOptions options = Grid(R"({"n_estimators": [2, 3]})", R"({"cv": 2})");
	options.before_fold = [&](size_t candidate, size_t fold) {
		seen.emplace_back(candidate, fold);
	};
	TrainOptions fixed = Options("xgboost", Task::kRegression);
	size_t rounds = 0, preprocessed = 0;
	fixed.progress = [&](size_t, size_t) { rounds++; };
	fixed.preprocessed = [&] { preprocessed++; };
	HyperparameterSearch search(fixed, options);
	RunAll(search, data);
	EXPECT_EQ(seen, (std::vector<std::pair<size_t, size_t>>{{0, 0}, {0, 1}, {1, 0}, {1, 1}}));
	EXPECT_EQ(rounds, 10u);
	EXPECT_EQ(preprocessed, 4u);
}

} // namespace pgml
