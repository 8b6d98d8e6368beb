#pragma once
/// pgml_train_faiss.so, opened when a training first needs it and kept for the life of the process.
#include <string>

#include "../module/train_faiss.h"

namespace pgml {

/**
 * The k-means of the module.
 * @param directory  where it is installed
 * @throws Error(kNotSupported) when it is not there or of another version
 */
PgmlTrainFaissKmeans *LoadFaissKmeans(const std::string &directory);
/// The product quantizer of the module, as above.
PgmlTrainFaissProductQuantizer *LoadFaissProductQuantizer(const std::string &directory);

} // namespace pgml
