// The fuzz targets. A model that a parser accepts is used in every way that SQL can use it.
#include "targets.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <zlib.h>

#include "base/codec.h"
#include "training/hyperparameters.h"
#include "pgml/error.h"
#include "pgml/evaluate.h"
#include "pgml/import.h"
#include "pgml/model.h"
#include "pgml/train.h"
#include "data/preprocessing.h"

namespace pgml::fuzz {

namespace {

[[noreturn]] void
Fail(const char *what) {
	std::fprintf(stderr, "%s\n", what);
	std::abort();
}

/// Runs `use`; errors for the user are fine, all else is a find.
template <typename Use>
void
Tolerant(const Use &use) {
	try {
		use();
	} catch (const Error &error) {
		if (error.code() == ErrorCode::kInternal || std::strlen(error.what()) > 1000)
			Fail(error.what());
	}
}

void
Predict(const Model &model) {
	size_t width = model.raw_width();
	if (width > 5000)
		return;
	constexpr float kValues[] = {0,
								 1,
								 -1,
								 2.5f,
								 NAN,
								 HUGE_VALF,
								 -HUGE_VALF,
								 1e-40f,
								 31,
								 32,
								 1e9f,
								 -0.0f,
								 std::numeric_limits<float>::max()};
	constexpr size_t kRows = 7;
	Matrix raw(width, kRows);
	raw.Resize(kRows);
	for (size_t col = 0; col < width; col++)
		for (size_t row = 0; row < kRows; row++)
			raw.column(col)[row] = kValues[(col * 5 + row * 3) % std::size(kValues)];
	Workspace work;
	std::vector<float> floats(kRows * std::max(model.margin_groups(), model.class_labels().size()));
	std::vector<double> values(kRows);
	std::vector<int32_t> classes(kRows);
	Tolerant([&] { model.Margins(raw.view(), work, floats.data()); });
	Tolerant([&] { model.Predict(raw.view(), work, values.data()); });
	Tolerant([&] {
		model.PredictClass(raw.view(), work, classes.data());
		for (int32_t own : classes)
			if (own < 0 || static_cast<size_t>(own) >= model.class_labels().size())
				Fail("a class that does not exist");
	});
	Tolerant([&] { model.PredictProbabilities(raw.view(), work, floats.data()); });
	std::vector<float> vectors(raw.rows() * model.vector_size());
	Tolerant([&] { model.PredictVector(raw.view(), work, vectors.data()); });
}

/// @param is_canonical  the bytes are an artefact, which storing must give again
void
Use(const Model &model, std::span<const std::byte> bytes, bool is_canonical) {
	std::vector<std::byte> stored = model.Encode();
	if (is_canonical && !std::equal(stored.begin(), stored.end(), bytes.begin(), bytes.end()))
		Fail("an artefact that is not stored as it was read");
	if (Model::Decode(stored)->Encode() != stored)
		Fail("a model that does not survive being stored");
	Predict(model);
	if (!(model.RowCost() >= 1))
		Fail("a model without cost");
	Tolerant([&] { DescribeModelToJson(model); });
	Tolerant([&] {
		for (const FeatureImportance &feature : FeatureImportances(model, ""))
			if (!(feature.importance >= 0 && feature.importance <= 1 + 1e-9))
				Fail("an importance that is no share");
	});
	for (size_t f = 0; f < std::min<size_t>(model.features().size(), 100); f++)
		model.CategoryCode(f, "a");
}

template <typename Parser>
int
Import(const uint8_t *data, size_t size, Parser parse) {
	std::span bytes(reinterpret_cast<const std::byte *>(data), size);
	Tolerant([&] { Use(*parse(bytes), bytes, false); });
	return 0;
}

/// A table of each kind of column, for the preprocessing to look at.
Dataset
SmallData() {
	Dataset data;
	data.features = {{"x", FeatureType::kNumber, 1},
					 {"b", FeatureType::kBoolean, 1},
					 {"t", FeatureType::kText, 1},
					 {"v", FeatureType::kNumber, 2}};
	data.dictionaries.resize(4);
	constexpr size_t kRows = 12;
	data.raw = Matrix(5, kRows);
	data.raw.Resize(kRows);
	const char *texts[] = {"low", "mid", "high", ""};
	for (size_t row = 0; row < kRows; row++) {
		data.raw.column(0)[row] = row % 5 == 0 ? NAN : static_cast<float>(row);
		data.raw.column(1)[row] = static_cast<float>(row % 2);
		data.raw.column(2)[row] =
			row == 3 ? NAN : static_cast<float>(data.dictionaries[2].CodeOf(texts[row % 4]));
		data.raw.column(3)[row] = static_cast<float>(row) * 0.5f;
		data.raw.column(4)[row] = 7;
		data.target.push_back(static_cast<double>(row));
	}
	return data;
}

/// Reads parameters of every type, as the algorithms do.
void
ReadHyperparameters(const std::string &json) {
	Hyperparameters from("fuzz", json);
	from.Real({"a", "alpha"}, 1, 0, 10);
	from.OptionalReal({"b"}, -HUGE_VAL, HUGE_VAL, Hyperparameters::Bound::kExclusiveLow);
	from.Integer({"n", "n_estimators"}, 5, 1, 100000);
	from.NullableInteger({"max_depth"}, 3, 1, 64);
	if (auto amount = from.OptionalAmount({"max_features"}, 1, {"sqrt", "null"}))
		if (amount->Of(100, 1) > 100)
			Fail("more than there is");
	from.Flag({"flag"}, false);
	std::string word;
	from.RealOrChoice({"gamma"}, "scale", {"scale", "auto"}, 0, 10,
					  Hyperparameters::Bound::kInclusive, word);
	if (from.Integers({"layers"}, {3}, 1, 1000, 8).size() > 8)
		Fail("more numbers than there may be");
	from.Seed(1);
	from.Choice({"loss"}, "l2", {"l1", "l2"});
	from.Finish();
}

} // namespace

/// Byte 0 picks the format version, the rest is the payload: the container's checksum would stop every mutation.
int
FuzzArtefact(const uint8_t *data, size_t size) {
	if (size == 0)
		return 0;
	std::vector<std::byte> bytes;
	auto put = [&](uint64_t value, int width) {
		for (int i = 0; i < width; i++)
			bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
	};
	for (char c : {'P', 'G', 'M', 'L', 'M', 'O', 'D', 'L'})
		bytes.push_back(static_cast<std::byte>(c));
	uint32_t version = kModelFormatVersion - data[0] % kModelFormatVersion;
	put(version, 4);
	put(crc32_z(crc32_z(0, nullptr, 0), data + 1, size - 1), 4);
	put(size - 1, 8);
	auto *payload = reinterpret_cast<const std::byte *>(data) + 1;
	bytes.insert(bytes.end(), payload, payload + size - 1);
	Tolerant([&] { Use(*Model::Decode(bytes), bytes, version == kModelFormatVersion); });
	return 0;
}

int
FuzzXgboostJson(const uint8_t *data, size_t size) {
	return Import(data, size, ImportXgboost);
}

int
FuzzXgboostUbjson(const uint8_t *data, size_t size) {
	return Import(data, size, ImportXgboost);
}

int
FuzzLightgbm(const uint8_t *data, size_t size) {
	return Import(data, size, ImportLightgbm);
}

/// Two JSON texts, of hyperparameters and preprocessing, are the same text here: each refuses what it does not know.
int
FuzzSettings(const uint8_t *data, size_t size) {
	std::string json(reinterpret_cast<const char *>(data), size);
	Tolerant([&] { ReadHyperparameters(json); });
	Tolerant([&] {
		static const Dataset *const dataset = new Dataset(SmallData());
		std::vector<std::vector<float>> outcomes(1);
		outcomes[0].assign(dataset->target.begin(), dataset->target.end());
		FittedPreprocessor fitted = FitPreprocessor(*dataset, json, outcomes, {}, StopToken());
		Matrix columns;
		fitted.preprocessor.Apply(dataset->raw.view(), &fitted.maps, columns);
	});
	return 0;
}

} // namespace pgml::fuzz
