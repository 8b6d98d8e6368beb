#pragma once
/**
 * How often this backend evaluated a model. The planner hook compares the counter before and after
 * planning: when it rose, the plan holds an answer of the version deployed now (a call that was
 * folded inside an inlined SQL function, an immutable wrapper), and has to be made again after a
 * deploy.
 */
#include "am/base/pg.h"

namespace pgml::am {

inline uint64 evaluation_count = 0;

/// Called by EvaluateCall (predict_call.cpp), once for each batch or row.
inline void
CountEvaluation() {
	evaluation_count++;
}

inline uint64
EvaluationCount() {
	return evaluation_count;
}

} // namespace pgml::am
