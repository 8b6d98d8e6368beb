// Which kernels run: what the processor has, and what somebody forced.
#include <atomic>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "ann/kernels.h"

#include "base/no_postgres.h"

namespace pgml::ann {

namespace {

std::atomic<const Kernels *> forced{nullptr};

#if defined(__x86_64__)
/// Conversions from half precision: not among the names that __builtin_cpu_supports() knows in all compilers.
bool
HasF16c() noexcept {
	unsigned a, b, c, d;
	return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

bool
HasSsse3() noexcept {
	return __builtin_cpu_supports("ssse3");
}

bool
HasAvx2() noexcept {
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
		   __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && HasF16c();
}

bool
HasAvx512() noexcept {
	return HasAvx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		   __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
		   __builtin_cpu_supports("popcnt");
}
#endif

const Kernels *
Best() noexcept {
#if defined(__x86_64__)
	if (HasAvx512())
		return &kKernelsAvx512;
	if (HasAvx2())
		return &kKernelsAvx2;
	if (HasSsse3())
		return &kKernelsSsse3;
#endif
	return &kKernelsPortable;
}

} // namespace

const Kernels &
ActiveKernels() noexcept {
	if (const Kernels *kernels = forced.load(std::memory_order_relaxed))
		return *kernels;
	static const Kernels *const best = Best();
	return *best;
}

const char *
KernelName() noexcept {
	return ActiveKernels().name;
}

bool
SetKernel(const char *name) noexcept {
	const Kernels *kernels = nullptr;
	if (name != nullptr) {
		if (strcmp(name, kKernelsPortable.name) == 0)
			kernels = &kKernelsPortable;
#if defined(__x86_64__)
		else if (strcmp(name, kKernelsSsse3.name) == 0 && HasSsse3())
			kernels = &kKernelsSsse3;
		else if (strcmp(name, kKernelsAvx2.name) == 0 && HasAvx2())
			kernels = &kKernelsAvx2;
		else if (strcmp(name, kKernelsAvx512.name) == 0 && HasAvx512())
			kernels = &kKernelsAvx512;
#endif
		if (kernels == nullptr)
			return false;
	}
	forced.store(kernels, std::memory_order_relaxed);
	return true;
}

} // namespace pgml::ann
