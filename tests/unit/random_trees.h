#pragma once
/// Random tree ensembles and batches for the engines: all shapes that the compiler treats in their own way.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "trees/trees.h"

namespace pgml::test {

struct EnsembleShape {
	size_t n_features = 5, n_groups = 1, n_trees = 10;
	size_t max_depth = 6, max_leaves = 1000;
	size_t n_thresholds = 20;  ///< distinct ones per feature
	double leaf_chance = 0.05; ///< that a node is not split further
	size_t n_leaf_values = 0;  ///< 0: all different
	double set_chance = 0;     ///< that a split is one on a set of categories
};

class RandomTrees {
public:
	explicit RandomTrees(uint64_t seed) : random_(seed) {}

	size_t
	Below(size_t n) {
		return std::uniform_int_distribution<size_t>(0, n - 1)(random_);
	}
	bool
	Chance(double p) {
		return std::uniform_real_distribution<>(0, 1)(random_) < p;
	}

	/// The k-th threshold of a feature. Few bits, so that values equal to thresholds are easy to make.
	static float
	Threshold(size_t feature, size_t k, size_t n) {
		return (static_cast<float>(k) - static_cast<float>(n / 2)) * 0.25f *
			   static_cast<float>(1 + feature % 3);
	}

	/// A shape somewhere in the space of what the compiler distinguishes.
	EnsembleShape
	Shape() {
		EnsembleShape shape;
		const size_t features[] = {1, 2, 5, 20, 40, 100, 300}, groups[] = {1, 1, 1, 2, 5};
		const size_t thresholds[] = {1,  2,   3,   7,   8,   15,  16,  31,  40,
									 64, 127, 200, 254, 255, 256, 257, 1000};
		const size_t depths[] = {1, 2, 3, 4, 5, 6, 6, 7, 8, 8, 9, 11, 30};
		const size_t leaves[] = {2, 31, 64, 255, 256, 257, 600};
		shape.n_features = features[Below(std::size(features))];
		shape.n_groups = groups[Below(std::size(groups))];
		shape.n_thresholds = thresholds[Below(std::size(thresholds))];
		shape.max_depth = depths[Below(std::size(depths))];
		shape.max_leaves = leaves[Below(std::size(leaves))];
		shape.n_trees = Below(4) == 0 ? Below(300) : Below(20);
		shape.leaf_chance = Chance(0.5) ? 0 : 0.3 * std::uniform_real_distribution<>(0, 1)(random_);
		shape.n_leaf_values = Chance(0.2) ? 1 + Below(3) : 0;
		shape.set_chance = Chance(0.25) ? 0.5 : 0;
		return shape;
	}

	std::unique_ptr<TreeEnsemble>
	Ensemble(const EnsembleShape &shape) {
		std::vector<float> base(shape.n_groups);
		for (float &margin : base)
			margin = Leaf(shape);
		auto trees = std::make_unique<TreeEnsemble>(shape.n_features, base);
		for (size_t t = 0; t < shape.n_trees; t++) {
			size_t depth = Chance(0.7) ? shape.max_depth : Below(shape.max_depth + 1);
			const char *problem =
				trees->AddTree(static_cast<uint32_t>(Below(shape.n_groups)), Nodes(shape, depth));
			if (problem != nullptr)
				std::abort();
		}
		return trees;
	}

	/// Values around and on the thresholds, missing ones, zeros of both signs, infinities.
	float
	Cell(const EnsembleShape &shape, size_t feature) {
		float value = Threshold(feature, Below(shape.n_thresholds + 2), shape.n_thresholds);
		switch (Below(12)) {
			case 0:
				return std::numeric_limits<float>::quiet_NaN();
			case 1:
				return std::nextafter(value, -INFINITY);
			case 2:
				return std::nextafter(value, INFINITY);
			case 3:
				return Chance(0.5) ? 0.0f : -0.0f;
			case 4:
				return Chance(0.5) ? INFINITY : -INFINITY;
			case 5:
				return -std::numeric_limits<float>::quiet_NaN();
			default:
				return value;
		}
	}

	/// A batch whose memory ends where its last cell does, so that a sanitizer sees who reads on.
	std::vector<float>
	Batch(const EnsembleShape &shape, size_t rows, size_t ld) {
		std::vector<float> cells((shape.n_features - 1) * ld + rows);
		for (size_t i = 0; i < cells.size(); i++)
			cells[i] = Cell(shape, i / ld);
		return cells;
	}

private:
	float
	Leaf(const EnsembleShape &shape) {
		if (shape.n_leaf_values > 0)
			return static_cast<float>(Below(shape.n_leaf_values)) - 1;
		return std::normal_distribution<float>(0, 1)(random_);
	}

	/// Breadth-first, as AddTree wants it. Trees deeper than 8 grow one branch more often than the other.
	TreeParts
	Nodes(const EnsembleShape &shape, size_t depth) {
		struct Open {
			size_t level;
			bool favoured;
		};
		TreeParts parts;
		std::vector<Open> open = {{0, true}};
		size_t leaves = 1;
		for (size_t at = 0; at < open.size(); at++) {
			auto [level, favoured] = open[at];
			double leaf_chance = shape.leaf_chance;
			if (depth > 8)
				leaf_chance = favoured ? 0 : 0.6;
			TreeNode node = {};
			if (level >= depth || leaves >= shape.max_leaves ||
				(level > 0 && Chance(leaf_chance))) {
				node.feature = TreeNode::kLeaf;
				node.value = Leaf(shape);
			} else {
				size_t feature = Below(shape.n_features);
				node.feature =
					static_cast<uint32_t>(feature) | (Chance(0.5) ? TreeNode::kDefaultLeft : 0);
				node.value = Threshold(feature, Below(shape.n_thresholds), shape.n_thresholds);
				if (Chance(shape.set_chance)) {
					std::vector<uint32_t> words(Below(13));
					for (uint32_t &word : words)
						word = static_cast<uint32_t>(random_());
					node = TreeNode::Categorical(static_cast<uint32_t>(feature),
												 node.feature & TreeNode::kDefaultLeft,
												 parts.AddSet(words));
				}
				leaves++;
				bool left = Chance(0.5);
				open.push_back({level + 1, favoured && left});
				open.push_back({level + 1, favoured && !left});
			}
			parts.nodes.push_back(node);
		}
		return parts;
	}

	std::mt19937_64 random_;
};

} // namespace pgml::test
