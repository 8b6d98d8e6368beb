// Compiles random ensembles and compares every engine with the generic walker, bit for bit, for as long as one likes:
//
//   pgml_torture_engines [COUNT [SEED]]
//
// An execution is one batch through all engines: random rows, in any number and order, of a pool that the walker has
// gone through once for each ensemble. The block of every ensemble must pass its own check; every 20th one is
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
constexpr size_t kBatches = 100, kPoolRows = 300;

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
	const size_t groups = shape.n_groups;
	std::vector<float> pool = random.Batch(shape, kPoolRows, kPoolRows), cells, expected, got;
	std::vector<float> margins(kPoolRows * groups);
	trees->Margins({pool.data(), kPoolRows, shape.n_features, kPoolRows}, margins.data());
	for (size_t batch = 0; batch < n_batches; batch++) {
		size_t rows = random.Chance(0.8) ? 1 + random.Below(40) : 1 + random.Below(300);
		size_t ld = rows + (random.Chance(0.5) ? random.Below(40) : 0);
		// Of exactly the size that may be read, so that a sanitizer sees who reads on.
		cells.assign((shape.n_features - 1) * ld + rows, 0);
		cells.shrink_to_fit();
		expected.resize(rows * groups);
		size_t from = random.Below(kPoolRows), step = 1 + random.Below(kPoolRows - 1);
		for (size_t row = 0; row < rows; row++, from = (from + step) % kPoolRows) {
			for (size_t col = 0; col < shape.n_features; col++)
				cells[col * ld + row] = pool[col * kPoolRows + from];
			std::copy_n(margins.data() + from * groups, groups, expected.data() + row * groups);
		}
		MatrixView view = {cells.data(), rows, shape.n_features, ld};
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
