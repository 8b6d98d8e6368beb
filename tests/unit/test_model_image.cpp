// Models that predict from an image: the same answers as the model that it was made of, bit for bit.
#include <gtest/gtest.h>

#include <cstring>

#include "datasets.h"
#include "artefact/model_impl.h"
#include "pgml/error.h"
#include "pgml/evaluator.h"
#include "pgml/model_image.h"
#include "pgml/train.h"

namespace pgml {

using test::Options;

namespace {

/// Memory as a mapping gives it.
class Mapped {
public:
	explicit Mapped(const Model &model) {
		auto image = ModelImage::Make(model);
		if (image == nullptr)
			return;
		size_ = image->size();
		std::memset(memory_.Reserve(size_), 0xAA, size_);
		image->CopyTo(data());
	}
	std::byte *
	data() {
		return static_cast<std::byte *>(memory_.Reserve(size_));
	}
	size_t
	size() const {
		return size_;
	}
	std::unique_ptr<const Model>
	Open() {
		return ModelImage::Open({data(), size_});
	}

private:
	AlignedBuffer memory_;
	size_t size_ = 0;
};

template <typename T>
void
ExpectSameBits(const std::vector<T> &a, const std::vector<T> &b, const std::string &what) {
	ASSERT_EQ(a.size(), b.size());
	EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(T)), 0) << what;
}

void
ExpectSameAnswers(const Model &model, const Model &opened, MatrixView raw,
				  const std::string &what) {
	EXPECT_EQ(opened.task(), model.task());
	EXPECT_EQ(opened.algorithm(), model.algorithm());
	EXPECT_EQ(opened.raw_width(), model.raw_width());
	EXPECT_EQ(opened.class_labels(), model.class_labels());
	EXPECT_EQ(opened.class_values(), model.class_values());
	EXPECT_EQ(opened.RowCost(), model.RowCost());
	EXPECT_EQ(opened.UsedFeatures(), model.UsedFeatures());
	EXPECT_EQ(opened.n_trees(), model.n_trees());
	ASSERT_EQ(opened.margin_groups(), model.margin_groups());
	ASSERT_EQ(opened.features().size(), model.features().size());
	for (size_t f = 0; f < model.features().size(); f++) {
		EXPECT_EQ(opened.features()[f].name, model.features()[f].name);
		if (model.features()[f].type == FeatureType::kText) {
			EXPECT_EQ(opened.CategoryCode(f, "red"), model.CategoryCode(f, "red"));
		}
	}
	Workspace work;
	std::vector<float> margins[2] = {std::vector<float>(raw.rows * model.margin_groups()), {}};
	margins[1] = margins[0];
	model.Margins(raw, work, margins[0].data());
	opened.Margins(raw, work, margins[1].data());
	ExpectSameBits(margins[0], margins[1], what + ": margins");
	ExpectSameBits(test::Predict(model, raw), test::Predict(opened, raw), what);
	if (model.task() != Task::kClassification)
		return;
	std::vector<int32_t> classes[2] = {std::vector<int32_t>(raw.rows),
									   std::vector<int32_t>(raw.rows)};
	model.PredictClass(raw, work, classes[0].data());
	opened.PredictClass(raw, work, classes[1].data());
	ExpectSameBits(classes[0], classes[1], what + ": classes");
	std::vector<float> shares[2] = {std::vector<float>(raw.rows * model.class_labels().size()), {}};
	shares[1] = shares[0];
	model.PredictProbabilities(raw, work, shares[0].data());
	opened.PredictProbabilities(raw, work, shares[1].data());
	ExpectSameBits(shares[0], shares[1], what + ": probabilities");
}

