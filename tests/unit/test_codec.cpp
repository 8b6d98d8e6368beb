// The artefact format: round trips, every kind of damage, and thousands of random mutations with a
// valid checksum, so that the parser itself is reached. A damaged artefact gives an error or a
// model that is safe to use; it never crashes, hangs or makes the reader allocate much more than
// the bytes it was given.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include <zlib.h>

#include "base/codec.h"
#include "datasets.h"
#include "artefact/model_impl.h"
#include "pgml/error.h"
#include "pgml/train.h"
#include "trees/trees.h"

namespace {
std::atomic<size_t> allocated_bytes;
}

// Counts what the whole test program allocates. noinline: g++ 12 else sees malloc and delete and warns.
__attribute__((noinline)) void *
operator new(size_t size) {
	allocated_bytes += size;
	if (void *result = std::malloc(size == 0 ? 1 : size))
		return result;
	throw std::bad_alloc();
}
__attribute__((noinline)) void *
operator new(size_t size, const std::nothrow_t &) noexcept {
	allocated_bytes += size;
	return std::malloc(size == 0 ? 1 : size);
}
__attribute__((noinline)) void
operator delete(void *pointer) noexcept {
	std::free(pointer);
}
__attribute__((noinline)) void
operator delete(void *pointer, size_t) noexcept {
	std::free(pointer);
}

