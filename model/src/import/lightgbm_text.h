#pragma once
/// Reads LightGBM's model file, the text that save_model() writes, into our own trees: format versions v2 to v4.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "import/foreign_json.h"
#include "artefact/model_impl.h"
#include "trees/trees.h"

namespace pgml {

struct LightgbmModel {
	std::unique_ptr<const TreeEnsemble> trees;
	size_t n_classes = 0; ///< 0: regression
	Link link = Link::kIdentity;
	std::vector<std::string> feature_names; ///< one per column
};

/**
 * Margins are sums of leaves in float32, where LightGBM adds them in double: each leaf is rounded once, to the
 * nearest float32, and each addition once. Every row takes the same leaves as in LightGBM when its features are
 * float32.
 * @throws MalformedFile; Error(kNotSupported) for what our trees cannot express; Error(kLimitExceeded)
 */
LightgbmModel ReadLightgbmModel(std::string_view text);

/// The threshold t' with which x < t' is x <= t for every float32 x but the largest one; why, see the definition.
/// @param t  finite
float ThresholdAbove(double t);

} // namespace pgml
