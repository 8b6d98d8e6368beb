// Lower bounds against what the operators return: a bound above it would be an error for the user.
#include <gtest/gtest.h>

#include <string>

#include "ann_data.h"

namespace pgml {

using ann::Layout;
using ann::Metric;
using ann::RowCodec;
using test::MemoryIndex;
using test::Vectors;

namespace {

constexpr const char *kKernels[] = {"portable", "ssse3", "avx2", "avx512"};

/// Puts the choice of kernels back.
struct AnyKernel {
	~AnyKernel() { ann::SetKernel(nullptr); }
};

/// Bounds of all vectors for all queries. @return the mean share of the distance that bounds reach
double
CheckBounds(MemoryIndex &index, const Vectors &vectors, const Vectors &queries) {
	const Layout &layout = index.layout;
	double share = 0;
	size_t n_shares = 0, wrong = 0;
	std::vector<float> prepared(layout.dims);
	std::vector<uint8_t> code(layout.subquantizers + 1);
	std::vector<std::byte> row(layout.row_bytes);
	for (size_t i = 0; i < vectors.size(); i++) {
		if (!index.quantizer.Prepare(vectors[i], prepared.data()))
			continue;
		uint32_t list;
		float t, score;
		index.quantizer.Assign(prepared.data(), 1, &list);
		index.quantizer.Encode(prepared.data(), list, code.data(), &t, row.data());
		EXPECT_TRUE(std::isfinite(t));
		for (size_t q = 0; q < queries.size(); q++) {
			if (!index.query.Start(queries[q]))
				continue;
			double bound = index.query.LowerBound(row.data(), list, &score);
			double real = test::Operator(layout.metric, vectors[i], queries[q], layout.dims);
			if (bound > real || std::isnan(bound) || !std::isfinite(score)) {
				wrong++;
				ADD_FAILURE() << "vector " << i << " query " << q << " bound " << bound << " of "
							  << real << " score " << score;
				if (wrong > 5)
					return 0;
			}
			if (std::isfinite(real) && real != 0 && std::isfinite(bound)) {
				double reach = layout.metric == Metric::kInnerProduct
								   ? 1 - (real - bound) / std::max(std::fabs(real), 1e-300)
								   : bound / real;
				share += reach;
				n_shares++;
			}
		}
	}
	return n_shares == 0 ? 1 : share / static_cast<double>(n_shares);
}

/// Vectors for a case: queries are some of them, near ones, and others.
Vectors
QueriesFor(const Vectors &vectors, uint64_t seed) {
	std::mt19937_64 random(seed);
	std::normal_distribution<float> normal;
	Vectors queries{vectors.dims, {}};
	for (size_t i = 0; i < 24; i++) {
		const float *from = vectors[random() % vectors.size()];
		float noise = i % 3 == 0 ? 0 : std::ldexp(1.0f, -static_cast<int>(random() % 24));
		for (size_t j = 0; j < vectors.dims; j++)
			queries.values.push_back(from[j] * (1 + noise * normal(random)));
	}
	return queries;
}

} // namespace

TEST(AnnBound, NeverAboveTheOperator) {
	AnyKernel put_back;
	for (const char *kernel : kKernels) {
		if (!ann::SetKernel(kernel))
			continue;
		for (uint32_t dims : {1u, 2u, 7u, 16u, 33u, 100u, 768u, 4096u})
			for (Metric metric : {Metric::kL2, Metric::kInnerProduct, Metric::kCosine})
				for (RowCodec rows : {RowCodec::kSq8, RowCodec::kFloat32})
					for (auto [scale, offset] :
						 {std::pair{1.0f, 0.0f}, {1.0f, 300.0f}, {1e-4f, 0.0f}, {1e5f, 1e7f}}) {
						SCOPED_TRACE(testing::Message()
									 << kernel << " dims " << dims << " metric " << int(metric)
									 << " rows " << int(rows) << " scale " << scale << " offset "
									 << offset);
						size_t n = std::clamp<size_t>(8000 / dims, 12, 200);
						Vectors vectors = test::Clustered(n, dims, 9, dims, scale, offset);
						MemoryIndex index(Layout::Of(dims, metric, 7, 0, rows), vectors);
						double reach = CheckBounds(index, vectors, QueriesFor(vectors, dims));
						// Useful as well, where float32 itself can tell the vectors apart.
						if (offset == 0 && dims > 2) {
							EXPECT_GT(reach, metric == Metric::kInnerProduct ? -1.0 : 0.5);
						}
					}
	}
}

TEST(AnnBound, HoldsAtTheEndsOfTheRange) {
	AnyKernel put_back;
	std::mt19937_64 random(5);
	std::normal_distribution<float> normal;
	constexpr uint32_t kDims = 24;
	for (const char *kernel : kKernels) {
		if (!ann::SetKernel(kernel))
			continue;
		for (Metric metric : {Metric::kL2, Metric::kInnerProduct, Metric::kCosine})
			for (RowCodec rows : {RowCodec::kSq8, RowCodec::kFloat32})
				// Trained on one magnitude, used with all.
				for (int trained : {-149, -130, -70, -20, 0, 20, 64, 110, 126}) {
					SCOPED_TRACE(testing::Message() << kernel << " metric " << int(metric)
													<< " rows " << int(rows) << " 2^" << trained);
					auto make = [&](int exponent) {
						std::vector<float> vector;
						for (uint32_t j = 0; j < kDims; j++) {
							double x = std::ldexp(normal(random), exponent);
							vector.push_back(static_cast<float>(std::clamp(x, -3.4e38, 3.4e38)));
						}
						return vector;
					};
					Vectors sample{kDims, {}}, all{kDims, {}};
					for (int i = 0; i < 60; i++) {
						std::vector<float> one = make(trained);
						sample.values.insert(sample.values.end(), one.begin(), one.end());
					}
					for (int exponent = -149; exponent <= 127; exponent += 6) {
						std::vector<float> one = make(exponent);
						all.values.insert(all.values.end(), one.begin(), one.end());
					}
					all.values.insert(all.values.end(), kDims, 0.0f);
					all.values.insert(all.values.end(), kDims, 3e38f);
					all.values.insert(all.values.end(), sample.values.begin(),
									  sample.values.begin() + 5 * kDims);
					MemoryIndex index(Layout::Of(kDims, metric, 5, 12, rows), sample);
					CheckBounds(index, all, all);
				}
	}
}

/// Rows that were decoded and encoded for another quantizer, as when an index grows: their bounds hold for the vectors of old.
TEST(AnnBound, HoldsAfterDecoding) {
	for (Metric metric : {Metric::kL2, Metric::kInnerProduct, Metric::kCosine})
		for (RowCodec codec : {RowCodec::kSq8, RowCodec::kFloat32})
			for (size_t dims : {1, 7, 40, 100}) {
				SCOPED_TRACE(std::to_string(dims) + " dimensions, metric " +
							 std::to_string(static_cast<int>(metric)));
				const auto d = static_cast<uint32_t>(dims);
				const Vectors vectors = test::Clustered(300, dims, 5, dims);
				MemoryIndex one(Layout::Of(d, metric, 1, 0, codec), Vectors{dims, {}});
				MemoryIndex trained(Layout::Of(d, metric, 8, d > 4 ? d / 2 : 0, codec), vectors);
				const Vectors queries = QueriesFor(vectors, dims);
				std::vector<float> prepared(dims), decoded(dims), again(dims);
				std::vector<uint8_t> code(dims + 1);
				std::vector<std::byte> row(
					std::max(one.layout.row_bytes, trained.layout.row_bytes));
				for (size_t i = 0; i < vectors.size(); i++) {
					if (!one.quantizer.Prepare(vectors[i], prepared.data()))
						continue;
					float t, score;
					uint32_t list;
					one.quantizer.Encode(prepared.data(), 0, code.data(), &t, row.data());
					const float error = one.quantizer.Decode(row.data(), 0, decoded.data());
					double distance = 0;
					for (size_t j = 0; j < dims; j++)
						distance += std::pow(static_cast<double>(prepared[j]) - decoded[j], 2);
					ASSERT_LE(std::sqrt(distance), error);
					if (codec == RowCodec::kFloat32) {
						ASSERT_EQ(error, 0);
					}
					trained.quantizer.Assign(decoded.data(), 1, &list);
					trained.quantizer.Encode(decoded.data(), list, code.data(), &t, row.data(),
											 error);
					ASSERT_GE(trained.quantizer.Decode(row.data(), list, again.data()), error);
					for (size_t q = 0; q < queries.size(); q++) {
						if (!trained.query.Start(queries[q]))
							continue;
						const double real = test::Operator(metric, vectors[i], queries[q], dims);
						ASSERT_LE(trained.query.LowerBound(row.data(), list, &score), real)
							<< "vector " << i << " query " << q;
					}
				}
			}
}

/// What a damaged page holds decodes to finite numbers.
TEST(AnnBound, DecodesAnything) {
	MemoryIndex index(Layout::Of(16, Metric::kL2, 1, 0, RowCodec::kSq8), Vectors{16, {}});
	std::mt19937_64 random(7);
	std::vector<std::byte> row(index.layout.row_bytes);
	std::vector<float> decoded(16);
	for (int round = 0; round < 20000; round++) {
		for (std::byte &byte : row)
			byte = static_cast<std::byte>(random());
		index.quantizer.Decode(row.data(), 0, decoded.data());
		for (float value : decoded)
			ASSERT_TRUE(std::isfinite(value));
	}
}

} // namespace pgml
