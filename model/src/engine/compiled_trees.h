#pragma once
/// A compiled ensemble, ready to run on whichever engine is active.
#include <utility>

#include "engine/compile.h"
#include "engine/engine.h"
#include "pgml/matrix.h"
#include "pgml/model.h"

namespace pgml::engine {

/// Margins of a block. @param evaluator  available, not kAuto or kWalker
/// @param out  row-major [rows, n_groups]
void RunBlock(const BlockHeader *block, Evaluator evaluator, MatrixView columns,
			  AlignedBuffer &scratch, float *out);

/// What runs a block of which there are no nodes to walk: any engine gives the walker's margins.
constexpr Evaluator
BlockEvaluator(Evaluator active) {
	return active == Evaluator::kWalker ? Evaluator::kPortable : active;
}

/// Immutable: may be used by several threads, each with its own scratch memory.
class CompiledTrees {
public:
	explicit CompiledTrees(const TreeEnsemble &trees) : block_(CompileTrees(trees)) {}
	/// @param block  one that BlockProblem() finds nothing wrong with
	explicit CompiledTrees(Block block) : block_(std::move(block)) {}
	Block
	Release() && {
		return std::move(block_);
	}
	const BlockHeader *
	header() const {
		return block_.header();
	}
	size_t
	size() const {
		return block_.size();
	}
	/// @param evaluator  available, not kAuto or kWalker
	/// @param out        row-major [rows, n_groups]
	void Margins(Evaluator evaluator, MatrixView columns, AlignedBuffer &scratch, float *out) const;

private:
	Block block_;
};

} // namespace pgml::engine
