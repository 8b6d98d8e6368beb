#pragma once
/**
 * Models that other programs trained. The bytes are whatever somebody sent: only parsers of our own see them, which check
 * every index, bound every count by the bytes that are there, and never run anything.
 *
 * Features are numbers, named as in the file; missing values (NaN) take the side that the model says.
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
 * dart. Margins equal XGBoost's bit for bit.
 * @throws Error(kCorruptModel) no such file; Error(kNotSupported) categorical splits, vector leaves, several targets,
 *         gblinear, an objective without known predictions; Error(kLimitExceeded)
 */
std::unique_ptr<const Model> ImportXgboost(std::span<const std::byte> bytes);

} // namespace pgml