namespace pgml {

using test::Options;

namespace {

using Bytes = std::vector<std::byte>;

constexpr size_t kHeader = 24;

void
Put(Bytes &bytes, size_t at, uint64_t value, int size) {
	for (int i = 0; i < size; i++)
		bytes[at + size_t(i)] = std::byte(value >> (8 * i));
}

/// Makes length and checksum of the container right again.
void
FixHeader(Bytes &bytes) {
	uLong crc =
		crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef *>(bytes.data()) + kHeader,
				bytes.size() - kHeader);
	Put(bytes, 12, crc, 4);
	Put(bytes, 16, bytes.size() - kHeader, 8);
}

Dataset
MixedData(int n_classes) {
	std::mt19937 random(5);
	std::vector<float> x, flag;
	std::vector<std::optional<std::string>> city, code;
	std::vector<double> y;
	for (int i = 0; i < 300; i++) {
		x.push_back(i % 11 == 0 ? NAN : float(random() % 1000));
		flag.push_back(float(random() % 2));
		const char *names[] = {"Oslo", "Bergen", "", "Tromsø"};
		city.push_back(i % 17 == 0 ? std::nullopt
								   : std::optional<std::string>(names[random() % 4]));
		code.push_back("c" + std::to_string(random() % 150));
		y.push_back(n_classes > 0 ? double(random() % unsigned(n_classes))
								  : double(random() % 1000));
	}
	return test::DatasetBuilder()
		.Number("x", x)
		.Number("flag", flag, FeatureType::kBoolean)
		.Text("city", city)
		.Text("code", code)
		.Target(y)
		.Build();
}

/// Trees with categorical splits of every kind, whatever is known of the splits.
Bytes
CategoricalArtefact(std::vector<float> gains, std::vector<float> covers) {
	const TreeNode leaf{1, TreeNode::kLeaf};
	auto trees = std::make_unique<TreeEnsemble>(2, std::vector<float>{0.5f});
	for (uint32_t word : {0u, 5u, 0x80000001u}) {
		TreeParts parts;
		const uint32_t words[] = {word, word, 0};
		parts.nodes = {TreeNode::Categorical(0, TreeNode::kDefaultLeft, parts.AddSet(words)),
					   {2, 1},
					   TreeNode::Categorical(1, 0, parts.AddSet({})),
					   leaf,
					   leaf,
					   leaf,
					   leaf};
		parts.gains = gains;
		parts.covers = covers;
		EXPECT_EQ(trees->AddTree(0, parts), nullptr);
		EXPECT_EQ(trees->AddTree(0, {leaf}), nullptr);
	}
	ModelParts parts;
	parts.algorithm = "xgboost";
	for (const char *name : {"a", "b"}) {
		parts.features.push_back({name, FeatureType::kNumber, 1});
		FeatureTransform transform;
		transform.columns.resize(1);
		parts.preprocessor.Add(std::move(transform));
	}
	parts.categories.resize(2);
	parts.learner = std::move(trees);
	EXPECT_EQ(parts.Inconsistency(), nullptr);
	return ModelImpl(std::move(parts)).Encode();
}

/// Artefacts of every shape.
const std::vector<Bytes> &
Artefacts() {
	static const std::vector<Bytes> artefacts = [] {
		std::vector<Bytes> result;
		const char *scale =
			R"({"x": {"scale": "standard", "impute": "median"}, "city": {"impute": "mode"}})";
		auto add = [&](const char *algorithm, int n_classes, const char *parameters,
					   const char *preprocess) {
			Task task = n_classes > 0 ? Task::kClassification : Task::kRegression;
			result.push_back(
				Train(MixedData(n_classes), Options(algorithm, task, parameters, preprocess))
					->Encode());
		};
		add("linear", 0, "{}", scale);
		add("linear", 2, "{}", "{}");
		add("linear", 4, "{}", "{}");
		add("ridge", 3, "{}", "{}");
		const char *few = R"({"n_estimators": 4, "max_depth": 3})";
		add("xgboost", 0, few, "{}");
		add("xgboost", 2, few, scale);
		add("xgboost", 3, few,
			R"({"city": {"encode": {"ordinal": ["", "Bergen", "Oslo", "Tromsø"]}}})");
		add("knn", 0, R"({"weights": "distance"})", "{}");
		add("knn", 3, R"({"p": 3})", "{}");
		add("svm", 0, "{}", scale);
		add("svm", 2, R"({"kernel": "sigmoid"})", scale);
		add("svm", 4, R"({"kernel": "poly", "break_ties": true})", scale);
		add("nu_svm", 4, R"({"gamma": 1000, "nu": 0.2})", scale);
		const char *network = R"({"hidden_layer_sizes": [6, 4], "max_iter": 3})";
		add("mlp", 0, network, scale);
		add("mlp", 3, network, scale);
		result.push_back(CategoricalArtefact({}, {}));
		result.push_back(CategoricalArtefact({1, 2, 3}, {4, 5, 6}));
		result.push_back(CategoricalArtefact({}, {4, 5, 6}));
		Dataset unlabelled = MixedData(0);
		unlabelled.n_targets = 0;
		unlabelled.target.clear();
		const char *native = R"({"code": {"encode": "native"}})";
		result.push_back(Train(unlabelled, Options("mini_batch_kmeans", Task::kClustering,
												   R"({"n_clusters": 5})", native))
							 ->Encode());
		result.push_back(
			Train(unlabelled, Options("pca", Task::kDecomposition,
									  R"({"n_components": 3, "whiten": true})", native))
				->Encode());
		Dataset joint = MixedData(0);
		joint.n_targets = 2;
		for (size_t row = joint.rows(); row-- > 0;)
			joint.target.insert(joint.target.begin() + ptrdiff_t(row), double(row % 7));
		for (const char *algorithm : {"ridge", "knn", "xgboost"})
			result.push_back(
				Train(joint, Options(algorithm, Task::kRegression,
									 algorithm == std::string("xgboost") ? few : "{}", scale))
					->Encode());
		return result;
	}();
	return artefacts;
}

/// Decodes; uses the model when the bytes are accepted. @return whether they were
bool
Exercise(const Bytes &bytes) {
	std::unique_ptr<const Model> model;
	size_t before = allocated_bytes;
	try {
		model = Model::Decode(bytes);
	} catch (const Error &e) {
		EXPECT_TRUE(e.code() == ErrorCode::kCorruptModel || e.code() == ErrorCode::kNotSupported)
			<< e.what();
		EXPECT_LE(allocated_bytes - before, 150 * bytes.size() + 10000);
		return false;
	}
	EXPECT_LE(allocated_bytes - before, 150 * bytes.size() + 10000);
	EXPECT_EQ(model->Encode(), bytes);
	if (model->raw_width() > 1000)
		return true;
	Matrix raw(model->raw_width(), 5);
	raw.Resize(5);
	const float values[] = {0, 3, NAN, -1, HUGE_VALF};
	for (size_t col = 0; col < raw.cols(); col++)
		std::copy_n(values, 5, raw.column(col));
	Workspace work;
	double predicted[5];
	std::vector<float> vectors(5 * model->vector_size());
	if (vectors.empty())
		model->Predict(raw.view(), work, predicted);
	else
		model->PredictVector(raw.view(), work, vectors.data());
	std::vector<float> margins(5 * model->margin_groups());
	model->Margins(raw.view(), work, margins.data());
	if (model->task() == Task::kClassification) {
		std::vector<int32_t> classes(5);
		model->PredictClass(raw.view(), work, classes.data());
		for (int32_t c : classes)
			EXPECT_LT(size_t(c), model->class_labels().size());
		std::vector<float> probabilities(5 * model->class_labels().size());
		try {
			model->PredictProbabilities(raw.view(), work, probabilities.data());
		} catch (const Error &e) {
			EXPECT_EQ(e.code(), ErrorCode::kNotSupported);
		}
	}
	EXPECT_GE(model->RowCost(), 1);
	return true;
}

} // namespace

