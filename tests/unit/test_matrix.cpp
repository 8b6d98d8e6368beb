#include <gtest/gtest.h>

#include "pgml/error.h"
#include "pgml/matrix.h"

namespace pgml {

TEST(Matrix, GrowsAndKeepsItsCells) {
	Matrix m(2, 4);
	m.Resize(3);
	m.column(0)[2] = 7;
	m.column(1)[0] = 9;
	m.Resize(5000);
	EXPECT_EQ(m.rows(), 5000u);
	EXPECT_EQ(m.column(0)[2], 7);
	EXPECT_EQ(m.column(1)[0], 9);
}

TEST(Matrix, LeadingDimensionNeverAliases) {
	for (size_t capacity : {1, 16, 255, 256, 1024, 4096, 65536})
		EXPECT_NE(PaddedLeadingDimension(capacity) % 256, 0u) << capacity;
}

TEST(Matrix, RefusesOverflow) {
	EXPECT_THROW(Matrix(size_t{1} << 40, size_t{1} << 40), Error);
}

} // namespace pgml
