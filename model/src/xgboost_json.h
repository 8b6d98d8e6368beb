#pragma once
/// Reads the JSON that libxgboost's XGBoosterSaveModelToBuffer writes (gbtree, numeric splits) into
/// our own trees.
#include <memory>
#include <string_view>

#include "trees.h"

namespace pgml {

/// @param n_columns  columns the booster was trained on
/// @throws Error(kNotSupported) for another booster, categorical splits or vector leaves;
/// Error(kInvalidData) for a
///         model whose numbers are not finite; Error(kInternal) for anything else that is not as
///         expected
std::unique_ptr<const TreeEnsemble> TreesFromXgboostJson(std::string_view json, size_t n_columns);

} // namespace pgml
