#pragma once
/// Walking the rows of a dataset that a model is evaluated on, in the model's own codes.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "artefact/model_impl.h"
#include "pgml/error.h"
#include "pgml/train.h"

namespace pgml {

/// Rows between two looks at a stop request: at most 1024, and for a slow model (neighbours, many trees) so few that a
/// walk over them takes about 25 ms.
inline size_t
TestTileRows(const Model &model) {
	constexpr double kCostPerPoll = 4e6;
	return static_cast<size_t>(std::clamp(kCostPerPoll / model.RowCost(), 1.0, 1024.0));
}

/// Feeds the rows to use(first row, tile), with the dataset's category codes turned into the model's.
/// @throws Error(kInvalidArgument) when the dataset does not have the model's features
template <typename Use>
void
ForTestTiles(const Model &model, const Dataset &test, const StopToken &stop, const Use &use) {
	if (test.raw.cols() != model.raw_width() || test.features.size() != model.features().size())
		throw Error(ErrorCode::kInvalidArgument, "test data does not have the model's features");
	struct TextColumn {
		size_t column;
		std::vector<float> map;
	};
	std::vector<TextColumn> texts;
	size_t column = 0;
	for (size_t f = 0; f < test.features.size(); f++) {
		if (test.features[f].type != model.features()[f].type ||
			test.features[f].width != model.features()[f].width)
			throw Error(ErrorCode::kInvalidArgument,
						"test data does not have the model's features");
		if (test.features[f].type == FeatureType::kText) {
			texts.push_back({column, {}});
			for (const std::string &value : test.dictionaries[f].values())
				texts.back().map.push_back(model.CategoryCode(f, value));
		}
		column += test.features[f].width;
	}
	size_t tile_rows = TestTileRows(model);
	Matrix tile(test.raw.cols(), tile_rows);
	for (size_t first = 0; first < test.raw.rows(); first += tile_rows) {
		stop.ThrowIfStopped();
		size_t rows = std::min(tile_rows, test.raw.rows() - first);
		if (texts.empty()) {
			use(first, test.raw.view().Slice(first, rows));
			continue;
		}
		tile.Resize(rows);
		for (size_t col = 0; col < test.raw.cols(); col++)
			std::copy_n(test.raw.column(col) + first, rows, tile.column(col));
		for (const TextColumn &text : texts) {
			float *codes = tile.column(text.column);
			for (size_t row = 0; row < rows; row++)
				codes[row] = codes[row] >= 0 && codes[row] < static_cast<float>(text.map.size())
								 ? text.map[static_cast<size_t>(codes[row])]
								 : NAN;
		}
		use(first, tile.view());
	}
}

/// Class of each row, -1 for a label that the model does not know.
/// @throws Error(kInvalidArgument) when the model's labels are texts and the target is not, or the
/// other way round
std::vector<int32_t> TrueClasses(const Model &model, const Dataset &test);

/// False for a classification that only decides.
bool HasProbabilities(const Model &model);

} // namespace pgml
