/**
 * Lower bounds of what a distance operator returns, from a row.
 *
 * A row in 8 bits is a vector x' with a norm e >= |x - x'|. For L2 and cosine |q - x| >= |q - x'| - e; for inner products
 * <q,x> <= <q,x'> + |q| e. From that is taken what rounding may have done, with u = 2^-24:
 *  - here: the query's coordinates and its differences to a centroid are rounded once each, relative to the result, so
 *    they move it by at most u (|q| + 2 |q - c|); the sums of the kernels by a share of (d / 16 + 16) u;
 *  - in the operator (pgml/distance.h: 64 partial sums in float, added in double): a share of less than (d / 32 + 16) u,
 *    of the product of norms where terms have signs; squares and products below the range of float32 vanish,
 *    2^-149 each at most.
 * A row of floats is what the operator sees: its own function gives its own result.
 */
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>

#include "ann/kernels.h"
#include "ann/query.h"
#include "ann/row.h"
#include "pgml/distance.h"

#include "base/no_postgres.h"

namespace pgml::ann {

namespace {

constexpr double kUnit = 0x1p-24; ///< u: half the distance of 1 to the next float
constexpr double kVanishing = 0x1p-149;
constexpr size_t kNearBytes = 128 << 10;

float
Finite(double score) {
	return score < FLT_MAX ? score > -FLT_MAX ? static_cast<float>(score) : -FLT_MAX : FLT_MAX;
}

/// NaN comes from rows that nobody wrote: it bounds nothing.
double
AtLeastZero(double bound) {
	return bound > 0 ? bound : 0;
}

double
OperatorError(size_t dims) {
	return (static_cast<double>(dims) / 32 + 16) * kUnit;
}

double
KernelError(size_t dims) {
	return (static_cast<double>(dims) / 16 + 16) * kUnit;
}

/// The operator's L2 distance is not below this when the exact one is not below `distance`.
double
BoundL2(double distance, size_t dims) {
	distance *= 1 - OperatorError(dims);
	if (distance > 0x1p-50)
		return distance;
	return std::sqrt(AtLeastZero(distance * distance - static_cast<double>(dims) * kVanishing));
}

/// 1 - cosine of two vectors whose directions are not less than `distance` apart.
double
BoundCosine(double distance, size_t dims) {
	distance = AtLeastZero(distance - 4 * kUnit); // directions are rounded as well
	return AtLeastZero(distance * distance / 2 - OperatorError(dims));
}

/// The entry of a list among those remembered.
const NearList &
Near(QueryState &state, uint32_t list) {
	const Blob &blob = state.blob;
	size_t dims = blob.layout().dims, slot = list % NearLists(blob.layout());
	NearList &near = state.near[slot];
	if (near.list == list)
		return near;
	near.list = list;
	const uint16_t *centroid = blob.Row(list);
	if (blob.layout().metric == Metric::kInnerProduct) {
		double sum = 0;
		for (size_t i = 0; i < dims; i++)
			sum += static_cast<double>(state.query[i]) * HalfToFloat(centroid[i]);
		near.product = sum;
		return near;
	}
	near.norm = std::sqrt(ActiveKernels().differences(state.query, centroid, PaddedDims(dims),
													  state.differences + slot * PaddedDims(dims)));
	return near;
}

double
FloatsBound(const QueryState &state, const float *row, float *score) {
	const Layout &layout = state.blob.layout();
	size_t dims = layout.dims;
	double scale = state.blob.scale();
	if (layout.metric == Metric::kInnerProduct) {
		double bound = -InnerProduct(state.prepared, row, dims);
		*score = Finite(bound / state.unit + state.mean_product);
		return std::isnan(bound) ? -HUGE_VAL : bound;
	}
	double squared = SquaredL2Distance(state.prepared, row, dims);
	*score = Finite(squared * scale * scale);
	double distance = std::sqrt(squared);
	if (layout.metric == Metric::kL2)
		return AtLeastZero(distance);
	bool is_direction = std::fabs(InnerProduct(row, row, dims) - 1) < 0.01;
	return is_direction && !state.unbounded
			   ? BoundCosine(distance * (1 - OperatorError(dims)), dims)
			   : 0;
}

double
ProductBound(const QueryState &state, const NearList &near, const RowHead &head,
			 const uint8_t *codes, double centroid_norm, float *score) {
	const BlobHeader &header = *state.blob.header;
	size_t dims = header.layout.dims;
	double minimum = ShortToFloat(head.minimum), step = ShortToFloat(head.step);
	double product = near.product + minimum * state.sum +
					 step * ActiveKernels().sq8_product(state.query, codes, dims);
	*score = Finite(-product);
	if (state.unbounded)
		return -HUGE_VAL;
	double reach = 255 * step;
	double norm = header.mean_norm + centroid_norm +
				  (std::fabs(minimum) + reach) * std::sqrt(static_cast<double>(dims)) + head.error;
	double error = state.norm * head.error + KernelError(dims) * state.abs_sum * reach +
				   OperatorError(dims) * state.norm * norm;
	double bound = (-(product + state.mean_product) - error) * state.unit -
				   static_cast<double>(dims) * kVanishing;
	// The operator's float sums may overflow in between.
	return state.norm * norm * state.unit < 1e37 && bound > -HUGE_VAL ? bound : -HUGE_VAL;
}

double
DistanceBound(const QueryState &state, const NearList &near, const RowHead &head,
			  const uint8_t *codes, const float *differences, float *score) {
	const Layout &layout = state.blob.layout();
	size_t dims = layout.dims;
	float minimum = ShortToFloat(head.minimum), step = ShortToFloat(head.step);
	float squared = ActiveKernels().sq8_squared(differences, codes, minimum, step, dims);
	*score = Finite(squared);
	if (state.unbounded)
		return 0;
	double root = std::sqrt(static_cast<double>(dims));
	double rounding = kUnit * (2 * state.norm + 3 * near.norm +
							   2 * root * (std::fabs(minimum) + 255 * static_cast<double>(step))) +
					  root * kVanishing;
	double distance =
		std::sqrt(static_cast<double>(squared)) * (1 - KernelError(dims)) - head.error - rounding;
	distance = AtLeastZero(distance) * state.unit;
	return layout.metric == Metric::kL2 ? BoundL2(distance, dims) : BoundCosine(distance, dims);
}

} // namespace

uint32_t
NearLists(const Layout &layout) noexcept {
	size_t fit = kNearBytes / (PaddedDims(layout.dims) * sizeof(float));
	return static_cast<uint32_t>(std::clamp<size_t>(fit, 4, 64));
}

double
RowBound(QueryState &state, const std::byte *row, uint32_t list, float *score) noexcept {
	const Layout &layout = state.blob.layout();
	if (layout.rows == RowCodec::kFloat32)
		return FloatsBound(state, reinterpret_cast<const float *>(row), score);
	RowHead head;
	memcpy(&head, row, sizeof(head));
	const auto *codes = reinterpret_cast<const uint8_t *>(row) + sizeof(head);
	const NearList &near = Near(state, list);
	if (layout.metric == Metric::kInnerProduct)
		return ProductBound(state, near, head, codes,
							std::sqrt(static_cast<double>(state.blob.norms[list])), score);
	const float *differences =
		state.differences + (list % NearLists(layout)) * PaddedDims(layout.dims);
	return DistanceBound(state, near, head, codes, differences, score);
}

} // namespace pgml::ann
