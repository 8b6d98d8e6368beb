// Rows that boosting holds out for early stopping. See early_stopping.h.
#include "training/early_stopping.h"

#include <algorithm>

#include "pgml/error.h"
#include "base/random.h"

#include "base/no_postgres.h"

namespace pgml {

std::vector<bool>
DrawValidationRows(const TrainingData &data, double fraction, uint64_t seed) {
	size_t n_rows = data.columns.rows;
	if (n_rows < 2)
		throw Error(ErrorCode::kInvalidData, "there are too few rows for early stopping",
					"One of them is held out to see when training gets no better.");
	std::vector<std::vector<size_t>> groups(std::max<size_t>(data.n_classes, 1));
	for (size_t row = 0; row < n_rows; row++)
		groups[data.n_classes > 0 ? data.classes[row] : 0].push_back(row);
	Random random(seed);
	std::vector<bool> held_out(n_rows, false);
	size_t n_held_out = 0;
	double due = 0; // what the groups so far have not given yet, below one row
	for (std::vector<size_t> &rows : groups) {
		random.Shuffle(rows);
		due += fraction * static_cast<double>(rows.size());
		size_t count = std::min(static_cast<size_t>(due), std::max<size_t>(rows.size(), 1) - 1);
		due -= static_cast<double>(count);
		for (size_t i = 0; i < count; i++)
			held_out[rows[i]] = true;
		n_held_out += count;
	}
	if (n_held_out == 0) {
		auto largest =
			std::max_element(groups.begin(), groups.end(),
							 [](const auto &a, const auto &b) { return a.size() < b.size(); });
		if (largest->size() > 1)
			held_out[largest->front()] = true;
		else
			throw Error(ErrorCode::kInvalidData, "there are too few rows for early stopping",
						"Every class has one row only, and none can be held out.");
	}
	return held_out;
}

HeldOutRows::HeldOutRows(const TrainingData &data, double fraction, uint64_t seed,
						 const StopToken &stop) {
	std::vector<bool> is_held_out = DrawValidationRows(data, fraction, seed);
	for (bool which : {false, true}) {
		Part &part = which ? held_out : learning;
		std::vector<size_t> rows;
		for (size_t row = 0; row < is_held_out.size(); row++)
			if (is_held_out[row] == which)
				rows.push_back(row);
		part.columns = Matrix(data.columns.cols, rows.size());
		part.columns.Resize(rows.size());
		for (size_t column = 0; column < data.columns.cols; column++) {
			stop.ThrowIfStopped();
			const float *from = data.columns.column(column);
			float *to = part.columns.column(column);
			for (size_t i = 0; i < rows.size(); i++)
				to[i] = from[rows[i]];
		}
		for (size_t row : rows) {
			if (data.n_classes > 0)
				part.classes.push_back(data.classes[row]);
			else
				part.target.push_back(data.target[row]);
		}
	}
}

} // namespace pgml
