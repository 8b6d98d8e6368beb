#pragma once
/// The one batch type: column-major float32, NaN = missing.
#include <cstddef>
#include <vector>

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

/// Owning matrix of fixed width that grows by rows (training) or has a fixed capacity (batches).
class Matrix {
public:
	Matrix() = default;
	/// @throws Error(kLimitExceeded) when capacity * cols overflows or exceeds 2^40 bytes
	Matrix(size_t cols, size_t capacity);
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
	float *
	column(size_t col) {
		return data_.data() + col * ld_;
	}
	const float *
	column(size_t col) const {
		return data_.data() + col * ld_;
	}
	/// Sets the number of rows; grows the storage geometrically; new cells hold unspecified values.
	void Resize(size_t rows);
	MatrixView
	view() const {
		return {data_.data(), rows_, cols_, ld_};
	}
	/// The rows whose indices are given, in that order.
	Matrix Gather(const std::vector<size_t> &row_indices) const;

private:
	std::vector<float> data_;
	size_t rows_ = 0, cols_ = 0, capacity_ = 0, ld_ = 0;
};

} // namespace pgml
