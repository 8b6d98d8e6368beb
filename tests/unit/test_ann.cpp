// The vector index without pages: recall, orders, degenerate data.
#include <gtest/gtest.h>

#include <set>

#include "ann_data.h"
#include "pgml/error.h"

namespace pgml {

using ann::Layout;
using ann::Metric;
using ann::RowCodec;
using test::MemoryIndex;
using test::Vectors;

namespace {

TEST(Ann, FindsTheNearest) {
	Vectors vectors = test::Clustered(3000, 40, 60, 1), queries = test::Clustered(20, 40, 60, 1);
	for (Metric metric : {Metric::kL2, Metric::kInnerProduct, Metric::kCosine})
		for (RowCodec rows : {RowCodec::kSq8, RowCodec::kFloat32})
			for (uint32_t m : {20u, 0u}) {
				SCOPED_TRACE(testing::Message() << int(metric) << " " << int(rows) << " " << m);
				MemoryIndex index(Layout::Of(40, metric, 64, m, rows), vectors);
				index.InsertAll(vectors);
				EXPECT_GE(test::Recall(index, vectors, queries, 10, 64, 3000), 0.99);
				EXPECT_GE(test::Recall(index, vectors, queries, 10, 16, m == 0 ? 3000 : 100), 0.9);
			}
}

class AnnLists : public testing::TestWithParam<std::tuple<const char *, uint32_t>> {
	void
	TearDown() override {
		ann::SetKernel(nullptr);
	}
};

TEST_P(AnnLists, GivesEveryListOnceNearestFirst) {
	auto [kernel, n_lists] = GetParam();
	if (!ann::SetKernel(kernel))
		GTEST_SKIP() << "not on this processor";
	Vectors vectors = test::Clustered(5000, 9, 300, 3);
	MemoryIndex index(Layout::Of(9, Metric::kL2, n_lists, 0, RowCodec::kSq8), vectors);
	std::vector<float> centroid(9);
	for (size_t step : {1, 7, 50, 1000}) {
		ASSERT_TRUE(index.query.Start(vectors[17]));
		std::set<uint32_t> seen;
		double last = 0;
		std::vector<uint32_t> lists(step);
		while (size_t n = index.query.NextLists(step, lists.data()))
			for (size_t i = 0; i < n; i++) {
				EXPECT_TRUE(seen.insert(lists[i]).second);
				index.quantizer.Centroid(lists[i], centroid.data());
				double distance = SquaredL2Distance(centroid.data(), vectors[17], 9);
				EXPECT_GE(distance, last - 1e-4);
				last = distance;
			}
		EXPECT_EQ(seen.size(), n_lists);
	}
}

INSTANTIATE_TEST_SUITE_P(All, AnnLists,
						 testing::Combine(testing::Values("portable", "ssse3", "avx2", "avx512"),
										  testing::Values(1u, 31u, 211u, 256u, 700u)));

/// From 4,096 lists on only groups of lists are compared at first.
TEST(Ann, ManyListsAreFoundThroughGroups) {
	constexpr uint32_t kLists = 4500;
	Vectors vectors = test::Clustered(20000, 6, 400, 3), queries = test::Clustered(30, 6, 400, 3);
	MemoryIndex index(Layout::Of(6, Metric::kL2, kLists, 3, RowCodec::kSq8), vectors);
	index.InsertAll(vectors);
	EXPECT_GE(test::Recall(index, vectors, queries, 10, 300, 200), 0.95);
	EXPECT_EQ(test::Recall(index, vectors, queries, 10, kLists, 20000), 1);
	for (size_t step : {3, 1000}) {
		ASSERT_TRUE(index.query.Start(vectors[17]));
		std::set<uint32_t> seen;
		std::vector<uint32_t> lists(step);
		uint32_t own;
		index.quantizer.Assign(vectors[17], 1, &own);
		while (size_t n = index.query.NextLists(step, lists.data()))
			for (size_t i = 0; i < n; i++) {
				EXPECT_TRUE(seen.insert(lists[i]).second);
				EXPECT_TRUE(seen.size() > 1 || lists[i] == own);
			}
		EXPECT_EQ(seen.size(), kLists);
	}
}

/// Lists compared one by one in plain arithmetic. @return share of the vectors that got the nearest
double
ShareOfNearest(const MemoryIndex &index, const Vectors &vectors, const uint32_t *lists) {
	size_t dims = vectors.dims, nearest = 0;
	std::vector<float> centroids(index.layout.lists * dims);
	for (uint32_t list = 0; list < index.layout.lists; list++)
		index.quantizer.Centroid(list, &centroids[list * dims]);
	for (size_t i = 0; i < vectors.size(); i++) {
		double own = SquaredL2Distance(vectors[i], &centroids[lists[i] * dims], dims),
			   least = HUGE_VAL;
		for (uint32_t list = 0; list < index.layout.lists; list++)
			least = std::min(least, SquaredL2Distance(vectors[i], &centroids[list * dims], dims));
		nearest += own <= least * (1 + 1e-4) + 1e-6;
	}
	return static_cast<double>(nearest) / static_cast<double>(vectors.size());
}

TEST(Ann, AssignsToTheNearestInAnySlices) {
	for (const char *kernel : {"portable", "ssse3", "avx2", "avx512"}) {
		if (!ann::SetKernel(kernel))
			continue;
		for (uint32_t n_lists : {1u, 100u, 4500u})
			for (float offset : {0.0f, 300.0f}) { // which internal coordinates take away
				SCOPED_TRACE(testing::Message() << kernel << " " << n_lists << " " << offset);
				Vectors sample = test::Clustered(6000, 20, 500, 3, 1, offset);
				MemoryIndex index(Layout::Of(20, Metric::kL2, n_lists, 0, RowCodec::kSq8), sample);
				Vectors vectors{20, {sample.values.begin(), sample.values.begin() + 1031 * 20}};
				std::vector<uint32_t> lists(vectors.size());
				index.quantizer.Assign(vectors[0], vectors.size(), lists.data());
				EXPECT_GE(ShareOfNearest(index, vectors, lists.data()), n_lists < 4096 ? 1 : 0.98);
				for (size_t n : {1, 9, 300}) {
					std::vector<uint32_t> again(vectors.size());
					for (size_t i = 0; i < vectors.size(); i += n)
						index.quantizer.Assign(vectors[i], std::min(n, vectors.size() - i),
											   &again[i]);
					EXPECT_EQ(again, lists) << n << " at a time";
				}
			}
	}
	ann::SetKernel(nullptr);
}

TEST(Ann, DegenerateSamplesTrain) {
	for (size_t n : {0, 1, 2, 15, 40})
		for (uint32_t dims : {1u, 3u, 17u})
			for (Metric metric : {Metric::kL2, Metric::kInnerProduct, Metric::kCosine}) {
				SCOPED_TRACE(testing::Message() << n << " " << dims << " " << int(metric));
				Vectors sample = test::Clustered(n, dims, 4, 7);
				MemoryIndex index(Layout::Of(dims, metric, 33, (dims + 1) / 2, RowCodec::kSq8),
								  sample);
				Vectors vectors = test::Clustered(50, dims, 4, 8);
				index.InsertAll(vectors);
				EXPECT_GE(test::Recall(index, vectors, vectors, 1, 33, 50), 0.95);
			}
}

} // namespace

} // namespace pgml
