// Prediction by nearest neighbours. The training rows pass by in tiles that stay in the cache while
// all rows of a batch are compared with them; each distance is summed in column order, in double,
// whatever the batch, so one row and a batch agree bit for bit.
#include "neighbors/neighbors.h"

#include <algorithm>
#include <cmath>

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr size_t kTrainingTile = 512, kQueryTile = 64;

} // namespace

void
NeighborModel::Distances(const float *query, size_t first, size_t rows, double *out) const {
	size_t n_rows = targets_.size();
	std::fill(out, out + rows, 0.0);
	for (size_t col = 0; col < n_columns_; col++) {
		const float *values = values_.data() + col * n_rows + first;
		double own = query[col];
		if (settings_.power == 2)
			for (size_t row = 0; row < rows; row++)
				out[row] += (values[row] - own) * (values[row] - own);
		else if (settings_.power == 1)
			for (size_t row = 0; row < rows; row++)
				out[row] += std::fabs(values[row] - own);
		else if (std::isinf(settings_.power))
			for (size_t row = 0; row < rows; row++)
				out[row] = std::max(out[row], std::fabs(values[row] - own));
		else
			for (size_t row = 0; row < rows; row++)
				out[row] += std::pow(std::fabs(values[row] - own), settings_.power);
	}
}

template <typename Use>
void
NeighborModel::ForNeighbors(MatrixView columns, const Use &use) const {
	size_t n_rows = targets_.size();
	auto nearer = [](const Neighbor &a, const Neighbor &b) {
		return a.distance < b.distance || (a.distance == b.distance && a.row < b.row);
	};
	std::vector<std::vector<Neighbor>> found(kQueryTile);
	std::vector<float> queries(kQueryTile * n_columns_);
	double distances[kTrainingTile];
	for (size_t start = 0; start < columns.rows; start += kQueryTile) {
		size_t n_queries = std::min(kQueryTile, columns.rows - start);
		for (size_t q = 0; q < n_queries; q++) {
			found[q].clear();
			for (size_t col = 0; col < n_columns_; col++)
				queries[q * n_columns_ + col] = ClampFeature(columns.column(col)[start + q]);
		}
		for (size_t first = 0; first < n_rows; first += kTrainingTile) {
			size_t rows = std::min(kTrainingTile, n_rows - first);
			for (size_t q = 0; q < n_queries; q++) {
				Distances(queries.data() + q * n_columns_, first, rows, distances);
				std::vector<Neighbor> &heap = found[q]; // the farthest on top
				for (size_t row = 0; row < rows; row++) {
					if (heap.size() == settings_.n_neighbors) {
						if (distances[row] >= heap.front().distance)
							continue; // equally far: the one that came first stays
						std::pop_heap(heap.begin(), heap.end(), nearer);
						heap.pop_back();
					}
					heap.push_back({distances[row], static_cast<uint32_t>(first + row)});
					std::push_heap(heap.begin(), heap.end(), nearer);
				}
			}
		}
		for (size_t q = 0; q < n_queries; q++) {
			std::sort_heap(found[q].begin(), found[q].end(), nearer);
			use(start + q, found[q]);
		}
	}
}

/// As scikit-learn: rows at distance 0, where there are some, are the only ones that count.
void
NeighborModel::Weights(const std::vector<Neighbor> &neighbors, std::vector<double> &weights) const {
	weights.assign(neighbors.size(), 1);
	if (!settings_.by_distance)
		return;
	bool exact = neighbors.front().distance == 0;
	double sum = 0;
	for (size_t i = 0; i < neighbors.size(); i++) {
		double distance = neighbors[i].distance;
		if (!exact && !std::isinf(settings_.power))
			distance = std::pow(distance, 1 / settings_.power);
		sum += weights[i] = exact ? distance == 0 : 1 / distance;
	}
	if (!(sum > 0) || std::isinf(sum)) // distances beyond the range of numbers
		weights.assign(neighbors.size(), 1);
}

void
NeighborModel::Values(MatrixView columns, double *out) const {
	std::vector<double> weights;
	ForNeighbors(columns, [&](size_t row, const std::vector<Neighbor> &neighbors) {
		Weights(neighbors, weights);
		double sum = 0, total = 0;
		for (size_t i = 0; i < neighbors.size(); i++) {
			sum += weights[i] * targets_[neighbors[i].row];
			total += weights[i];
		}
		out[row] = sum / total;
	});
}

void
NeighborModel::Margins(MatrixView columns, float *out) const {
	if (n_classes_ == 0) {
		std::vector<double> values(columns.rows);
		Values(columns, values.data());
		std::transform(values.begin(), values.end(), out, ClampMargin);
		return;
	}
	std::vector<double> weights, shares(n_classes_);
	ForNeighbors(columns, [&](size_t row, const std::vector<Neighbor> &neighbors) {
		Weights(neighbors, weights);
		std::fill(shares.begin(), shares.end(), 0.0);
		double total = 0;
		for (size_t i = 0; i < neighbors.size(); i++) {
			shares[static_cast<size_t>(targets_[neighbors[i].row])] += weights[i];
			total += weights[i];
		}
		for (size_t c = 0; c < n_classes_; c++)
			out[row * n_classes_ + c] = static_cast<float>(shares[c] / total);
	});
}

double
NeighborModel::RowCost() const {
	double each = settings_.power == 1 || settings_.power == 2 ? 0.1 : 2;
	return each * static_cast<double>(values_.size() + targets_.size());
}

void
NeighborModel::Encode(Writer &writer) const {
	writer.U32(settings_.n_neighbors);
	writer.U8(settings_.by_distance);
	writer.F64(settings_.power);
	writer.Count(n_columns_);
	writer.Count(n_classes_);
	writer.Count(targets_.size());
	for (float value : values_)
		writer.F32(value);
	for (double target : targets_)
		n_classes_ == 0 ? writer.F64(target) : writer.U32(static_cast<uint32_t>(target));
}

std::unique_ptr<const NeighborModel>
NeighborModel::Decode(Reader &reader) {
	NeighborSettings settings;
	settings.n_neighbors = reader.U32();
	settings.by_distance = reader.Enum(2, "weights") == 1;
	settings.power = reader.F64();
	reader.Check((settings.power >= 1 && settings.power <= kMaxPower) || settings.power == HUGE_VAL,
				 "the power of the metric is wrong");
	size_t n_columns = reader.U32();
	size_t n_classes = reader.U32();
	size_t n_rows = reader.Count(4, "rows");
	reader.Check(n_classes != 1, "a classification with fewer than two classes");
	reader.Check(settings.n_neighbors > 0 && settings.n_neighbors <= n_rows,
				 "more neighbours than rows");
	reader.Check(n_columns <= reader.left() / 4 / n_rows, "more columns than the data can hold");
	std::vector<float> values(n_columns * n_rows);
	for (float &value : values)
		value = reader.FiniteF32("training value");
	reader.Check(n_rows <= reader.left() / (n_classes == 0 ? 8 : 4), "more rows than targets");
	std::vector<double> targets(n_rows);
	for (double &target : targets) {
		if (n_classes == 0) {
			target = reader.FiniteF64("target");
			continue;
		}
		uint32_t own = reader.U32();
		reader.Check(own < n_classes, "a class does not exist");
		target = own;
	}
	return std::make_unique<NeighborModel>(settings, n_columns, n_classes, std::move(values),
										   std::move(targets));
}

} // namespace pgml
