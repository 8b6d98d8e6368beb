#pragma once
/// The one batch type: column-major float32, NaN = missing.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "pgml/stop_token.h"

namespace pgml {

/// Non-owning view of a column-major matrix: element (row, col) = data[col * ld + row].
struct MatrixView {
	const float *data = nullptr;
	size_t rows = 0;
	size_t cols = 0;
	size_t ld = 0; ///< leading dimension in floats, >= rows
	const float *
	column(size_t col) const {
		return data + col * ld;
	}
	/// Rows [first, first + count).
	MatrixView
	Slice(size_t first, size_t count) const {
		return {data + first, count, cols, ld};
	}
};

/// Leading dimension for a capacity: a multiple of 16 floats that is no multiple of 1024 bytes, because columns
/// 4 KB apart alias in L1 (measured 3x slower).
constexpr size_t
PaddedLeadingDimension(size_t capacity) {
	size_t ld = (capacity + 15) / 16 * 16;
	return ld % 256 == 0 ? ld + 16 : ld;
}

/**
 * Owning matrix of fixed width that grows by rows (training) or has a fixed capacity (batches).
 *
 * Cells that nobody wrote take no memory, and growing needs no second matrix: the kernel moves the pages. That counts
 * where the matrix is most of what a training needs.
 */
class Matrix {
public:
	Matrix() = default;
	/// @throws Error(kLimitExceeded) when capacity * cols overflows or exceeds 2^40 bytes; std::bad_alloc
	Matrix(size_t cols, size_t capacity);
	Matrix(const Matrix &other);
	Matrix(Matrix &&other) noexcept { Swap(other); }
	Matrix &
	operator=(Matrix other) noexcept {
		Swap(other);
		return *this;
	}
	~Matrix() = default;
	size_t
	rows() const {
		return rows_;
	}
	size_t
	cols() const {
		return cols_;
	}
	size_t
	capacity() const {
		return capacity_;
	}
	/// What the matrix takes, or will once all its cells are written.
	size_t
	bytes() const {
		return cols_ * ld_ * sizeof(float);
	}
	/// Bytes of a matrix of that size, SIZE_MAX when they cannot be counted.
	static size_t BytesFor(size_t cols, size_t capacity);
	float *
	column(size_t col) {
		return data_ + col * ld_;
	}
	const float *
	column(size_t col) const {
		return data_ + col * ld_;
	}
	/// Sets the number of rows; grows the storage geometrically; new cells hold unspecified values.
	void Resize(size_t rows);
	MatrixView
	view() const {
		return {data_, rows_, cols_, ld_};
	}
	/// The rows whose indices are given, in that order.
	Matrix Gather(const std::vector<size_t> &row_indices,
				  const StopToken &stop = StopToken()) const;
	/// Drops all rows but those given, which must ascend, and gives back the memory of the others.
	void Keep(const std::vector<size_t> &row_indices, const StopToken &stop = StopToken());
	/// Holds the cells until it is gone, whatever happens to the matrix meanwhile. The matrix must not be written to as
	/// long as somebody reads them this way.
	std::shared_ptr<const void>
	Share() const {
		return cells_;
	}

private:
	struct Cells;
	void Swap(Matrix &other) noexcept;
	void Allocate(size_t capacity);
	/// True when nobody else holds the cells.
	bool
	Owns() const {
		return cells_.use_count() <= 1;
	}
	std::shared_ptr<Cells> cells_;
	float *data_ = nullptr; ///< of cells_
	size_t rows_ = 0, cols_ = 0, capacity_ = 0, ld_ = 0;
};

/// Scratch memory for vectors: aligned to 64 bytes, grows to what is asked for.
class AlignedBuffer {
public:
	/// At least `size` bytes, unspecified; valid until the next call.
	void *
	Reserve(size_t size) {
		constexpr size_t kAlignment = 64;
		if (bytes_.size() < size + kAlignment)
			bytes_ = std::vector<unsigned char>(size + kAlignment);
		auto start = reinterpret_cast<uintptr_t>(bytes_.data());
		return bytes_.data() + (kAlignment - start % kAlignment) % kAlignment;
	}

private:
	std::vector<unsigned char> bytes_;
};

} // namespace pgml
