// Applying and storing a Preprocessor. Fitting is in preprocessing_fit.cpp.
#include "data/preprocessing.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "pgml/error.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

/// The category of a raw cell, n_categories when it is missing or unknown.
inline size_t
CategoryOf(float code, const std::vector<float> *map, size_t n_categories) {
	if (map != nullptr)
		code = code >= 0 && code < static_cast<float>(map->size())
				   ? (*map)[static_cast<size_t>(code)]
				   : kMissing;
	return code >= 0 && code < static_cast<float>(n_categories) ? static_cast<size_t>(code)
																: n_categories;
}

void
TransformColumn(const ColumnTransform &transform, size_t rows, float *values) {
	if (transform.has_fill)
		for (size_t row = 0; row < rows; row++)
			values[row] = std::isnan(values[row]) ? transform.fill : values[row];
	if (transform.has_scale)
		for (size_t row = 0; row < rows; row++)
			values[row] = static_cast<float>((values[row] - transform.center) * transform.factor);
}

} // namespace

void
Preprocessor::Add(FeatureTransform feature) {
	feature.raw_column = raw_width_;
	feature.first_column = width_;
	if (feature.width > kMaxWidth - width_)
		throw Error(ErrorCode::kLimitExceeded,
					fmt::format("features need more than {} columns after encoding", kMaxWidth), "",
					"Encode text columns with many values as \"target\" instead of \"one_hot\".");
	raw_width_ += feature.raw_width;
	width_ += feature.width;
	if (feature.encoding != Encoding::kNone)
		identity_ = keeps_columns_ = false;
	for (const ColumnTransform &column : feature.columns)
		if (!column.IsIdentity())
			identity_ = false;
	features_.push_back(std::move(feature));
}

void
Preprocessor::ApplyFeature(const FeatureTransform &feature, MatrixView raw,
						   const std::vector<float> *map, Matrix &out) const {
	size_t rows = raw.rows, n_categories = feature.n_categories;
	if (feature.encoding == Encoding::kNone) {
		for (size_t k = 0; k < feature.width; k++) {
			float *to = out.column(feature.first_column + k);
			std::memcpy(to, raw.column(feature.raw_column + k), rows * sizeof(float));
			TransformColumn(feature.columns[k], rows, to);
		}
		return;
	}
	const float *codes = raw.column(feature.raw_column);
	if (feature.encoding == Encoding::kTable) {
		for (size_t k = 0; k < feature.width; k++) {
			float *to = out.column(feature.first_column + k);
			const float *table = feature.table.data() + k * n_categories;
			for (size_t row = 0; row < rows; row++) {
				size_t category = CategoryOf(codes[row], map, n_categories);
				to[row] = category < n_categories ? table[category] : kMissing;
			}
			TransformColumn(feature.columns[k], rows, to);
		}
		return;
	}
	for (size_t k = 0; k < feature.width; k++)
		std::memset(out.column(feature.first_column + k), 0, rows * sizeof(float));
	for (size_t row = 0; row < rows; row++) {
		size_t category = CategoryOf(codes[row], map, n_categories);
		if (category == n_categories)
			category = feature.fill_category;
		if (category < n_categories)
			out.column(feature.first_column + category)[row] = 1;
	}
}

void
Preprocessor::Apply(MatrixView raw, const CodeMaps *maps, Matrix &out) const {
	if (out.cols() != width_ || out.capacity() < raw.rows)
		out = Matrix(width_, raw.rows);
	out.Resize(raw.rows);
	if (raw.rows == 0)
		return;
	for (size_t f = 0; f < features_.size(); f++) {
		const FeatureTransform &feature = features_[f];
		bool is_text = feature.encoding != Encoding::kNone;
		ApplyFeature(feature, raw, maps != nullptr && is_text ? &(*maps)[f] : nullptr, out);
	}
}

void
Preprocessor::ApplyInPlace(Matrix &columns, const StopToken &stop) const {
	constexpr size_t kTileRows = 1 << 16;
	for (const FeatureTransform &feature : features_)
		for (size_t k = 0; k < feature.width; k++) {
			float *values = columns.column(feature.first_column + k);
			for (size_t first = 0; first < columns.rows(); first += kTileRows) {
				stop.ThrowIfStopped();
				TransformColumn(feature.columns[k], std::min(kTileRows, columns.rows() - first),
								values + first);
			}
		}
}

void
Preprocessor::Encode(Writer &writer) const {
	for (const FeatureTransform &feature : features_) {
		writer.U8(static_cast<uint8_t>(feature.encoding));
		if (feature.encoding == Encoding::kOneHot) {
			writer.U32(feature.fill_category);
			continue;
		}
		if (feature.encoding == Encoding::kTable) {
			writer.Count(feature.width);
			for (float value : feature.table)
				writer.F32(value);
		}
		for (const ColumnTransform &column : feature.columns) {
			writer.U8(static_cast<uint8_t>(column.has_fill | column.has_scale << 1));
			if (column.has_fill)
				writer.F32(column.fill);
			if (column.has_scale) {
				writer.F64(column.center);
				writer.F64(column.factor);
			}
		}
	}
}

Preprocessor
Preprocessor::Decode(Reader &reader, const std::vector<FeatureSpec> &specs,
					 const std::vector<StringTable> &categories) {
	Preprocessor result;
	for (size_t f = 0; f < specs.size(); f++) {
		FeatureTransform feature;
		feature.encoding = static_cast<Encoding>(reader.Enum(3, "encoding"));
		bool is_text = specs[f].type == FeatureType::kText;
		reader.Check(is_text == (feature.encoding != Encoding::kNone),
					 "the encoding does not fit the feature's type");
		feature.raw_width = specs[f].width;
		feature.width = specs[f].width;
		feature.n_categories = categories[f].size();
		if (feature.encoding == Encoding::kOneHot) {
			feature.width = feature.n_categories;
			feature.fill_category = reader.U32();
			reader.Check(feature.fill_category < feature.n_categories ||
							 feature.fill_category == UINT32_MAX,
						 "the fill category does not exist");
		} else if (feature.encoding == Encoding::kTable) {
			feature.width =
				reader.Count(4 * std::max<size_t>(feature.n_categories, 1), "encoding columns");
			reader.Check(feature.width > 0, "an encoding table is empty");
			feature.table.resize(feature.width * feature.n_categories);
			for (float &value : feature.table)
				value = reader.FiniteF32("encoded category");
		}
		if (feature.encoding != Encoding::kOneHot) {
			reader.Check(feature.width <= reader.left(), "more columns than the data can hold");
			feature.columns.resize(feature.width);
			for (ColumnTransform &column : feature.columns) {
				uint8_t flags = reader.Enum(4, "column transform");
				column.has_fill = flags & 1;
				column.has_scale = flags & 2;
				if (column.has_fill)
					column.fill = reader.FiniteF32("imputed value");
				if (column.has_scale) {
					column.center = reader.FiniteF64("center");
					column.factor = reader.FiniteF64("scale");
				}
			}
		}
		reader.Check(feature.width <= kMaxWidth - result.width_, "too many columns after encoding");
		result.Add(std::move(feature));
	}
	return result;
}

} // namespace pgml
