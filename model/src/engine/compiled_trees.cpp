#include "engine/compiled_trees.h"

#include "engine/driver.h"

#include "base/no_postgres.h"

namespace pgml::engine {

void
RunBlock(const BlockHeader *block, Evaluator evaluator, MatrixView columns, AlignedBuffer &scratch,
		 float *out) {
	auto *memory = static_cast<unsigned char *>(scratch.Reserve(ScratchSize(block)));
	FindEngine(evaluator)(block, columns.data, columns.ld, columns.rows, out, memory);
}

void
CompiledTrees::Margins(Evaluator evaluator, MatrixView columns, AlignedBuffer &scratch,
					   float *out) const {
	RunBlock(header(), evaluator, columns, scratch, out);
}

} // namespace pgml::engine
