// A matrix as ranks: what cart.cpp grows its trees on.
#include <algorithm>
#include <cmath>
#include <limits>

#include "trees/cart.h"
#include "pgml/error.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr float kLargest = std::numeric_limits<float>::max();

/// Sorts and sees a stop request while it does: one column of many million rows takes seconds.
void
SortColumn(std::vector<float> &values, const StopToken &stop) {
	size_t comparisons = 0;
	std::sort(values.begin(), values.end(), [&](float a, float b) {
		if ((++comparisons & 0xffff) == 0)
			stop.ThrowIfStopped();
		return a < b;
	});
}

} // namespace

float
HalfWay(float below, float above) {
	double middle = 0.5 * static_cast<double>(below) + 0.5 * static_cast<double>(above);
	auto threshold = static_cast<float>(middle);
	return threshold <= middle ? std::nextafter(threshold, HUGE_VALF) : threshold;
}

Bins::Bins(MatrixView columns, size_t max_bins, const StopToken &stop)
	: columns_(columns.cols), rows_(columns.rows) {
	std::vector<float> sorted;
	for (size_t col = 0; col < columns.cols; col++) {
		stop.ThrowIfStopped();
		const float *values = columns.column(col);
		sorted.clear();
		for (size_t row = 0; row < rows_; row++)
			if (!std::isnan(values[row]))
				sorted.push_back(std::clamp(values[row], -kLargest, kLargest));
		SortColumn(sorted, stop);
		size_t n_distinct = sorted.empty() ? 0 : 1;
		for (size_t i = 1; i < sorted.size(); i++)
			n_distinct += sorted[i] != sorted[i - 1];

		// With few values every value is a rank. Else cuts lie at equal shares of the rows, as scikit-learn's
		// percentiles; those that fall into one run of equal values are one cut.
		Column &column = columns_[col];
		size_t last = sorted.size() - 1, cut = 0;
		size_t n_cuts = n_distinct <= max_bins ? sorted.size() : max_bins;
		for (size_t i = 0; i < sorted.size();) {
			size_t end = i;
			while (end <= i)
				end = ++cut >= n_cuts ? sorted.size() : last * cut / n_cuts + 1;
			bool at_value = n_distinct > max_bins && last * cut % n_cuts == 0;
			for (; end < sorted.size() && sorted[end] == sorted[end - 1]; end++)
				at_value = true;
			column.low.push_back(sorted[i]);
			column.high.push_back(sorted[end - 1]);
			if (end < sorted.size())
				column.cuts.push_back(at_value && n_distinct > max_bins
										  ? std::nextafter(sorted[end - 1], HUGE_VALF)
										  : HalfWay(sorted[end - 1], sorted[end]));
			i = end;
		}
		column.ranks.resize(rows_);
		for (size_t row = 0; row < rows_; row++) {
			if (row % 4096 == 0)
				stop.ThrowIfStopped();
			float value = std::clamp(values[row], -kLargest, kLargest);
			column.ranks[row] =
				std::isnan(value)
					? kMissing
					: static_cast<uint16_t>(
						  std::lower_bound(column.high.begin(), column.high.end(), value) -
						  column.high.begin());
		}
	}
}

} // namespace pgml
