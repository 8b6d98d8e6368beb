// Encoding, imputation and scaling, against numbers computed by hand.
#include <gtest/gtest.h>

#include "datasets.h"
#include "pgml/error.h"
#include "data/preprocessing.h"

namespace pgml {

namespace {

using Texts = std::vector<std::optional<std::string>>;

const PreprocessDefaults kLinear;
const PreprocessDefaults kTrees{false, 32, 10};

/// Output columns of a fitted dataset.
std::vector<std::vector<float>>
Columns(const Dataset &data, const std::string &json, const PreprocessDefaults &defaults = kLinear,
		FittedPreprocessor *out = nullptr) {
	std::vector<std::vector<float>> outcomes = {{data.target.begin(), data.target.end()}};
	FittedPreprocessor fitted = FitPreprocessor(data, json, outcomes, defaults, StopToken());
	Matrix result;
	fitted.preprocessor.Apply(data.raw.view(), &fitted.maps, result);
	std::vector<std::vector<float>> columns;
	for (size_t col = 0; col < result.cols(); col++)
		columns.emplace_back(result.column(col), result.column(col) + result.rows());
	if (out != nullptr)
		*out = std::move(fitted);
	return columns;
}

std::vector<float>
Numbers(const std::string &json, const PreprocessDefaults &defaults = kLinear) {
	Dataset data = test::DatasetBuilder()
					   .Number("a", {1, 2, NAN, 2, 11})
					   .Target(std::vector<double>(5))
					   .Build();
	return Columns(data, R"({"a": )" + json + "}", defaults)[0];
}

std::string
ErrorOf(const Dataset &data, const std::string &json) {
	try {
		Columns(data, json);
	} catch (const Error &e) {
		return std::string(e.what()) + " | " + e.detail() + " | " + e.hint();
	}
	return "";
}

} // namespace

TEST(Preprocessing, ImputesNumbers) {
	EXPECT_EQ(Numbers("{}")[2], 4);
	EXPECT_TRUE(std::isnan(Numbers("{}", kTrees)[2]));
	EXPECT_EQ(Numbers(R"({"impute": "mean"})", kTrees)[2], 4);
	EXPECT_EQ(Numbers(R"({"impute": "median"})")[2], 2);
	EXPECT_EQ(Numbers(R"({"impute": "mode"})")[2], 2);
	EXPECT_EQ(Numbers(R"({"impute": "min"})")[2], 1);
	EXPECT_EQ(Numbers(R"({"impute": "max"})")[2], 11);
	EXPECT_EQ(Numbers(R"({"impute": "zero"})")[2], 0);
	EXPECT_THROW(Numbers(R"({"impute": "error"})"), Error);
}

TEST(Preprocessing, ScalesNumbers) {
	// Present values 1, 2, 2, 11: mean 4, population deviation sqrt(66 / 4).
	std::vector<float> standard = Numbers(R"({"scale": "standard"})");
	EXPECT_FLOAT_EQ(standard[0], float(-3 / std::sqrt(16.5)));
	EXPECT_EQ(standard[2], 0);
	EXPECT_EQ(Numbers(R"({"scale": "min_max"})")[4], 1);
	EXPECT_FLOAT_EQ(Numbers(R"({"scale": "min_max"})")[1], 0.1f);
	EXPECT_FLOAT_EQ(Numbers(R"({"scale": "max_abs"})")[0], 1.0f / 11);
	// Median 2, quartiles 1.75 and 4.25.
	EXPECT_FLOAT_EQ(Numbers(R"({"scale": "robust"})")[4], 9 / 2.5f);
	EXPECT_EQ(Numbers(R"({"scale": "preserve"})")[4], 11);
	EXPECT_TRUE(std::isnan(Numbers(R"({"scale": "standard"})", kTrees)[2]));
}

TEST(Preprocessing, ConstantAndEmptyColumns) {
	Dataset data = test::DatasetBuilder()
					   .Number("constant", {5, 5})
					   .Number("empty", {NAN, NAN})
					   .Text("nothing", {std::nullopt, std::nullopt})
					   .Target({1, 2})
					   .Build();
	for (const char *scale : {"standard", "min_max", "robust"}) {
		auto columns = Columns(data, std::string(R"({"*": {"scale": ")") + scale + R"("}})");
		ASSERT_EQ(columns.size(), 2u); // the text column has no category
		EXPECT_EQ(columns[0], (std::vector<float>{0, 0}));
		EXPECT_EQ(columns[1], (std::vector<float>{0, 0}));
	}
	EXPECT_TRUE(std::isnan(Columns(data, "{}", kTrees)[1][0]));
}

TEST(Preprocessing, OneHot) {
	Dataset data = test::DatasetBuilder()
					   .Text("c", {"b", "a", std::nullopt, "b"})
					   .Target({1, 2, 3, 4})
					   .Build();
	FittedPreprocessor fitted;
	auto columns = Columns(data, "{}", kLinear, &fitted);
	ASSERT_EQ(columns.size(), 2u);
	EXPECT_EQ(columns[0], (std::vector<float>{0, 1, 0, 0})); // sorted: a, b
	EXPECT_EQ(columns[1], (std::vector<float>{1, 0, 0, 1}));
	EXPECT_EQ(Columns(data, R"({"c": {"impute": "mode"}})")[1], (std::vector<float>{1, 0, 1, 1}));
	EXPECT_THROW(Columns(data, R"({"c": {"impute": "error"}})"), Error);
	EXPECT_NE(ErrorOf(data, R"({"c": {"impute": "mean"}})").find("one-hot"), std::string::npos);
	// The model's own codes, without maps: unknown ones are missing.
	std::vector<float> codes = {0, 1, 2, -1, NAN, HUGE_VALF};
	Matrix out;
	fitted.preprocessor.Apply({codes.data(), 6, 1, 6}, nullptr, out);
	EXPECT_EQ(std::vector<float>(out.column(0), out.column(0) + 6),
			  (std::vector<float>{1, 0, 0, 0, 0, 0}));
	EXPECT_EQ(std::vector<float>(out.column(1), out.column(1) + 6),
			  (std::vector<float>{0, 1, 0, 0, 0, 0}));
}

TEST(Preprocessing, NativeAndOrdinal) {
	Dataset data = test::DatasetBuilder()
					   .Text("size", {"S", "L", std::nullopt, "M", "S"})
					   .Target({1, 2, 3, 4, 5})
					   .Build();
	EXPECT_EQ(Columns(data, R"({"size": {"encode": "native", "impute": "zero"}})")[0],
			  (std::vector<float>{3, 1, 0, 2, 3}));
	EXPECT_EQ(
		Columns(
			data,
			R"({"size": {"encode": {"ordinal": ["S", "M", "L", "XL"]}, "impute": "median"}})")[0],
		(std::vector<float>{1, 3, 1.5, 2, 1}));
	EXPECT_NE(ErrorOf(data, R"({"size": {"encode": {"ordinal": ["S", "M"]}}})")
				  .find("not in its \"ordinal\" list"),
			  std::string::npos);
	EXPECT_NE(ErrorOf(data, R"({"size": {"encode": {"ordinal": ["S", "S"]}}})").find("distinct"),
			  std::string::npos);
	EXPECT_NE(ErrorOf(data, R"({"size": {"encode": {"ordinal": 3}}})").find("distinct"),
			  std::string::npos);
}

TEST(Preprocessing, TargetMeans) {
	Dataset data = test::DatasetBuilder()
					   .Text("c", {"a", "a", "b", std::nullopt})
					   .Target({1, 3, 9, 7})
					   .Build();
	// Prior 5 with the weight of 10 rows.
	std::vector<float> column = Columns(data, R"({"c": {"encode": "target"}})")[0];
	EXPECT_FLOAT_EQ(column[0], 54.0f / 12);
	EXPECT_FLOAT_EQ(column[2], 59.0f / 11);
	EXPECT_FLOAT_EQ(column[3],
					float((54.0 / 12 * 2 + 59.0 / 11) / 3)); // mean of the encoded values
	EXPECT_TRUE(std::isnan(Columns(data, R"({"c": {"encode": "target"}})", kTrees)[0][3]));
}

TEST(Preprocessing, ManyCategoriesAreTargetEncodedAndRareOnesPooled) {
	Texts texts;
	std::vector<double> y;
	for (int i = 0; i < 400; i++) {
		texts.push_back(i < 200 ? "frequent" : "id" + std::to_string(i));
		y.push_back(i < 200 ? 0 : 10);
	}
	Dataset data = test::DatasetBuilder().Text("c", texts).Target(y).Build();
	auto columns = Columns(data, "{}", kTrees);
	ASSERT_EQ(columns.size(), 1u);
	EXPECT_FLOAT_EQ(columns[0][0], 50.0f / 210);
	EXPECT_EQ(columns[0][300], 5);
	EXPECT_EQ(columns[0][399], 5);
}

TEST(Preprocessing, CategoriesOfOtherRowsAreUnknown) {
	// A subset shares the dictionary of the whole, but only its own categories count.
	Dataset data = test::DatasetBuilder()
					   .Text("c", {"a", "b", "c", "a"})
					   .Target({1, 2, 3, 4})
					   .Build()
					   .Subset({0, 2, 3});
	FittedPreprocessor fitted;
	auto columns = Columns(data, "{}", kLinear, &fitted);
	EXPECT_EQ(columns.size(), 2u);
	EXPECT_EQ(fitted.categories[0].Find("b"), HashIndex::kAbsent);
	EXPECT_EQ(columns[1], (std::vector<float>{0, 1, 0}));
}

TEST(Preprocessing, StarIsTheDefaultForAllColumns) {
	Dataset data =
		test::DatasetBuilder().Number("a", {1, 3}).Number("b", {1, 3}).Target({1, 2}).Build();
	auto columns = Columns(data, R"({"*": {"scale": "standard"}, "b": {}})");
	EXPECT_EQ(columns[0], (std::vector<float>{-1, 1}));
	EXPECT_EQ(columns[1], (std::vector<float>{1, 3}));
}

TEST(Preprocessing, RefusesBadWishes) {
	Dataset data =
		test::DatasetBuilder().Number("a", {1, 3}).Text("t", {"x", "y"}).Target({1, 2}).Build();
	const std::pair<const char *, const char *> cases[] = {
		{R"({"b": {}})", "The features are: a, t"},
		{R"({"a": {"scal": "standard"}})", "encode, impute, scale"},
		{R"({"a": {"scale": "big"}})", "preserve, standard, min_max, max_abs, robust"},
		{R"({"a": {"impute": 3}})", "error, mean, median, mode, min, max, zero"},
		{R"({"t": {"encode": "hash"}})", "native, target, one_hot"},
		{R"({"a": {"encode": "one_hot"}})", "is not text"},
		{R"({"a": 3})", "JSON object"},
		{R"(3)", "JSON object"},
		{R"({)", "not valid JSON"},
	};
	for (auto [json, expected] : cases)
		EXPECT_NE(ErrorOf(data, json).find(expected), std::string::npos)
			<< json << ": " << ErrorOf(data, json);
}

TEST(Preprocessing, TooManyColumns) {
	Texts texts;
	for (int i = 0; i < 70000; i++)
		texts.push_back(std::to_string(i));
	Dataset data =
		test::DatasetBuilder().Text("t", texts).Target(std::vector<double>(70000)).Build();
	EXPECT_NE(ErrorOf(data, R"({"t": {"encode": "one_hot"}})").find("65536"), std::string::npos);
}

} // namespace pgml
