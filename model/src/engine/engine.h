#pragma once
/// The engines and the choice between them (include/pgml/evaluator.h).
#include <cstddef>

#include "engine/block.h"
#include "pgml/evaluator.h"

namespace pgml::engine {

/// @param data     column-major, leading dimension ld, NaN = missing
/// @param out      margins, row-major [rows, n_groups]
/// @param scratch  at least ScratchSize(block) bytes, aligned to kAlignment
using MarginsFunction = void (*)(const BlockHeader *block, const float *data, size_t ld,
								 size_t rows, float *out, unsigned char *scratch);

void MarginsPortable(const BlockHeader *, const float *, size_t, size_t, float *, unsigned char *);
#if defined(__x86_64__)
void MarginsAvx2(const BlockHeader *, const float *, size_t, size_t, float *, unsigned char *);
void MarginsAvx512(const BlockHeader *, const float *, size_t, size_t, float *, unsigned char *);
#endif

/// The engine of an evaluator that this processor can run, nullptr for kWalker.
MarginsFunction FindEngine(Evaluator evaluator);

} // namespace pgml::engine
