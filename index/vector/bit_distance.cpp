/// Distances between bit strings: Hamming and Jaccard, as pgvector has them.
#include "am/base/pg.h"

extern "C" {
#include "port/pg_bitutils.h"
#include "utils/varbit.h"
}

namespace pgml::vec {

namespace {

void
CheckSameLength(VarBit *a, VarBit *b) {
	if (VARBITLEN(a) != VARBITLEN(b))
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("different bit lengths %d and %d", VARBITLEN(a), VARBITLEN(b))));
}

/// Set bits of combine(a, b). Bits behind the last are zero in both.
template <typename Operation>
uint64
CountBits(VarBit *a, VarBit *b, const Operation &combine) {
	uint64 count = 0;
	const bits8 *x = VARBITS(a), *y = VARBITS(b);
	int n = (int)VARBITBYTES(a), i = 0;
	for (; i + 8 <= n; i += 8) {
		uint64 left, right;
		memcpy(&left, x + i, 8);
		memcpy(&right, y + i, 8);
		count += (uint64)pg_popcount64(combine(left, right));
	}
	for (; i < n; i++)
		count += (uint64)pg_popcount64(combine((uint64)x[i], (uint64)y[i]));
	return count;
}

} // namespace

} // namespace pgml::vec

using namespace pgml::vec;

/// hamming_distance(bit, bit) -> float8, operator <~>: bits that differ
PGML_FUNCTION(pgml_hamming_distance) {
	VarBit *a = PG_GETARG_VARBIT_P(0), *b = PG_GETARG_VARBIT_P(1);
	CheckSameLength(a, b);
	PG_RETURN_FLOAT8((double)CountBits(a, b, [](uint64 x, uint64 y) { return x ^ y; }));
}

/// jaccard_distance(bit, bit) -> float8, operator <%>: 1 without a common bit
PGML_FUNCTION(pgml_jaccard_distance) {
	VarBit *a = PG_GETARG_VARBIT_P(0), *b = PG_GETARG_VARBIT_P(1);
	CheckSameLength(a, b);
	uint64 both = CountBits(a, b, [](uint64 x, uint64 y) { return x & y; });
	uint64 any = CountBits(a, b, [](uint64 x, uint64 y) { return x | y; });
	PG_RETURN_FLOAT8(both == 0 ? 1.0 : 1.0 - (double)both / (double)any);
}
