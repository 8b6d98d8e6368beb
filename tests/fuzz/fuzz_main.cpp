// libFuzzer's entry point for one target, named by -DPGML_FUZZ_TARGET=Function.
#include "targets.h"

extern "C" int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	return pgml::fuzz::PGML_FUZZ_TARGET(data, size);
}
