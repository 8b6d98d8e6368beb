// Vectors to codes and rows.
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>

#include "ann/blob.h"
#include "ann/half.h"
#include "ann/kernels.h"
#include "ann/row.h"

#include "base/no_postgres.h"

namespace pgml::ann {

namespace {

/// The codes of a row in 8 bits: residual -> minimum + step * code.
void
EncodeSq8(const float *residual, size_t dims, RowHead &head, uint8_t *codes) {
	float low = residual[0], high = residual[0];
	for (size_t i = 1; i < dims; i++) {
		low = residual[i] < low ? residual[i] : low;
		high = residual[i] > high ? residual[i] : high;
	}
	head.minimum = ShortBelow(low);
	// What is stored reaches from below the smallest to above the largest.
	float minimum = ShortToFloat(head.minimum);
	head.step = ShortAbove((high - minimum) / 255);
	float step = ShortToFloat(head.step);
	// A step that vanishes leaves the error to the error's norm.
	float inverse = step >= FLT_MIN ? 1 / step : 0;
	for (size_t i = 0; i < dims; i++) {
		float code = (residual[i] - minimum) * inverse + 0.5f;
		code = code < 255 ? code : 255;
		codes[i] = static_cast<uint8_t>(static_cast<int32_t>(code));
	}
}

/// The norm as a float that is not below it.
float
RoundedUp(double norm) {
	if (!(norm < FLT_MAX))
		return HUGE_VALF;
	return norm == 0 ? 0 : std::nextafter(static_cast<float>(norm), HUGE_VALF);
}

} // namespace

const Layout &
Quantizer::layout() const noexcept {
	return reinterpret_cast<const BlobHeader *>(blob_)->layout;
}

bool
Quantizer::Prepare(const float *vector, float *prepared) const noexcept {
	size_t dims = layout().dims;
	if (layout().metric != Metric::kCosine) {
		memmove(prepared, vector, dims * sizeof(float));
		return true;
	}
	double norm = NormOf(vector, dims);
	if (norm == 0)
		return false;
	// Half the length tells Encode that no bound of this vector's distance is known.
	double factor = (OperatorIsAccurate(norm, dims) ? 1 : 0.5) / norm;
	for (size_t i = 0; i < dims; i++)
		prepared[i] = static_cast<float>(vector[i] * factor);
	return true;
}

Encoded
Quantizer::Encode(const float *vector, uint32_t list, uint8_t *code, float *t, std::byte *row,
				  float known_error) const noexcept {
	const Blob blob(blob_);
	const Layout &layout = blob.layout();
	size_t dims = layout.dims;
	double scale = blob.scale();
	// Padding of the last sub-vector: zeros, which training saw as well.
	float centroid[kMaxDims], residual[kMaxCodedDims], decoded[kMaxCodedDims];
	const uint16_t *stored = blob.Row(list);
	for (size_t i = 0; i < dims; i++)
		centroid[i] = HalfToFloat(stored[i]);
	double squared = 0, length = 0;
	for (size_t i = 0; i < dims; i++) {
		residual[i] = ToInternal(vector[i], blob.mean[i], static_cast<float>(scale)) - centroid[i];
		squared += static_cast<double>(residual[i]) * residual[i];
		length += static_cast<double>(vector[i]) * vector[i];
	}
	Encoded encoded = {static_cast<float>(squared), static_cast<float>(squared)};
	*t = 0;
	if (layout.subquantizers > 0) {
		size_t coded = size_t{layout.subquantizers} * layout.subvector_dims;
		for (size_t i = dims; i < coded; i++)
			residual[i] = 0;
		ActiveKernels().encode(residual, blob.codebooks, layout.subquantizers,
							   layout.subvector_dims, code, decoded);
		double error = 0, term = 0;
		for (size_t i = 0; i < dims; i++) {
			double difference = static_cast<double>(residual[i]) - decoded[i];
			error += difference * difference;
			term += decoded[i] * (static_cast<double>(decoded[i]) + 2.0 * centroid[i]);
		}
		encoded.code_error_squared = static_cast<float>(error);
		if (layout.metric != Metric::kInnerProduct)
			*t = static_cast<float>(term);
	}
	if (layout.rows == RowCodec::kFloat32) {
		memcpy(row, vector, dims * sizeof(float));
		return encoded;
	}
	RowHead head;
	auto *codes = reinterpret_cast<uint8_t *>(row) + sizeof(head);
	EncodeSq8(residual, dims, head, codes);
	double error = 0, minimum = ShortToFloat(head.minimum), step = ShortToFloat(head.step);
	for (size_t i = 0; i < dims; i++) {
		// Against the vector as it was given: what was clamped or rounded on the way counts.
		double exact = (static_cast<double>(vector[i]) - blob.mean[i]) * scale - centroid[i];
		double difference = exact - (minimum + step * codes[i]);
		error += difference * difference;
	}
	head.error = RoundedUp((std::sqrt(error) + known_error * scale) * (1 + 1e-6));
	// A decoded vector's length is not exactly 1; what Prepare marked came out of Decode with an infinite error.
	if (layout.metric == Metric::kCosine && known_error == 0 && !(std::fabs(length - 1) < 0.01))
		head.error = HUGE_VALF;
	memcpy(row, &head, sizeof(head));
	return encoded;
}

float
Quantizer::Decode(const std::byte *row, uint32_t list, float *vector) const noexcept {
	const Blob blob(blob_);
	const Layout &layout = blob.layout();
	if (layout.rows == RowCodec::kFloat32) {
		memcpy(vector, row, layout.dims * sizeof(float));
		return 0;
	}
	RowHead head;
	memcpy(&head, row, sizeof(head));
	const auto *codes = reinterpret_cast<const uint8_t *>(row) + sizeof(head);
	const uint16_t *centroid = blob.Row(list);
	double minimum = ShortToFloat(head.minimum), step = ShortToFloat(head.step), rounding = 0;
	for (size_t i = 0; i < layout.dims; i++) {
		double exact =
			(minimum + step * codes[i] + HalfToFloat(centroid[i])) / blob.scale() + blob.mean[i];
		// A damaged row's may be anything: what goes on from here is finite, with an error that is not.
		vector[i] = std::fabs(exact) <= FLT_MAX ? static_cast<float>(exact) : 0;
		double difference = exact - vector[i];
		rounding += difference * difference;
	}
	return RoundedUp((head.error / blob.scale() + std::sqrt(rounding)) * (1 + 1e-6));
}

void
Quantizer::Centroid(uint32_t list, float *out) const noexcept {
	const Blob blob(blob_);
	const uint16_t *stored = blob.Row(list);
	for (size_t i = 0; i < blob.layout().dims; i++)
		out[i] = static_cast<float>(HalfToFloat(stored[i]) / blob.scale() + blob.mean[i]);
}

} // namespace pgml::ann
