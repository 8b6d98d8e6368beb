// LightGBM's text: generated models, with every kind of split, predict as a plain evaluator of the format's
// meaning in double does; what is not supported or damaged is refused.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "datasets.h"
#include "import/lightgbm_text.h"
#include "pgml/error.h"
#include "pgml/evaluate.h"
#include "pgml/import.h"

namespace pgml {

namespace {

constexpr size_t kColumns = 5;
constexpr double kZero = 1e-35f;

/// A tree as the format describes it: splits are numbered from 0, ~i is leaf i.
struct TextTree {
	std::vector<int> features, types, left, right;
	std::vector<double> thresholds, leaves;
	std::vector<size_t> boundaries = {0};
	std::vector<uint32_t> words;

	double
	Predict(const std::vector<double> &row) const {
		if (features.empty())
			return leaves[0];
		int node = 0;
		while (node >= 0) {
			auto at = size_t(node);
			node = GoesLeft(at, row[size_t(features[at])]) ? left[at] : right[at];
		}
		return leaves[size_t(~node)];
	}

	std::string
	Text(int number) const {
		size_t n_sets = boundaries.size() - 1;
		std::string text =
			fmt::format("Tree={}\nnum_leaves={}\nnum_cat={}\n", number, leaves.size(), n_sets);
		auto line = [&](const char *name, const auto &values) {
			text += fmt::format("{}={}\n", name, fmt::join(values, " "));
		};
		line("split_feature", features);
		line("split_gain", std::vector<double>(features.size(), 1.5));
		std::string numbers;
		for (double t : thresholds)
			numbers += fmt::format("{}{:.17g}", numbers.empty() ? "" : " ", t);
		text += "threshold=" + numbers + "\n";
		line("decision_type", types);
		line("left_child", left);
		line("right_child", right);
		line("leaf_value", leaves);
		line("internal_count", std::vector<int>(features.size(), 100));
		if (n_sets > 0) {
			line("cat_boundaries", boundaries);
			line("cat_threshold", words);
		}
		return text + "is_linear=0\nshrinkage=0.1\n\n\n";
	}

private:
	bool
	GoesLeft(size_t at, double x) const {
		if (types[at] & 1) {
			if (std::isnan(x) || x < 0)
				return false;
			auto set = size_t(thresholds[at]);
			double category = std::floor(x);
			size_t n_bits = (boundaries[set + 1] - boundaries[set]) * 32;
			if (category >= double(n_bits))
				return false;
			auto bit = size_t(category);
			return words[boundaries[set] + bit / 32] >> bit % 32 & 1;
		}
		int missing = types[at] >> 2;
		if (std::isnan(x) && missing != 2)
			x = 0;
		if ((missing == 1 && std::fabs(x) <= kZero) || (missing == 2 && std::isnan(x)))
			return types[at] & 2;
		return x <= thresholds[at];
	}
};

/// Values around which a test can go wrong.
const std::vector<float> kEdges = {0,
								   -0.0f,
								   1e-35f,
								   -1e-35f,
								   1e-36f,
								   -1e-36f,
								   1.1e-35f,
								   -1.1e-35f,
								   1e-45f,
								   -1e-45f,
								   1,
								   -1,
								   0.1f,
								   16777218,
								   3e38f,
								   -3e38f,
								   HUGE_VALF,
								   -HUGE_VALF,
								   -std::numeric_limits<float>::max()};

class Generator {
public:
	explicit Generator(uint32_t seed) : random_(seed) {}

	/// Splits a random leaf until there are enough; leaves are multiples of 1/64, so that their sums are exact.
	TextTree
	Tree(size_t n_leaves) {
		TextTree tree;
		auto leaf = [&] { return double(int(random_() % 4096) - 2048) / 64; };
		tree.leaves.push_back(leaf());
		std::vector<int *> places;
		tree.features.reserve(n_leaves);
		tree.left.reserve(n_leaves);
		tree.right.reserve(n_leaves);
		std::vector<int *> place_of = {nullptr}; // per leaf: the child index that names it
		while (tree.leaves.size() < n_leaves) {
			size_t split = tree.features.size(), old = random_() % tree.leaves.size();
			if (place_of[old] != nullptr)
				*place_of[old] = int(split);
			tree.left.push_back(~int(old));
			tree.right.push_back(~int(tree.leaves.size()));
			place_of[old] = &tree.left.back();
			place_of.push_back(&tree.right.back());
			tree.leaves.push_back(leaf());
			Split(tree);
		}
		return tree;
	}

