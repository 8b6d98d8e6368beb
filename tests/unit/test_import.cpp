// Models of other programs: what libxgboost wrote predicts bit for bit as libxgboost does; what is damaged is
// refused with an error, whatever the damage.
#include <gtest/gtest.h>

#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <xgboost/c_api.h>

#include "datasets.h"
#include "pgml/error.h"
#include "pgml/import.h"

namespace pgml {

namespace {

void
Must(int status) {
	ASSERT_EQ(status, 0) << XGBGetLastError();
}

std::string
Interface(MatrixView view) {
	return fmt::format(
		R"({{"data":[{},true],"shape":[{},{}],"strides":[4,{}],"typestr":"<f4","version":3}})",
		reinterpret_cast<uintptr_t>(view.data), view.rows, view.cols, view.ld * 4);
}

struct Case {
	const char *name;
	const char *objective;
	int n_classes;
	std::vector<std::pair<const char *, const char *>> parameters;
	int rounds;
};

const std::vector<std::pair<const char *, const char *>> kDart = {
	{"booster", "dart"}, {"rate_drop", "0.3"}, {"max_depth", "4"}, {"tree_method", "exact"}};

/// What a booster says and what it was saved as.
struct Saved {
	std::string json, ubjson;
	std::vector<float> margins;
	Dataset rows;
};

void
Train(const Case &c, size_t n_test, Saved &saved) {
	constexpr size_t kTrain = 3000, kDim = 7;
	auto target = [&](const std::vector<float> &x, std::mt19937 &random) -> double {
		double value = 3 * x[0] + x[1] * x[2] + std::normal_distribution<double>(0, 0.3)(random);
		if (c.n_classes > 0)
			return std::clamp(std::floor(value / 2 + c.n_classes / 2.0), 0.0, c.n_classes - 1.0);
		return std::fabs(value);
	};
	Dataset train = test::RandomDataset(kTrain, kDim, 0.05, 21, target);
	saved.rows = test::RandomDataset(n_test, kDim, 0.1, 22, target);
	for (size_t col = 0; col < kDim; col++) // values equal to thresholds
		for (size_t row = 0; row < n_test; row += 2)
			saved.rows.raw.column(col)[row] = train.raw.column(col)[(row * 7 + col * 13) % kTrain];
	DMatrixHandle train_matrix, test_matrix;
	const char *config = R"({"missing":NaN,"nthread":1})";
	Must(XGDMatrixCreateFromDense(Interface(train.raw.view()).c_str(), config, &train_matrix));
	Must(XGDMatrixCreateFromDense(Interface(saved.rows.raw.view()).c_str(), config, &test_matrix));
	std::vector<float> labels(train.target.begin(), train.target.end());
	Must(XGDMatrixSetFloatInfo(train_matrix, "label", labels.data(), labels.size()));
	const char *names[kDim] = {"a", "b", "c d", "\"e\"", "f", "g", "h"};
	BoosterHandle booster;
	Must(XGBoosterCreate(&train_matrix, 1, &booster));
	Must(XGBoosterSetStrFeatureInfo(booster, "feature_name", names, kDim));
	for (auto [name, value] : {std::pair{"verbosity", "0"}, {"nthread", "1"}})
		Must(XGBoosterSetParam(booster, name, value));
	Must(XGBoosterSetParam(booster, "objective", c.objective));
	if (c.n_classes > 2)
		Must(XGBoosterSetParam(booster, "num_class", std::to_string(c.n_classes).c_str()));
	for (auto [name, value] : c.parameters)
		Must(XGBoosterSetParam(booster, name, value));
	for (int round = 0; round < c.rounds; round++)
		Must(XGBoosterUpdateOneIter(booster, round, train_matrix));
	bst_ulong length;
	const char *bytes;
	Must(XGBoosterSaveModelToBuffer(booster, R"({"format":"json"})", &length, &bytes));
	saved.json.assign(bytes, length);
	Must(XGBoosterSaveModelToBuffer(booster, R"({"format":"ubj"})", &length, &bytes));
	saved.ubjson.assign(bytes, length);
	if (n_test > 0) {
		const bst_ulong *shape;
		bst_ulong dimensions;
		const float *expected;
		Must(XGBoosterPredictFromDMatrix(booster, test_matrix,
										 R"({"type":1,"training":false,"iteration_begin":0,
											 "iteration_end":0,"strict_shape":true})",
										 &shape, &dimensions, &expected));
		saved.margins.assign(expected, expected + shape[0] * shape[1]);
	}
	XGBoosterFree(booster);
	XGDMatrixFree(train_matrix);
	XGDMatrixFree(test_matrix);
}

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

