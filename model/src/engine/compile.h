#pragma once
/// From a tree ensemble to the block that the engines run on (block.h).
#include <cstddef>
#include <memory>
#include <span>

#include "engine/block.h"

namespace pgml {
class TreeEnsemble;
}

namespace pgml::engine {

/// A block in memory of its own.
class Block {
public:
	/// Zeroed memory. @throws std::bad_alloc
	explicit Block(size_t size);
	const BlockHeader *
	header() const {
		return reinterpret_cast<const BlockHeader *>(bytes_.get());
	}
	std::byte *
	data() {
		return bytes_.get();
	}
	size_t
	size() const {
		return size_;
	}

private:
	struct Free {
		void operator()(std::byte *bytes) const;
	};
	std::unique_ptr<std::byte, Free> bytes_;
	size_t size_;
};

/**
 * Compiles an ensemble. Its margins are those of the ensemble bit for bit: sums keep their order, thresholds are
 * compared exactly. Subtrees whose leaves are all equal become one leaf; trees of one leaf at the beginning are
 * added to the base margins.
 * Time: O(nodes * log(thresholds of a feature)); about 1 us per tree of depth 6.
 * @throws Error(kLimitExceeded) when the block would be larger than 2^40 bytes; std::bad_alloc
 */
Block CompileTrees(const TreeEnsemble &trees);

/// Whether bytes are a block that the engines can run on without reading outside of it.
/// @return nullptr, or what is wrong
const char *BlockProblem(std::span<const std::byte> bytes);

} // namespace pgml::engine
