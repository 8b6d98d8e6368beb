// Compiles random ensembles and compares every engine with the generic walker, bit for bit, for as long as one likes:
//
//   pgml_torture_engines [COUNT [SEED]]
//
// An execution is one batch through all engines. The block of every ensemble must pass its own check; every 20th one is
// damaged in a random place and must be refused or run without a sanitizer's complaint. A failure prints the seed of
// its ensemble, which alone reproduces it.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine/compiled_trees.h"
#include "random_trees.h"

namespace pgml {

namespace {

constexpr Evaluator kEngines[] = {Evaluator::kPortable, Evaluator::kAvx2, Evaluator::kAvx512};
constexpr size_t kBatches = 50;

[[noreturn]] void
Fail(uint64_t seed, const char *what, const char *detail) {
	std::printf("FAILED: seed %llu: %s %s\n", static_cast<unsigned long long>(seed), what, detail);
	std::exit(1);
}

const char *
Problem(engine::Block &block) {
	return engine::BlockProblem({block.data(), block.size()});
}

void
Damage(test::RandomTrees &random, const test::EnsembleShape &shape, engine::Block block) {
	block.data()[random.Below(block.size())] ^= static_cast<std::byte>(1 + random.Below(255));
	const engine::BlockHeader *header = block.header();
	if (Problem(block) != nullptr || header->n_groups > shape.n_groups ||
		header->n_features > shape.n_features)
		return;
	std::vector<float> cells = random.Batch(shape, 70, 70), out(70 * shape.n_groups);
	engine::CompiledTrees compiled(std::move(block));
	AlignedBuffer scratch;
	for (Evaluator evaluator : kEngines)
		if (EvaluatorAvailable(evaluator))
			for (size_t rows : {70, 3})
				compiled.Margins(evaluator, {cells.data(), rows, shape.n_features, 70}, scratch,
								 out.data());
}

void
Run(uint64_t seed, size_t n_batches) {
	test::RandomTrees random(seed);
	test::EnsembleShape shape = random.Shape();
	if (random.Below(10) != 0)
		shape.n_trees = std::min<size_t>(shape.n_trees, 4);
	auto trees = random.Ensemble(shape);
	engine::Block block = engine::CompileTrees(*trees);
	if (const char *problem = Problem(block))
		Fail(seed, "block refused:", problem);
	engine::CompiledTrees compiled(std::move(block));
	AlignedBuffer scratch;
	std::vector<float> expected, got;
	for (size_t batch = 0; batch < n_batches; batch++) {
		size_t rows = random.Chance(0.8) ? 1 + random.Below(40) : 1 + random.Below(300);
		size_t ld = rows + (random.Chance(0.5) ? random.Below(40) : 0);
		std::vector<float> cells = random.Batch(shape, rows, ld);
		MatrixView view = {cells.data(), rows, shape.n_features, ld};
		expected.resize(rows * shape.n_groups);
		trees->Margins(view, expected.data());
		for (Evaluator evaluator : kEngines) {
			if (!EvaluatorAvailable(evaluator))
				continue;
			got.assign(expected.size(), NAN);
			compiled.Margins(evaluator, view, scratch, got.data());
			if (std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)) != 0)
				Fail(seed, "margins differ from the walker's:", EvaluatorName(evaluator));
		}
	}
	if (seed % 20 == 0)
		Damage(random, shape, std::move(compiled).Release());
}

} // namespace

} // namespace pgml

int
main(int argc, char **argv) {
	uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100000;
	uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
	auto last = std::chrono::steady_clock::now();
	for (uint64_t done = 0; done < count; seed++) {
		size_t n = static_cast<size_t>(std::min<uint64_t>(pgml::kBatches, count - done));
		pgml::Run(seed, n);
		done += n;
		auto now = std::chrono::steady_clock::now();
		if (now - last > std::chrono::seconds(60)) {
			last = now;
			std::printf("%llu executions\n", static_cast<unsigned long long>(done));
			std::fflush(stdout);
		}
	}
	std::printf("%llu executions, next seed %llu: all engines equal\n",
				static_cast<unsigned long long>(count), static_cast<unsigned long long>(seed));
	return 0;
}
