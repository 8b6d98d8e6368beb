// Factory strings, layouts, blocks, and blobs that nobody trained.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "ann/blob.h"
#include "ann_data.h"
#include "pgml/error.h"

namespace pgml::ann {

namespace {

std::string
RefusalOf(const std::string &text) {
	try {
		Factory::Parse(text);
	} catch (const Error &error) {
		EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
		return std::string(error.what()) + " | " + error.detail();
	}
	return "accepted";
}

} // namespace

TEST(AnnFactory, ReadsWhatItWrites) {
	for (const char *text : {"Flat", "IVF1024,Flat", "IVF7,SQ8", "IVF1024,PQ50x4fs,RFlat",
							 "IVF1024,PQ50x4fs,Refine(SQ8)"}) {
		Layout layout = Factory::Parse(text).LayoutFor(100, Metric::kL2, 1000000);
		EXPECT_EQ(Factory::Name(layout), text);
	}
	auto name = [](const char *text, uint32_t dims, uint64_t n) {
		return Factory::Name(Factory::Parse(text).LayoutFor(dims, Metric::kCosine, n));
	};
	EXPECT_EQ(name("IVF1024,PQ50x4fs", 100, 5), "IVF1024,PQ50x4fs,Refine(SQ8)");
	EXPECT_EQ(name("IVF9,PQ50x4fs,Refine(Flat)", 100, 5), "IVF9,PQ50x4fs,RFlat");
	EXPECT_EQ(name("IVF,PQx4fs", 100, 0), "IVF1,PQ50x4fs,Refine(SQ8)");
	EXPECT_EQ(name("", 100, 100), "IVF2,PQ50x4fs,Refine(SQ8)");
	EXPECT_EQ(name("IVF,SQ8", 100, 1000), "IVF25,SQ8");
	EXPECT_EQ(name("", 1, 1000), "IVF25,PQ1x4fs,Refine(SQ8)");
	for (auto [dims, codes] : {std::pair{15u, 15},
							   {16u, 8},
							   {767u, 384},
							   {768u, 192},
							   {1536u, 384},
							   {1792u, 448},
							   {1793u, 359}})
		EXPECT_EQ(name("", dims, 1000), fmt::format("IVF25,PQ{}x4fs,Refine(SQ8)", codes));
}

TEST(AnnFactory, RefusesTheRest) {
	for (const char *text :
		 {"flat", "Flat,", "IVF", "IVF10", "IVF10,", "IVF10,PQ5", "IVF10,PQ5x8", "IVF10,PQ5x4",
		  "IVF10,PQ5x4fs,", "IVF10,PQ5x4fs,RFlat,RFlat", "IVF10,Flat ", "HNSW32", "IVF1e3,Flat",
		  "IVF-1,Flat", "PQ5x4fs", "IVF10,SQ4", " "}) {
		std::string refusal = RefusalOf(text);
		EXPECT_NE(refusal.find("index factory"), std::string::npos) << text << ": " << refusal;
		EXPECT_NE(refusal.find("IVF<n>,PQ<m>x4fs"), std::string::npos) << text << ": " << refusal;
	}
	EXPECT_NE(RefusalOf("IVF0,Flat").find("between 1 and 65536"), std::string::npos);
	EXPECT_NE(RefusalOf("IVF65537,Flat").find("between 1 and 65536"), std::string::npos);
	EXPECT_NE(RefusalOf("IVF99999999999999999999999,Flat").find("between 1"), std::string::npos);
	EXPECT_NE(RefusalOf("IVF1,PQ481x4fs").find(fmt::format("between 1 and {}", kMaxSubquantizers)),
			  std::string::npos);
	EXPECT_LT(RefusalOf(std::string(100000, 'x')).size(), 500u);
}

TEST(AnnLayout, SizesAndLimits) {
	Layout layout = Layout::Of(100, Metric::kL2, 1024, 50, RowCodec::kSq8);
	EXPECT_EQ(layout.subvector_dims, 2u);
	EXPECT_EQ(layout.code_rows, 52u);
	EXPECT_EQ(layout.block_bytes, 52u * 16 + 128);
	EXPECT_EQ(layout.row_bytes, 108u);
	for (uint32_t dims = 1; dims <= kMaxDims; dims += 37)
		for (uint64_t n : {0, 100, 1000000, 2000000000}) {
			Layout chosen = Factory::Parse("").LayoutFor(dims, Metric::kL2, n);
			EXPECT_LE(chosen.block_bytes, 7936u);
			EXPECT_EQ(chosen.block_bytes % kAlignment, 0u);
			EXPECT_GE(chosen.subquantizers * chosen.subvector_dims, dims);
			EXPECT_LT((chosen.subquantizers - 1) * chosen.subvector_dims, dims);
			EXPECT_LE(SampleSize(chosen, n), n);
		}
	auto code_of = [](uint32_t dims, uint32_t lists, uint32_t m) {
		try {
			Layout::Of(dims, Metric::kL2, lists, m, RowCodec::kSq8);
		} catch (const Error &error) {
			return error.code();
		}
		return ErrorCode::kInternal;
	};
	EXPECT_EQ(code_of(0, 1, 0), ErrorCode::kInvalidArgument);
	EXPECT_EQ(code_of(kMaxDims + 1, 1, 0), ErrorCode::kLimitExceeded);
	EXPECT_EQ(code_of(5, 0, 0), ErrorCode::kInvalidArgument);
	EXPECT_EQ(code_of(5, kMaxLists + 1, 0), ErrorCode::kLimitExceeded);
	EXPECT_EQ(code_of(5, 1, 6), ErrorCode::kInvalidArgument);
	EXPECT_EQ(code_of(1000, 1, kMaxSubquantizers + 1), ErrorCode::kLimitExceeded);
}

TEST(AnnBlock, SlotsAreIndependent) {
	std::mt19937 random(1);
	for (uint32_t m : {0u, 1u, 4u, 37u}) {
		Layout layout = Layout::Of(40, Metric::kL2, 1, m, RowCodec::kSq8);
		test::AlignedBytes block(layout.block_bytes);
		InitBlock(layout, block.data());
		std::vector<std::vector<uint8_t>> codes(kBlockVectors, std::vector<uint8_t>(m + 1));
		std::vector<float> ts(kBlockVectors, HUGE_VALF);
		std::vector<uint8_t> code(m + 1);
		for (int step = 0; step < 500; step++) {
			uint32_t slot = static_cast<uint32_t>(random() % kBlockVectors);
			if (random() % 4 == 0) {
				ClearSlot(layout, block.data(), slot);
				ts[slot] = HUGE_VALF;
			} else {
				for (uint32_t i = 0; i < m; i++)
					codes[slot][i] = static_cast<uint8_t>(random() % 16);
				ts[slot] = static_cast<float>(random());
				PutCode(layout, block.data(), slot, codes[slot].data(), ts[slot]);
			}
			for (uint32_t s = 0; s < kBlockVectors; s++) {
				float t;
				ASSERT_EQ(IsLive(layout, block.data(), s), ts[s] < HUGE_VALF);
				GetCode(layout, block.data(), s, code.data(), &t);
				ASSERT_EQ(t, ts[s]);
				ASSERT_TRUE(std::equal(code.begin(), code.end() - 1, codes[s].begin()));
			}
		}
	}
}

TEST(AnnBlob, TheSameForAnyNumberOfThreads) {
	test::Vectors sample = test::Clustered(3000, 12, 40, 5);
	Layout layout = Layout::Of(12, Metric::kL2, 50, 6, RowCodec::kSq8);
	std::vector<std::byte> one = test::TrainAnn(layout, sample, 1);
	EXPECT_EQ(one.size(), Quantizer::Bytes(layout));
	EXPECT_EQ(Quantizer::Problem(one), nullptr);
	EXPECT_EQ(test::TrainAnn(layout, sample, 3), one);
	EXPECT_EQ(test::TrainAnn(layout, sample, 1), one);
}

TEST(AnnBlob, EveryChangeIsSeen) {
	test::Vectors sample = test::Clustered(100, 3, 4, 5);
	std::vector<std::byte> blob =
		test::TrainAnn(Layout::Of(3, Metric::kL2, 4, 2, RowCodec::kSq8), sample);
	ASSERT_EQ(Quantizer::Problem(blob), nullptr);
	for (size_t i = 0; i < blob.size(); i++) {
		blob[i] ^= std::byte{1};
		EXPECT_NE(Quantizer::Problem(blob), nullptr) << i;
		blob[i] ^= std::byte{1};
	}
	for (size_t size = 0; size < blob.size(); size++)
		EXPECT_NE(Quantizer::Problem(std::span(blob).first(size)), nullptr) << size;
}

TEST(AnnBlob, ContentsAreChecked) {
	test::Vectors sample = test::Clustered(100, 3, 4, 5);
	Layout layout = Layout::Of(3, Metric::kL2, 4, 2, RowCodec::kSq8);
	std::vector<std::byte> trained = test::TrainAnn(layout, sample);
	Sections at(layout);
	auto problem = [&](size_t offset, auto value) {
		std::vector<std::byte> blob = trained;
		memcpy(blob.data() + offset, &value, sizeof(value));
		uint32_t crc = BlobCrc(blob.data(), blob.size());
		memcpy(blob.data() + offsetof(BlobHeader, crc), &crc, sizeof(crc));
		const char *found = Quantizer::Problem(blob);
		return std::string(found == nullptr ? "none" : found);
	};
	EXPECT_EQ(problem(at.mean, 0.0f), "none");
	EXPECT_EQ(problem(offsetof(BlobHeader, layout.dims), 0u),
			  "its number of dimensions is out of range");
	EXPECT_EQ(problem(offsetof(BlobHeader, layout.row_bytes), 7u),
			  "its sizes contradict each other");
	EXPECT_EQ(problem(offsetof(BlobHeader, layout.lists), 40u), "its length is wrong");
	EXPECT_EQ(problem(offsetof(BlobHeader, scale_exponent), 127), "its scale is out of range");
	EXPECT_EQ(problem(at.centroids, uint16_t{0x7c00}), "a centroid is not finite");
	EXPECT_EQ(problem(at.rows, uint16_t{0xfc00}), "a centroid is not finite");
	EXPECT_EQ(problem(at.norms, -1.0f), "a norm is not one");
	EXPECT_EQ(problem(at.norms, HUGE_VALF), "a norm is not one");
	EXPECT_EQ(problem(at.norms + 4 * layout.lists, 1.0f), "a norm is not one");
	EXPECT_EQ(problem(at.mean, NAN), "the mean is not finite");
	EXPECT_EQ(problem(at.codebooks, HUGE_VALF), "a codebook is out of range");
	EXPECT_EQ(problem(at.codebooks, NAN), "a codebook is out of range");
}

TEST(AnnTrain, ReportsAndStops) {
	test::Vectors sample = test::Clustered(4000, 16, 40, 5);
	TrainOptions options;
	options.layout = Layout::Of(16, Metric::kL2, 64, 8, RowCodec::kSq8);
	options.module_directory = PGML_MODULE_DIRECTORY;
	std::vector<std::string> phases;
	options.progress = [&](const char *phase, size_t done, size_t total) {
		EXPECT_LE(done, total);
		if (phases.empty() || phases.back() != phase)
			phases.emplace_back(phase);
	};
	TrainQuantizer(sample.values.data(), sample.size(), options);
	EXPECT_EQ(phases, (std::vector<std::string>{"k-means", "codebooks"}));
	// Wherever the request comes, the training ends.
	static int polls_left;
	options.stop = StopToken([] { return --polls_left < 0; });
	polls_left = 1000000;
	TrainQuantizer(sample.values.data(), sample.size(), options);
	int polls = 1000000 - polls_left;
	EXPECT_GT(polls, 10);
	for (int threads : {1, 2})
		for (int stop_after = 0; stop_after < 10; stop_after++) {
			polls_left = stop_after * polls /
						 20; // the same work in fewer polls would end before the last ones
			options.n_threads = threads;
			EXPECT_THROW(TrainQuantizer(sample.values.data(), sample.size(), options), Cancelled);
		}
}

} // namespace pgml::ann
