/**
 * Model bytes out of pgml.files. See model_catalog.h.
 *
 * A model is one path in one or more parts, numbered from 0. Whoever may write the table may have
 * written anything: what does not fit together is reported as XX001 and named.
 */
#include "am/models/model_catalog.h"

#include "am/models/catalog_tables.h"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
}

namespace pgml::am {

namespace {

/// One row of pgml.files, in hand.
struct FilePart {
	int32 part;
	bytea *data;
};

int
ComparePart(const void *a, const void *b) {
	int32 left = ((const FilePart *)a)->part, right = ((const FilePart *)b)->part;
	return left < right ? -1 : left > right;
}

[[noreturn]] void
RaiseDamagedFiles(int64 model_id, const char *detail) {
	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("model " INT64_FORMAT " is damaged", model_id), errdetail("%s", detail),
					errhint("Deploy another model of the project, or train it again.")));
}

/// Position and origin of a row version; summed over the rows of a model, so that their order does
/// not matter.
uint64
RowFingerprint(Relation relation, HeapTuple tuple) {
	// With the relation's file: one that was truncated holds other rows at the same places.
	uint64 words[4] = {tuple->t_tableOid, relation->rd_rel->relfilenode,
					   HeapTupleHeaderGetRawXmin(tuple->t_data),
					   ((uint64)ItemPointerGetBlockNumberNoCheck(&tuple->t_self) << 16) |
						   ItemPointerGetOffsetNumberNoCheck(&tuple->t_self)};
	return hash_bytes_extended((const unsigned char *)words, sizeof(words), 0);
}

} // namespace

bytea *
ReadModelBytes(int64 model_id, uint64 *fingerprint) {
	Relation relation = OpenCatalogTable(kFiles);
	SysScanDesc scan = ScanCatalog(relation, kFilesByModel, kFileModel, model_id);
	int n = 0, capacity = 4;
	auto *parts = (FilePart *)palloc(sizeof(FilePart) * capacity);
	char *path = nullptr;
	uint64 sum = 0;
	Size total = 0;
	while (HeapTuple tuple = systable_getnext(scan)) {
		CHECK_FOR_INTERRUPTS();
		char *row_path = TextDatumGetCString(RequiredValue(relation, tuple, kFilePath, model_id));
		if (path != nullptr && strcmp(path, row_path) != 0)
			RaiseDamagedFiles(model_id, "Its rows in pgml.files name more than one path.");
		if (path != nullptr)
			pfree(row_path);
		else
			path = row_path;
		if (n == capacity) {
			capacity *= 2;
			parts = (FilePart *)repalloc(parts, sizeof(FilePart) * capacity);
		}
		parts[n].part = DatumGetInt32(RequiredValue(relation, tuple, kFilePart, model_id));
		parts[n].data = DatumGetByteaPCopy(RequiredValue(relation, tuple, kFileData, model_id));
		total += VARSIZE_ANY_EXHDR(parts[n].data);
		sum += RowFingerprint(relation, tuple);
		n++;
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	if (n == 0) {
		Project project;
		if (!LookupModelProject(model_id, &project))
			RaiseNoModelId(model_id);
		RaiseDamagedFiles(model_id, "It has no row in pgml.files.");
	}
	qsort(parts, n, sizeof(FilePart), ComparePart);
	for (int i = 0; i < n; i++)
		if (parts[i].part != i)
			RaiseDamagedFiles(model_id,
							  psprintf("Part %d is missing in pgml.files, or there twice.", i));
	if (fingerprint != nullptr)
		*fingerprint = sum;
	bytea *result = parts[0].data;
	if (n > 1) {
		if (total > MaxAllocSize - VARHDRSZ)
			ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
							errmsg("model " INT64_FORMAT " is too large", model_id),
							errdetail("It has %zu bytes, the limit is %zu.", total,
									  (Size)MaxAllocSize - VARHDRSZ)));
		result = (bytea *)palloc(VARHDRSZ + total);
		SET_VARSIZE(result, VARHDRSZ + total);
		char *to = VARDATA(result);
		for (int i = 0; i < n; i++) {
			Size length = VARSIZE_ANY_EXHDR(parts[i].data);
			memcpy(to, VARDATA_ANY(parts[i].data), length);
			to += length;
			pfree(parts[i].data);
		}
	}
	pfree(parts);
	pfree(path);
	return result;
}

uint64
ModelFingerprint(int64 model_id) {
	Relation relation = OpenCatalogTable(kFiles);
	SysScanDesc scan = ScanCatalog(relation, kFilesByModel, kFileModel, model_id);
	uint64 sum = 0;
	while (HeapTuple tuple = systable_getnext(scan))
		sum += RowFingerprint(relation, tuple);
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return sum;
}

} // namespace pgml::am
