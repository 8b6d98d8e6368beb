/// What the index of the vector benchmark is compared with from above: FAISS alone, in this process, one thread, one query per
/// call, as an index scan does. Prints the lines of vector_client.cpp's `query`, and "build SECONDS" before them.
///
///   pgml_bench_vector_faiss SET l2|cosine COUNT PASSES CORE FACTORY SETTING...
///
/// SETTING is a string of FAISS's ParameterSpace, "nprobe=16,k_factor_rf=10".
#include "vector_files.h"

#include <algorithm>
#include <cmath>
#include <faiss/AutoTune.h>
#include <faiss/Index.h>
#include <faiss/index_factory.h>
#include <faiss/utils/utils.h>
#include <memory>
#include <omp.h>
#include <sched.h>

using bench::Rows;

namespace {

constexpr size_t kNeighbours = 10;
// Its name differs between FAISS's versions.
using Id = decltype(faiss::Index::ntotal);

void
Normalize(Rows<float> &rows) {
	for (size_t i = 0; i < rows.n_rows; i++) {
		double squares = 0;
		for (size_t j = 0; j < rows.n_columns; j++)
			squares += static_cast<double>(rows.Row(i)[j]) * rows.Row(i)[j];
		for (size_t j = 0; j < rows.n_columns; j++)
			rows.Row(i)[j] =
				static_cast<float>(squares > 0 ? rows.Row(i)[j] / std::sqrt(squares) : 0);
	}
}

} // namespace

int
main(int argc, char **argv) {
	if (argc < 8)
		bench::Die("usage: SET l2|cosine COUNT PASSES CORE FACTORY SETTING...");
	const std::string set = argv[1], metric = argv[2];
	const int passes = std::atoi(argv[4]), core = std::atoi(argv[5]);
	cpu_set_t cores;
	CPU_ZERO(&cores);
	CPU_SET(core, &cores);
	sched_setaffinity(0, sizeof cores, &cores);
	omp_set_num_threads(1);

	Rows<float> base = bench::ReadRows<float>(set + ".base.fvecs"),
				queries = bench::ReadRows<float>(set + ".query.fvecs");
	const Rows<int32_t> truth = bench::ReadRows<int32_t>(set + "." + metric + ".ivecs");
	const size_t count = std::min<size_t>(std::strtoul(argv[3], nullptr, 10), queries.n_rows);
	if (metric == "cosine") {
		Normalize(base);
		Normalize(queries);
	}
	const auto n_base = static_cast<Id>(base.n_rows);
	const double started = bench::Now();
	std::unique_ptr<faiss::Index> index(
		faiss::index_factory(static_cast<int>(base.n_columns), argv[6], faiss::METRIC_L2));
	index->train(n_base, base.values.data());
	index->add(n_base, base.values.data());
	std::printf("build\t%.2f\n", bench::Now() - started);
	std::fprintf(stderr, "  FAISS %s, compiled for: %s\n", argv[6],
				 faiss::get_compile_options().c_str());

	bench::OtherCores others(uint64_t{1} << core);
	faiss::ParameterSpace parameters;
	std::vector<float> distances(kNeighbours);
	std::vector<Id> labels(kNeighbours);
	for (int i = 7; i < argc; i++) {
		parameters.set_index_parameters(index.get(), argv[i]);
		size_t hits = 0;
		bench::PassTimes best;
		// Pass 0 warms up and measures the recall.
		for (int pass = 0; pass <= passes; pass++) {
			bench::PassTimes times;
			others.Busy();
			const double began = bench::Now(), processor = bench::ProcessorSeconds();
			for (size_t q = 0; q < count; q++) {
				const double t = bench::Now();
				index->search(1, queries.Row(q), kNeighbours, distances.data(), labels.data());
				times.latency.push_back(bench::Now() - t);
				if (pass == 0)
					hits += bench::Hits(truth.Row(q), kNeighbours,
										std::vector<int32_t>(labels.begin(), labels.end()));
			}
			times.seconds = bench::Now() - began;
			times.processor_seconds = bench::ProcessorSeconds() - processor;
			times.other_cores = others.Busy();
			if (pass > 0)
				bench::KeepBest(&best, times);
		}
		bench::PrintLine(
			argv[i], static_cast<double>(hits) / static_cast<double>(count * kNeighbours), best);
	}
	return 0;
}
