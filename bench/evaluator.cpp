// The evaluators of model/ beside libxgboost's own prediction, on one pinned thread (Google Benchmark). Before anything
// is timed all margins of all evaluators are compared with libxgboost's, bit for bit.
//
//   pgml_bench_evaluator MODELS_FOLDER TOY_FOLDER TRAIN_ROWS [MODEL...] [--benchmark_...]
//
// Prints "NAME<tab>ROWS/S<tab>rows/s<tab>VERSUS" lines. Repetitions of all benchmarks are interleaved at random and the
// fastest of each counts.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>

#include <fmt/format.h>
#include <sched.h>
#include <xgboost/c_api.h>

#include "evaluator_models.h"
#include "pgml/evaluator.h"
#include "pgml/import.h"

namespace pgml::bench {

namespace {

constexpr size_t kTestRows = 65536;
constexpr size_t kBatches[] = {1, 16, 64, 256, 1024, 8192};
constexpr const char *kConfig =
	R"({"type":1,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":true,"missing":NaN,"cache_id":0})";

void
Must(int status) {
	if (status != 0)
		throw std::runtime_error(XGBGetLastError());
}

/// One model in both programs, with the rows that it predicts.
struct Contest {
	ModelSpec spec;
	Samples samples;
	BoosterHandle booster = nullptr;
	std::unique_ptr<const Model> model;
	std::vector<float> expected;
	/// Per batch size: the rows as consecutive column-major batches.
	std::map<size_t, std::vector<float>> batches;
	Workspace work;
	std::vector<float> out;

	size_t
	Ld(size_t batch) const {
		return batch == 1 ? 1 : PaddedLeadingDimension(batch);
	}
	/// Rows that a benchmark goes over again and again: small batches need fewer.
	size_t
	Rows(size_t batch) const {
		return std::max<size_t>(batch, batch <= 16 ? 4096 : 16384);
	}

	const std::vector<float> &
	Batches(size_t batch) {
		std::vector<float> &cells = batches[batch];
		if (!cells.empty())
			return cells;
		size_t ld = Ld(batch), f = samples.n_features;
		cells.resize(Rows(batch) / batch * f * ld);
		for (size_t row = 0; row < Rows(batch); row++)
			for (size_t col = 0; col < f; col++)
				cells[row / batch * f * ld + col * ld + row % batch] =
					samples.row_major[row * f + col];
		return cells;
	}

	const float *
	PredictXgboost(size_t first, size_t rows) {
		std::string interface = fmt::format(
			R"({{"data":[{},true],"shape":[{},{}],"typestr":"<f4","version":3}})",
			reinterpret_cast<uintptr_t>(samples.row_major.data() + first * samples.n_features),
			rows, samples.n_features);
		const bst_ulong *shape;
		bst_ulong dimensions;
		const float *result;
		Must(XGBoosterPredictFromDense(booster, interface.c_str(), kConfig, nullptr, &shape,
									   &dimensions, &result));
		return result;
	}

	/// What a function in SQL that knows no better does for every row.
	const float *
	PredictXgboostRow(size_t row) {
		DMatrixHandle matrix;
		Must(XGDMatrixCreateFromMat(samples.row_major.data() + row * samples.n_features, 1,
									samples.n_features, NAN, &matrix));
		const bst_ulong *shape;
		bst_ulong dimensions;
		const float *result;
		Must(XGBoosterPredictFromDMatrix(booster, matrix, kConfig, &shape, &dimensions, &result));
		benchmark::DoNotOptimize(result[0]);
		XGDMatrixFree(matrix);
		return result;
	}

	void
	PredictOurs(size_t batch, size_t number) {
		size_t ld = Ld(batch), size = samples.n_features * ld;
		model->Margins({Batches(batch).data() + number * size, batch, samples.n_features, ld}, work,
					   out.data());
	}
};

