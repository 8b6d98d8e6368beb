/// Finding what names a project. See references.h.
#include "am/sqlfuncs/references.h"

#include "am/base/compat.h"
#include "am/models/model_catalog.h"
#include "am/executor/predict_functions.h"
#include "am/sqlfuncs/rights.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_index.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace pgml::am {

namespace {

/// Objects named in the error; what is beyond is counted.
constexpr int kListed = 20;

/// The constant under the casts that the parser puts around one: 7 for a bigint is int8(7).
const Const *
ConstantUnderCasts(const Node *node) {
	for (;;) {
		if (node == nullptr)
			return nullptr;
		if (IsA(node, Const))
			return (const Const *)node;
		if (IsA(node, RelabelType)) {
			node = (const Node *)((const RelabelType *)node)->arg;
			continue;
		}
		if (!IsA(node, FuncExpr))
			return nullptr;
		auto *call = (const FuncExpr *)node;
		if (call->funcid != F_INT8_INT4 && call->funcid != F_INT8_INT2 &&
			call->funcid != F_TEXT_NAME)
			return nullptr;
		node = (const Node *)linitial(call->args);
	}
}

bool
NamesModel(const ReferenceTarget &target, const Const *constant) {
	int64 id;
	switch (constant->consttype) {
		case INT2OID:
			id = DatumGetInt16(constant->constvalue);
			break;
		case INT4OID:
			id = DatumGetInt32(constant->constvalue);
			break;
		case INT8OID:
			id = DatumGetInt64(constant->constvalue);
			break;
		default:
			return false;
	}
	for (int i = 0; i < target.n_models; i++)
		if (target.models[i] == id)
			return true;
	return false;
}

bool
NamesProject(const ReferenceTarget &target, const Const *constant) {
	if (target.project == nullptr)
		return false;
	switch (constant->consttype) {
		case TEXTOID:
		case VARCHAROID:
			return strcmp(TextDatumGetCString(constant->constvalue), target.project) == 0;
		case NAMEOID:
			return strcmp(NameStr(*DatumGetName(constant->constvalue)), target.project) == 0;
		default:
			return false;
	}
}

bool
NamesTargetWalker(Node *node, void *context) {
	if (node == nullptr)
		return false;
	if (IsA(node, FuncExpr)) {
		auto *call = (FuncExpr *)node;
		const PredictFunction *function = FindPredictFunction(call->funcid);
		bool by_model_id = function != nullptr && function->by_model_id;
		const Const *constant =
			function != nullptr ? ConstantUnderCasts((Node *)linitial(call->args)) : nullptr;
		auto *target = (const ReferenceTarget *)context;
		if (constant != nullptr && !constant->constisnull &&
			(by_model_id ? NamesModel(*target, constant) : NamesProject(*target, constant)))
			return true;
	}
	return pg::WalkExpression(node, NamesTargetWalker, context);
}

struct Search {
	const ReferenceTarget *target;
	Project project; ///< whose use is asked about
	List *found;     ///< of ObjectAddress *, no duplicates
};

bool
NamesTarget(const Search *search, Datum stored_expression, bool is_null) {
	return !is_null &&
		   NamesTargetWalker((Node *)stringToNode(TextDatumGetCString(stored_expression)),
							 const_cast<ReferenceTarget *>(search->target));
}

bool
OwnerMayUse(const Search *search, Oid table) {
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	if (!HeapTupleIsValid(tuple))
		return false; // dropped meanwhile
	Oid owner = ((Form_pg_class)GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return HasProjectUse(search->project, owner);
}

void
Found(Search *search, Oid class_id, Oid object, int32 sub_object) {
	ListCell *cell;
	foreach (cell, search->found) {
		auto *known = (const ObjectAddress *)lfirst(cell);
		if (known->classId == class_id && known->objectId == object &&
			known->objectSubId == sub_object)
			return;
	}
	auto *address = (ObjectAddress *)palloc(sizeof(ObjectAddress));
	ObjectAddressSubSet(*address, class_id, object, sub_object);
	search->found = lappend(search->found, address);
}

void
ExamineColumn(Search *search, Oid attrdef) {
	Relation relation = table_open(AttrDefaultRelationId, AccessShareLock);
	ScanKeyData key;
	ScanKeyInit(&key, Anum_pg_attrdef_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(attrdef));
	SysScanDesc scan = systable_beginscan(relation, AttrDefaultOidIndexId, true, nullptr, 1, &key);
	while (HeapTuple tuple = systable_getnext(scan)) {
		auto *row = (Form_pg_attrdef)GETSTRUCT(tuple);
		bool is_null;
		Datum expression =
			heap_getattr(tuple, Anum_pg_attrdef_adbin, RelationGetDescr(relation), &is_null);
		if (NamesTarget(search, expression, is_null) && OwnerMayUse(search, row->adrelid))
			Found(search, RelationRelationId, row->adrelid, row->adnum);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
}

void
ExamineIndex(Search *search, Oid index) {
	HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	if (!HeapTupleIsValid(tuple))
		return; // no index
	Oid table = ((Form_pg_index)GETSTRUCT(tuple))->indrelid;
	bool named = false;
	constexpr AttrNumber kExpressions[] = {Anum_pg_index_indexprs, Anum_pg_index_indpred};
	for (AttrNumber attno : kExpressions) {
		bool is_null;
		Datum expression = SysCacheGetAttr(INDEXRELID, tuple, attno, &is_null);
		named = named || NamesTarget(search, expression, is_null);
	}
	ReleaseSysCache(tuple);
	if (named && OwnerMayUse(search, table))
		Found(search, RelationRelationId, index, 0);
}

void
ExamineStatistics(Search *search, Oid statistics) {
	HeapTuple tuple = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(statistics));
	if (!HeapTupleIsValid(tuple))
		return;
	Oid table = ((Form_pg_statistic_ext)GETSTRUCT(tuple))->stxrelid;
	bool is_null;
	Datum expression = SysCacheGetAttr(STATEXTOID, tuple, Anum_pg_statistic_ext_stxexprs, &is_null);
	bool named = NamesTarget(search, expression, is_null);
	ReleaseSysCache(tuple);
	if (named && OwnerMayUse(search, table))
		Found(search, StatisticExtRelationId, statistics, 0);
}

void
ExamineDependentsOf(Search *search, Relation depend, Oid function) {
	ScanKeyData key[2];
	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(ProcedureRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(function));
	SysScanDesc scan = systable_beginscan(depend, DependReferenceIndexId, true, nullptr, 2, key);
	while (HeapTuple tuple = systable_getnext(scan)) {
		CHECK_FOR_INTERRUPTS();
		auto *row = (Form_pg_depend)GETSTRUCT(tuple);
		if (row->classid == AttrDefaultRelationId)
			ExamineColumn(search, row->objid);
		else if (row->classid == RelationRelationId)
			ExamineIndex(search, row->objid);
		else if (row->classid == StatisticExtRelationId)
			ExamineStatistics(search, row->objid);
	}
	systable_endscan(scan);
}

int
CompareText(const void *a, const void *b) {
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/// One object a line, in alphabetical order.
char *
DescribeFound(const List *found) {
	int n = 0;
	auto **texts = (const char **)palloc(sizeof(char *) * list_length(found));
	ListCell *cell;
	foreach (cell, found) {
		const char *description = getObjectDescription((const ObjectAddress *)lfirst(cell), true);
		if (description != nullptr)
			texts[n++] = description;
	}
	qsort(texts, n, sizeof(char *), CompareText);
	StringInfoData result;
	initStringInfo(&result);
	for (int i = 0; i < Min(n, kListed); i++)
		appendStringInfo(&result, "%s%s", i == 0 ? "" : "\n", texts[i]);
	if (n > kListed)
		appendStringInfo(&result, "\nand %d more", n - kListed);
	return result.data;
}

/// Addresses of what names the target.
List *
FindReferences(const ReferenceTarget &target, int64 project_id) {
	Search search = {};
	search.target = &target;
	const char *name = ProjectName(project_id);
	if (name == nullptr || !LookupProject(name, &search.project))
		return NIL;
	Relation depend = table_open(DependRelationId, AccessShareLock);
	ListCell *cell;
	foreach (cell, FamilyFunctions())
		ExamineDependentsOf(&search, depend, lfirst_oid(cell));
	table_close(depend, AccessShareLock);
	return search.found;
}

} // namespace

bool
IsReferenced(const ReferenceTarget &target, int64 project_id) {
	return FindReferences(target, project_id) != NIL;
}

void
RefuseReferences(const ReferenceTarget &target, int64 project_id, const char *doing) {
	List *found = FindReferences(target, project_id);
	if (found == NIL)
		return;
	ereport(ERROR, (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					errmsg("cannot %s because other objects depend on it", doing),
					errdetail("%s", DescribeFound(found)),
					errhint("Drop these first, or give the columns another expression.")));
}

} // namespace pgml::am
