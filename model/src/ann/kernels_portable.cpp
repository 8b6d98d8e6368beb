// The kernels for any processor.
#include "ann/portable.h"

#include "base/no_postgres.h"

namespace pgml::ann {

const Kernels kKernelsPortable = KernelsNamed("portable");

} // namespace pgml::ann
