#pragma once
/// Reads XGBoost's model, as JSON or UBJSON, into our own trees: gbtree and dart, numeric splits, the schemas
/// of XGBoost 1.x to 3.x.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "import/foreign_json.h"
#include "trees/trees.h"

namespace pgml {

struct XgboostModel {
	std::unique_ptr<const TreeEnsemble> trees;
	std::string objective;
	/// Per feature, in the order of their codes; empty: a number. Empty: all are numbers.
	std::vector<std::vector<std::string>> category_names;
	std::vector<std::string> feature_names; ///< empty, or one per column
};

/// @throws MalformedFile; Error(kNotSupported) for what our trees cannot express; Error(kInvalidData) for
/// numbers that are not finite; Error(kLimitExceeded)
XgboostModel ReadXgboostModel(const FloatJson &json);

/// What libxgboost itself wrote a moment ago.
/// @param n_columns  columns the booster was trained on
/// @throws Error(kNotSupported), Error(kInvalidData) for a model whose numbers are not finite,
/// Error(kLimitExceeded), Error(kInternal) for anything that is not as expected
std::unique_ptr<const TreeEnsemble> TreesFromXgboostJson(std::string_view json, size_t n_columns);

} // namespace pgml
