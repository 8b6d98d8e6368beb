// Sums of products, compiled for AVX-512.
#define PGML_VECTOR_BYTES 64
#include "engine/dense_kernels.h"

#include "base/no_postgres.h"

namespace pgml::engine {

const DenseKernels kDenseAvx512 = {Linear, LoadColumn, Layer<4, 4>, RowLayer};

} // namespace pgml::engine
