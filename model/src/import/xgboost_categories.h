#pragma once
/// The categorical parts of XGBoost's model: sets of categories of a tree's splits, and the names of
/// categories that versions since 3.1 keep.
#include <cstdint>
#include <string>
#include <vector>

#include "import/foreign_json.h"
#include "trees/trees.h"

namespace pgml {

/// The sets of a tree's categorical splits.
class SplitCategories {
public:
	/// @param tree  outlives this
	/// @throws MalformedFile
	SplitCategories(const FloatJson &tree, size_t n_nodes);
	/// @return the place of a new set in `parts`
	/// @throws MalformedFile, Error(kLimitExceeded)
	size_t AddSet(size_t node, TreeParts &parts) const;

private:
	const FloatJson *categories_ = nullptr;
	std::vector<size_t> segment_of_;     ///< per node, SIZE_MAX without
	std::vector<size_t> begins_, sizes_; ///< per segment
	mutable std::vector<uint32_t> words_;
};

/**
 * Names per feature, in the order of their codes; empty for a feature that is a number.
 * @param learner  with the object "cats" in the booster's model, or without
 * @throws MalformedFile; Error(kNotSupported) for categories that are numbers other than their codes
 */
std::vector<std::vector<std::string>> CategoryNames(const FloatJson &model, size_t n_columns);

} // namespace pgml
