#pragma once
/**
 * Writing and reading the catalog tables by SQL, as their owner.
 *
 * PUBLIC may not write the catalog and row level security hides rows, so the functions of the
 * extension switch to the tables' owner for their own statements, as core's foreign key triggers
 * do; an error restores the user with the transaction. Between AsCatalogOwner() and
 * EndAsCatalogOwner() nothing that a user wrote may run. The search path is pg_catalog alone, so
 * that operators need no qualification.
 */
#include "am/base/pg.h"

extern "C" {
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
}

namespace pgml::am {

/// To be called first by every function that writes: refuses without the preloaded library, in a
/// read-only transaction and on a standby. `command` is how the error calls it.
void RequireWritable(const char *command);

/// State to return to. Plain memory.
struct CatalogOwnerSection {
	Oid user;
	int security_context;
	int guc_nest_level;
};
CatalogOwnerSection AsCatalogOwner();
void EndAsCatalogOwner(const CatalogOwnerSection &section);

/// OID of a table of schema pgml. The extension is installed when our functions run.
Oid CatalogTable(const char *name);

/// Parameters $1, $2 ... of one statement.
class SqlParameters {
public:
	SqlParameters &Text(const char *value);                    ///< nullptr = NULL
	SqlParameters &Texts(int count, const char *const *texts); ///< text[]; none = NULL
	SqlParameters &Int8(int64 value);
	SqlParameters &Int4(int32 value);
	SqlParameters &Float8(double value);
	SqlParameters &Oid8(Oid value);
	SqlParameters &Add(Oid type, Datum value, bool is_null = false);

	static constexpr int kMax = 16;
	int n = 0;
	Oid types[kMax];
	Datum values[kMax];
	char nulls[kMax];
};

/// Which state a statement sees.
enum class Visibility : uint8_t {
	kTransaction, ///< the transaction's snapshot: needed to write
	kLatest,      ///< everything committed by now, also under REPEATABLE READ; reading only
};

/**
 * Runs one statement as the catalog's owner; the caller is connected to SPI. @return rows returned
 * or changed; they are in SPI_tuptable.
 */
uint64 RunAsCatalogOwner(const char *sql, const SqlParameters &parameters,
						 Visibility visibility = Visibility::kTransaction);

/// Fields of a row in SPI_tuptable; copies live in the current context.
int64 ResultInt8(uint64 row, int column, bool *is_null = nullptr);
double ResultFloat8(uint64 row, int column, bool *is_null = nullptr);
Oid ResultOid(uint64 row, int column);
char *ResultText(uint64 row, int column); ///< by the type's output function; nullptr = NULL
/// The elements of a text[] without the null ones. @return how many; NULL has none
int ResultTexts(uint64 row, int column, const char ***texts);

/// The same for any text[].
int TextsOf(ArrayType *array, const char ***texts);

} // namespace pgml::am
