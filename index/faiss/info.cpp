/// pgml.index_info and pgml.reindex_advice: what an index holds, and whether it still fits what it holds.
#include "index/faiss/faiss.h"

#include "am/base/guard.h"
#include "index/faiss/scan.h"

#include <cstring>

extern "C" {
#include "access/htup_details.h"
#include "access/relation.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
}

namespace pgml::index {

namespace {

/// One pass over the code pages.
struct IndexCounts {
	uint64 live, dead, smallest, largest, inserted;
	uint64 code_pages;
	double inserted_residual;
};

/// @throws (ereport) 42809 no faiss index, 42501
Relation
OpenFaissIndex(Oid oid) {
	Relation index = relation_open(oid, AccessShareLock);
	if (index->rd_rel->relkind != RELKIND_INDEX || index->rd_indam == nullptr ||
		index->rd_indam->ambuild != Build)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is not a faiss index", RelationGetRelationName(index))));
	Oid table = index->rd_index->indrelid;
	AclResult allowed = pg_class_aclcheck(table, GetUserId(), ACL_SELECT);
	if (allowed != ACLCHECK_OK)
		aclcheck_error(allowed, OBJECT_TABLE, get_rel_name(table));
	return index;
}

IndexCounts
CountIndex(Relation index, const MetaData &meta) {
	IndexCounts counts = {};
	if (meta.layout.dims == 0)
		return counts;
	Geometry geometry = GeometryOf(meta.layout);
	counts.smallest = PG_UINT64_MAX;
	for (uint32 list = 0; list < meta.layout.lists; list++) {
		DirectoryEntryData entry = ReadDirectoryEntry(index, meta, list);
		uint64 live = 0, pages = 0;
		for (BlockNumber block = entry.head; block != InvalidBlockNumber;) {
			CHECK_FOR_INTERRUPTS();
			Buffer buffer = ReadPage(index, block);
			LockBuffer(buffer, BUFFER_LOCK_SHARE);
			const CodeTailData *tail = CheckCodePage(index, buffer, geometry, list, entry.chain);
			Page page = BufferGetPage(buffer);
			uint32 page_live = 0;
			for (uint32 slot = 0; slot < tail->count; slot++)
				page_live += ann::IsLive(meta.layout, BlockAt(meta.layout, page, slot),
										 slot % ann::kBlockVectors);
			live += page_live;
			counts.dead += tail->count - page_live;
			counts.inserted += tail->inserted;
			counts.inserted_residual += tail->inserted_residual;
			block = tail->common.next;
			UnlockReleaseBuffer(buffer);
			if (++pages > RelationGetNumberOfBlocks(index))
				RaiseCorrupted(index, block, "Its chain has no end.");
		}
		counts.code_pages += pages;
		counts.live += live;
		counts.smallest = Min(counts.smallest, live);
		counts.largest = Max(counts.largest, live);
	}
	return counts;
}

/// How much farther inserted rows are from their centroids than those of the build were: 1 = as far.
double
Drift(const MetaData &meta, const IndexCounts &counts) {
	if (counts.inserted == 0 || meta.built_rows == 0 || !(meta.built_residual > 0))
		return 1;
	return counts.inserted_residual / (double)counts.inserted / meta.built_residual;
}

const char *
MetricName(ann::Metric metric) {
	switch (metric) {
		case ann::Metric::kL2:
			return "l2";
		case ann::Metric::kInnerProduct:
			return "inner product";
		case ann::Metric::kCosine:
			return "cosine";
	}
	return "unknown";
}

/// The curve as a JSON array of objects.
char *
CurveText(const MetaData &meta) {
	StringInfoData text;
	initStringInfo(&text);
	appendStringInfoChar(&text, '[');
	for (uint32 i = 0; i < meta.n_curve; i++)
		appendStringInfo(&text, "%s{\"recall\": %.4f, \"probes\": %u, \"refine\": %u}",
						 i == 0 ? "" : ", ", meta.curve[i].recall, meta.curve[i].probes,
						 meta.curve[i].refine);
	appendStringInfoChar(&text, ']');
	return text.data;
}

char *
LayoutName(const ann::Layout &layout) {
	constexpr Size kRoom = 128;
	auto *name = (char *)palloc0(kRoom);
	pg::Guard([&] { strlcpy(name, ann::Factory::Name(layout).c_str(), kRoom); });
	return name;
}

/// Why the index should be built anew, nullptr: it need not be.
const char *
Advice(Relation index, const MetaData &meta, const IndexCounts &counts) {
	ann::Layout layout;
	if (ShouldGrow(index, meta, counts.live, &layout))
		return psprintf("It has one list and holds " UINT64_FORMAT
						" rows, which every search reads; the next VACUUM trains it.",
						counts.live);
	if (meta.built_rows > 0 && counts.live >= 10000 && counts.live / meta.built_rows >= 4)
		return psprintf("It holds " UINT64_FORMAT " rows and was built for " UINT64_FORMAT
						": its lists have grown long.",
						counts.live, meta.built_rows);
	// Neighbours of those that are left lie in more lists than when recall was measured.
	if (meta.built_rows >= 10000 && meta.n_curve > 0 && counts.live < meta.built_rows / 2)
		return psprintf("It holds " UINT64_FORMAT " rows and was built for " UINT64_FORMAT
						": searches find less than the recall that was measured.",
						counts.live, meta.built_rows);
	double drift = Drift(meta, counts);
	if (counts.inserted >= 1000 && counts.inserted * 10 >= meta.built_rows && drift > 1.3)
		return psprintf("Rows inserted since it was built are %.1f times as far from their "
						"centroids: the data have changed.",
						drift);
	return nullptr;
}

Datum
ReturnRow(FunctionCallInfo fcinfo, Datum *values, bool *nulls) {
	TupleDesc descriptor;
	if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

} // namespace

} // namespace pgml::index

using namespace pgml::index;

/// pgml.index_info(regclass) -> record
PGML_FUNCTION(pgml_index_info) {
	Relation index = OpenFaissIndex(PG_GETARG_OID(0));
	MetaData meta;
	ReadMeta(index, &meta);
	IndexCounts counts = CountIndex(index, meta);
	bool known = meta.layout.dims > 0;
	Datum values[15] = {};
	bool nulls[15] = {};
	int n = 0;
	auto put = [&](Datum value, bool null = false) {
		values[n] = value;
		nulls[n++] = null;
	};
	put(known ? CStringGetTextDatum(LayoutName(meta.layout)) : (Datum)0, !known);
	put(CStringGetTextDatum(MetricName(VectorTypeOf(index)->metric)));
	put(Int32GetDatum((int32)meta.layout.dims), !known);
	put(Int32GetDatum(known ? (int32)meta.layout.lists : 0));
	put(Int64GetDatum((int64)counts.live));
	put(Int64GetDatum((int64)counts.dead));
	put(Int64GetDatum((int64)meta.built_rows));
	put(Int64GetDatum((int64)counts.inserted));
	put(Int64GetDatum((int64)counts.smallest));
	put(Int64GetDatum((int64)counts.largest));
	put(Int64GetDatum((int64)RelationGetNumberOfBlocks(index)));
	put(Int64GetDatum((int64)counts.code_pages));
	put(Float8GetDatum(Drift(meta, counts)));
	put(DirectFunctionCall1(jsonb_in, CStringGetDatum(CurveText(meta))));
	const char *advice = Advice(index, meta, counts);
	put(advice != nullptr ? CStringGetTextDatum(advice) : (Datum)0, advice == nullptr);
	relation_close(index, AccessShareLock);
	return ReturnRow(fcinfo, values, nulls);
}

/// pgml.reindex_advice(regclass) -> text: why to REINDEX, NULL = no reason to
PGML_FUNCTION(pgml_reindex_advice) {
	Relation index = OpenFaissIndex(PG_GETARG_OID(0));
	MetaData meta;
	ReadMeta(index, &meta);
	IndexCounts counts = CountIndex(index, meta);
	const char *advice = Advice(index, meta, counts);
	relation_close(index, AccessShareLock);
	if (advice == nullptr)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(advice));
}

/// pgml.last_search() -> record: what the last search of this session did
PGML_FUNCTION(pgml_last_search) {
	SearchCounters counters;
	Oid index = LastSearch(&counters);
	if (index == InvalidOid)
		PG_RETURN_NULL();
	Datum values[] = {
		ObjectIdGetDatum(index),
		Int64GetDatum((int64)counters.lists),
		Int64GetDatum((int64)counters.pages),
		Int64GetDatum((int64)counters.codes),
		Int64GetDatum((int64)counters.bounded),
		Int64GetDatum((int64)counters.returned),
		Int64GetDatum((int64)counters.left_out),
	};
	bool nulls[lengthof(values)] = {};
	return ReturnRow(fcinfo, values, nulls);
}
