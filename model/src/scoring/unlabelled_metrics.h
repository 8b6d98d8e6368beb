#pragma once
/// Metrics of the tasks that have no target, as JSON objects.
#include <string>

#include "artefact/model_impl.h"
#include "pgml/train.h"

namespace pgml {

/// silhouette, inertia
std::string ClusteringMetrics(const ModelImpl &model, const Dataset &test, const StopToken &stop);

/// cumulative_explained_variance, explained_variance_ratio: of these rows
std::string DecompositionMetrics(const ModelImpl &model, const Dataset &test,
								 const StopToken &stop);

} // namespace pgml
