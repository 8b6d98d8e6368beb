// Matrix: cells in one block of malloc. A large block is a mapping of its own, which realloc moves or cuts by page table:
// the columns are then spread or closed up in place.
#include "pgml/matrix.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "pgml/error.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr size_t kMaxBytes = size_t{1} << 40;
constexpr size_t kRowsPerPoll = 1 << 16;

} // namespace

struct Matrix::Cells {
	float *data = nullptr;
	Cells() = default;
	Cells(const Cells &) = delete;
	Cells &operator=(const Cells &) = delete;
	~Cells() { std::free(data); }
	void
	Reallocate(size_t bytes) {
		void *moved = std::realloc(data, bytes > 0 ? bytes : 1);
		if (moved == nullptr)
			throw std::bad_alloc();
		data = static_cast<float *>(moved);
	}
};

size_t
Matrix::BytesFor(size_t cols, size_t capacity) {
	size_t ld = PaddedLeadingDimension(capacity);
	if (ld < capacity || (cols != 0 && ld > SIZE_MAX / sizeof(float) / cols))
		return SIZE_MAX;
	return ld * cols * sizeof(float);
}

Matrix::Matrix(size_t cols, size_t capacity) : cols_(cols) {
	Allocate(capacity);
}

Matrix::Matrix(const Matrix &other) : cols_(other.cols_) {
	if (other.cells_ == nullptr)
		return;
	Allocate(other.capacity_);
	rows_ = other.rows_;
	for (size_t col = 0; col < cols_ && rows_ > 0; col++)
		std::memcpy(column(col), other.column(col), rows_ * sizeof(float));
}

void
Matrix::Swap(Matrix &other) noexcept {
	std::swap(cells_, other.cells_);
	std::swap(data_, other.data_);
	std::swap(rows_, other.rows_);
	std::swap(cols_, other.cols_);
	std::swap(capacity_, other.capacity_);
	std::swap(ld_, other.ld_);
}

void
Matrix::Allocate(size_t capacity) {
	size_t bytes = BytesFor(cols_, capacity);
	if (bytes > kMaxBytes)
		throw Error(ErrorCode::kLimitExceeded, "feature matrix is too large");
	if (cells_ == nullptr)
		cells_ = std::make_shared<Cells>();
	cells_->Reallocate(bytes);
	data_ = cells_->data;
	capacity_ = capacity;
	ld_ = PaddedLeadingDimension(capacity);
}

void
Matrix::Resize(size_t rows) {
	if (rows > capacity_) {
		size_t capacity = rows > capacity_ * 2 ? rows : capacity_ * 2;
		if (Owns()) {
			size_t old_ld = ld_;
			Allocate(capacity);
			// From the last column: each moves up, over what has been moved already.
			for (size_t col = cols_; rows_ > 0 && col-- > 1;)
				std::memmove(column(col), data_ + col * old_ld, rows_ * sizeof(float));
		} else {
			Matrix larger(cols_, capacity);
			for (size_t col = 0; col < cols_ && rows_ > 0; col++)
				std::memcpy(larger.column(col), column(col), rows_ * sizeof(float));
			*this = std::move(larger);
		}
	}
	rows_ = rows;
}

Matrix
Matrix::Gather(const std::vector<size_t> &row_indices, const StopToken &stop) const {
	Matrix result(cols_, row_indices.size());
	result.Resize(row_indices.size());
	for (size_t col = 0; col < cols_; col++) {
		const float *from = column(col);
		float *to = result.column(col);
		for (size_t i = 0; i < row_indices.size(); i++) {
			if (i % kRowsPerPoll == 0)
				stop.ThrowIfStopped();
			to[i] = from[row_indices[i]];
		}
	}
	return result;
}

void
Matrix::Keep(const std::vector<size_t> &row_indices, const StopToken &stop) {
	if (!Owns()) {
		*this = Gather(row_indices, stop);
		return;
	}
	size_t old_ld = ld_, kept = row_indices.size(), new_ld = PaddedLeadingDimension(kept);
	for (size_t col = 0; col < cols_; col++) {
		// A column is written at or before where it is read, and the next one lies behind.
		const float *from = data_ + col * old_ld;
		float *to = data_ + col * new_ld;
		for (size_t i = 0; i < kept; i++) {
			if (i % kRowsPerPoll == 0)
				stop.ThrowIfStopped();
			to[i] = from[row_indices[i]];
		}
	}
	cells_->Reallocate(cols_ * new_ld * sizeof(float));
	data_ = cells_->data;
	rows_ = capacity_ = kept;
	ld_ = new_ld;
}

} // namespace pgml
