#pragma once
/// The `vector` type as it is stored: what am/ and index/ share of it. Everything else: index/vector_*.cpp.
#include "am/base/pg.h"

namespace pgml::pg {

/// Varlena. On disk and in memory as pgvector's, so that its clients and dumps can be used.
struct Vector {
	int32 vl_len_;
	int16 n;      ///< dimensions, 1 .. kMaxVectorDimensions
	int16 unused; ///< 0
	float x[FLEXIBLE_ARRAY_MEMBER];
};

inline constexpr int kMaxVectorDimensions = 16000;

inline Size
VectorSize(int n) {
	return offsetof(Vector, x) + sizeof(float) * (Size)n;
}

/// palloc'd, elements unset. `n` must be in range.
inline Vector *
MakeVector(int n) {
	auto *vector = (Vector *)palloc0(VectorSize(n));
	SET_VARSIZE(vector, VectorSize(n));
	vector->n = (int16)n;
	return vector;
}

} // namespace pgml::pg