std::unique_ptr<Contest>
Prepare(const ModelSpec &spec, size_t train_rows, const std::string &folder,
		const std::string &toys) {
	auto contest = std::make_unique<Contest>();
	contest->spec = spec;
	std::string json = TrainedModel(spec, train_rows, folder, toys);
	contest->samples = MakeSamples(spec, kTestRows, 2, toys);
	Must(XGBoosterCreate(nullptr, 0, &contest->booster));
	Must(XGBoosterLoadModelFromBuffer(contest->booster, json.data(), json.size()));
	Must(XGBoosterSetParam(contest->booster, "nthread", "1"));
	contest->model = ImportXgboost(std::as_bytes(std::span(json)));
	size_t n = kTestRows * contest->model->margin_groups();
	contest->out.resize(n);
	contest->expected.assign(n, 0);
	std::memcpy(contest->expected.data(), contest->PredictXgboost(0, kTestRows), n * sizeof(float));
	return contest;
}

/// Every evaluator, every row, whole and in odd batches.
void
CheckEqual(Contest &contest) {
	size_t groups = contest.model->margin_groups(), f = contest.samples.n_features;
	Matrix all(f, kTestRows);
	all.Resize(kTestRows);
	for (size_t row = 0; row < kTestRows; row++)
		for (size_t col = 0; col < f; col++)
			all.column(col)[row] = contest.samples.row_major[row * f + col];
	for (Evaluator evaluator :
		 {Evaluator::kWalker, Evaluator::kPortable, Evaluator::kAvx2, Evaluator::kAvx512})
		for (size_t step : {kTestRows, size_t{1}, size_t{13}, size_t{100}}) {
			size_t rows = step == kTestRows ? kTestRows : 4096;
			if (!SetEvaluator(evaluator))
				continue;
			for (size_t first = 0; first < rows; first += step) {
				MatrixView slice = all.view().Slice(first, std::min(step, rows - first));
				contest.model->Margins(slice, contest.work, contest.out.data() + first * groups);
			}
			if (std::memcmp(contest.out.data(), contest.expected.data(),
							rows * groups * sizeof(float)) != 0)
				throw std::runtime_error(
					fmt::format("{}: margins of evaluator {} are not XGBoost's", contest.spec.name,
								EvaluatorName(evaluator)));
		}
	SetEvaluator(Evaluator::kAuto);
}

void
TimeOurs(benchmark::State &state, Contest &contest, Evaluator evaluator, size_t batch) {
	SetEvaluator(evaluator);
	size_t n = contest.Rows(batch) / batch, number = 0;
	contest.PredictOurs(batch, 0);
	for (auto _ : state) {
		contest.PredictOurs(batch, number);
		benchmark::ClobberMemory();
		number = number + 1 < n ? number + 1 : 0;
	}
	SetEvaluator(Evaluator::kAuto);
}

void
TimeXgboost(benchmark::State &state, Contest &contest, size_t batch) {
	size_t n = contest.Rows(batch) / batch, number = 0;
	for (auto _ : state) {
		benchmark::DoNotOptimize(contest.PredictXgboost(number * batch, batch)[0]);
		number = number + 1 < n ? number + 1 : 0;
	}
}

void
TimeXgboostRow(benchmark::State &state, Contest &contest) {
	size_t row = 0;
	for (auto _ : state) {
		contest.PredictXgboostRow(row);
		row = (row + 1) % 4096;
	}
}

/// Keeps the fastest repetition of each benchmark.
class Fastest : public benchmark::BenchmarkReporter {
public:
	std::map<std::string, double> seconds;
	bool
	ReportContext(const Context &) override {
		return true;
	}
	void
	ReportRuns(const std::vector<Run> &runs) override {
		for (const Run &run : runs) {
			if (run.run_type != Run::RT_Iteration || run.iterations == 0)
				continue;
			// Processor time: others on the machine do not count.
			double time = run.cpu_accumulated_time / static_cast<double>(run.iterations);
			double &best = seconds.try_emplace(run.run_name.function_name, time).first->second;
			best = std::min(best, time);
		}
	}
};