/// Three numbers, one of them often missing, and a colour.
Dataset
Coloured(size_t n_classes) {
	std::mt19937 random(7);
	std::normal_distribution<float> normal;
	std::vector<float> a, b;
	std::vector<std::optional<std::string>> colours;
	std::vector<double> target;
	const char *const names[] = {"red", "green", "blue"};
	for (size_t row = 0; row < 400; row++) {
		a.push_back(normal(random));
		b.push_back(row % 5 == 0 ? NAN : normal(random));
		if (row % 7 == 0)
			colours.emplace_back();
		else
			colours.emplace_back(names[row % 3]);
		double value = a.back() + 0.3 * double(row % 3) + (row % 5 == 0 ? 1 : 0.5 * b.back());
		target.push_back(
			n_classes == 0 ? value : std::clamp(std::floor(value + 1), 0.0, double(n_classes - 1)));
	}
	test::DatasetBuilder builder;
	return builder.Number("a", a).Number("b", b).Text("colour", colours).Target(target).Build();
}

} // namespace

TEST(ModelImage, AnswersAsTheModelDoes) {
	for (size_t n_classes : {0, 2, 3}) {
		Dataset data = Coloured(n_classes);
		Task task = n_classes == 0 ? Task::kRegression : Task::kClassification;
		for (const char *algorithm : {"xgboost", "random_forest", "extra_trees",
									  "gradient_boosting_trees", "hist_gradient_boosting"}) {
			auto trained = Train(data, Options(algorithm, task));
			auto model = Model::Decode(trained->Encode());
			Mapped mapped(*model);
			ASSERT_GT(mapped.size(), 0u) << algorithm;
			auto opened = mapped.Open();
			ExpectSameAnswers(*model, *opened, data.raw.view(),
							  std::string(algorithm) + " " + std::to_string(n_classes));
		}
	}
}

TEST(ModelImage, RunsOnEveryEngine) {
	Dataset data = Coloured(0);
	auto trained = Train(data, Options("xgboost", Task::kRegression));
	Mapped mapped(*trained);
	auto opened = mapped.Open();
	for (Evaluator evaluator :
		 {Evaluator::kPortable, Evaluator::kAvx2, Evaluator::kAvx512, Evaluator::kWalker}) {
		if (!SetEvaluator(evaluator))
			continue;
		// There are no nodes to walk: it says what it does instead.
		EXPECT_STREQ(
			opened->evaluator(),
			EvaluatorName(evaluator == Evaluator::kWalker ? Evaluator::kPortable : evaluator));
		ExpectSameAnswers(*trained, *opened, data.raw.view(), EvaluatorName(evaluator));
	}
	SetEvaluator(Evaluator::kAuto);
}

TEST(ModelImage, OnlyTreesHaveOne) {
	Dataset data = Coloured(0);
	for (const char *algorithm : {"linear", "knn", "svm"}) {
		auto trained = Train(data, Options(algorithm, Task::kRegression));
		EXPECT_EQ(ModelImage::Make(*trained), nullptr) << algorithm;
	}
}

// An image is trusted, but what is plainly none must not be run.
TEST(ModelImage, RefusesWhatIsNone) {
	Dataset data = Coloured(0);
	auto trained = Train(data, Options("xgboost", Task::kRegression));
	Mapped mapped(*trained);
	auto refused = [&](std::span<const std::byte> bytes) {
		try {
			ModelImage::Open(bytes);
		} catch (const Error &error) {
			return error.code() == ErrorCode::kCorruptModel;
		}
		return false;
	};
	std::byte *bytes = mapped.data();
	EXPECT_FALSE(refused({bytes, mapped.size()}));
	for (size_t size : {size_t{0}, size_t{8}, size_t{63}, mapped.size() - 1})
		EXPECT_TRUE(refused({bytes, size})) << size;
	EXPECT_TRUE(refused({bytes + 8, mapped.size() - 8})) << "not aligned";
	// The header, and the first bytes of the head: a checksum covers the rest of it.
	for (size_t at = 0; at < 100; at++) {
		if ((at >= 48 && at < 64) || (at >= 72 && at < 76))
			continue; // row cost, vote scale, padding: any value is one; the version, which says more
		bytes[at] ^= std::byte{0x41};
		EXPECT_TRUE(refused({bytes, mapped.size()})) << "byte " << at;
		bytes[at] ^= std::byte{0x41};
	}
}

} // namespace pgml