class Xgboosts : public ::testing::TestWithParam<Case> {};

} // namespace

TEST_P(Xgboosts, EqualBitForBit) {
	Saved saved;
	Train(GetParam(), 100000, saved);
	auto from_json = Import(saved.json), from_ubjson = Import(saved.ubjson);
	EXPECT_EQ(from_json->Encode(), from_ubjson->Encode());
	EXPECT_EQ(Model::Decode(from_json->Encode())->Encode(), from_json->Encode());
	EXPECT_EQ(from_json->algorithm(), "xgboost");
	EXPECT_EQ(from_json->features()[2].name, "c d");
	EXPECT_EQ(from_json->features()[3].name, "\"e\"");
	EXPECT_EQ(from_json->task(),
			  GetParam().n_classes > 0 ? Task::kClassification : Task::kRegression);
	Workspace work;
	std::vector<float> margins(saved.margins.size());
	ASSERT_EQ(margins.size(), 100000 * from_json->margin_groups());
	from_json->Margins(saved.rows.raw.view(), work, margins.data());
	size_t different = 0;
	for (size_t i = 0; i < margins.size(); i++)
		different += std::memcmp(&margins[i], &saved.margins[i], sizeof(float)) != 0;
	EXPECT_EQ(different, 0u);
}

INSTANTIATE_TEST_SUITE_P(
	Import, Xgboosts,
	::testing::Values(Case{"regression", "reg:squarederror", 0, {{"max_depth", "6"}}, 30},
					  Case{"binary", "binary:logistic", 2, {{"tree_method", "hist"}}, 30},
					  Case{"multi", "multi:softmax", 4, {{"max_depth", "4"}}, 10},
					  Case{"forest",
						   "reg:squarederror",
						   0,
						   {{"num_parallel_tree", "20"}, {"subsample", "0.8"}, {"eta", "1"}},
						   1},
					  Case{"poisson", "count:poisson", 0, {{"max_depth", "3"}}, 20},
					  Case{"rank", "rank:pairwise", 0, {{"max_depth", "3"}}, 5},
					  Case{"dart", "reg:squarederror", 0, kDart, 30},
					  Case{"dart_binary", "binary:logistic", 2, kDart, 20},
					  Case{"dart_multi", "multi:softprob", 3, kDart, 10}),
	[](const auto &info) { return std::string(info.param.name); });

TEST(Import, SchemasOfOtherVersions) {
	Saved saved;
	Train({"", "multi:softprob", 3, kDart, 3}, 1000, saved);
	using nlohmann::json;
	const json original = json::parse(saved.json);
	auto margins = [&](const json &changed) {
		auto model = Import(changed.dump());
		Workspace work;
		std::vector<float> result(saved.margins.size());
		model->Margins(saved.rows.raw.view(), work, result.data());
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
	Saved saved;
	Train({"", "reg:squarederror", 0, {{"max_depth", "3"}}, 2}, 0, saved);
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
	Saved saved;
	Train({"", "multi:softprob", 3, kDart, 2}, 50, saved);
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
				if (model->raw_width() != saved.rows.raw.cols())
					continue;
				Workspace work;
				std::vector<double> predicted(50);
				model->Predict(saved.rows.raw.view(), work, predicted.data());
			} catch (const Error &e) {
				EXPECT_NE(e.code(), ErrorCode::kInternal) << e.what();
			}
		}
	EXPECT_GT(accepted, 0u);
}

} // namespace pgml
