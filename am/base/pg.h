#pragma once
/// The only way into PostgreSQL's headers: C linkage, and exported symbols despite
/// -fvisibility=hidden.
#include <cstddef>
#include <cstdint>

extern "C" {
#include "postgres.h"

#include "access/attnum.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodes.h"
#include "nodes/pg_list.h"
#include "utils/elog.h"
#include "utils/palloc.h"
// A part of postgres.h until PostgreSQL 16 took it out.
#if __has_include("varatt.h")
#include "varatt.h"
#endif
}

// PostgreSQL 15 leaves PGDLLEXPORT empty, which would hide the magic block and every SQL function.
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))

/// Declares and registers a SQL-callable function.
#define PGML_FUNCTION(name)                   \
	extern "C" {                              \
	PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name);                \
	}                                         \
	Datum name(PG_FUNCTION_ARGS)
