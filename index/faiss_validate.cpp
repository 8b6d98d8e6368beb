/// Checks operator classes of the access method, as the server's amvalidate functions do.
#include "index/faiss.h"

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

/// One operator, which orders: the distance. @return false: something else
bool
ValidateOperators(Oid opfamily, const char *name) {
	bool valid = true;
	CatCList *list = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(opfamily));
	for (int i = 0; i < list->n_members; i++) {
		auto *row = (Form_pg_amop)GETSTRUCT(&list->members[i]->tuple);
		if (row->amopstrategy != 1 || row->amoppurpose != AMOP_ORDER) {
			Complain(name, "has an operator that is no ordering operator with number 1");
			valid = false;
		} else if (get_op_rettype(row->amopopr) != FLOAT8OID ||
				   !check_amop_signature(row->amopopr, FLOAT8OID, row->amoplefttype,
										 row->amoprighttype)) {
			Complain(name, "has an operator that gives no double precision distance");
			valid = false;
		}
	}
	if (list->n_members == 0) {
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
