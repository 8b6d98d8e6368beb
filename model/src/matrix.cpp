#include "pgml/matrix.h"

#include <cstring>

#include "pgml/error.h"

#include "no_postgres.h"

namespace pgml {

namespace {
constexpr size_t kMaxBytes = size_t{1} << 40;
}

Matrix::Matrix(size_t cols, size_t capacity) : cols_(cols) {
	size_t ld = PaddedLeadingDimension(capacity);
	if (ld < capacity || (cols != 0 && ld > kMaxBytes / sizeof(float) / cols))
		throw Error(ErrorCode::kLimitExceeded, "feature matrix is too large");
	data_.resize(ld * cols);
	capacity_ = capacity;
	ld_ = ld;
}

void
Matrix::Resize(size_t rows) {
	if (rows > capacity_) {
		Matrix larger(cols_, rows > capacity_ * 2 ? rows : capacity_ * 2);
		for (size_t col = 0; col < cols_; col++)
			if (rows_ > 0)
				std::memcpy(larger.column(col), column(col), rows_ * sizeof(float));
		*this = std::move(larger);
	}
	rows_ = rows;
}

Matrix
Matrix::Gather(const std::vector<size_t> &row_indices) const {
	Matrix result(cols_, row_indices.size());
	result.Resize(row_indices.size());
	for (size_t col = 0; col < cols_; col++) {
		const float *from = column(col);
		float *to = result.column(col);
		for (size_t i = 0; i < row_indices.size(); i++)
			to[i] = from[row_indices[i]];
	}
	return result;
}

} // namespace pgml
