// Which engine runs: what the processor has, and what somebody forced.
#include <atomic>

#include "engine/dense.h"
#include "engine/engine.h"
#include "engine/words.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

std::atomic<Evaluator> forced{Evaluator::kAuto};

} // namespace

bool
EvaluatorAvailable(Evaluator evaluator) noexcept {
	switch (evaluator) {
		case Evaluator::kAuto:
		case Evaluator::kWalker:
		case Evaluator::kPortable:
			return true;
#if defined(__x86_64__)
		case Evaluator::kAvx2:
			return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
		case Evaluator::kAvx512:
			return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
				   __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
				   __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
				   __builtin_cpu_supports("bmi2");
#else
		case Evaluator::kAvx2:
		case Evaluator::kAvx512:
			return false;
#endif
	}
	return false;
}

bool
SetEvaluator(Evaluator evaluator) noexcept {
	if (!EvaluatorAvailable(evaluator))
		return false;
	forced.store(evaluator, std::memory_order_relaxed);
	return true;
}

Evaluator
ActiveEvaluator() noexcept {
	Evaluator evaluator = forced.load(std::memory_order_relaxed);
	if (evaluator != Evaluator::kAuto)
		return evaluator;
	if (EvaluatorAvailable(Evaluator::kAvx512))
		return Evaluator::kAvx512;
	return EvaluatorAvailable(Evaluator::kAvx2) ? Evaluator::kAvx2 : Evaluator::kPortable;
}

const char *
EvaluatorName(Evaluator evaluator) noexcept {
	switch (evaluator) {
		case Evaluator::kAuto:
			break;
		case Evaluator::kWalker:
			return "walker";
		case Evaluator::kPortable:
			return "portable";
		case Evaluator::kAvx2:
			return "avx2";
		case Evaluator::kAvx512:
			return "avx512";
	}
	return "auto";
}

namespace engine {

const DenseKernels &
Dense() noexcept {
	switch (ActiveEvaluator()) {
#if defined(__x86_64__)
		case Evaluator::kAvx2:
			return kDenseAvx2;
		case Evaluator::kAvx512:
			return kDenseAvx512;
#endif
		default:
			return kDensePortable;
	}
}

MarginsFunction
FindEngine(Evaluator evaluator) {
	switch (evaluator) {
		case Evaluator::kPortable:
			return MarginsPortable;
#if defined(__x86_64__)
		case Evaluator::kAvx2:
			return MarginsAvx2;
		case Evaluator::kAvx512:
			return MarginsAvx512;
#endif
		default:
			return nullptr;
	}
}

} // namespace engine

TransposeWordsFunction
FindTransposeWords() noexcept {
	switch (ActiveEvaluator()) {
#if defined(__x86_64__)
		case Evaluator::kAvx2:
			return engine::TransposeWordsAvx2;
		case Evaluator::kAvx512:
			return engine::TransposeWordsAvx512;
#endif
		default:
			return engine::TransposeWordsPortable;
	}
}

} // namespace pgml
