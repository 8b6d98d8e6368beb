#pragma once
/// Vectors for the tests of the vector index, and a small index in memory.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "pgml/ann.h"
#include "pgml/distance.h"

namespace pgml::test {

/// Bytes from an address that is aligned as the index wants it.
class AlignedBytes {
public:
	explicit AlignedBytes(size_t size)
		: data_(static_cast<std::byte *>(std::aligned_alloc(
			  ann::kAlignment, (size + ann::kAlignment - 1) / ann::kAlignment * ann::kAlignment))),
		  size_(size) {
		memset(data_.get(), 0, size);
	}
	explicit AlignedBytes(const std::vector<std::byte> &bytes) : AlignedBytes(bytes.size()) {
		memcpy(data_.get(), bytes.data(), bytes.size());
	}
	std::byte *
	data() const {
		return data_.get();
	}
	std::span<const std::byte>
	span() const {
		return {data_.get(), size_};
	}

private:
	struct Free {
		void
		operator()(std::byte *bytes) const {
			std::free(bytes);
		}
	};
	std::unique_ptr<std::byte, Free> data_;
	size_t size_;
};

struct Vectors {
	size_t dims = 0;
	std::vector<float> values;
	size_t
	size() const {
		return values.size() / dims;
	}
	const float *
	operator[](size_t i) const {
		return values.data() + i * dims;
	}
};

/// Clusters around random centres: what an inverted file is made for.
inline Vectors
Clustered(size_t n, size_t dims, size_t clusters, uint64_t seed, float scale = 1,
		  float offset = 0) {
	std::mt19937_64 random(seed);
	std::normal_distribution<float> normal;
	std::vector<float> centres(clusters * dims);
	for (float &x : centres)
		x = normal(random);
	Vectors vectors{dims, {}};
	vectors.values.reserve(n * dims);
	for (size_t i = 0; i < n; i++) {
		const float *centre = centres.data() + random() % clusters * dims;
		for (size_t j = 0; j < dims; j++)
			vectors.values.push_back(offset + scale * (centre[j] + 0.4f * normal(random)));
	}
	return vectors;
}

/// What the operator of a metric returns (index/vector/functions.cpp).
inline double
Operator(ann::Metric metric, const float *a, const float *b, size_t dims) {
	switch (metric) {
		case ann::Metric::kL2:
			return std::sqrt(SquaredL2Distance(a, b, dims));
		case ann::Metric::kInnerProduct:
			return -InnerProduct(a, b, dims);
		default:
			return 1 - CosineSimilarity(a, b, dims);
	}
}

/// Trains with options that suit tests.
inline std::vector<std::byte>
TrainAnn(const ann::Layout &layout, const Vectors &sample, int n_threads = 1) {
	ann::TrainOptions options;
	options.layout = layout;
	options.n_threads = n_threads;
	options.module_directory = PGML_MODULE_DIRECTORY;
	std::vector<float> prepared = sample.values;
	if (layout.metric == ann::Metric::kCosine)
		for (size_t i = 0; i < sample.size(); i++) {
			double norm = std::sqrt(InnerProduct(sample[i], sample[i], sample.dims));
			for (size_t j = 0; norm > 0 && j < sample.dims; j++)
				prepared[i * sample.dims + j] =
					static_cast<float>(prepared[i * sample.dims + j] / norm);
		}
	return ann::TrainQuantizer(prepared.data(), sample.size(), options);
}

/// An index without pages: lists of blocks and rows.
class MemoryIndex {
public:
	MemoryIndex(const ann::Layout &layout, const Vectors &sample)
		: blob_(TrainAnn(layout, sample)), quantizer(blob_.data()), layout(layout),
		  lists_(layout.lists), memory_(ann::Query::Bytes(layout)),
		  query(quantizer, memory_.data()) {}
	/// @return false: it has no place
	bool
	Insert(const float *vector, uint32_t id) {
		std::vector<float> prepared(layout.dims);
		if (!quantizer.Prepare(vector, prepared.data()))
			return false;
		uint32_t list;
		quantizer.Assign(prepared.data(), 1, &list);
		List &to = lists_[list];
		uint32_t slot = to.ids.size() % ann::kBlockVectors;
		if (slot == 0) {
			to.blocks.resize(to.blocks.size() + layout.block_bytes);
			ann::InitBlock(layout, to.blocks.data() + to.blocks.size() - layout.block_bytes);
		}
		std::vector<uint8_t> code(layout.subquantizers + 1);
		float t;
		to.rows.resize(to.rows.size() + layout.row_bytes);
		quantizer.Encode(prepared.data(), list, code.data(), &t,
						 to.rows.data() + to.rows.size() - layout.row_bytes);
		ann::PutCode(layout, to.blocks.data() + to.blocks.size() - layout.block_bytes, slot,
					 code.data(), t);
		to.ids.push_back(id);
		return true;
	}
	void
	InsertAll(const Vectors &vectors) {
		for (size_t i = 0; i < vectors.size(); i++)
			Insert(vectors[i], static_cast<uint32_t>(i));
	}
	struct Found {
		uint32_t id, list;
		double bound;
		float estimate, score;
	};
	/// The k best by row of the `refine` best by code in `probes` lists, ascending by score.
	std::vector<Found>
	Search(const float *vector, size_t probes, size_t refine) {
		std::vector<Found> found;
		if (!query.Start(vector))
			return found;
		std::vector<uint32_t> order(probes);
		order.resize(query.NextLists(probes, order.data()));
		for (uint32_t number : order) {
			const List &list = lists_[number];
			size_t n_blocks = list.blocks.size() / layout.block_bytes;
			std::vector<ann::Candidate> candidates(32 * n_blocks);
			candidates.resize(query.Scan(list.blocks.data(), n_blocks, number, HUGE_VALF,
										 candidates.data(), nullptr));
			for (const ann::Candidate &candidate : candidates) {
				Found &one = found.emplace_back();
				one.id = list.ids[candidate.index];
				one.list = number;
				one.estimate = candidate.score;
				one.bound = query.LowerBound(list.rows.data() + candidate.index * layout.row_bytes,
											 number, &one.score);
			}
		}
		auto kept = found.begin() + static_cast<ptrdiff_t>(std::min(refine, found.size()));
		std::partial_sort(found.begin(), kept, found.end(),
						  [](const Found &a, const Found &b) { return a.estimate < b.estimate; });
		found.erase(kept, found.end());
		std::sort(found.begin(), found.end(),
				  [](const Found &a, const Found &b) { return a.score < b.score; });
		return found;
	}
	struct List {
		std::vector<std::byte> blocks, rows;
		std::vector<uint32_t> ids;
	};
	const List &
	list(uint32_t number) const {
		return lists_[number];
	}

private:
	AlignedBytes blob_;

public:
	ann::Quantizer quantizer;
	ann::Layout layout;

private:
	std::vector<List> lists_;
	AlignedBytes memory_;

public:
	ann::Query query;
};

/// The k nearest by the operator.
inline std::vector<uint32_t>
Nearest(ann::Metric metric, const Vectors &vectors, const float *query, size_t k) {
	std::vector<std::pair<double, uint32_t>> all;
	for (size_t i = 0; i < vectors.size(); i++)
		all.emplace_back(Operator(metric, vectors[i], query, vectors.dims),
						 static_cast<uint32_t>(i));
	std::partial_sort(all.begin(), all.begin() + static_cast<ptrdiff_t>(k), all.end());
	std::vector<uint32_t> ids;
	for (size_t i = 0; i < k; i++)
		ids.push_back(all[i].second);
	return ids;
}

/// Share of the first k found that are as near as the k nearest (ties count), over all queries.
inline double
Recall(MemoryIndex &index, const Vectors &vectors, const Vectors &queries, size_t k, size_t probes,
	   size_t refine) {
	size_t hits = 0;
	ann::Metric metric = index.layout.metric;
	for (size_t q = 0; q < queries.size(); q++) {
		uint32_t last = Nearest(metric, vectors, queries[q], k).back();
		double limit = Operator(metric, vectors[last], queries[q], vectors.dims) + 1e-6;
		auto found = index.Search(queries[q], probes, refine);
		for (size_t i = 0; i < std::min(k, found.size()); i++)
			hits += Operator(metric, vectors[found[i].id], queries[q], vectors.dims) <= limit;
	}
	return static_cast<double>(hits) / static_cast<double>(k * queries.size());
}

} // namespace pgml::test
