#include "engine/block_learner.h"

#include <algorithm>
#include <vector>

#include "pgml/error.h"
#include "pgml/evaluator.h"

#include "base/no_postgres.h"

namespace pgml::engine {

void
BlockLearner::Margins(MatrixView columns, float *out) const {
	AlignedBuffer scratch;
	RunBlock(block_, BlockEvaluator(ActiveEvaluator()), columns, scratch, out);
}

void
BlockLearner::Values(MatrixView columns, double *out) const {
	std::vector<float> margins(columns.rows * n_groups());
	Margins(columns, margins.data());
	std::copy_n(margins.data(), columns.rows, out);
}

void
BlockLearner::Encode(Writer &) const {
	throw Error(ErrorCode::kInternal, "compiled trees cannot be stored");
}

} // namespace pgml::engine
