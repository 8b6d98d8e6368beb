// Models of other programs: what libxgboost wrote predicts bit for bit as libxgboost does; what is damaged is
// refused with an error, whatever the damage.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pgml/error.h"
#include "pgml/import.h"
#include "xgboost_reference.h"

namespace pgml {

using test::TrainByLibrary;
using test::XgboostCase;
using test::XgboostReference;

namespace {

const std::vector<std::pair<const char *, const char *>> kDart = {
	{"booster", "dart"}, {"rate_drop", "0.3"}, {"max_depth", "4"}, {"tree_method", "exact"}};

std::unique_ptr<const Model>
Import(const std::string &bytes) {
	return ImportXgboost(std::as_bytes(std::span(bytes)));
}

std::string
ErrorOf(const std::string &bytes) {
	try {
		Import(bytes);
	} catch (const Error &e) {
		EXPECT_NE(e.code(), ErrorCode::kInternal);
		return std::string(e.what()) + " | " + e.detail();
	}
	return "";
}

class Xgboosts : public ::testing::TestWithParam<XgboostCase> {};

} // namespace

TEST_P(Xgboosts, EqualBitForBit) {
	XgboostReference saved = TrainByLibrary(GetParam(), 3000, 1000000);
	auto from_json = Import(saved.json), from_ubjson = Import(saved.ubjson);
	EXPECT_EQ(from_json->Encode(), from_ubjson->Encode());
	EXPECT_EQ(Model::Decode(from_json->Encode())->Encode(), from_json->Encode());
	EXPECT_EQ(from_json->algorithm(), "xgboost");
	for (size_t col = 0; col < test::kReferenceColumns; col++)
		EXPECT_EQ(from_json->features()[col].name, test::kReferenceNames[col]);
	EXPECT_EQ(from_json->task(),
			  GetParam().n_classes > 0 ? Task::kClassification : Task::kRegression);
	Workspace work;
	std::vector<float> margins(saved.margins.size());
	ASSERT_EQ(from_json->margin_groups(), saved.n_groups);
	from_json->Margins(saved.rows.view(), work, margins.data());
	EXPECT_EQ(test::DifferentBits(margins, saved.margins), 0u);
}

INSTANTIATE_TEST_SUITE_P(
	Import, Xgboosts,
	::testing::Values(XgboostCase{"regression", "reg:squarederror", 0, {{"max_depth", "6"}}, 30},
					  XgboostCase{"binary", "binary:logistic", 2, {{"tree_method", "hist"}}, 30},
					  XgboostCase{"multi", "multi:softmax", 4, {{"max_depth", "4"}}, 10},
					  XgboostCase{"forest",
								  "reg:squarederror",
								  0,
								  {{"num_parallel_tree", "20"}, {"subsample", "0.8"}, {"eta", "1"}},
								  1},
					  XgboostCase{"poisson", "count:poisson", 0, {{"max_depth", "3"}}, 20},
					  XgboostCase{"rank", "rank:pairwise", 0, {{"max_depth", "3"}}, 5},
					  XgboostCase{"dart", "reg:squarederror", 0, kDart, 30},
					  XgboostCase{"dart_binary", "binary:logistic", 2, kDart, 20},
					  XgboostCase{"dart_multi", "multi:softprob", 3, kDart, 10}),
	test::kCaseName);

TEST(Import, SchemasOfOtherVersions) {
	XgboostReference saved = TrainByLibrary({"", "multi:softprob", 3, kDart, 3}, 3000, 1000);
	using nlohmann::json;
	const json original = json::parse(saved.json);
	auto margins = [&](const json &changed) {
		auto model = Import(changed.dump());
		Workspace work;
		std::vector<float> result(saved.margins.size());
		model->Margins(saved.rows.view(), work, result.data());
		return result;
	};
	EXPECT_EQ(margins(original), saved.margins);
	auto trees = [](json &model) -> json & {
		return model["learner"]["gradient_booster"]["gbtree"]["model"]["trees"];
	};
	{ // before 1.6: booleans, no types
		json old = original;
		for (json &tree : trees(old)) {
			tree.erase("split_type");
			tree.erase("categories");
			for (json &side : tree["default_left"])
				side = side.get<int>() != 0;
		}
		EXPECT_EQ(margins(old), saved.margins);
	}
	{ // 3.1: one number per class; size_leaf_vector 1; targets
		json newer = original;
		json &parameters = newer["learner"]["learner_model_param"];
		parameters["base_score"] = "[5E-1]";
		parameters["num_target"] = "1";
		for (json &tree : trees(newer))
			tree["tree_param"]["size_leaf_vector"] = "1";
		EXPECT_EQ(margins(newer), saved.margins);
		parameters["base_score"] = "[5E-1,5E-1, 5E-1]";
		EXPECT_EQ(margins(newer), saved.margins);
		parameters["base_score"] = "[5E-1,5E-1]";
		EXPECT_NE(ErrorOf(newer.dump()).find("base_score"), std::string::npos);
		parameters["base_score"] = "5E-1";
		parameters["num_target"] = "2";
		EXPECT_NE(ErrorOf(newer.dump()).find("several targets"), std::string::npos);
	}
	for (bool inside : {false, true}) { // dart since 3.3
		json newer = original;
		json &booster = newer["learner"]["gradient_booster"];
		json weights = booster["weight_drop"], model = booster["gbtree"]["model"];
		booster = {{"name", "gbtree"}, {"model", model}};
		(inside ? booster["model"] : booster)["weight_drop"] = weights;
		EXPECT_EQ(margins(newer), saved.margins);
	}
	{
		json unnamed = original;
		unnamed["learner"]["feature_names"] = json::array();
		EXPECT_EQ(Import(unnamed.dump())->features()[1].name, "f1");
	}
}

TEST(Import, NamesWhatIsNotSupported) {
	XgboostReference saved =
		TrainByLibrary({"", "reg:squarederror", 0, {{"max_depth", "3"}}, 2}, 3000, 0);
	using nlohmann::json;
	const json original = json::parse(saved.json);
	auto error = [&](auto change) {
		json changed = original;
		change(changed["learner"]);
		return ErrorOf(changed.dump());
	};
	auto tree = [](json &learner) -> json & {
		return learner["gradient_booster"]["model"]["trees"][0];
	};
	EXPECT_NE(error([&](json &l) { tree(l)["split_type"][0] = 1; }).find("categorical"),
			  std::string::npos);
	EXPECT_NE(error([&](json &l) {
				  tree(l)["tree_param"]["size_leaf_vector"] = "2";
			  }).find("vector leaves"),
			  std::string::npos);
	EXPECT_NE(error([&](json &l) { l["gradient_booster"]["name"] = "gblinear"; }).find("gblinear"),
			  std::string::npos);
	EXPECT_NE(error([&](json &l) { l["objective"]["name"] = "survival:aft"; }).find("survival:aft"),
			  std::string::npos);
	EXPECT_NE(error([&](json &l) {
				  l["learner_model_param"]["num_feature"] = "70000";
			  }).find("too many features"),
			  std::string::npos);
	EXPECT_NE(ErrorOf("binf0000").find("old binary"), std::string::npos);
	// Damage: every index, and arrays that differ.
	for (int64_t bad : {int64_t(-2), int64_t(0), int64_t(1) << 20, INT64_MAX, INT64_MIN}) {
		EXPECT_NE(error([&](json &l) { tree(l)["left_children"][0] = bad; }), "");
		EXPECT_NE(error([&](json &l) { tree(l)["right_children"][0] = bad; }), "");
		if (bad != 0) {
			EXPECT_NE(error([&](json &l) { tree(l)["split_indices"][0] = bad; }), "");
			EXPECT_NE(error([&](json &l) { l["gradient_booster"]["model"]["tree_info"][0] = bad; }),
					  "");
		}
	}
	EXPECT_NE(error([&](json &l) { tree(l)["left_children"][1] = 0.5; }), "");
	EXPECT_NE(error([&](json &l) { tree(l)["split_conditions"][0] = nullptr; }), "");
	EXPECT_NE(error([&](json &l) { tree(l)["split_conditions"].push_back(1); }), "");
	EXPECT_NE(error([&](json &l) { tree(l)["left_children"] = json::array(); }), "");
	EXPECT_NE(error([&](json &l) { l["feature_names"] = {"a"}; }), "");
	EXPECT_NE(error([&](json &l) { l["feature_names"][0] = ""; }), "");
	EXPECT_NE(error([&](json &l) { l["learner_model_param"]["num_class"] = "-1"; }), "");
	EXPECT_NE(error([&](json &l) { l["objective"]["name"] = "multi:softprob"; }), "");
	for (const char *text :
		 {"", "{", "{}", "[]", "null", "0", "{\"learner\": 1}", "{L", "{i\x01", "xyz"})
		EXPECT_NE(ErrorOf(text), "") << text;
	EXPECT_NE(ErrorOf(std::string(1 << 20, '[')).find("nested"), std::string::npos);
	EXPECT_NE(ErrorOf("{i\x01x" + std::string(1 << 20, '[')).find("nested"), std::string::npos);
	// Counts that promise what is not there.
	std::string typed("{i\x01x[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff", 18);
	EXPECT_NE(ErrorOf(typed).find("more than the data"), std::string::npos);
	EXPECT_NE(ErrorOf(std::string("{i\x01x[$T#L\0\0\0\0\x7f\xff\xff\xff", 18)), "");
}

TEST(Import, MutationsAreModelsOrErrors) {
	XgboostReference saved = TrainByLibrary({"", "multi:softprob", 3, kDart, 2}, 3000, 50);
	std::mt19937 random(1);
	size_t accepted = 0;
	for (const std::string *original : {&saved.json, &saved.ubjson})
		for (int round = 0; round < 1500; round++) {
			std::string bytes = *original;
			for (uint32_t n = 1 + random() % 4; n > 0; n--) {
				size_t at = random() % bytes.size();
				switch (random() % 5) {
					case 0:
						bytes[at] = char(random());
						break;
					case 1:
						bytes[at] = "0123456789-[]{},\"$#LdUi"[random() % 23];
						break;
					case 2:
						bytes.erase(at, 1 + random() % 20);
						break;
					case 3:
						bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 20));
						break;
					default:
						bytes[at] = char(bytes[at] ^ (1 << random() % 8));
				}
				if (bytes.empty())
					bytes = "{";
			}
			if (random() % 10 == 0)
				bytes.resize(random() % bytes.size());
			try {
				auto model = Import(bytes);
				accepted++;
				EXPECT_EQ(Model::Decode(model->Encode())->Encode(), model->Encode());
				if (model->raw_width() != saved.rows.cols())
					continue;
				Workspace work;
				std::vector<double> predicted(50);
				model->Predict(saved.rows.view(), work, predicted.data());
			} catch (const Error &e) {
				EXPECT_NE(e.code(), ErrorCode::kInternal) << e.what();
			}
		}
	EXPECT_GT(accepted, 0u);
}

} // namespace pgml
