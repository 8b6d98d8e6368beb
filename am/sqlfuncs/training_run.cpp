/// Split, search, training, evaluation. See training_run.h.
#include "am/sqlfuncs/training_run.h"

#include "am/base/guard.h"
#include "am/base/guc.h"
#include "am/sqlfuncs/training_progress.h"

#include <cmath>

#include "pgml/fingerprint.h"

extern "C" {
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/fmgrprotos.h"
}

namespace pgml::am {

namespace {

/// The split depends on the rows alone: whatever the seed of a model, its scores compare with those of
/// the project's other models on the same rows.
constexpr uint64 kSplitSeed = 0;

/// A phase that took longer is worth a line to the user.
constexpr double kLongPhaseSeconds = 5;

double
SecondsSince(instr_time start) {
	instr_time now;
	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_DOUBLE(now);
}

bool
HasAnyValue(const Matrix &raw, const StopToken &stop) {
	for (size_t column = 0; column < raw.cols(); column++, stop.ThrowIfStopped())
		for (size_t row = 0; row < raw.rows(); row++)
			if (!std::isnan(raw.column(column)[row]))
				return true;
	return false;
}

/// Inside of Guard().
TrainOptions
MakeOptions(const TrainRequest &request) {
	TrainOptions options;
	options.algorithm = request.algorithm;
	options.task = request.task;
	options.hyperparams_json = request.learner_hyperparams;
	options.preprocess_json = request.preprocess;
	options.seed = request.seed;
	options.n_threads = guc_training_threads;
	options.memory_limit = static_cast<size_t>(guc_training_memory) * 1024;
	options.module_directory = pkglib_path;
	options.stop = pg::BackendStopToken();
	options.progress = [](size_t done, size_t total) { ReportRounds(done, total); };
	return options;
}

/// Takes the test part out of the rows.
void
SplitRequested(const TrainRequest &request, TrainingWork *work, TrainingResult *result) {
	ReportPhase(TrainingPhase::kSplitting);
	StopToken stop = pg::BackendStopToken();
	pg::Guard([&] {
		Dataset &data = work->data;
		result->n_rows = data.rows();
		if (result->n_rows == 0)
			throw Error(ErrorCode::kInvalidData, "relation has no rows to train on", "",
						"Rows that row level security hides from you do not count.");
		if (!HasAnyValue(data.raw, stop))
			throw Error(ErrorCode::kInvalidData, "every feature is null in every row", "",
						"There is nothing to learn from.");
		std::vector<std::string> names(request.targets.names,
									   request.targets.names + data.n_targets);
		work->columns = DescribeColumnsToJson(data, names, stop);
		work->fingerprint = Fingerprint(data, stop);
		Split split =
			SplitRows(data, request.test_size, request.sampling, request.task, kSplitSeed, stop);
		result->n_train = split.train.size();
		result->n_test = split.test.size();
		work->test = data.SplitOff(split, stop);
	});
}

/// One candidate as a message needs it. Strings belong to the search, or to the current context.
struct CandidateLine {
	bool found; ///< false: the search is over
	bool is_best, has_score;
	size_t number;
	double mean, deviation, best_mean;
	const char *params, *failure;
};

CandidateLine
ScoreNextCandidate(HyperparameterSearch &search, double best_mean) {
	CandidateLine line = {};
	line.best_mean = best_mean;
	pg::Guard([&] {
		line.found = search.Step();
		if (!line.found)
			return;
		const CandidateScore &score = search.last();
		line.number = search.n_scored();
		line.is_best = search.best() == line.number - 1;
		line.has_score = score.mean_score.has_value();
		line.mean = score.mean_score.value_or(NAN);
		line.deviation = score.std_score;
		line.params = score.params_json.c_str();
		line.failure = score.failure.c_str();
		if (line.is_best)
			line.best_mean = line.mean;
	});
	return line;
}

/// Scores the candidates. One line for each that is the best so far, and one for the outcome.
void
Search(const TrainRequest &request, TrainingWork *work) {
	HyperparameterSearch &search = *work->search;
	const char *metric = ScoreMetric(request.task);
	auto total = static_cast<unsigned long long>(search.n_candidates());
	pg::Guard([&] { search.SetData(work->data); });
	ReportPhase(TrainingPhase::kSearching);
	ReportCandidates(0, total, NAN);
	char *best_params = nullptr;
	double best = NAN;
	for (;;) {
		CandidateLine line = ScoreNextCandidate(search, best);
		if (!line.found)
			break;
		best = line.best_mean;
		ReportCandidates(line.number, total, best);
		if (line.is_best)
			best_params = pstrdup(line.params);
		if (line.has_score)
			ereport(line.is_best ? NOTICE : DEBUG1,
					(errmsg("candidate %llu of %llu: %s %.4g (standard deviation %.2g) with %s",
							(unsigned long long)line.number, total, metric, line.mean,
							line.deviation, line.params)));
		else
			ereport(DEBUG1, (errmsg("candidate %llu of %llu has no score, with %s",
									(unsigned long long)line.number, total, line.params),
							 errdetail("%s.", line.failure)));
	}
	pg::Guard([&] {
		work->chosen_hyperparams = search.BestHyperparametersJson(); // or raises why there is none
		work->search_results = search.ResultsJson();
	});
	ereport(NOTICE,
			(errmsg("best of %llu candidates in %llu folds: %s %.4g with %s",
					(unsigned long long)search.n_scored(), (unsigned long long)search.n_folds(),
					metric, best, best_params),
			 search.out_of_time() ? errdetail("The time limit ended the search after %llu of %llu.",
											  (unsigned long long)search.n_scored(), total)
								  : 0));
	if (search.n_failed() > 0)
		ereport(NOTICE,
				(errmsg("candidates without a score: %llu", (unsigned long long)search.n_failed()),
				 errdetail("Why is in metrics -> 'search_results' -> 'errors'.")));
}

void
TrainModel(const TrainRequest &request, TrainingWork *work) {
	ReportRounds(0, 0);
	ReportPhase(TrainingPhase::kPreprocessing);
	pg::Guard([&] {
		TrainOptions options = MakeOptions(request);
		options.preprocessed = [] { ReportPhase(TrainingPhase::kTraining); };
		options.report = &work->report;
		if (work->search != nullptr)
			options.hyperparams_json = work->chosen_hyperparams;
		if (work->test.rows() == 0 && !HasTarget(request.task)) {
			// Without a target the model cannot repeat what it was told: the training rows may judge it.
			work->model = Train(work->data, options);
			work->test = std::move(work->data);
		} else
			// Each part goes as soon as it is not needed any more: the rows are what takes the memory.
			work->model = Train(std::move(work->data), options);
		work->data = Dataset();
		work->search = nullptr;
	});
}

} // namespace

TrainingWork *
PrepareTraining(MemoryContext context, const TrainRequest &request) {
	auto *owned = pg::OwnedByContext<TrainingWork>(context);
	pg::Guard([&] {
		owned->object = std::make_unique<TrainingWork>();
		if (request.search == nullptr) {
			CheckHyperparameters(MakeOptions(request));
			owned->object->chosen_hyperparams = owned->object->search_results = "{}";
			return;
		}
		SearchOptions options;
		options.kind =
			strcmp(request.search, "random") == 0 ? SearchKind::kRandom : SearchKind::kGrid;
		options.params_json = request.search_params;
		options.args_json = request.search_args;
		options.before_fold = [](size_t, size_t) { ReportRounds(0, 0); };
		owned->object->search =
			std::make_unique<HyperparameterSearch>(MakeOptions(request), std::move(options));
	});
	return owned->object.get();
}

TrainingResult
RunTraining(const TrainRequest &request, TrainingWork *work) {
	TrainingResult result = {};
	SplitRequested(request, work, &result);
	if (work->search != nullptr)
		Search(request, work);
	instr_time start;
	INSTR_TIME_SET_CURRENT(start);
	TrainModel(request, work);
	result.fit_seconds = SecondsSince(start);
	if (result.fit_seconds > kLongPhaseSeconds)
		ereport(NOTICE, (errmsg("training took %.0f seconds", result.fit_seconds)));

	ReportPhase(TrainingPhase::kEvaluating);
	INSTR_TIME_SET_CURRENT(start);
	pg::Guard([&] {
		StopToken stop = pg::BackendStopToken();
		work->metrics =
			work->test.rows() == 0 ? "{}" : EvaluateToJson(*work->model, work->test, stop);
		work->test = Dataset();
		work->bytes = work->model->Encode(stop);
		result.row_cost = work->model->RowCost();
	});
	result.score_seconds = SecondsSince(start);
	result.columns = pstrdup(work->columns.c_str());
	result.fingerprint = pstrdup(work->fingerprint.c_str());
	result.metrics = pstrdup(work->metrics.c_str());
	result.extra_metrics = "{}";
	if (const TrainReport &report = work->report; report.best_iteration) {
		Datum score = DirectFunctionCall1(float8out, Float8GetDatum(report.validation_score));
		result.extra_metrics =
			psprintf(R"({"best_iteration": %llu, "validation_score": %s})",
					 (unsigned long long)*report.best_iteration, DatumGetCString(score));
	}
	result.chosen_hyperparams = pstrdup(work->chosen_hyperparams.c_str());
	result.search_results = pstrdup(work->search_results.c_str());
	return result;
}

} // namespace pgml::am
