// Every engine against the generic walker, bit for bit: random ensembles of every shape that the compiler
// distinguishes, and every number of rows.
#include <gtest/gtest.h>

#include <cstring>

#include <fmt/format.h>

#include "engine/compiled_trees.h"
#include "linear/linear.h"
#include "network/perceptron.h"
#include "random_trees.h"

namespace pgml {

namespace {

using engine::CompiledTrees;
using engine::TreeForm;
using test::EnsembleShape;
using test::RandomTrees;

std::vector<Evaluator>
Engines() {
	std::vector<Evaluator> engines;
	for (Evaluator evaluator : {Evaluator::kPortable, Evaluator::kAvx2, Evaluator::kAvx512})
		if (EvaluatorAvailable(evaluator))
			engines.push_back(evaluator);
	return engines;
}

/// Numbers of margins that differ from the walker's, for all engines.
void
ExpectEqual(const TreeEnsemble &trees, const CompiledTrees &compiled, MatrixView batch,
			const std::string &what) {
	size_t n = batch.rows * trees.n_groups();
	std::vector<float> expected(n), got(n);
	trees.Margins(batch, expected.data());
	AlignedBuffer scratch;
	for (Evaluator evaluator : Engines()) {
		std::fill(got.begin(), got.end(), -12345.0f);
		compiled.Margins(evaluator, batch, scratch, got.data());
		size_t different = 0, first = n;
		for (size_t i = 0; i < n; i++)
			if (std::memcmp(&got[i], &expected[i], sizeof(float)) != 0) {
				different++;
				first = std::min(first, i);
			}
		ASSERT_EQ(different, 0u) << EvaluatorName(evaluator) << ": " << what << ", " << batch.rows
								 << " rows, first at " << first << ": " << got[first] << " for "
								 << expected[first];
	}
}

void
CheckBlock(const CompiledTrees &compiled) {
	const char *problem = engine::BlockProblem(
		{reinterpret_cast<const std::byte *>(compiled.header()), compiled.size()});
	ASSERT_EQ(problem, nullptr) << problem;
}

bool
HasForm(const CompiledTrees &compiled, TreeForm form) {
	const auto *header = compiled.header();
	for (size_t r = 0; r < header->n_runs; r++)
		if (engine::At<engine::Run>(header, header->runs)[r].form == form)
			return true;
	return false;
}

} // namespace

TEST(Engine, RandomEnsembles) {
	for (uint64_t seed = 0; seed < 400; seed++) {
		RandomTrees random(seed);
		EnsembleShape shape = random.Shape();
		auto trees = random.Ensemble(shape);
		CompiledTrees compiled(*trees);
		CheckBlock(compiled);
		size_t rows = 1 + random.Below(200), ld = rows + random.Below(70);
		std::vector<float> cells = random.Batch(shape, rows, ld);
		ExpectEqual(*trees, compiled, {cells.data(), rows, shape.n_features, ld},
					fmt::format("seed {}", seed));
		if (HasFatalFailure())
			return;
	}
}

TEST(Engine, EveryNumberOfRows) {
	EnsembleShape shape;
	shape.n_trees = 37;
	shape.n_thresholds = 300;
	for (size_t depth : {1, 2, 3, 4, 5, 6, 7, 8, 14}) {
		RandomTrees random(depth);
		shape.max_depth = depth;
		shape.n_groups = depth % 3 == 0 ? 3 : 1;
		auto trees = random.Ensemble(shape);
		CompiledTrees compiled(*trees);
		for (size_t rows = 0; rows <= 260; rows += rows < 130 ? 1 : 13) {
			size_t ld = rows + rows % 7;
			std::vector<float> cells =
				random.Batch(shape, std::max<size_t>(rows, 1), std::max<size_t>(ld, 1));
			ExpectEqual(*trees, compiled, {cells.data(), rows, shape.n_features, ld},
						fmt::format("depth {}", depth));
			if (HasFatalFailure())
				return;
		}
	}
}

// Chunks of 255 thresholds: the numbers around it, and many chunks.
TEST(Engine, ThresholdsPerFeature) {
	for (size_t n : {1,  2,  3,   4,   7,   8,   15,  16,  17,  31,  32,
					 63, 64, 127, 128, 254, 255, 256, 257, 510, 511, 1000}) {
		RandomTrees random(n);
		EnsembleShape shape;
		shape.n_features = 3;
		shape.n_thresholds = n;
		shape.n_trees = 40 + n / 4;
		auto trees = random.Ensemble(shape);
		CompiledTrees compiled(*trees);
		CheckBlock(compiled);
		std::vector<float> cells = random.Batch(shape, 1100, 1109);
		ExpectEqual(*trees, compiled, {cells.data(), 1100, 3, 1109},
					fmt::format("{} thresholds", n));
		ExpectEqual(*trees, compiled, {cells.data(), 9, 3, 1109}, fmt::format("{} thresholds", n));
	}
}

// More byte columns than a byte can name, more than a row's vectors of the one-row engine hold.
TEST(Engine, ManyFeatures) {
	for (size_t n_features : {30, 60, 64, 65, 90, 128, 129, 200, 256, 300, 1500, 5000}) {
		RandomTrees random(n_features);
		EnsembleShape shape;
		shape.n_features = n_features;
		shape.n_trees = n_features < 400 ? 60 : 300;
		shape.max_depth = n_features % 2 == 0 ? 8 : 6;
		auto trees = random.Ensemble(shape);
		CompiledTrees compiled(*trees);
		CheckBlock(compiled);
		std::vector<float> cells = random.Batch(shape, 70, 70);
		ExpectEqual(*trees, compiled, {cells.data(), 70, n_features, 70},
					fmt::format("{} features", n_features));
		ExpectEqual(*trees, compiled, {cells.data(), 3, n_features, 70},
					fmt::format("{} features", n_features));
	}
}

TEST(Engine, FormsOfTrees) {
	struct {
		size_t depth, leaves;
		double leaf_chance;
		TreeForm form;
	} cases[] = {{6, 1000, 0, TreeForm::kComplete},
				 {8, 1000, 0, TreeForm::kComplete},
				 {30, 256, 0, TreeForm::kMasks},
				 {12, 3000, 0, TreeForm::kRanks}};
	for (const auto &c : cases) {
		RandomTrees random(c.depth * 1000 + c.leaves);
		EnsembleShape shape;
		shape.max_depth = c.depth;
		shape.max_leaves = c.leaves;
		shape.n_trees = 50;
		// Without favoured branches: RandomTrees favours one beyond depth 8.
		auto trees = random.Ensemble(shape);
		if (c.form == TreeForm::kRanks) {
			// Complete to depth 9: 512 leaves.
			trees = std::make_unique<TreeEnsemble>(5, std::vector<float>{0.5f});
			for (size_t t = 0; t < 20; t++) {
				std::vector<TreeNode> nodes(1023);
				for (size_t i = 0; i < nodes.size(); i++) {
					nodes[i].feature =
						i < 511 ? static_cast<uint32_t>(random.Below(5)) : TreeNode::kLeaf;
					nodes[i].value = RandomTrees::Threshold(0, random.Below(20), 20) +
									 static_cast<float>(i >= 511 ? i : 0);
				}
				ASSERT_EQ(trees->AddTree(0, nodes), nullptr);
			}
		}
		CompiledTrees compiled(*trees);
		CheckBlock(compiled);
		EXPECT_TRUE(HasForm(compiled, c.form)) << c.depth;
		std::vector<float> cells = random.Batch(shape, 150, 150);
		ExpectEqual(*trees, compiled, {cells.data(), 150, 5, 150},
					fmt::format("depth {}", c.depth));
		ExpectEqual(*trees, compiled, {cells.data(), 7, 5, 150}, fmt::format("depth {}", c.depth));
	}
}

// Splits on sets of categories: alone, beside thresholds, with empty sets, in trees that are walked.
TEST(Engine, SetsOfCategories) {
	for (uint64_t seed = 0; seed < 40; seed++) {
		RandomTrees random(seed + 5000);
		EnsembleShape shape;
		shape.set_chance = seed % 4 == 0 ? 1 : 0.4;
		shape.n_thresholds = 600;
		shape.max_depth = 1 + seed % 12;
		shape.n_trees = 1 + seed;
		auto trees = random.Ensemble(shape);
		CompiledTrees compiled(*trees);
		CheckBlock(compiled);
		EXPECT_GT(compiled.header()->n_sets, 0u);
		std::vector<float> cells = random.Batch(shape, 200, 203);
		ExpectEqual(*trees, compiled, {cells.data(), 200, 5, 203}, fmt::format("seed {}", seed));
		ExpectEqual(*trees, compiled, {cells.data(), 11, 5, 203}, fmt::format("seed {}", seed));
	}
}

// So many thresholds that ranking costs more than walking.
TEST(Engine, TooManyThresholdsToRank) {
	std::mt19937 random(3);
	std::normal_distribution<float> normal;
	TreeEnsemble trees(2, {0.25f});
	for (size_t t = 0; t < 3; t++) {
		std::vector<TreeNode> nodes((1 << 13) - 1);
		for (size_t i = 0; i < nodes.size(); i++) {
			nodes[i].feature =
				i < nodes.size() / 2 ? static_cast<uint32_t>(random() % 2) : TreeNode::kLeaf;
			nodes[i].value = normal(random);
		}
		ASSERT_EQ(trees.AddTree(0, nodes), nullptr);
	}
	CompiledTrees compiled(trees);
	CheckBlock(compiled);
	EXPECT_TRUE(HasForm(compiled, TreeForm::kFloats));
	EXPECT_EQ(compiled.header()->n_tables, 0u);
	std::vector<float> cells(2 * 333);
	for (float &cell : cells)
		cell = random() % 20 == 0 ? NAN : normal(random);
	ExpectEqual(trees, compiled, {cells.data(), 333, 2, 333}, "floats");
	ExpectEqual(trees, compiled, {cells.data(), 5, 2, 333}, "floats");
}

// Sums keep their order where trees of one leaf stand between others; the first ones are folded.
TEST(Engine, ConstantTrees) {
	TreeEnsemble trees(1, {1e8f, 0.1f});
	auto leaf = [&](uint32_t group, float value) {
		ASSERT_EQ(trees.AddTree(group, {{value, TreeNode::kLeaf, 0}}), nullptr);
	};
	auto stump = [&](uint32_t group, float left, float right) {
		ASSERT_EQ(
			trees.AddTree(group,
						  {{0.5f, 0, 0}, {left, TreeNode::kLeaf, 0}, {right, TreeNode::kLeaf, 0}}),
			nullptr);
	};
	leaf(0, 3.0f);
	leaf(0, 3.0f);
	stump(1, 7.0f, 7.0f); // constant, too
	stump(0, -1e8f, 2.0f);
	leaf(0, 0.3f);
	leaf(0, -0.0f);
	stump(1, 5.0f, 1e-8f);
	leaf(1, 0.7f);
	CompiledTrees compiled(trees);
	CheckBlock(compiled);
	EXPECT_EQ(compiled.header()->n_trees, 5u);
	EXPECT_EQ(compiled.header()->n_source_trees, 8u);
	std::vector<float> cells(100);
	for (size_t i = 0; i < cells.size(); i++)
		cells[i] = static_cast<float>(i % 2);
	ExpectEqual(trees, compiled, {cells.data(), 100, 1, 100}, "constants");
	ExpectEqual(trees, compiled, {cells.data(), 2, 1, 100}, "constants");
}

TEST(Engine, NoTreesAndUnusedFeatures) {
	TreeEnsemble none(4, {1.5f, -2.0f});
	CompiledTrees compiled(none);
	CheckBlock(compiled);
	std::vector<float> cells(4 * 90);
	ExpectEqual(none, compiled, {cells.data(), 90, 4, 90}, "no trees");
	ExpectEqual(none, compiled, {cells.data(), 1, 4, 90}, "no trees");

	TreeEnsemble trees(6, {0.0f});
	ASSERT_EQ(trees.AddTree(0, {{1, 4, 0},
								{2, 2, 0},
								{3, TreeNode::kLeaf, 0},
								{4, TreeNode::kLeaf, 0},
								{5, TreeNode::kLeaf, 0}}),
			  nullptr);
	CompiledTrees used(trees);
	ASSERT_EQ(used.header()->n_used, 2u);
	const auto *features = engine::At<uint32_t>(used.header(), used.header()->used);
	EXPECT_EQ(features[0], 2u);
	EXPECT_EQ(features[1], 4u);
}

// The check refuses damaged blocks: each single byte of a small block turned over is refused or harmless.
TEST(Engine, DamagedBlocksAreHarmless) {
	RandomTrees random(77);
	EnsembleShape shape;
	shape.n_trees = 6;
	shape.max_depth = 9;
	shape.n_thresholds = 40;
	auto trees = random.Ensemble(shape);
	engine::Block block = engine::CompileTrees(*trees);
	std::vector<float> cells = random.Batch(shape, 80, 80);
	std::vector<float> out(80);
	size_t refused = 0;
	for (size_t at = 0; at < block.size(); at++) {
		std::byte &byte = block.data()[at];
		std::byte before = byte;
		byte ^= std::byte{0x81};
		if (engine::BlockProblem({block.data(), block.size()}) != nullptr) {
			refused++;
		} else if (block.header()->n_groups == 1 && block.header()->n_features <= 5) {
			AlignedBuffer scratch;
			for (Evaluator evaluator : Engines()) {
				CompiledTrees compiled(std::move(block));
				compiled.Margins(evaluator, {cells.data(), 80, 5, 80}, scratch, out.data());
				compiled.Margins(evaluator, {cells.data(), 3, 5, 80}, scratch, out.data());
				block = std::move(compiled).Release();
			}
		}
		block.data()[at] = before;
	}
	EXPECT_GT(refused, 100u);
	EXPECT_EQ(engine::BlockProblem({block.data(), block.size()}), nullptr);
	EXPECT_NE(engine::BlockProblem({block.data(), block.size() - 1}), nullptr);
}

// Linear models and networks: every instruction set gives the sums that plain loops give, one row what it gives in a batch.
TEST(Evaluator, DenseModelsAreEqual) {
	std::mt19937 random(5);
	std::normal_distribution<double> normal;
	auto numbers = [&](size_t n) {
		std::vector<double> values(n);
		for (double &value : values)
			value = normal(random);
		return values;
	};
	for (size_t width : {1, 3, 28, 70}) {
		std::vector<LinearGroup> groups(2);
		for (LinearGroup &group : groups)
			group = {normal(random), numbers(width)};
		LinearModel linear(width, groups);
		std::vector<std::unique_ptr<Learner>> learners;
		learners.push_back(std::make_unique<LinearModel>(linear));
		for (Activation activation :
			 {Activation::kRelu, Activation::kTanh, Activation::kLogistic, Activation::kIdentity}) {
			std::vector<PerceptronLayer> layers;
			for (size_t outputs : {37, 9, 3}) {
				size_t inputs = layers.empty() ? width : layers.back().n_outputs;
				layers.push_back({inputs, outputs, numbers(outputs), numbers(inputs * outputs)});
			}
			learners.push_back(std::make_unique<PerceptronModel>(activation, layers));
		}
		constexpr size_t kRows = 107;
		std::vector<float> cells(width * kRows);
		for (float &cell : cells)
			cell = static_cast<float>(normal(random));
		cells[0] = INFINITY;
		cells[cells.size() - 1] = -INFINITY;
		MatrixView batch = {cells.data(), kRows, width, kRows};
		// The oracle of the linear model.
		std::vector<float> plain(kRows * 2);
		for (size_t row = 0; row < kRows; row++)
			for (size_t g = 0; g < 2; g++) {
				double sum = groups[g].intercept;
				for (size_t col = 0; col < width; col++)
					sum += groups[g].weights[col] *
						   static_cast<double>(ClampFeature(batch.column(col)[row]));
				plain[row * 2 + g] = ClampMargin(sum);
			}
		for (size_t l = 0; l < learners.size(); l++) {
			const Learner &learner = *learners[l];
			size_t n = kRows * learner.n_groups();
			std::vector<float> expected(n), got(n);
			ASSERT_TRUE(SetEvaluator(Evaluator::kPortable));
			learner.Margins(batch, expected.data());
			if (l == 0) {
				EXPECT_EQ(std::memcmp(plain.data(), expected.data(), n * sizeof(float)), 0);
			}
			for (Evaluator evaluator : Engines())
				for (size_t step : {kRows, size_t{1}, size_t{5}, size_t{33}}) {
					ASSERT_TRUE(SetEvaluator(evaluator));
					for (size_t first = 0; first < kRows; first += step)
						learner.Margins(batch.Slice(first, std::min(step, kRows - first)),
										got.data() + first * learner.n_groups());
					EXPECT_EQ(std::memcmp(got.data(), expected.data(), n * sizeof(float)), 0)
						<< EvaluatorName(evaluator) << " learner " << l << " width " << width
						<< " step " << step;
				}
		}
	}
	SetEvaluator(Evaluator::kAuto);
}

TEST(Evaluator, ForcedAndNamed) {
	EXPECT_STREQ(EvaluatorName(Evaluator::kAuto), "auto");
	EXPECT_TRUE(EvaluatorAvailable(Evaluator::kPortable));
	for (Evaluator evaluator : Engines()) {
		EXPECT_TRUE(SetEvaluator(evaluator));
		EXPECT_EQ(ActiveEvaluator(), evaluator);
	}
	EXPECT_TRUE(SetEvaluator(Evaluator::kWalker));
	EXPECT_EQ(ActiveEvaluator(), Evaluator::kWalker);
	EXPECT_TRUE(SetEvaluator(Evaluator::kAuto));
	EXPECT_NE(ActiveEvaluator(), Evaluator::kAuto);
	EXPECT_NE(ActiveEvaluator(), Evaluator::kWalker);
	for (Evaluator evaluator : {Evaluator::kAvx2, Evaluator::kAvx512})
		if (!EvaluatorAvailable(evaluator)) {
			EXPECT_FALSE(SetEvaluator(evaluator));
		}
}

} // namespace pgml
