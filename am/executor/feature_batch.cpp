/// See feature_batch.h.
#include "am/executor/feature_batch.h"

extern "C" {
#include "storage/shmem.h"
#include "utils/datum.h"
#include "utils/memutils.h"
}

namespace pgml::am {

void
ReserveRawFeatures(RawFeatures *raw, size_t width, size_t capacity, MemoryContext context) {
	if (raw->data != nullptr)
		pfree(raw->data);
	raw->width = width;
	raw->ld = pgml::PaddedLeadingDimension(capacity);
	Size bytes = mul_size(mul_size(raw->ld, Max(width, size_t{1})), sizeof(float));
	raw->data = (float *)MemoryContextAllocHuge(context, bytes);
}

void
GatherRows(const RawFeatures &from, const int *selection, int n_selected, RawFeatures *to) {
	for (size_t column = 0; column < from.width; column++) {
		const float *source = from.data + column * from.ld;
		float *target = to->data + column * to->ld;
		for (int i = 0; i < n_selected; i++)
			target[i] = source[selection[i]];
	}
}

void
ReserveKeptColumns(KeptColumns *kept, size_t capacity, MemoryContext context) {
	if (kept->values != nullptr) {
		pfree(kept->values);
		pfree(kept->nulls);
	}
	Size cells = mul_size(capacity, Max(kept->n, 1));
	kept->values = (Datum *)MemoryContextAllocHuge(context, mul_size(cells, sizeof(Datum)));
	kept->nulls = (bool *)MemoryContextAllocHuge(context, cells);
}

void
StoreKeptColumns(KeptColumns *kept, TupleTableSlot *slot, size_t row) {
	Datum *values = kept->values + row * kept->n;
	bool *nulls = kept->nulls + row * kept->n;
	for (int i = 0; i < kept->n; i++) {
		if (!kept->from_slot[i])
			continue;
		int column = kept->source[i];
		if (column >= 0) {
			nulls[i] = slot->tts_isnull[column];
			values[i] = slot->tts_values[column];
		} else
			values[i] = slot_getsysattr(slot, column, &nulls[i]);
		if (!nulls[i] && !kept->by_value[i])
			values[i] = datumCopy(values[i], false, kept->length[i]);
	}
}

} // namespace pgml::am