TEST(Codec, RoundTrip) {
	for (const Bytes &bytes : Artefacts())
		EXPECT_TRUE(Exercise(bytes));
}

TEST(Codec, DecodedModelPredictsTheSame) {
	for (int n_classes : {0, 2, 4})
		for (const char *algorithm : {"linear", "xgboost", "knn", "svm", "mlp"}) {
			Dataset data = MixedData(n_classes);
			auto model = Train(data, Options(algorithm, n_classes > 0 ? Task::kClassification
																	  : Task::kRegression));
			auto decoded = Model::Decode(model->Encode());
			EXPECT_EQ(decoded->algorithm(), algorithm);
			EXPECT_EQ(decoded->features().size(), 4u);
			EXPECT_EQ(decoded->CategoryCode(2, "Oslo"), model->CategoryCode(2, "Oslo"));
			EXPECT_FALSE(std::isnan(decoded->CategoryCode(2, "")));
			EXPECT_TRUE(std::isnan(decoded->CategoryCode(2, "Paris")));
			EXPECT_EQ(test::Predict(*model, data.raw.view()),
					  test::Predict(*decoded, data.raw.view()));
		}
}

TEST(Codec, EveryTruncationIsRefused) {
	for (const Bytes &bytes : Artefacts())
		for (size_t length = 0; length<bytes.size(); length += bytes.size()> 4000 ? 7 : 1) {
			Bytes cut(bytes.begin(), bytes.begin() + ptrdiff_t(length));
			EXPECT_FALSE(Exercise(cut)) << length;
			if (length >= kHeader) {
				FixHeader(cut);
				EXPECT_FALSE(Exercise(cut)) << length;
			}
		}
}

TEST(Codec, DamageWithoutFixedChecksumIsAlwaysFound) {
	const Bytes &bytes = Artefacts()[5];
	for (size_t at = 0; at < bytes.size(); at++) {
		Bytes damaged = bytes;
		damaged[at] ^= std::byte(1 << (at % 8));
		EXPECT_FALSE(Exercise(damaged)) << at;
	}
}

TEST(Codec, TrailingBytesAreRefused) {
	Bytes bytes = Artefacts()[0];
	bytes.push_back(std::byte(0));
	FixHeader(bytes);
	EXPECT_FALSE(Exercise(bytes));
}

TEST(Codec, NewerVersionSaysSo) {
	Bytes bytes = Artefacts()[0];
	Put(bytes, 8, kModelFormatVersion + 1, 4);
	try {
		Model::Decode(bytes);
		FAIL();
	} catch (const Error &e) {
		EXPECT_EQ(e.code(), ErrorCode::kNotSupported);
		EXPECT_FALSE(e.hint().empty());
	}
}

