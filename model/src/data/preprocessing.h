#pragma once
/**
 * Raw features -> the learner's columns: encode, impute, scale. Part of the artefact, so that
 * training and serving run the same code. Statistics come from the training rows only.
 *
 * Output columns: one per element of a number, boolean or table-encoded text feature (a table may
 * have one column per class), or one 0/1 column per category of a one-hot text feature. A missing
 * or unknown category is NaN before imputation (table) or all zeros (one-hot).
 */
#include <cstdint>
#include <string>
#include <vector>

#include "base/codec.h"
#include "pgml/matrix.h"
#include "pgml/model.h"
#include "pgml/stop_token.h"
#include "pgml/train.h"
#include "base/string_table.h"

namespace pgml {

enum class Encoding : uint8_t {
	kNone = 0,
	kTable = 1,
	kOneHot = 2
}; // stored: do not change values

/// What happens to one output column, in this order.
struct ColumnTransform {
	bool has_fill = false;
	bool has_scale = false;
	float fill = 0;    ///< instead of a missing value
	double center = 0; ///< result = (value - center) * factor
	double factor = 1;
	bool
	IsIdentity() const {
		return !has_fill && !has_scale;
	}
};

struct FeatureTransform {
	Encoding encoding = Encoding::kNone;
	size_t raw_column = 0; ///< first raw column
	size_t raw_width = 1;
	size_t first_column = 0; ///< first output column
	size_t width = 1;        ///< output columns
	size_t n_categories = 0;
	std::vector<float> table; ///< kTable: [width][n_categories]
	uint32_t fill_category =
		UINT32_MAX; ///< kOneHot: category of a missing value, >= n_categories: none
	std::vector<ColumnTransform> columns; ///< one per output column; empty for kOneHot
};

class Preprocessor {
public:
	/// Widest learner input: bounds the scratch memory of a prediction.
	static constexpr size_t kMaxWidth = 65536;

	size_t
	raw_width() const {
		return raw_width_;
	}
	size_t
	width() const {
		return width_;
	}
	/// True when the raw matrix can be handed to the learner as it is.
	bool
	identity() const {
		return identity_;
	}
	/// True when every output column is a raw column, changed or not.
	bool
	keeps_columns() const {
		return keeps_columns_;
	}
	const std::vector<FeatureTransform> &
	features() const {
		return features_;
	}

	/// Appends a feature; fixes its column positions.
	/// @throws Error(kLimitExceeded) beyond kMaxWidth columns
	void Add(FeatureTransform feature);

	/// Training codes -> model codes per feature; empty for features without text.
	using CodeMaps = std::vector<std::vector<float>>;

	/// @param maps  nullptr: text features already hold the model's codes
	/// @param out   resized to [raw.rows, width]
	void Apply(MatrixView raw, const CodeMaps *maps, Matrix &out) const;
	/// One feature of Apply(); `out` has raw.rows rows.
	void ApplyFeature(const FeatureTransform &feature, MatrixView raw,
					  const std::vector<float> *map, Matrix &out) const;

	/// Apply() where keeps_columns().
	void ApplyInPlace(Matrix &columns, const StopToken &stop) const;

	void Encode(Writer &writer) const;
	static Preprocessor Decode(Reader &reader, const std::vector<FeatureSpec> &specs,
							   const std::vector<StringTable> &categories);

private:
	std::vector<FeatureTransform> features_;
	size_t raw_width_ = 0, width_ = 0;
	bool identity_ = true, keeps_columns_ = true;
};

/// What learners want when the user says nothing.
struct PreprocessDefaults {
	bool impute_mean = true;        ///< false: missing values stay NaN (trees)
	size_t max_one_hot = 100;       ///< more categories than that are target-encoded
	size_t target_min_members = 10; ///< rarer categories get the overall mean then
};

struct FittedPreprocessor {
	Preprocessor preprocessor;
	std::vector<StringTable> categories; ///< per feature, sorted by bytes; empty for non-text
	Preprocessor::CodeMaps maps;
};

/**
 * Decides encodings and computes statistics.
 * @param json      the user's wishes, see TrainOptions::preprocess_json
 * @param outcomes  what target encoding averages: one vector of length rows for each target of a regression,
 * one for two classes (the indicator of the second), one indicator per class otherwise; none without a target
 */
FittedPreprocessor FitPreprocessor(const Dataset &data, const std::string &json,
								   const std::vector<std::vector<float>> &outcomes,
								   const PreprocessDefaults &defaults, const StopToken &stop);

} // namespace pgml
