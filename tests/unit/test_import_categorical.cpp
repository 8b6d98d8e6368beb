// XGBoost's categorical splits: what libxgboost trained on categories predicts bit for bit as it does, from JSON
// and UBJSON; names of categories become a text feature; what is damaged is refused.
//
// PGML_IMPORT_ROWS=1000000 compares that many rows instead of 200,000.
#include <gtest/gtest.h>

#include <cstring>

#include <nlohmann/json.hpp>

#include "booster.h"
#include "datasets.h"
#include "artefact/model_impl.h"
#include "pgml/error.h"
#include "pgml/evaluate.h"
#include "pgml/import.h"
#include "trees/trees.h"

namespace pgml {

namespace {

using nlohmann::json;

/// Column 0 is a number, the others have so many categories.
const std::vector<unsigned> kCategories = {0, 3, 40, 300};
const std::vector<const char *> kTypes = {"q", "c", "c", "c"};

Dataset
CategoricalRows(size_t rows, uint32_t seed, int n_classes, bool is_odd) {
	std::mt19937 random(seed);
	std::normal_distribution<float> normal;
	std::vector<std::vector<float>> columns(kCategories.size(), std::vector<float>(rows));
	std::vector<double> target(rows);
	for (size_t row = 0; row < rows; row++) {
		float x = normal(random);
		columns[0][row] = x;
		double value = x;
		for (size_t col = 1; col < kCategories.size(); col++) {
			auto category = uint32_t(random() % kCategories[col]);
			columns[col][row] = float(category);
			value += std::sin(double(category) * 7.3 * double(col));
		}
		target[row] = n_classes > 0
						  ? std::clamp(std::floor(value + n_classes / 2.0), 0.0, n_classes - 1.0)
						  : value;
		for (auto &column : columns)
			if (random() % 12 == 0)
				column[row] = NAN;
		// What no training row had: unknown, negative, broken and huge categories.
		const float odd[] = {-1,     -0.5f, -0.0f, 2.7f,     31,       32,   33,
							 299.5f, 300,   1000,  16777215, 16777216, 1e30f};
		if (is_odd && random() % 4 == 0)
			columns[1 + random() % 3][row] = odd[random() % std::size(odd)];
	}
	test::DatasetBuilder builder;
	for (size_t col = 0; col < columns.size(); col++)
		builder.Number("x" + std::to_string(col), columns[col]);
	return builder.Target(target).Build();
}

struct Case {
	const char *name;
	int n_classes;
	test::BoosterParameters parameters;
	int rounds;
};

test::Booster
TrainCase(const Case &c) {
	Dataset data = CategoricalRows(4000, 31, c.n_classes, false);
	return test::Booster(data.raw.view(), data.target, kTypes, c.parameters, c.rounds);
}

std::unique_ptr<const Model>
Import(const std::string &bytes) {
	return ImportXgboost(std::as_bytes(std::span(bytes)));
}

std::string
ErrorOf(const json &model) {
	try {
		Import(model.dump());
	} catch (const Error &e) {
		EXPECT_NE(e.code(), ErrorCode::kInternal);
		return std::string(e.what()) + " | " + e.detail() + " | " + e.hint();
	}
	return "";
}

const TreeEnsemble &
TreesOf(const Model &model) {
	return dynamic_cast<const TreeEnsemble &>(
		*dynamic_cast<const ModelImpl &>(model).parts().learner);
}

/// Thresholds of categorical splits are NaN, which XGBoost writes and JSON does not have: null does as well.
json
Parsed(const test::Booster &booster) {
	std::string text = booster.Save("json");
	for (size_t at = text.find("NaN"); at != std::string::npos; at = text.find("NaN", at))
		text.replace(at, 3, "null");
	return json::parse(text);
}

class CategoricalXgboosts : public ::testing::TestWithParam<Case> {};

const Case kSmall = {"small", 0, {{"tree_method", "hist"}, {"max_depth", "4"}}, 3};

/// The first tree of a model that is not dart.
json &
FirstTree(json &model) {
	return model["learner"]["gradient_booster"]["model"]["trees"][0];
}

} // namespace

TEST_P(CategoricalXgboosts, EqualBitForBit) {
	const char *wanted = std::getenv("PGML_IMPORT_ROWS");
	size_t n_rows = wanted != nullptr ? std::stoul(wanted) : 200000;
	test::Booster booster = TrainCase(GetParam());
	auto model = Import(booster.Save("json"));
	EXPECT_EQ(model->Encode(), Import(booster.Save("ubj"))->Encode());
	EXPECT_EQ(Model::Decode(model->Encode())->Encode(), model->Encode());
	EXPECT_FALSE(TreesOf(*model).sets().empty());
	Dataset rows = CategoricalRows(n_rows, 32, GetParam().n_classes, true);
	std::vector<float> expected = booster.Margins(test::BoosterMatrix(rows.raw.view(), kTypes));
	std::vector<float> margins(n_rows * model->margin_groups());
	ASSERT_EQ(expected.size(), margins.size());
	Workspace work;
	model->Margins(rows.raw.view(), work, margins.data());
	size_t different = 0;
	for (size_t i = 0; i < margins.size(); i++)
		different += std::memcmp(&margins[i], &expected[i], sizeof(float)) != 0;
	EXPECT_EQ(different, 0u);
}

INSTANTIATE_TEST_SUITE_P(
	Import, CategoricalXgboosts,
	::testing::Values(
		Case{"partition", 0, {{"tree_method", "hist"}, {"max_cat_to_onehot", "1"}}, 30},
		Case{"one_hot", 0, {{"tree_method", "hist"}, {"max_cat_to_onehot", "1000"}}, 30},
		Case{
			"both_binary",
			2,
			{{"tree_method", "hist"}, {"max_cat_to_onehot", "5"}, {"objective", "binary:logistic"}},
			30},
		Case{"approx_multi",
			 4,
			 {{"tree_method", "approx"}, {"objective", "multi:softprob"}, {"num_class", "4"}},
			 8},
		Case{"dart", 0, {{"tree_method", "hist"}, {"booster", "dart"}, {"rate_drop", "0.3"}}, 20},
		Case{"forest",
			 0,
			 {{"tree_method", "hist"},
			  {"num_parallel_tree", "10"},
			  {"subsample", "0.7"},
			  {"eta", "1"}},
			 1}),
	[](const auto &info) { return std::string(info.param.name); });

TEST(ImportCategories, NamesBecomeATextFeature) {
	test::Booster booster = TrainCase(kSmall);
	json model = Parsed(booster);
	auto by_code = Import(model.dump());
	// Version 3.1: the second column has named categories, code 0 is "pear".
	std::vector<std::string> names = {"pear", "äpple", "fig"};
	json column = {{"offsets", {0}}, {"values", json::array()}};
	for (const std::string &name : names) {
		for (char c : name)
			column["values"].push_back(int(static_cast<signed char>(c)));
		column["offsets"].push_back(column["values"].size());
	}
	json empty = {{"type", 9}, {"values", json::array()}};
	json codes = {{"type", 9}, {"values", {0, 1, 2, 3}}};
	json &cats = model["learner"]["gradient_booster"]["model"]["cats"];
	cats = {{"enc", {empty, column, codes, empty}},
			{"feature_segments", json::array()},
			{"sorted_idx", json::array()}};
	auto by_name = Import(model.dump());
	EXPECT_EQ(by_name->features()[1].type, FeatureType::kText);
	EXPECT_EQ(by_name->features()[2].type, FeatureType::kNumber);
	Workspace work;
	for (size_t code = 0; code < 4; code++) {
		float number = code < 3 ? float(code) : NAN, text = NAN;
		if (code < 3)
			text = by_name->CategoryCode(1, names[code]);
		std::vector<float> a = {0.5f, number, 7, 12}, b = {0.5f, text, 7, 12};
		EXPECT_EQ(test::Predict(*by_code, {a.data(), 1, 4, 1}),
				  test::Predict(*by_name, {b.data(), 1, 4, 1}));
	}
	EXPECT_TRUE(std::isnan(by_name->CategoryCode(1, "plum")));
	EXPECT_EQ(Model::Decode(by_name->Encode())->Encode(), by_name->Encode());

	auto with = [&](const json &second) {
		cats["enc"][1] = second;
		return ErrorOf(model);
	};
	EXPECT_NE(with({{"type", 9}, {"values", {10, 20}}}).find("not 0, 1, 2"), std::string::npos);
	EXPECT_NE(with({{"offsets", {0, 4}}, {"values", {1, 2}}}).find("out of range"),
			  std::string::npos);
	EXPECT_NE(with({{"offsets", {0, 2, 1}}, {"values", {65, 66}}}).find("in order"),
			  std::string::npos);
	EXPECT_NE(with({{"offsets", {0, 1, 2}}, {"values", {65, 65}}}).find("twice"),
			  std::string::npos);
	EXPECT_NE(with({{"offsets", {0, 1}}, {"values", {0}}}).find("zero byte"), std::string::npos);
	EXPECT_NE(with({{"offsets", {0, 1}}, {"values", {"A"}}}).find("no text"), std::string::npos);
	EXPECT_NE(with(7).find("no object"), std::string::npos);
	cats["enc"].erase(3);
	EXPECT_NE(ErrorOf(model).find("num_feature"), std::string::npos);
}

TEST(ImportCategories, RefusesDamage) {
	test::Booster booster = TrainCase(kSmall);
	const json original = Parsed(booster);
	auto error = [&](auto change) {
		json changed = original;
		change(FirstTree(changed));
		return ErrorOf(changed);
	};
	ASSERT_EQ(error([](json &) {}), "");
	ASSERT_GT(
		json(original)["learner"]["gradient_booster"]["model"]["trees"][0]["categories"].size(),
		0u);
	for (const char *name : {"categories_nodes", "categories_segments", "categories_sizes"}) {
		for (int64_t bad : {int64_t(-1), int64_t(1) << 20, INT64_MAX, INT64_MIN})
			EXPECT_NE(error([&](json &t) { t[name][0] = bad; }), "") << name << bad;
		EXPECT_NE(error([&](json &t) { t[name][0] = 0.5; }), "");
		EXPECT_NE(error([&](json &t) { t[name] = 3; }), "");
		EXPECT_NE(error([&](json &t) { t[name].push_back(0); }), "");
		EXPECT_NE(error([&](json &t) { t.erase(name); }), "");
	}
	for (int64_t bad : {int64_t(-1), int64_t(1) << 24, INT64_MAX})
		EXPECT_NE(error([&](json &t) { t["categories"][0] = bad; }).find("out of range"),
				  std::string::npos);
	EXPECT_NE(error([&](json &t) { t.erase("categories"); }), "");
	EXPECT_NE(error([&](json &t) { t["split_type"][0] = 2; }).find("unknown type"),
			  std::string::npos);
	// Segments that overlap would take time and memory out of proportion.
	EXPECT_NE(error([&](json &t) {
				  size_t all = t["categories"].size();
				  for (size_t i = 0; i < t["categories_nodes"].size(); i++) {
					  t["categories_segments"][i] = 0;
					  t["categories_sizes"][i] = all;
				  }
			  }).find("overlap"),
			  std::string::npos);
	// So would large categories: 2 MB each.
	json large = original;
	json &trees = large["learner"]["gradient_booster"]["model"];
	for (json &category : FirstTree(large)["categories"])
		category = (1 << 24) - 1;
	for (int i = 0; i < 200; i++) {
		trees["trees"].push_back(trees["trees"][0]);
		trees["tree_info"].push_back(0);
	}
	EXPECT_NE(ErrorOf(large).find("too many categories"), std::string::npos);
}

TEST(ImportCategories, ImportancesAreXgboostsScores) {
	for (bool is_categorical : {false, true}) {
		Dataset data = CategoricalRows(3000, 41, 0, false);
		test::Booster booster(data.raw.view(), data.target,
							  is_categorical ? kTypes : std::vector<const char *>(4, "q"),
							  {{"tree_method", "hist"}, {"max_depth", "5"}}, 12);
		auto model = Import(booster.Save("json"));
		for (auto [kind, name] : {std::pair{ImportanceKind::kWeight, "weight"},
								  {ImportanceKind::kGain, "gain"},
								  {ImportanceKind::kCover, "cover"},
								  {ImportanceKind::kTotalGain, "total_gain"},
								  {ImportanceKind::kTotalCover, "total_cover"}}) {
			std::map<std::string, float> scores = booster.Scores(name);
			double total = 0;
			for (const auto &[feature, score] : scores)
				total += score;
			std::vector<FeatureImportance> importances = FeatureImportances(*model, "", kind);
			ASSERT_EQ(importances.size(), 4u);
			for (const FeatureImportance &own : importances)
				EXPECT_NEAR(own.importance, scores[own.feature] / total, 1e-6)
					<< name << own.feature;
		}
		EXPECT_EQ(FeatureImportances(*model, "")[1].importance,
				  FeatureImportances(*model, "", ImportanceKind::kGain)[1].importance);
	}
}

TEST(ImportCategories, WithoutStatisticsOnlyWeightsAreKnown) {
	test::Booster booster = TrainCase(kSmall);
	json model = Parsed(booster);
	FirstTree(model).erase("loss_changes");
	FirstTree(model)["sum_hessian"][0] = "no number";
	auto imported = Import(model.dump());
	EXPECT_EQ(FeatureImportances(*imported, "")[2].importance,
			  FeatureImportances(*imported, "", ImportanceKind::kWeight)[2].importance);
	for (ImportanceKind kind : {ImportanceKind::kGain, ImportanceKind::kTotalCover})
		EXPECT_THROW(FeatureImportances(*imported, "", kind), Error);
}

} // namespace pgml
