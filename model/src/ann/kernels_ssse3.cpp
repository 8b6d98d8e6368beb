// The portable kernels with byte shuffles: x86 processors without AVX2.
#include "ann/portable.h"

#include "base/no_postgres.h"

namespace pgml::ann {

const Kernels kKernelsSsse3 = KernelsNamed("ssse3");

} // namespace pgml::ann
