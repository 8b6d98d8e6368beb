// Each kernel of the vector index, forced in turn, against plain double arithmetic.
#include <gtest/gtest.h>

#include <cfloat>
#include <map>

#include "ann/half.h"
#include "ann/kernels.h"
#include "ann_data.h"

namespace pgml::ann {

namespace {

constexpr size_t kWide = 16;

class AnnKernels : public testing::TestWithParam<const char *> {
protected:
	void
	SetUp() override {
		if (!SetKernel(GetParam()))
			GTEST_SKIP() << "not on this processor";
		ASSERT_STREQ(KernelName(), GetParam());
	}
	void
	TearDown() override {
		SetKernel(nullptr);
	}
	float
	Normal() {
		return normal_(random_);
	}
	std::vector<float>
	Normals(size_t n) {
		std::vector<float> values(n);
		for (float &x : values)
			x = Normal();
		return values;
	}
	std::mt19937_64 random_{7};
	std::normal_distribution<float> normal_;
	const Kernels &
	kernels() const {
		return ActiveKernels();
	}
};

/// Centroids in half precision in the order of the kernels.
std::vector<uint16_t>
Halves(const std::vector<float> &centroids, size_t n, size_t dims) {
	std::vector<uint16_t> halves(n * dims);
	for (size_t c = 0; c < n; c++)
		for (size_t j = 0; j < dims; j++)
			halves[(c / kWide * dims + j) * kWide + c % kWide] =
				FloatToHalf(centroids[c * dims + j]);
	return halves;
}

} // namespace

TEST_P(AnnKernels, ProductsAndNearest) {
	for (size_t dims : {1, 2, 15, 16, 17, 100, 333})
		for (size_t n : {32, 64, 96, 160}) {
			std::vector<float> centroids = Normals(n * dims),
							   vectors = Normals(kNearestVectors * dims);
			for (float &x : centroids) // as they are stored
				x = HalfToFloat(FloatToHalf(x));
			std::vector<uint16_t> halves = Halves(centroids, n, dims);
			std::vector<float> floats(n * dims), norms(n), out(n);
			for (size_t i = 0; i < n * dims; i++)
				floats[i] = HalfToFloat(halves[i]);
			for (size_t c = 0; c < n; c++)
				norms[c] = static_cast<float>(
					InnerProduct(&centroids[c * dims], &centroids[c * dims], dims));
			for (size_t c = n - 3; c < n; c++)
				norms[c] = HUGE_VALF; // padding
			const float *rows[kNearestVectors];
			for (size_t v = 0; v < kNearestVectors; v++)
				rows[v] = &vectors[v * dims];
			uint32_t best[kNearestVectors], best_float[kNearestVectors];
			float scores[kNearestVectors], scores_float[kNearestVectors];
			kernels().nearest(rows, dims, halves.data(), norms.data(), n / kWide, best, scores);
			kernels().nearest_float(rows, dims, floats.data(), norms.data(), n / kWide, best_float,
									scores_float);
			for (size_t v = 0; v < kNearestVectors; v++) {
				kernels().products(rows[v], dims, halves.data(), n / kWide, out.data());
				double least = HUGE_VAL;
				for (size_t c = 0; c < n; c++) {
					double product = 0;
					for (size_t j = 0; j < dims; j++)
						product += double{rows[v][j]} * centroids[c * dims + j];
					EXPECT_NEAR(out[c], product, 1e-4 * std::sqrt(double(dims)));
					least = std::min(least, norms[c] - 2 * product);
				}
				auto score = [&](uint32_t c) {
					return norms[c] - 2 * InnerProduct(rows[v], &centroids[c * dims], dims);
				};
				EXPECT_NEAR(score(best[v]), least, 1e-3);
				EXPECT_NEAR(score(best_float[v]), least, 1e-3);
				EXPECT_EQ(scores[v], norms[best[v]] - 2 * out[best[v]]);
				EXPECT_EQ(scores_float[v], scores[v]);
			}
		}
}

TEST_P(AnnKernels, NearestTakesTheFirstOfEqualOnes) {
	constexpr size_t kDims = 5, kCentroids = 96;
	std::vector<float> one = Normals(kDims), centroids;
	for (size_t c = 0; c < kCentroids; c++)
		for (size_t j = 0; j < kDims; j++)
			centroids.push_back(c % 7 == 5 ? one[j] : one[j] + 3);
	std::vector<uint16_t> halves = Halves(centroids, kCentroids, kDims);
	std::vector<float> norms(kCentroids);
	for (size_t c = 0; c < kCentroids; c++)
		for (size_t j = 0; j < kDims; j++) {
			float x = HalfToFloat(FloatToHalf(centroids[c * kDims + j]));
			norms[c] += x * x;
		}
	const float *rows[kNearestVectors];
	std::fill(std::begin(rows), std::end(rows), one.data());
	uint32_t best[kNearestVectors];
	float scores[kNearestVectors];
	kernels().nearest(rows, kDims, halves.data(), norms.data(), kCentroids / kWide, best, scores);
	for (uint32_t list : best)
		EXPECT_EQ(list, 5u);
}

TEST_P(AnnKernels, ScanGivesWhatIsBelowTheLimit) {
	for (uint32_t dims : {3u, 8u, 50u, 257u, kMaxSubquantizers}) {
		Layout layout = Layout::Of(dims, Metric::kL2, 1, dims, RowCodec::kSq8);
		constexpr size_t kBlocks = 5;
		test::AlignedBytes blocks(kBlocks * layout.block_bytes), next(kBlocks * layout.block_bytes);
		std::vector<uint8_t> table(layout.code_rows * kWide), code(dims);
		const uint32_t largest = kMaxEntry;
		for (size_t i = 0; i < dims * kWide; i++)
			table[i] = static_cast<uint8_t>(i % 3 == 0 ? largest : random_() % (largest + 1));
		std::map<uint32_t, double> scores;
		float scale = 0.01f, base = -3;
		for (size_t b = 0; b < kBlocks; b++) {
			std::byte *block = blocks.data() + b * layout.block_bytes;
			InitBlock(layout, block);
			for (uint32_t slot = 0; slot < kBlockVectors; slot++) {
				if (b == 2 || random_() % 5 == 0)
					continue; // dead
				uint32_t sum = 0;
				for (uint32_t m = 0; m < dims; m++) {
					code[m] = static_cast<uint8_t>(b == 1 ? 0 : random_() % 16);
					sum += table[m * kWide + code[m]];
				}
				float t = Normal();
				PutCode(layout, block, slot, code.data(), t);
				scores[static_cast<uint32_t>(b * kBlockVectors + slot)] =
					double{base} + t + double{scale} * sum;
			}
		}
		std::vector<double> sorted;
		for (auto [index, score] : scores)
			sorted.push_back(score);
		std::sort(sorted.begin(), sorted.end());
		for (float limit :
			 {HUGE_VALF, -HUGE_VALF, static_cast<float>(sorted[sorted.size() / 2] + 0.001),
			  static_cast<float>(sorted[1] + 0.001)})
			for (size_t n_blocks : {size_t{0}, size_t{1}, kBlocks}) {
				std::vector<Candidate> out(kBlockVectors * n_blocks + 1);
				out.back() = {1, 99};
				ScanJob job = {blocks.data(),
							   n_blocks,
							   layout.block_bytes,
							   layout.code_rows,
							   table.data(),
							   scale,
							   base,
							   limit,
							   out.data(),
							   n_blocks > 1 ? next.data() : nullptr};
				size_t n = kernels().scan(job);
				ASSERT_LE(n, kBlockVectors * n_blocks);
				EXPECT_EQ(out.back().index, 99u); // nothing behind the room it has
				size_t expected = 0, last = 0;
				for (auto [index, score] : scores)
					expected += index < n_blocks * kBlockVectors && score < limit;
				EXPECT_EQ(n, expected);
				for (size_t i = 0; i < n; i++) {
					ASSERT_TRUE(scores.contains(out[i].index)) << "a dead slot";
					EXPECT_NEAR(out[i].score, scores[out[i].index],
								1e-5 * (10 + std::fabs(scores[out[i].index])));
					EXPECT_TRUE(i == 0 || out[i].index > last);
					last = out[i].index;
				}
			}
	}
}

TEST_P(AnnKernels, TablesAndCodes) {
	for (size_t width : {1, 2, 3, 8})
		for (size_t m_count : {1, 4, 37}) {
			std::vector<float> codebooks = Normals(m_count * width * kWide),
							   x = Normals(m_count * width);
			std::vector<float> table(m_count * kWide), decoded(m_count * width);
			std::vector<uint8_t> code(m_count);
			float sum, total = 0, widest = 0;
			float range = kernels().tables(x.data(), codebooks.data(), m_count, width, -2,
										   table.data(), &sum);
			kernels().encode(x.data(), codebooks.data(), m_count, width, code.data(),
							 decoded.data());
			for (size_t m = 0; m < m_count; m++) {
				double least = HUGE_VAL, chosen = 0, lowest = HUGE_VAL, products[kWide];
				for (size_t c = 0; c < kWide; c++) {
					double product = 0, distance = 0;
					for (size_t j = 0; j < width; j++) {
						double word = codebooks[(m * width + j) * kWide + c];
						product += x[m * width + j] * word;
						distance += (x[m * width + j] - word) * (x[m * width + j] - word);
					}
					products[c] = -2 * product;
					lowest = std::min(lowest, products[c]);
					least = std::min(least, distance);
					if (c == code[m])
						chosen = distance;
				}
				EXPECT_NEAR(chosen, least, 1e-5);
				total += static_cast<float>(lowest);
				for (size_t c = 0; c < kWide; c++) {
					EXPECT_NEAR(table[m * kWide + c], products[c] - lowest, 1e-4);
					EXPECT_GE(table[m * kWide + c], 0);
					widest = std::max(widest, table[m * kWide + c]);
				}
				for (size_t j = 0; j < width; j++)
					EXPECT_EQ(decoded[m * width + j], codebooks[(m * width + j) * kWide + code[m]]);
			}
			EXPECT_EQ(range, widest);
			EXPECT_NEAR(sum, total, 1e-4 * static_cast<double>(m_count));
			std::vector<uint8_t> bytes(table.size());
			kernels().to_bytes(table.data(), table.size(), kMaxEntry / range, bytes.data());
			for (size_t i = 0; i < table.size(); i++)
				EXPECT_NEAR(bytes[i], table[i] * kMaxEntry / range, 0.501);
			EXPECT_EQ(*std::max_element(bytes.begin(), bytes.end()), kMaxEntry);
		}
}

TEST_P(AnnKernels, SelectAndDifferences) {
	for (size_t n : {1, 7, 16, 31, 64, 211, 1000}) {
		std::vector<float> scores = Normals(n);
		scores[n / 2] = 0.25f;
		for (auto [above, up_to] : {std::pair{-HUGE_VALF, HUGE_VALF},
									{-HUGE_VALF, 0.25f},
									{0.25f, HUGE_VALF},
									{5, 6},
									{-0.5f, 0.5f}}) {
			std::vector<Candidate> out(n + kSelectSlack + 1);
			size_t count = kernels().select(scores.data(), n, above, up_to, out.data()),
				   expected = 0;
			for (size_t i = 0; i < n; i++)
				if (scores[i] > above && scores[i] <= up_to) {
					ASSERT_LT(expected, count);
					EXPECT_EQ(out[expected].index, i);
					EXPECT_EQ(out[expected++].score, scores[i]);
				}
			EXPECT_EQ(count, expected);
		}
	}
	for (size_t n : {16, 48, 112}) {
		std::vector<float> query = Normals(n), out(n);
		std::vector<uint16_t> centroid(n);
		for (uint16_t &half : centroid)
			half = FloatToHalf(Normal());
		double squared = 0;
		float result = kernels().differences(query.data(), centroid.data(), n, out.data());
		for (size_t i = 0; i < n; i++) {
			EXPECT_EQ(out[i], query[i] - HalfToFloat(centroid[i]));
			squared += double{out[i]} * out[i];
		}
		EXPECT_NEAR(result, squared, 1e-5 * squared);
	}
}

TEST_P(AnnKernels, RowsOfEveryLength) {
	std::vector<float> x = Normals(4096);
	std::vector<uint8_t> codes(4097);
	for (uint8_t &c : codes)
		c = static_cast<uint8_t>(random_());
	for (size_t dims = 1; dims <= 4096; dims += dims < 130 ? 1 : 661) {
		const uint8_t *from = codes.data() + dims % 2; // rows need no alignment
		double squared = 0, product = 0, reach = 0;
		for (size_t i = 0; i < dims; i++) {
			double difference = x[i] - (-1.5 + 0.01171875 * from[i]);
			squared += difference * difference;
			product += double{x[i]} * from[i];
			reach += std::fabs(double{x[i]} * from[i]);
		}
		EXPECT_NEAR(kernels().sq8_squared(x.data(), from, -1.5f, 0.01171875f, dims), squared,
					1e-5 * squared);
		EXPECT_NEAR(kernels().sq8_product(x.data(), from, dims), product, 1e-6 * reach);
	}
}

TEST_P(AnnKernels, WatchMissesNobody) {
	for (Metric metric : {Metric::kL2, Metric::kInnerProduct})
		for (size_t dims : {1, 7, 32, 100})
			for (auto [scale, offset] :
				 {std::pair{1.0f, 0.0f}, {1.0f, 1000.0f}, {1e-22f, 0.0f}, {1e19f, 0.0f}})
				for (size_t n : {1, 32, 33, 200}) {
					SCOPED_TRACE(testing::Message()
								 << int(metric) << " " << dims << " " << scale << " " << n);
					std::vector<float> watched = Normals(n * dims), others = Normals(50 * dims);
					for (std::vector<float> *values : {&watched, &others})
						for (float &x : *values)
							x = offset + scale * x;
					test::AlignedBytes memory(Watch::Bytes(n, dims));
					Watch watch(metric, watched.data(), n, dims, memory.data());
					auto score = [&](size_t i, const float *other) {
						const float *one = &watched[i * dims];
						return metric == Metric::kL2 ? SquaredL2Distance(one, other, dims)
													 : -InnerProduct(one, other, dims);
					};
					std::vector<double> limits(n);
					std::vector<uint32_t> which(n);
					size_t near = 0, given = 0;
					for (size_t o = 0; o < 50; o++) {
						const float *other = &others[o * dims];
						for (size_t i = 0; i < n;
							 i++) // some as near as this one is, to the last bit
							limits[i] = i % 3 == 0   ? score(i, other)
										: i % 3 == 1 ? score(i, &others[(o + 1) % 50 * dims])
										: i % 2 == 0 ? HUGE_VAL
													 : -HUGE_VAL;
						size_t count = watch.Near(other, limits.data(), which.data());
						ASSERT_LE(count, n);
						given += count;
						size_t at = 0;
						for (size_t i = 0; i < n; i++) {
							bool is_given = at < count && which[at] == i;
							at += is_given;
							near += score(i, other) <= limits[i];
							EXPECT_TRUE(is_given || score(i, other) > limits[i]) << i;
						}
						EXPECT_EQ(at, count) << "ascending";
					}
					if (scale == 1 && offset == 0 && dims > 1) {
						EXPECT_LE(given - near, 50 * n / 50); // few for nothing
					}
				}
}

INSTANTIATE_TEST_SUITE_P(All, AnnKernels, testing::Values("portable", "ssse3", "avx2", "avx512"),
						 [](const auto &info) { return std::string(info.param); });

TEST(AnnHalf, RoundsToTheNearest) {
	for (uint32_t half = 0; half < 0x7c00; half++) {
		float value = HalfToFloat(static_cast<uint16_t>(half));
		EXPECT_EQ(FloatToHalf(value), half);
		EXPECT_EQ(FloatToHalf(-value), half | 0x8000);
		if (half + 1 == 0x7c00)
			continue;
		float next = HalfToFloat(static_cast<uint16_t>(half + 1)), middle = (value + next) / 2;
		EXPECT_EQ(FloatToHalf(middle), half % 2 == 0 ? half : half + 1) << half;
		EXPECT_EQ(FloatToHalf(std::nextafter(middle, 0.0f)), half);
		EXPECT_EQ(FloatToHalf(std::nextafter(middle, 1e6f)), half + 1);
	}
	EXPECT_EQ(HalfToFloat(FloatToHalf(HUGE_VALF)), 65504);
	EXPECT_EQ(HalfToFloat(FloatToHalf(-1e30f)), -65504);
}

TEST(AnnHalf, UpperHalvesEncloseTheValue) {
	std::mt19937 random(3);
	for (int i = 0; i < 200000; i++) {
		float value = FloatOf(static_cast<uint32_t>(random()));
		if (!std::isfinite(value))
			continue;
		float below = ShortToFloat(ShortBelow(value)), size = std::fabs(value);
		EXPECT_TRUE(std::isfinite(below));
		EXPECT_TRUE(below <= value || value < -3.38e38f) << value;
		EXPECT_GE(below, value - size / 127 - 1e-40f);
		float above = ShortToFloat(ShortAbove(size));
		EXPECT_TRUE(above >= size || size > 3.38e38f) << value;
		EXPECT_LE(above, size + size / 127 + 1e-40f);
	}
}

} // namespace pgml::ann
