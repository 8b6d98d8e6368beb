// Sums of products, compiled for AVX2.
#define PGML_VECTOR_BYTES 32
#include "engine/dense_kernels.h"

#include "base/no_postgres.h"

namespace pgml::engine {

const DenseKernels kDenseAvx2 = {Linear, LoadColumn, Layer<4, 2>, RowLayer};

} // namespace pgml::engine