	std::vector<std::vector<float>>
	Rows(size_t n_rows) {
		std::vector<std::vector<float>> columns(kColumns, std::vector<float>(n_rows));
		for (auto &column : columns)
			for (float &x : column)
				x = Value();
		for (size_t row = 0; row < n_rows; row++) // categories: no values between -1 and 0
			columns[kColumns - 1][row] =
				random_() % 9 == 0 ? NAN
								   : float(int(random_() % 140) - 3) + 0.25f * float(random_() % 2);
		for (float &x : columns[kColumns - 1])
			x = x > -1 && x < 0 ? -2 : x;
		return columns;
	}

private:
	float
	Value() {
		switch (random_() % 4) {
			case 0:
				return kEdges[random_() % kEdges.size()];
			case 1:
				return random_() % 3 == 0 ? NAN : float(int(random_() % 9) - 4);
			default:
				return std::normal_distribution<float>()(random_);
		}
	}
	/// Near a value, on it, or far away.
	double
	Threshold() {
		float value = Value();
		double t = std::isfinite(value) ? value : 1e300;
		switch (random_() % 5) {
			case 0:
				return std::nextafter(t, 1e308);
			case 1:
				return std::nextafter(t, -1e308);
			case 2:
				return random_() % 4 == 0 ? (random_() % 2 ? 1e300 : -1e300) : t;
			default:
				return t;
		}
	}
	void
	Split(TextTree &tree) {
		if (random_() % 4 == 0) {
			tree.features.push_back(kColumns - 1);
			tree.types.push_back(1 | (random_() % 2 ? 8 : 0));
			tree.thresholds.push_back(double(tree.boundaries.size() - 1));
			for (uint32_t n = random_() % 5; n > 0; n--)
				tree.words.push_back(uint32_t(random_()) & uint32_t(random_()));
			tree.boundaries.push_back(tree.words.size());
			return;
		}
		tree.features.push_back(int(random_() % (kColumns - 1)));
		double t = Threshold();
		bool default_left = random_() % 2;
		int missing = int(random_() % 3);
		if (missing == 1 && (default_left ? t < -kZero : t >= kZero))
			default_left = !default_left; // the side that can be said by one threshold
		tree.types.push_back((default_left ? 2 : 0) | missing << 2);
		tree.thresholds.push_back(t);
	}
	std::mt19937 random_;
};

struct TextModel {
	std::string version = "v4", objective = "regression", extra;
	int n_classes = 1, per_iteration = 1;
	std::vector<TextTree> trees;

