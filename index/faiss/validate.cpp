/// Checks operator classes of the access method, as the server's amvalidate functions do.
#include "index/faiss/faiss.h"

extern "C" {
#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace pgml::index {

namespace {

void
Complain(const char *opfamily, const char *what) {
	ereport(INFO, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				   errmsg("operator family \"%s\" of access method faiss %s", opfamily, what)));
}

/// The distance, which orders. @return what is wrong with it
const char *
ProblemOfDistance(const FormData_pg_amop *row) {
	if (row->amoppurpose != AMOP_ORDER)
		return "has an operator with number 1 that is no ordering operator";
	if (get_op_rettype(row->amopopr) != FLOAT8OID ||
		!check_amop_signature(row->amopopr, FLOAT8OID, row->amoplefttype, row->amoprighttype))
		return "has an operator that gives no double precision distance";
	return nullptr;
}

/// Within a range: its right argument is a row of centre, radius, inclusive.
const char *
ProblemOfRange(const FormData_pg_amop *row) {
	if (row->amoppurpose != AMOP_SEARCH || get_typtype(row->amoprighttype) != TYPTYPE_COMPOSITE ||
		!check_amop_signature(row->amopopr, BOOLOID, row->amoplefttype, row->amoprighttype))
		return "has an operator with number 2 that is no search in a range";
	return nullptr;
}

bool
ValidateOperators(Oid opfamily, const char *name) {
	bool valid = true, ordered = false;
	CatCList *list = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(opfamily));
	for (int i = 0; i < list->n_members; i++) {
		auto *row = (Form_pg_amop)GETSTRUCT(&list->members[i]->tuple);
		const char *problem = row->amopstrategy == kDistanceStrategy ? ProblemOfDistance(row)
							  : row->amopstrategy == kRangeStrategy
								  ? ProblemOfRange(row)
								  : "has an operator of wrong number";
		ordered = ordered || row->amopstrategy == kDistanceStrategy;
		if (problem != nullptr) {
			Complain(name, problem);
			valid = false;
		}
	}
	if (!ordered) {
		Complain(name, "has no ordering operator");
		valid = false;
	}
	ReleaseCatCacheList(list);
	return valid;
}

bool
ValidateFunctions(Oid opfamily, const char *name) {
	bool valid = true;
	CatCList *list = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(opfamily));
	for (int i = 0; i < list->n_members; i++) {
		auto *row = (Form_pg_amproc)GETSTRUCT(&list->members[i]->tuple);
		if (row->amprocnum != 1 ||
			!check_amproc_signature(row->amproc, INTERNALOID, true, 1, 1, INTERNALOID)) {
			Complain(name, "has a support function of wrong number or signature");
			valid = false;
		}
	}
	if (list->n_members == 0) {
		Complain(name, "lacks support function 1");
		valid = false;
	}
	ReleaseCatCacheList(list);
	return valid;
}

} // namespace

bool
Validate(Oid opclass) {
	HeapTuple tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator class %u", opclass);
	Oid opfamily = ((Form_pg_opclass)GETSTRUCT(tuple))->opcfamily;
	ReleaseSysCache(tuple);
	tuple = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(opfamily));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator family %u", opfamily);
	char *name = pstrdup(NameStr(((Form_pg_opfamily)GETSTRUCT(tuple))->opfname));
	ReleaseSysCache(tuple);
	bool operators = ValidateOperators(opfamily, name);
	return ValidateFunctions(opfamily, name) && operators;
}

} // namespace pgml::index
