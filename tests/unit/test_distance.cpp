// Distance kernels against double arithmetic, at every length around the lanes and from unaligned addresses.
#include "pgml/distance.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "base/no_postgres.h"

namespace {

struct Exact {
	double squared_l2 = 0, inner = 0, l1 = 0, a_squares = 0, b_squares = 0, absolute_inner = 0;
};

Exact
InDouble(const float *a, const float *b, size_t n) {
	Exact exact;
	for (size_t i = 0; i < n; i++) {
		double x = a[i], y = b[i];
		exact.squared_l2 += (x - y) * (x - y);
		exact.inner += x * y;
		exact.absolute_inner += std::fabs(x * y);
		exact.l1 += std::fabs(x - y);
		exact.a_squares += x * x;
		exact.b_squares += y * y;
	}
	return exact;
}

void
ExpectEqual(const float *a, const float *b, size_t n) {
	SCOPED_TRACE(n);
	Exact exact = InDouble(a, b, n);
	EXPECT_NEAR(pgml::SquaredL2Distance(a, b, n), exact.squared_l2, 1e-5 * exact.squared_l2);
	EXPECT_NEAR(pgml::InnerProduct(a, b, n), exact.inner, 1e-5 * exact.absolute_inner);
	EXPECT_NEAR(pgml::L1Distance(a, b, n), exact.l1, 1e-5 * exact.l1);
	EXPECT_NEAR(pgml::CosineSimilarity(a, b, n),
				exact.inner / std::sqrt(exact.a_squares * exact.b_squares), 1e-5);
}

TEST(Distance, EqualsDoubleArithmeticAtEveryLength) {
	std::mt19937 random(1);
	std::normal_distribution<float> normal(0.5f, 2.0f);
	std::vector<float> a(16001), b(16001);
	for (size_t i = 0; i < a.size(); i++)
		a[i] = normal(random), b[i] = normal(random);
	for (size_t n = 1; n <= 200; n++)
		ExpectEqual(a.data() + n % 5, b.data() + n % 3, n);
	for (size_t n : {768, 1536, 4095, 16000})
		ExpectEqual(a.data() + 1, b.data(), n);
}

TEST(Distance, IsExactForSmallIntegers) {
	std::vector<float> a, b;
	double squared = 0, inner = 0, l1 = 0;
	for (int i = 0; i < 333; i++) {
		a.push_back(static_cast<float>(i % 7 - 3));
		b.push_back(static_cast<float>(i % 5 - 2));
		double difference = a.back() - b.back();
		squared += difference * difference;
		inner += a.back() * b.back();
		l1 += std::fabs(difference);
		EXPECT_EQ(pgml::SquaredL2Distance(a.data(), b.data(), a.size()), squared);
		EXPECT_EQ(pgml::InnerProduct(a.data(), b.data(), a.size()), inner);
		EXPECT_EQ(pgml::L1Distance(a.data(), b.data(), a.size()), l1);
	}
}

TEST(Distance, ReadsNothingBehindTheEnd) {
	// What lies behind the last element would make every sum infinite.
	for (size_t n = 1; n < 130; n++) {
		std::vector<float> a(n + 64, std::numeric_limits<float>::infinity()), b(n + 64, -1.0f);
		for (size_t i = 0; i < n; i++)
			a[i] = b[i] = 1;
		EXPECT_EQ(pgml::SquaredL2Distance(a.data(), b.data(), n), 0) << n;
		EXPECT_EQ(pgml::InnerProduct(a.data(), b.data(), n), static_cast<double>(n));
		EXPECT_EQ(pgml::L1Distance(a.data(), b.data(), n), 0);
		EXPECT_EQ(pgml::CosineSimilarity(a.data(), b.data(), n), 1);
	}
}

TEST(Distance, ZeroVectorsAndOverflow) {
	float zero[3] = {}, one[3] = {1, 1, 1}, large[3] = {3e38f, 3e38f, 3e38f}, small[3] = {-3e38f};
	EXPECT_TRUE(std::isnan(pgml::CosineSimilarity(zero, one, 3)));
	EXPECT_TRUE(std::isinf(pgml::SquaredL2Distance(large, small, 3)));
	EXPECT_TRUE(std::isinf(pgml::InnerProduct(large, large, 3)));
	float nearly[2] = {0.1f, 0.3f};
	EXPECT_LE(pgml::CosineSimilarity(nearly, nearly, 2), 1);
}

} // namespace
