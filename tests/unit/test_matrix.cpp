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

namespace {

/// Cell (row, col) holds col * 1e6 + row.
Matrix
Numbered(size_t cols, size_t rows) {
	Matrix m(cols, 0);
	for (size_t row = 0; row < rows; row++) {
		m.Resize(row + 1);
		for (size_t col = 0; col < cols; col++)
			m.column(col)[row] = static_cast<float>(col * 1000000 + row);
	}
	return m;
}

void
ExpectRows(const Matrix &m, const std::vector<size_t> &rows) {
	ASSERT_EQ(m.rows(), rows.size());
	for (size_t col = 0; col < m.cols(); col++)
		for (size_t row = 0; row < rows.size(); row++)
			ASSERT_EQ(m.column(col)[row], static_cast<float>(col * 1000000 + rows[row]));
}

} // namespace

TEST(Matrix, GathersKeepsAndCopies) {
	// Large enough to be a mapping of its own, which moves and shrinks in another way than a small block.
	for (size_t n_rows : {300, 200000}) {
		Matrix m = Numbered(3, n_rows);
		std::vector<size_t> all, some;
		for (size_t row = 0; row < n_rows; row++) {
			all.push_back(row);
			if (row % 3 != 1)
				some.push_back(row);
		}
		ExpectRows(m, all);
		ExpectRows(m.Gather(some), some);
		Matrix copy = m;
		auto shared = m.Share();
		MatrixView view = m.view();
		m.Keep(some); // somebody holds the cells: they stay
		ExpectRows(m, some);
		EXPECT_EQ(view.column(2)[n_rows - 1], static_cast<float>(2000000 + n_rows - 1));
		shared.reset();
		copy.Keep(some);
		ExpectRows(copy, some);
		EXPECT_LT(copy.bytes(), 3 * sizeof(float) * n_rows * 3 / 4);
		copy.Resize(some.size() + 1);
		copy.Resize(some.size());
		ExpectRows(copy, some);
		m.Keep({});
		EXPECT_EQ(m.rows(), 0u);
		EXPECT_THROW(copy.Keep(all, StopToken([] { return true; })), Cancelled);
	}
	Matrix none;
	EXPECT_EQ(Matrix(none).rows(), 0u);
}

TEST(Matrix, LeadingDimensionNeverAliases) {
	for (size_t capacity : {1, 16, 255, 256, 1024, 4096, 65536})
		EXPECT_NE(PaddedLeadingDimension(capacity) % 256, 0u) << capacity;
}

TEST(Matrix, RefusesOverflow) {
	EXPECT_THROW(Matrix(size_t{1} << 40, size_t{1} << 40), Error);
	EXPECT_EQ(Matrix::BytesFor(size_t{1} << 40, size_t{1} << 40), SIZE_MAX);
}

} // namespace pgml
