#include "engine/compiled_trees.h"

#include "engine/driver.h"

#include "no_postgres.h"

namespace pgml::engine {

void
CompiledTrees::Margins(Evaluator evaluator, MatrixView columns, AlignedBuffer &scratch,
					   float *out) const {
	auto *memory = static_cast<unsigned char *>(scratch.Reserve(ScratchSize(header())));
	FindEngine(evaluator)(header(), columns.data, columns.ld, columns.rows, out, memory);
}

} // namespace pgml::engine
