// Sums of products, compiled for every processor.
#define PGML_VECTOR_BYTES 16
#include "engine/dense_kernels.h"

#include "base/no_postgres.h"

namespace pgml::engine {

const DenseKernels kDensePortable = {Linear, LoadColumn, Layer<4, 2>, RowLayer};

} // namespace pgml::engine
