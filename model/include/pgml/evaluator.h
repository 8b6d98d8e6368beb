#pragma once
/**
 * How tree ensembles are evaluated. All evaluators give the same margins bit for bit; they differ in speed.
 * The choice is one per process: the fastest that the processor has, unless somebody forces another.
 */
#include <cstdint>

namespace pgml {

enum class Evaluator : uint8_t {
	kAuto,     ///< the fastest of the others
	kWalker,   ///< the generic walker over float32 nodes: what the others are compared with
	kPortable, ///< compiled trees, vectors of 16 bytes as every processor has them
	kAvx2,     ///< x86-64 with AVX2: 32 rows at a time
	kAvx512, ///< x86-64 with AVX-512 VBMI and VBMI2 (Ice Lake, Zen 4 and later): 64 rows at a time
};

/// Whether this processor can run it.
bool EvaluatorAvailable(Evaluator evaluator) noexcept;
/// Forces an evaluator for the whole process. @return false, and nothing changes, if it is not available
bool SetEvaluator(Evaluator evaluator) noexcept;
/// What runs now; never kAuto.
Evaluator ActiveEvaluator() noexcept;
/// "auto", "walker", "portable", "avx2", "avx512".
const char *EvaluatorName(Evaluator evaluator) noexcept;

} // namespace pgml
