#pragma once
/**
 * Models that other programs trained. The bytes are whatever somebody sent: only parsers of our own see them, which check
 * every index, bound every count by the bytes that are there, and never run anything.
 *
 * Features are named as in the file; missing values (NaN) take the side that the model says.
 */
#include <cstddef>
#include <memory>
#include <span>

#include "pgml/model.h"

namespace pgml {

/// Largest file that is read.
constexpr size_t kMaxImportBytes = size_t{256} << 20;

/**
 * XGBoost's model file, JSON or UBJSON (told apart by the bytes), as versions 1.0 to 3.x write it: boosters gbtree and
 * dart, splits on numbers and categories. Margins equal XGBoost's bit for bit.
 * A feature whose categories the file names (version 3.1 and later) is a text; other categories are numbers.
 * @throws Error(kCorruptModel) no such file; Error(kNotSupported) vector leaves, several targets, gblinear, categories
 *         that are numbers other than their codes, an objective without known predictions; Error(kLimitExceeded)
 */
std::unique_ptr<const Model> ImportXgboost(std::span<const std::byte> bytes);

/**
 * LightGBM's model file, the text of save_model(), in its versions v2 to v4. Rows take the same leaves as there; leaves
 * are rounded to float32 and added in float32, where LightGBM adds doubles.
 * @throws Error(kCorruptModel) no such file; Error(kNotSupported) linear trees, splits that take zero for missing and
 *         cannot be said by one threshold, an objective without known predictions; Error(kLimitExceeded)
 */
std::unique_ptr<const Model> ImportLightgbm(std::span<const std::byte> bytes);

} // namespace pgml