void
Register(Contest &contest) {
	auto add = [&](const std::string &what, auto &&function, auto... arguments) {
		benchmark::RegisterBenchmark(("evaluator." + contest.spec.name + "." + what).c_str(),
									 function, std::ref(contest), arguments...);
	};
	for (size_t batch : kBatches) {
		add(fmt::format("batch{}", batch), TimeOurs, Evaluator::kAuto, batch);
		add(fmt::format("xgboost{}", batch), TimeXgboost, batch);
	}
	for (Evaluator evaluator : {Evaluator::kAvx2, Evaluator::kPortable, Evaluator::kWalker})
		if (EvaluatorAvailable(evaluator))
			for (size_t batch : {size_t{1}, size_t{1024}})
				add(fmt::format("{}{}", EvaluatorName(evaluator), batch), TimeOurs, evaluator,
					batch);
	add("xgboost_row", TimeXgboostRow);
}

void
Print(const Contest &contest, const std::map<std::string, double> &seconds) {
	std::string prefix = "evaluator." + contest.spec.name + ".";
	auto rate = [&](const std::string &what, size_t batch) {
		auto found = seconds.find(prefix + what);
		return found == seconds.end() ? 0 : static_cast<double>(batch) / found->second;
	};
	auto line = [&](const std::string &what, double rows_per_second, const std::string &versus) {
		if (rows_per_second > 0)
			std::printf("%s%s\t%.0f\trows/s\t%s\n", prefix.c_str(), what.c_str(), rows_per_second,
						versus == "-" ? "-" : (prefix + versus).c_str());
	};
	double best = 0, best_xgboost = 0;
	for (size_t batch : kBatches) {
		best = std::max(best, rate(fmt::format("batch{}", batch), batch));
		best_xgboost = std::max(best_xgboost, rate(fmt::format("xgboost{}", batch), batch));
	}
	line("xgboost", best_xgboost, "-");
	line("best", best, "xgboost");
	line("avx2", rate("avx21024", 1024), "xgboost");
	line("portable", rate("portable1024", 1024), "xgboost");
	line("walker", rate("walker1024", 1024), "xgboost");
	line("xgboost_row", rate("xgboost_row", 1), "-");
	line("batch1", rate("batch1", 1), "xgboost_row");
	line("avx2_batch1", rate("avx21", 1), "xgboost_row");
	line("portable_batch1", rate("portable1", 1), "xgboost_row");
	for (size_t batch : kBatches) {
		line(fmt::format("xgboost{}", batch), rate(fmt::format("xgboost{}", batch), batch), "-");
		if (batch != 1)
			line(fmt::format("batch{}", batch), rate(fmt::format("batch{}", batch), batch),
				 fmt::format("xgboost{}", batch));
	}
}

void
PinToOneCore() {
	cpu_set_t cores;
	CPU_ZERO(&cores);
	CPU_SET(static_cast<size_t>(sched_getcpu()), &cores);
	sched_setaffinity(0, sizeof(cores), &cores);
}

int
Main(int argc, char **argv) {
	benchmark::Initialize(&argc, argv);
	if (argc < 4)
		throw std::runtime_error(
			"usage: pgml_bench_evaluator MODELS_FOLDER TOY_FOLDER TRAIN_ROWS [MODEL...]");
	PinToOneCore();
	std::vector<std::unique_ptr<Contest>> contests;
	for (const ModelSpec &spec : AllModels()) {
		bool wanted = argc == 4;
		for (int i = 4; i < argc; i++)
			wanted |= spec.name == argv[i];
		if (!wanted)
			continue;
		contests.push_back(Prepare(spec, std::strtoul(argv[3], nullptr, 10), argv[1], argv[2]));
		CheckEqual(*contests.back());
		std::fprintf(stderr, "evaluator: %s: all margins are XGBoost's bit for bit\n",
					 spec.name.c_str());
		Register(*contests.back());
	}
	if (contests.empty())
		throw std::runtime_error("no such model");
	std::fprintf(stderr, "evaluator: timing\n");
	Fastest fastest;
	benchmark::RunSpecifiedBenchmarks(&fastest);
	for (const auto &contest : contests)
		Print(*contest, fastest.seconds);
	return 0;
}

} // namespace

} // namespace pgml::bench

int
main(int argc, char **argv) {
	try {
		return pgml::bench::Main(argc, argv);
	} catch (const std::exception &error) {
		std::fprintf(stderr, "evaluator: %s\n", error.what());
		return 1;
	}
}
