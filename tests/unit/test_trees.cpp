// The walker against libxgboost: margins must be equal bit for bit, on models that libxgboost
// trained here itself, and the models of Train() against the same walker.
#include <gtest/gtest.h>

#include <cstring>

#include "pgml/error.h"
#include "trees/trees.h"
#include "import/xgboost_json.h"
#include "xgboost_reference.h"

namespace pgml {

using test::XgboostCase;

namespace {

const XgboostCase kCases[] = {
	{"regression", "reg:squarederror", 0, {{"max_depth", "6"}, {"tree_method", "hist"}}, 40},
	{"stump_base_score",
	 "reg:squarederror",
	 0,
	 {{"max_depth", "1"}, {"base_score", "123.456"}},
	 30},
	{"exact_deep_pruned",
	 "reg:squarederror",
	 0,
	 {{"max_depth", "11"}, {"tree_method", "exact"}, {"gamma", "3"}, {"subsample", "0.7"}},
	 15},
	{"lossguide",
	 "reg:squarederror",
	 0,
	 {{"max_depth", "0"},
	  {"max_leaves", "60"},
	  {"grow_policy", "lossguide"},
	  {"tree_method", "hist"}},
	 20},
	{"binary",
	 "binary:logistic",
	 2,
	 {{"max_depth", "4"}, {"base_score", "0.3"}, {"tree_method", "hist"}},
	 50},
	{"forest",
	 "binary:logistic",
	 2,
	 {{"num_parallel_tree", "4"}, {"subsample", "0.5"}, {"colsample_bynode", "0.5"}},
	 10},
	{"multi",
	 "multi:softprob",
	 4,
	 {{"max_depth", "5"}, {"num_parallel_tree", "2"}, {"tree_method", "hist"}},
	 12},
	{"poisson", "count:poisson", 0, {{"max_depth", "3"}, {"base_score", "2.5"}}, 20},
	{"absolute", "reg:absoluteerror", 0, {{"max_depth", "3"}}, 20},
};

class Walker : public ::testing::TestWithParam<XgboostCase> {};

} // namespace

TEST_P(Walker, EqualsLibxgboostBitForBit) {
	test::XgboostReference reference = test::TrainByLibrary(GetParam(), 4000, 100000);
	auto trees = TreesFromXgboostJson(reference.json, test::kReferenceColumns);
	size_t n_groups = trees->n_groups();
	ASSERT_EQ(n_groups, reference.n_groups);
	std::vector<float> margins(reference.margins.size());
	trees->Margins(reference.rows.view(), margins.data());
	EXPECT_EQ(test::DifferentBits(margins, reference.margins), 0u);

	// A single row gives the bits that it gives in the batch.
	std::vector<float> single(n_groups);
	for (size_t row = 0; row < 2000; row++) {
		trees->Margins(reference.rows.view().Slice(row, 1), single.data());
		ASSERT_EQ(std::memcmp(single.data(), &margins[row * n_groups], n_groups * sizeof(float)),
				  0);
	}
}

INSTANTIATE_TEST_SUITE_P(Trees, Walker, ::testing::ValuesIn(kCases), test::kCaseName);

TEST(Trees, ByHand) {
	TreeEnsemble trees(2, {10});
	// x1 < 2 ? (x0 < -1, missing right ? 1 : 2) : 4, missing left at the root.
	ASSERT_EQ(trees.AddTree(0, {{2, 1 | TreeNode::kDefaultLeft},
								{-1, 0},
								{4, TreeNode::kLeaf},
								{1, TreeNode::kLeaf},
								{2, TreeNode::kLeaf}}),
			  nullptr);
	EXPECT_EQ(trees.trees()[0].depth, 2u);
	std::vector<float> x = {-2, -1, NAN, NAN, 0, /* x1 */ 1, 1, NAN, 2, -HUGE_VALF};
	std::vector<float> margins(5);
	trees.Margins({x.data(), 5, 2, 5}, margins.data());
	EXPECT_EQ(margins, (std::vector<float>{11, 12, 12, 14, 12}));
}

TEST(Trees, CategoricalByHand) {
	TreeEnsemble trees(2, {10});
	TreeParts parts;
	const uint32_t words[] = {1u << 3 | 1u << 31, 1u << 1, 0}; // 3, 31, 33
	// x0 in the set goes right, missing left; the right side looks at x1: no category is in the empty set.
	size_t set = parts.AddSet(words), empty = parts.AddSet({});
	parts.nodes = {TreeNode::Categorical(0, TreeNode::kDefaultLeft, set),
				   {1, TreeNode::kLeaf},
				   TreeNode::Categorical(1, 0, empty),
				   {2, TreeNode::kLeaf},
				   {4, TreeNode::kLeaf}};
	ASSERT_EQ(trees.AddTree(0, parts), nullptr);
	ASSERT_EQ(trees.AddTree(0, parts), nullptr); // the sets of the second tree lie elsewhere
	EXPECT_EQ(trees.sets().size(), 2 * (1 + 2 + 1));
	EXPECT_NE(trees.nodes()[0].set(), trees.nodes()[5].set());
	EXPECT_EQ(trees.nodes()[0].column(), 0u);
	std::vector<float> x0 = {3,  31, 33,    3.9f,  NAN,       0,     -0.0f,    -1,
							 32, 63, 1e30f, 64.0f, HUGE_VALF, -3.5f, 16777216, 3};
	std::vector<float> x1(x0.size(), 0);
	x1[15] = NAN;
	std::vector<float> expected = {14, 14, 14, 14, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 18};
	std::vector<float> x = x0, margins(x0.size());
	x.insert(x.end(), x1.begin(), x1.end());
	trees.Margins({x.data(), x0.size(), 2, x0.size()}, margins.data());
	EXPECT_EQ(margins, expected);
}

TEST(Trees, RefusesWrongSets) {
	TreeEnsemble trees(1, {0});
	const TreeNode leaf{1, TreeNode::kLeaf};
	auto add = [&](std::vector<uint32_t> sets, size_t place) {
		TreeParts parts;
		parts.sets = std::move(sets);
		parts.nodes = {TreeNode::Categorical(0, 0, place), leaf, leaf};
		return trees.AddTree(0, parts);
	};
	EXPECT_NE(add({}, 0), nullptr);
	EXPECT_NE(add({1}, 0), nullptr);
	EXPECT_NE(add({1, 5}, 1), nullptr);
	EXPECT_NE(add({1, 5}, UINT32_MAX), nullptr);
	EXPECT_NE(add({UINT32_MAX, 5}, 0), nullptr);
	EXPECT_NE(add({2, 5, 0}, 0), nullptr); // a word too many
	EXPECT_EQ(add({0}, 0), nullptr);
	EXPECT_EQ(add({1, 5}, 0), nullptr);
	std::vector<uint32_t> large(kCategoryLimit / 32 + 1, 1);
	large[0] = kCategoryLimit / 32;
	EXPECT_EQ(add(large, 0), nullptr);
	large[0]++;
	large.push_back(1);
	EXPECT_NE(add(large, 0), nullptr);
	size_t before = trees.nodes().size();
	EXPECT_NE(add(std::vector<uint32_t>(TreeEnsemble::kMaxSetWords, 0), 0), nullptr);
	EXPECT_EQ(trees.nodes().size(), before);
}

TEST(Trees, KeepStatisticsOfSplitsOnlyWhenKnownOfAll) {
	const TreeNode leaf{1, TreeNode::kLeaf}, split{1, 0};
	TreeEnsemble trees(1, {0});
	trees.AddTree(0, {leaf});
	trees.AddTree(0, {{split, leaf, split, leaf, leaf}, {}, {5, 2}, {9, 4}});
	trees.AddTree(0, {leaf});
	trees.AddTree(0, {{split, leaf, leaf}, {}, {1}, {}});
	EXPECT_EQ(trees.gains(), (std::vector<float>{5, 2, 1}));
	EXPECT_TRUE(trees.covers().empty());
	trees.AddTree(0, {{split, leaf, leaf}, {}, {1, 2}, {3}});
	EXPECT_TRUE(trees.gains().empty());
	trees.AddTree(0, {{split, leaf, leaf}, {}, {1}, {3}});
	EXPECT_TRUE(trees.gains().empty() && trees.covers().empty());
}

TEST(Trees, RefusesWhatIsNoTree) {
	TreeEnsemble trees(2, {0});
	const TreeNode leaf{1, TreeNode::kLeaf}, split{1, 0};
	EXPECT_EQ(trees.AddTree(0, {leaf}), nullptr);
	EXPECT_NE(trees.AddTree(1, {leaf}), nullptr);
	EXPECT_NE(trees.AddTree(0, std::vector<TreeNode>{}), nullptr);
	EXPECT_NE(trees.AddTree(0, TreeParts{}), nullptr);
	EXPECT_NE(trees.AddTree(0, {split}), nullptr);
	EXPECT_NE(trees.AddTree(0, {split, leaf}), nullptr);
	EXPECT_NE(trees.AddTree(0, {leaf, leaf, leaf}), nullptr);
	EXPECT_NE(trees.AddTree(0, {split, leaf, leaf, leaf, leaf}), nullptr);
	EXPECT_NE(trees.AddTree(0, {leaf, split, leaf, leaf, leaf}), nullptr);
	EXPECT_NE(trees.AddTree(0, {leaf, split, leaf}), nullptr);
	EXPECT_NE(trees.AddTree(0, {{NAN, 0}, leaf, leaf}), nullptr);
	EXPECT_NE(trees.AddTree(0, {{1, 2}, leaf, leaf}), nullptr);
	EXPECT_NE(trees.AddTree(0, {{1, 0}, leaf, {HUGE_VALF, TreeNode::kLeaf}}), nullptr);
	EXPECT_EQ(trees.trees().size(), 1u);
	// A chain deeper than the limit.
	std::vector<TreeNode> chain;
	for (uint32_t i = 0; i <= TreeEnsemble::kMaxDepth; i++) {
		chain.push_back(split);
		chain.push_back(leaf);
	}
	chain.push_back(leaf);
	EXPECT_NE(trees.AddTree(0, chain), nullptr);
}

} // namespace pgml
