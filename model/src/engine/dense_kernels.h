#pragma once
/// The code of DenseKernels, once per instruction set. PGML_VECTOR_BYTES: the size of its vectors.
#include <cfloat>
#include <cstring>

#include "engine/dense.h"

namespace pgml::engine {

#ifndef PGML_VECTOR_BYTES
#define PGML_VECTOR_BYTES 16
#endif
typedef double Doubles __attribute__((vector_size(PGML_VECTOR_BYTES)));
typedef float Floats __attribute__((vector_size(PGML_VECTOR_BYTES / 2)));
constexpr size_t kLanes = PGML_VECTOR_BYTES / sizeof(double);

template <typename Vector, typename T>
static inline __attribute__((always_inline)) void
ReadVector(Vector &vector, const T *from) {
	memcpy(&vector, from, sizeof(vector));
}

/// Values as double, infinite ones as the largest float.
static inline __attribute__((always_inline)) void
ReadClamped(Doubles &to, const float *from) {
	Floats x;
	ReadVector(x, from);
	const Floats limit = Floats{} + FLT_MAX;
	x = x > limit ? limit : x;
	x = x < -limit ? -limit : x;
	to = __builtin_convertvector(x, Doubles);
}

/// Negative sums and those that are no number become 0, the largest float is the limit.
static inline __attribute__((always_inline)) void
Rectify(Doubles &sums) {
	const Doubles zero = {}, limit = zero + FLT_MAX;
	sums = sums > zero ? sums : zero;
	sums = sums > limit ? limit : sums;
}

template <size_t kVectors>
static inline void
LinearRows(const double *weights, double intercept, const float *data, size_t ld, size_t columns,
		   double *out) {
	Doubles sums[kVectors];
	for (size_t v = 0; v < kVectors; v++)
		sums[v] = Doubles{} + intercept;
	for (size_t column = 0; column < columns; column++) {
		const float *values = data + column * ld;
		for (size_t v = 0; v < kVectors; v++) {
			Doubles x;
			ReadClamped(x, values + v * kLanes);
			sums[v] += x * weights[column];
		}
	}
	memcpy(out, sums, sizeof(sums));
}

static inline void
Linear(const double *weights, double intercept, const float *data, size_t ld, size_t columns,
	   size_t rows, double *out) {
	size_t row = 0;
	for (; row + 4 * kLanes <= rows; row += 4 * kLanes)
		LinearRows<4>(weights, intercept, data + row, ld, columns, out + row);
	for (; row + kLanes <= rows; row += kLanes)
		LinearRows<1>(weights, intercept, data + row, ld, columns, out + row);
	for (; row < rows; row++) {
		double sum = intercept;
		for (size_t column = 0; column < columns; column++) {
			float x = data[column * ld + row];
			x = x > FLT_MAX ? FLT_MAX : x < -FLT_MAX ? -FLT_MAX : x;
			sum += weights[column] * static_cast<double>(x);
		}
		out[row] = sum;
	}
}

static inline void
LoadColumn(const float *column, size_t rows, double *tile) {
	float copy[kDenseRows] = {};
	if (rows < kDenseRows) {
		memcpy(copy, column, rows * sizeof(float));
		column = copy;
	}
	for (size_t row = 0; row < kDenseRows; row += kLanes) {
		Doubles x;
		ReadClamped(x, column + row);
		const Doubles zero = {};
		x = x == x ? x : zero;
		memcpy(tile + row, &x, sizeof(x));
	}
}

/// kUnits units over kVectors vectors of rows of a tile: their sums stay in registers.
template <size_t kUnits, size_t kVectors>
static inline __attribute__((always_inline)) void
Units(const double *weights, const double *biases, size_t n_inputs, bool relu, const double *inputs,
	  double *outputs) {
	Doubles sums[kUnits][kVectors];
	for (size_t u = 0; u < kUnits; u++)
		for (size_t v = 0; v < kVectors; v++)
			sums[u][v] = Doubles{} + biases[u];
	for (size_t k = 0; k < n_inputs; k++) {
		Doubles x[kVectors];
		for (size_t v = 0; v < kVectors; v++)
			ReadVector(x[v], inputs + k * kDenseRows + v * kLanes);
		for (size_t u = 0; u < kUnits; u++)
			for (size_t v = 0; v < kVectors; v++)
				sums[u][v] += x[v] * weights[u * n_inputs + k];
	}
	for (size_t u = 0; u < kUnits; u++)
		for (size_t v = 0; v < kVectors; v++) {
			if (relu)
				Rectify(sums[u][v]);
			memcpy(outputs + u * kDenseRows + v * kLanes, &sums[u][v], sizeof(Doubles));
		}
}

template <size_t kUnits, size_t kVectors>
static inline void
Layer(const double *weights, const double *biases, size_t n_inputs, size_t n_outputs, bool relu,
	  const double *inputs, double *outputs) {
	constexpr size_t kRows = kVectors * kLanes;
	size_t unit = 0;
	for (; unit + kUnits <= n_outputs; unit += kUnits)
		for (size_t row = 0; row < kDenseRows; row += kRows)
			Units<kUnits, kVectors>(weights + unit * n_inputs, biases + unit, n_inputs, relu,
									inputs + row, outputs + unit * kDenseRows + row);
	for (; unit < n_outputs; unit++)
		for (size_t row = 0; row < kDenseRows; row += kRows)
			Units<1, kVectors>(weights + unit * n_inputs, biases + unit, n_inputs, relu,
							   inputs + row, outputs + unit * kDenseRows + row);
}

template <size_t kVectors>
static inline __attribute__((always_inline)) void
RowUnits(const double *weights, const double *biases, size_t n_inputs, size_t n_outputs, bool relu,
		 const double *inputs, double *outputs) {
	Doubles sums[kVectors];
	memcpy(sums, biases, sizeof(sums));
	for (size_t k = 0; k < n_inputs; k++)
		for (size_t v = 0; v < kVectors; v++) {
			Doubles w;
			ReadVector(w, weights + k * n_outputs + v * kLanes);
			sums[v] += w * inputs[k];
		}
	for (size_t v = 0; v < kVectors; v++) {
		if (relu)
			Rectify(sums[v]);
		memcpy(outputs + v * kLanes, &sums[v], sizeof(Doubles));
	}
}

static inline void
RowLayer(const double *weights, const double *biases, size_t n_inputs, size_t n_outputs, bool relu,
		 const double *inputs, double *outputs) {
	size_t unit = 0;
	for (; unit + 4 * kLanes <= n_outputs; unit += 4 * kLanes)
		RowUnits<4>(weights + unit, biases + unit, n_inputs, n_outputs, relu, inputs,
					outputs + unit);
	for (; unit + kLanes <= n_outputs; unit += kLanes)
		RowUnits<1>(weights + unit, biases + unit, n_inputs, n_outputs, relu, inputs,
					outputs + unit);
	for (; unit < n_outputs; unit++) {
		double sum = biases[unit];
		for (size_t k = 0; k < n_inputs; k++)
			sum += weights[k * n_outputs + unit] * inputs[k];
		if (relu)
			sum = sum > 0 ? sum > FLT_MAX ? FLT_MAX : sum : 0;
		outputs[unit] = sum;
	}
}

} // namespace pgml::engine