TEST(Codec, FirstVersionStaysReadable) {
	// Two trees of algorithm "xgboost" on a number "x" and a text "t", as the first version stored them.
	const std::string_view hex = "50474d4c4d4f444c010000001ca032ddcb0000000000000000070000007867626"
								 "f6f737400020000000100000078"
								 "00010000000100000074020100000002000000010000006101000000620000"
								 "02ffffffff0003000000010000009a99b93f02000000000000000700000001000"
								 "0000000803f000000000000a041"
								 "000000800000a841ffffffff8ba6523bffffffff3846903effffffff5fbaa9bef"
								 "fffffff6866e6bd000000000700"
								 "0000010000000000803f000000000000b841000000800000a841ffffffffc5084"
								 "63cffffffff0f21653effffffff"
								 "8acd77beffffffffd1ccacbd";
	Bytes bytes;
	for (size_t i = 0; i < hex.size(); i += 2)
		bytes.push_back(std::byte(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
	auto model = Model::Decode(bytes);
	const std::vector<float> raw = {3, 30, NAN, 0, 1, NAN};
	EXPECT_EQ(test::Predict(*model, {raw.data(), 3, 2, 3}),
			  (std::vector<double>{0x1.c0c544p-1, 0x1.f49e94p+0, 0x1.f49e94p+0}));
	Bytes now = model->Encode();
	EXPECT_EQ(now[8], std::byte(kModelFormatVersion));
	EXPECT_EQ(Model::Decode(now)->Encode(), now);
	for (size_t at = kHeader; at < bytes.size(); at++) { // categories are no part of that version
		Bytes damaged = bytes;
		damaged[at] ^= std::byte(0x40);
		FixHeader(damaged);
		try {
			Model::Decode(damaged);
		} catch (const Error &e) {
			EXPECT_EQ(e.code(), ErrorCode::kCorruptModel);
		}
	}
}

TEST(Codec, RandomMutations) {
	std::mt19937 random(20240607);
	const uint32_t interesting[] = {0,          1,          2,          0x7f,       0x80,
									0xff,       0x7fffffff, 0x80000000, 0xffffffff, 0x7fc00000,
									0x7f800000, 0xff800000, 65536,      0x10000000, 0xfffffffe};
	size_t accepted = 0, refused = 0;
	for (int i = 0; i < 12000; i++) {
		Bytes bytes = Artefacts()[random() % Artefacts().size()];
		int changes = 1 + int(random() % 4);
		for (int k = 0; k < changes; k++) {
			// Most structure lies near the front.
			size_t span = random() % 2 ? bytes.size() - kHeader
									   : std::min<size_t>(bytes.size() - kHeader, 200);
			if (span < 8)
				break;
			size_t at = kHeader + random() % (span - 4);
			switch (random() % 6) {
				case 0:
					bytes[at] = std::byte(random());
					break;
				case 1:
					bytes[at] ^= std::byte(1u << random() % 8);
					break;
				case 2:
					Put(bytes, at, interesting[random() % std::size(interesting)], 4);
					break;
				case 3:
					bytes.erase(bytes.begin() + ptrdiff_t(at),
								bytes.begin() + ptrdiff_t(at + random() % 4));
					break;
				case 4:
					bytes.insert(bytes.begin() + ptrdiff_t(at), random() % 9, std::byte(random()));
					break;
				case 5: {
					size_t from = kHeader + random() % (span - 4), length = random() % (span - 4);
					length = std::min({length, bytes.size() - from, bytes.size() - at});
					std::memmove(bytes.data() + at, bytes.data() + from, length);
					break;
				}
			}
		}
		FixHeader(bytes);
		Exercise(bytes) ? accepted++ : refused++;
	}
	// Both outcomes must occur often, else the test does not test.
	EXPECT_GT(accepted, 500u);
	EXPECT_GT(refused, 3000u);
}

TEST(Codec, HugeCountsAllocateNothing) {
	for (uint32_t count : {0xffffffffu, 0x7fffffffu, 1000000u})
		for (size_t at = kHeader; at + 4 <= 200; at++) {
			Bytes bytes = Artefacts()[0];
			Put(bytes, at, count, 4);
			FixHeader(bytes);
			Exercise(bytes);
		}
}

} // namespace pgml
