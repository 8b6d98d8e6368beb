// One query: its coordinates, its table for codes, the scan.
#include "ann/query.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <new>

#include "ann/kernels.h"
#include "ann/row.h"

#include "base/no_postgres.h"

namespace pgml::ann {

namespace {

/// A table whose entries differ by less than this has nothing to say.
constexpr float kLeastRange = 1e-30f;

QueryState &
StateOf(std::byte *memory) {
	return *reinterpret_cast<QueryState *>(memory);
}

/// Coordinates for L2: those of the data.
void
StartDistance(QueryState &state) {
	auto scale = static_cast<float>(state.blob.scale());
	for (size_t i = 0; i < state.blob.layout().dims; i++) {
		float x = ToInternal(state.prepared[i], state.blob.mean[i], scale);
		state.unbounded = state.unbounded || std::fabs(x) >= kInternalLimit;
		state.query[i] = x;
	}
	state.unit = 1 / state.blob.scale();
}

/// Coordinates for inner products: only the direction counts, so the query is scaled until its largest element is near 1.
void
StartProduct(QueryState &state) {
	size_t dims = state.blob.layout().dims;
	float largest = 0;
	for (size_t i = 0; i < dims; i++)
		largest = std::max(largest, std::fabs(state.prepared[i]));
	int exponent = largest > 0 && largest <= FLT_MAX ? std::ilogb(largest) : 0;
	double factor = std::ldexp(1.0, -exponent), mean = 0, scale = state.blob.scale();
	for (size_t i = 0; i < dims; i++) {
		double x = state.prepared[i] * factor;
		if (!(std::fabs(x) <= 2)) {
			x = 0; // not a finite number
			state.unbounded = true;
		}
		state.query[i] = static_cast<float>(x);
		mean += x * scale * state.blob.mean[i];
	}
	state.mean_product = mean;
	state.unit = std::ldexp(1.0, exponent) / scale;
}

/// The table: per sub-vector what each codeword adds to the score, in 7 bits.
void
MakeTable(QueryState &state) {
	const Layout &layout = state.blob.layout();
	const Kernels &kernels = ActiveKernels();
	float range = kernels.tables(
		state.query, state.blob.codebooks, layout.subquantizers, layout.subvector_dims,
		layout.metric == Metric::kInnerProduct ? -1.0f : -2.0f, state.entries, &state.table_bias);
	size_t n_entries = size_t{layout.subquantizers} * kLanes;
	memset(state.table + n_entries, 0, size_t{layout.code_rows} * kLanes - n_entries);
	if (range > kLeastRange) {
		state.table_scale = range / kMaxEntry;
		kernels.to_bytes(state.entries, n_entries, kMaxEntry / range, state.table);
	} else {
		state.table_scale = 0;
		memset(state.table, 0, n_entries);
	}
}

} // namespace

QuerySections::QuerySections(const Layout &layout) noexcept {
	size_t dims = layout.dims, lists = BlocksOf(layout.lists) * kLanes,
		   n_groups = BlocksOf(GroupCount(layout.lists)) * kLanes;
	size_t coded = size_t{layout.subquantizers} * layout.subvector_dims;
	auto next = [at = Aligned(sizeof(QueryState))](size_t bytes) mutable {
		size_t start = at;
		at += Aligned(bytes);
		return start;
	};
	query = next(std::max(PaddedDims(dims), coded) * sizeof(float));
	prepared = next(dims * sizeof(float));
	scores = next(lists * sizeof(float));
	nearest = next((lists + kSelectSlack) * sizeof(Candidate));
	table = next(size_t{layout.code_rows} * kLanes);
	entries = next(std::max<size_t>(layout.subquantizers * kLanes, n_groups) * sizeof(float));
	differences = next(NearLists(layout) * PaddedDims(dims) * sizeof(float));
	near = next(NearLists(layout) * sizeof(NearList));
	scored = next(BlocksOf(layout.lists));
	groups = next(n_groups * sizeof(uint32_t));
	end = next(0);
}

size_t
Query::Bytes(const Layout &layout) noexcept {
	return QuerySections(layout).end;
}

Query::Query(const Quantizer &quantizer, void *memory) noexcept
	: quantizer_(quantizer), memory_(static_cast<std::byte *>(memory)) {
	const Layout &layout = quantizer.layout();
	QuerySections at(layout);
	auto *state = new (memory) QueryState{
		Blob(reinterpret_cast<const std::byte *>(&layout) - offsetof(BlobHeader, layout))};
	auto place = [this](auto *&pointer, size_t offset) {
		pointer = reinterpret_cast<std::remove_reference_t<decltype(pointer)>>(memory_ + offset);
	};
	place(state->query, at.query);
	place(state->prepared, at.prepared);
	place(state->scores, at.scores);
	place(state->nearest, at.nearest);
	place(state->table, at.table);
	place(state->entries, at.entries);
	place(state->differences, at.differences);
	place(state->near, at.near);
	place(state->scored, at.scored);
	place(state->groups, at.groups);
}

bool
Query::Start(const float *query) noexcept {
	QueryState &state = StateOf(memory_);
	const Layout &layout = state.blob.layout();
	size_t dims = layout.dims;
	state.unbounded =
		layout.metric == Metric::kCosine && !OperatorIsAccurate(NormOf(query, dims), dims);
	if (!quantizer_.Prepare(query, state.prepared))
		return false;
	size_t coded = size_t{layout.subquantizers} * layout.subvector_dims;
	for (size_t i = dims; i < std::max(PaddedDims(dims), coded); i++)
		state.query[i] = 0;
	if (layout.metric == Metric::kInnerProduct)
		StartProduct(state);
	else
		StartDistance(state);
	double squared = 0, sum = 0, abs_sum = 0;
	for (size_t i = 0; i < dims; i++) {
		double x = state.query[i];
		squared += x * x;
		sum += x;
		abs_sum += std::fabs(x);
	}
	state.norm = std::sqrt(squared);
	state.sum = sum;
	state.abs_sum = abs_sum;
	state.base = layout.metric == Metric::kInnerProduct ? 0 : static_cast<float>(squared);
	for (uint32_t i = 0; i < NearLists(layout); i++)
		state.near[i].list = UINT32_MAX;
	StartLists(state);
	if (layout.subquantizers > 0)
		MakeTable(state);
	else
		state.table_bias = state.table_scale = 0;
	return true;
}

size_t
Query::NextLists(size_t n, uint32_t *lists) noexcept {
	return ann::NextLists(StateOf(memory_), n, lists);
}

size_t
Query::Scan(const std::byte *blocks, size_t n_blocks, uint32_t list, float limit, Candidate *out,
			const std::byte *prefetch) const noexcept {
	QueryState &state = StateOf(memory_);
	const Layout &layout = state.blob.layout();
	ScoreList(state, list);
	ScanJob job = {blocks,
				   n_blocks,
				   layout.block_bytes,
				   layout.code_rows,
				   state.table,
				   state.table_scale,
				   state.scores[list] + state.base + state.table_bias,
				   limit,
				   out,
				   prefetch};
	return ActiveKernels().scan(job);
}

double
Query::LowerBound(const std::byte *row, uint32_t list, float *score) const noexcept {
	float ignored;
	return RowBound(StateOf(memory_), row, list, score != nullptr ? score : &ignored);
}

} // namespace pgml::ann