	std::string
	Text() const {
		std::vector<std::string> blocks;
		std::vector<size_t> sizes;
		for (const TextTree &tree : trees) {
			blocks.push_back(tree.Text(int(blocks.size())));
			sizes.push_back(blocks.back().size());
		}
		std::string text = fmt::format("tree\nversion={}\nnum_class={}\nnum_tree_per_iteration={}\n"
									   "label_index=0\nmax_feature_idx={}\n",
									   version, n_classes, per_iteration, kColumns - 1);
		if (!objective.empty())
			text += "objective=" + objective + "\n";
		text += extra + "feature_names=a b c=d e f\nfeature_infos=[0:1] none [0:1] [0:1] 0:1:2\n";
		text += fmt::format("tree_sizes={}\n\n{}", fmt::join(sizes, " "), fmt::join(blocks, ""));
		return text + "end of trees\n\nfeature_importances:\na=3\n\nparameters:\n[boosting: gbdt]\n"
					  "end of parameters\n\npandas_categorical:[[\"a\", \"b\"]]\n";
	}
};

std::unique_ptr<const Model>
Import(const std::string &text) {
	return ImportLightgbm(std::as_bytes(std::span(text)));
}

std::string
ErrorOf(const std::string &text) {
	try {
		Import(text);
	} catch (const Error &e) {
		EXPECT_NE(e.code(), ErrorCode::kInternal);
		return std::string(e.what()) + " | " + e.detail() + " | " + e.hint();
	}
	return "";
}

/// One split of column "a" with the type and threshold, left 1, right 2.
TextTree
Stump(int type, double threshold) {
	TextTree tree;
	tree.features = {0};
	tree.types = {type};
	tree.thresholds = {threshold};
	tree.left = {-1};
	tree.right = {-2};
	tree.leaves = {1, 2};
	return tree;
}

double
PredictOne(const Model &model, float a) {
	std::vector<float> row(kColumns, 0);
	row[0] = a;
	return test::Predict(model, {row.data(), 1, kColumns, 1})[0];
}

std::string
Replaced(std::string text, const std::string &from, const std::string &to) {
	size_t at = text.find(from);
	EXPECT_NE(at, std::string::npos) << from;
	return text.replace(at, from.size(), to);
}

} // namespace

TEST(Lightgbm, EqualsTheMeaningOfTheText) {
	for (uint32_t seed = 1; seed <= 30; seed++) {
		Generator generator(seed);
		TextModel source;
		source.version = fmt::format("v{}", 2 + seed % 3);
		source.per_iteration = source.n_classes = seed % 4 == 0 ? 3 : 1;
		if (source.n_classes == 3)
			source.objective = "multiclass num_class:3";
		for (int t = 0; t < 9; t++)
			source.trees.push_back(generator.Tree(t == 0 ? 1 : 2 + seed % 5 * 20));
		auto model = Import(source.Text());
		EXPECT_EQ(Model::Decode(model->Encode())->Encode(), model->Encode());
		EXPECT_EQ(model->algorithm(), "lightgbm");
		EXPECT_EQ(model->features()[2].name, "c=d");
		constexpr size_t kRows = 3000;
		auto columns = generator.Rows(kRows);
		std::vector<float> flat;
		for (const auto &column : columns)
			flat.insert(flat.end(), column.begin(), column.end());
		auto n_groups = size_t(source.per_iteration);
		std::vector<float> margins(kRows * n_groups);
		Workspace work;
		model->Margins({flat.data(), kRows, kColumns, kRows}, work, margins.data());
		for (size_t row = 0; row < kRows; row++) {
			std::vector<double> values;
			for (const auto &column : columns)
				values.push_back(column[row]);
			std::vector<double> sums(n_groups);
			for (size_t t = 0; t < source.trees.size(); t++)
				sums[t % n_groups] += source.trees[t].Predict(values);
			for (size_t g = 0; g < n_groups; g++)
				ASSERT_EQ(margins[row * n_groups + g], sums[g]) << seed << " " << row;
		}
	}
}

TEST(Lightgbm, ThresholdsAreExact) {
	std::mt19937_64 random(3);
	auto check = [](double t, float x) {
		if (x != std::numeric_limits<float>::max()) {
			ASSERT_EQ(x < ThresholdAbove(t), double(x) <= t) << fmt::format("{:a} {:a}", x, t);
		}
	};
	for (int i = 0; i < 300000; i++) {
		auto t = std::bit_cast<double>(random());
		if (i % 2 == 0) // near a float
			t = std::nextafter(double(std::bit_cast<float>(uint32_t(random()))),
							   i % 4 ? 1e308 : -1e308);
		if (!std::isfinite(t))
			continue;
		auto near = float(std::clamp(t, -3e38, 3e38));
		for (float x : {near, std::nextafter(near, HUGE_VALF), std::nextafter(near, -HUGE_VALF),
						std::bit_cast<float>(uint32_t(random()))})
			check(t, x);
		for (float x : kEdges)
			check(t, x);
	}
	for (float x : kEdges)
		for (double t : {0.0, -0.0, 1e300, -1e300, 1e-300, -1e-300, double(x)})
			if (std::isfinite(t))
				check(t, x);
}

TEST(Lightgbm, Outputs) {
	auto predict = [](const TextModel &source) {
		auto model = Import(source.Text());
		return std::pair{model->task(), PredictOne(*model, 5)};
	};
	TextModel source;
	source.trees = {Stump(0, 1), Stump(0, 1)}; // 5 goes right: margin 4
	using Result = std::pair<Task, double>;
	for (const char *objective : {"regression", "regression_l1", "huber", "fair",
								  "quantile alpha:0.9", "mape", "lambdarank", "rank_xendcg", ""}) {
		source.objective = objective;
		EXPECT_EQ(predict(source), (Result{Task::kRegression, 4})) << objective;
	}
	for (const char *objective : {"poisson", "gamma", "tweedie tweedie_variance_power:1.5"}) {
		source.objective = objective;
		EXPECT_EQ(predict(source), (Result{Task::kRegression, std::exp(4.0f)})) << objective;
	}
	source.objective = "cross_entropy";
	EXPECT_NEAR(predict(source).second, 1 / (1 + std::exp(-4.0)), 1e-6);
	source.objective = "regression";
	source.extra = "average_output\n";
	EXPECT_EQ(predict(source), (Result{Task::kRegression, 2}));
	source.extra = "";
	source.objective = "binary sigmoid:0.5";
	{
		auto model = Import(source.Text());
		EXPECT_EQ(model->class_labels(), (std::vector<std::string>{"0", "1"}));
		std::vector<float> row(kColumns, 5), probabilities(2);
		Workspace work;
		model->PredictProbabilities({row.data(), 1, kColumns, 1}, work, probabilities.data());
		EXPECT_NEAR(probabilities[1], 1 / (1 + std::exp(-0.5 * 4)), 1e-6);
	}
	source.n_classes = source.per_iteration = 2;
	source.trees[1].leaves = {3, 1};
	for (const char *objective :
		 {"multiclass num_class:2", "multiclassova num_class:2 sigmoid:1"}) {
		source.objective = objective;
		auto model = Import(source.Text());
		EXPECT_EQ(PredictOne(*model, 5), 0); // 2 against 1
		EXPECT_EQ(PredictOne(*model, 0), 1); // 1 against 3
		std::vector<float> row(kColumns, 5), probabilities(2);
		Workspace work;
		MatrixView view{row.data(), 1, kColumns, 1};
		if (objective[10] == 'o')
			EXPECT_THROW(model->PredictProbabilities(view, work, probabilities.data()), Error);
		else
			model->PredictProbabilities(view, work, probabilities.data());
	}
}

TEST(Lightgbm, MissingValues) {
	auto side = [](int type, double threshold, float x) {
		TextModel source;
		source.trees = {Stump(type, threshold)};
		return PredictOne(*Import(source.Text()), x);
	};
	// None: NaN is 0.
	EXPECT_EQ(side(0, 0, NAN), 1);
	EXPECT_EQ(side(2, -1, NAN), 2);
	// NaN: the default side.
	EXPECT_EQ(side(8, 5, NAN), 2);
	EXPECT_EQ(side(10, -5, NAN), 1);
	// Zero: what is near 0 goes with NaN.
	EXPECT_EQ(side(6, 5, NAN), 1);
	EXPECT_EQ(side(4, 1e-36, 0), 2);
	EXPECT_EQ(side(4, 1e-36, -1e-35f), 2);
	EXPECT_EQ(side(4, 1e-36, -1.1e-35f), 1);
	EXPECT_EQ(side(6, -1e-36, 1e-35f), 1);
	EXPECT_EQ(side(6, -1e-36, 1.1e-35f), 2);
	for (auto [type, threshold] : {std::pair{6, -1.0}, {4, 1.0}}) {
		TextModel source;
		source.trees = {Stump(type, threshold)};
		EXPECT_NE(ErrorOf(source.Text()).find("zero_as_missing"), std::string::npos);
	}
	// A split between all values and the missing ones.
	EXPECT_EQ(side(8, 1e300, 3e38f), 1);
	EXPECT_EQ(side(8, 1e300, NAN), 2);
}

TEST(Lightgbm, ImportancesAreGains) {
	TextModel source;
	source.trees = {Stump(0, 1), Stump(0, 2), Stump(0, 2)};
	source.trees[1].features = {3};
	std::string text = source.Text();
	auto importance = [](const std::string &bytes, ImportanceKind kind, size_t feature) {
		return FeatureImportances(*Import(bytes), "", kind)[feature].importance;
	};
	EXPECT_NEAR(importance(text, ImportanceKind::kDefault, 0), 2.0 / 3, 1e-9);
	EXPECT_NEAR(importance(text, ImportanceKind::kGain, 3), 0.5, 1e-9);
	EXPECT_NEAR(importance(text, ImportanceKind::kTotalCover, 3), 1.0 / 3, 1e-9);
	EXPECT_NEAR(
		importance(Replaced(text, "split_gain=1.5", "split_gain=6"), ImportanceKind::kDefault, 0),
		7.5 / 9, 1e-9);
	EXPECT_THROW(
		importance(Replaced(text, "split_gain=1.5", "split_gain=1.5 2"), ImportanceKind::kGain, 0),
		Error);
}

TEST(Lightgbm, NamesWhatIsNotSupported) {
	TextModel source;
	source.trees = {Stump(0, 1)};
	std::string text = source.Text();
	ASSERT_EQ(ErrorOf(text), "");
	const std::pair<std::pair<const char *, const char *>, const char *> cases[] = {
		{{"version=v4", "version=v1"}, "\"v1\" is not supported"},
		{{"version=v4", "version=\x1b[31m"}, "\"?[31m\""},
		{{"is_linear=0", "is_linear=1"}, "linear trees"},
		{{"objective=regression", "objective=regression sqrt"}, "reg_sqrt"},
		{{"objective=regression", "objective=cross_entropy_lambda"}, "cross_entropy_lambda"},
		{{"max_feature_idx=4", "max_feature_idx=65536"}, "too many features"},
		{{"max_feature_idx=4", "max_feature_idx=3"}, "feature_names"},
		{{"max_feature_idx=4", "max_feature_idx=5"}, "feature_names"},
		{{"max_feature_idx=4", "max_feature_idx=-1"}, "no number"},
		{{"num_class=1", "num_class=x"}, "no number"},
		{{"num_tree_per_iteration=1", "num_tree_per_iteration=0"}, "number of classes"},
		{{"num_tree_per_iteration=1", "num_tree_per_iteration=2"}, "number of classes"},
		{{"num_tree_per_iteration=1", "num_tree_per_iteration=1001"},
		 "too many features or classes"},
		{{"objective=regression", "objective=multiclass num_class:1"}, "number of classes"},
		{{"objective=regression", "objective=binary sigmoid:-1"}, "sigmoid"},
		{{"feature_names=a b", "feature_names=a "}, "empty"},
		{{"tree_sizes=", "tree_sizes=5 "}, "tree_sizes"},
		{{"tree\nversion", "version"}, "first line"},
		{{"num_leaves=2", "num_leaves=3"}, "num_leaves"},
		{{"num_leaves=2", "num_leaves=18446744073709551616"}, "num_leaves"},
		{{"num_leaves=2\n", ""}, "num_leaves"},
		{{"split_feature=0", "split_feature=5"}, "feature is out of range"},
		{{"split_feature=0", "split_feature=-1"}, "feature is out of range"},
		{{"split_feature=0", "split_feature=0 0"}, "split_feature"},
		{{"threshold=1", "threshold=nan"}, "threshold is not finite"},
		{{"threshold=1", "threshold=inf"}, "threshold is not finite"},
		{{"threshold=1", "threshold=1,5"}, "no number"},
		{{"decision_type=0", "decision_type=12"}, "unknown type"},
		{{"decision_type=0", "decision_type=-1"}, "unknown type"},
		{{"decision_type=0", "decision_type=1"}, "categories are out of range"},
		{{"left_child=-1", "left_child=0"}, "no tree"},
		{{"left_child=-1", "left_child=1"}, "out of range"},
		{{"left_child=-1", "left_child=-3"}, "out of range"},
		{{"left_child=-1", "left_child=-9223372036854775808"}, "out of range"},
		{{"leaf_value=1 2", "leaf_value=1 inf"}, "not finite"},
		{{"leaf_value=1 2", "leaf_value=1 1e39"}, "not finite"},
		{{"leaf_value=1 2", "leaf_value=1"}, "num_leaves"},
	};
	for (auto [change, expected] : cases)
		EXPECT_NE(ErrorOf(Replaced(text, change.first, change.second)).find(expected),
				  std::string::npos)
			<< change.second << ": " << ErrorOf(Replaced(text, change.first, change.second));
	source.version = "v2";
	source.objective = "binary sigmoid:1";
	source.extra = "average_output\n";
	EXPECT_NE(ErrorOf(source.Text()).find("random forests"), std::string::npos);
	for (const char *bytes : {"", "tree", "tree\n", "tree\nversion=v4\n", "\n\n", "{}"})
		EXPECT_NE(ErrorOf(bytes), "") << bytes;
	for (size_t length = 0; length < text.find("end of trees") - 2; length++)
		EXPECT_NE(ErrorOf(text.substr(0, length)), "") << length;
}

TEST(Lightgbm, SetsOfCategories) {
	TextModel source;
	source.trees = {Stump(1, 0)};
	source.trees[0].boundaries = {0, 2};
	source.trees[0].words = {1u << 5, 1};
	std::string text = source.Text();
	auto model = Import(text);
	for (auto [x, expected] : {std::pair{5.0f, 1.0},
							   {32.0f, 1.0},
							   {5.9f, 1.0},
							   {4.0f, 2.0},
							   {-5.0f, 2.0},
							   {64.0f, 2.0},
							   {NAN, 2.0},
							   {1e30f, 2.0}})
		EXPECT_EQ(PredictOne(*model, x), expected) << x;
	for (auto [from, to] : {std::pair{"cat_boundaries=0 2", "cat_boundaries=0 3"},
							{"cat_boundaries=0 2", "cat_boundaries=2 0"},
							{"cat_boundaries=0 2", "cat_boundaries=0"},
							{"cat_boundaries=0 2", "cat_boundaries=0 1 2"},
							{"threshold=0", "threshold=1"},
							{"threshold=0", "threshold=0.5"},
							{"threshold=0", "threshold=-1"},
							{"threshold=0", "threshold=1e300"},
							{"cat_threshold=32 1", "cat_threshold=32 -1"},
							{"cat_threshold=32 1", "cat_threshold=32 4294967296"},
							{"num_cat=1", "num_cat=0"}})
		EXPECT_NE(ErrorOf(Replaced(text, from, to)), "") << to;
	// Splits that share a set, or sets that overlap, would make memory and time of little text.
	Generator generator(1);
	TextModel large;
	large.trees = {generator.Tree(50)};
	TextTree &tree = large.trees[0];
	tree.boundaries.assign(50, 0);
	tree.words.assign(1 << 19, 1);
	for (size_t i = 0; i < tree.types.size(); i++) {
		tree.types[i] = 1;
		tree.thresholds[i] = double(i);
		tree.boundaries[i] = i % 2 << 19;
	}
	EXPECT_NE(ErrorOf(large.Text()).find("not in order"), std::string::npos);
	tree.boundaries = {0, 1 << 19};
	std::fill(tree.thresholds.begin(), tree.thresholds.end(), 0);
	EXPECT_NE(ErrorOf(large.Text()).find("two splits"), std::string::npos);
}

TEST(Lightgbm, MutationsAreModelsOrErrors) {
	Generator generator(7);
	TextModel source;
	for (int t = 0; t < 3; t++)
		source.trees.push_back(generator.Tree(12));
	const std::string original = source.Text();
	std::mt19937 random(1);
	size_t accepted = 0, refused = 0;
	for (int round = 0; round < 6000; round++) {
		std::string bytes = original;
		for (uint32_t n = 1 + random() % 4; n > 0 && !bytes.empty(); n--) {
			size_t at = random() % bytes.size();
			switch (random() % 4) {
				case 0:
					bytes[at] = "0123456789-=. \ne"[random() % 16];
					break;
				case 1:
					bytes.erase(at, 1 + random() % 20);
					break;
				case 2:
					bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 40));
					break;
				default:
					bytes[at] = char(bytes[at] ^ (1 << random() % 8));
			}
		}
		try {
			auto model = Import(bytes);
			accepted++;
			EXPECT_EQ(Model::Decode(model->Encode())->Encode(), model->Encode());
			if (model->raw_width() == kColumns)
				PredictOne(*model, 3);
		} catch (const Error &e) {
			refused++;
			EXPECT_NE(e.code(), ErrorCode::kInternal) << e.what();
		}
	}
	EXPECT_GT(accepted, 300u);
	EXPECT_GT(refused, 300u);
}

} // namespace pgml
