// Train/test split. A fraction is rounded to the nearest number of rows, and at least one row
// always stays in the training part. A stratified split of a classification gives each class its
// share of the test rows by largest remainder and leaves at least one row of each class in the
// training part as long as other classes can pay.
#include "pgml/train.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "pgml/error.h"
#include "base/random.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr size_t kRowsPerPoll = 1 << 16;

size_t
TestRows(double test_size, size_t rows) {
	if (!(test_size >= 0) || (test_size > 1 && test_size >= static_cast<double>(rows)) ||
		test_size == 1)
		throw Error(
			ErrorCode::kInvalidArgument, fmt::format("invalid test size: {}", test_size),
			fmt::format("There are {} rows, and at least one must remain for training.", rows),
			"Give a fraction from 0 to below 1, or a number of rows above 1.");
	if (test_size > 1)
		return static_cast<size_t>(test_size);
	auto count = static_cast<size_t>(std::floor(test_size * static_cast<double>(rows) + 0.5));
	return std::min(count, rows - 1);
}

/// How many test rows each class gives; the sum is n_test.
std::vector<size_t>
ClassQuotas(const std::vector<std::vector<size_t>> &classes, size_t n_test, size_t n_rows) {
	std::vector<size_t> quota(classes.size());
	std::vector<double> remainder(classes.size());
	size_t given = 0;
	for (size_t i = 0; i < classes.size(); i++) {
		double exact = static_cast<double>(n_test) * static_cast<double>(classes[i].size()) /
					   static_cast<double>(n_rows);
		quota[i] = std::min(static_cast<size_t>(exact), classes[i].size() - 1);
		remainder[i] = exact - static_cast<double>(quota[i]);
		given += quota[i];
	}
	std::vector<size_t> order(classes.size());
	std::iota(order.begin(), order.end(), size_t{0});
	std::stable_sort(order.begin(), order.end(),
					 [&](size_t a, size_t b) { return remainder[a] > remainder[b]; });
	// First spare one row of each class, then take what is left of any.
	for (size_t spare : {1, 0})
		for (bool moved = true; given < n_test && moved;) {
			moved = false;
			for (size_t i : order)
				if (given < n_test && quota[i] + spare < classes[i].size()) {
					quota[i]++;
					given++;
					moved = true;
				}
		}
	return quota;
}

} // namespace

Split
SplitRows(const Dataset &data, double test_size, Sampling sampling, Task task, uint64_t seed,
		  const StopToken &stop) {
	auto poll = [&stop](size_t row) {
		if (row % kRowsPerPoll == 0)
			stop.ThrowIfStopped();
	};
	size_t n_rows = data.rows();
	Split split;
	if (n_rows == 0)
		return split; // Train() says what is wrong
	size_t n_test = TestRows(test_size, n_rows);
	std::vector<bool> is_test(n_rows, false);
	Random random(seed);
	if (sampling == Sampling::kLast) {
		std::fill(is_test.end() - static_cast<ptrdiff_t>(n_test), is_test.end(), true);
	} else if (sampling == Sampling::kStratified && task == Task::kClassification) {
		std::map<double, std::vector<size_t>> by_target;
		for (size_t row = 0; row < n_rows; row++) {
			poll(row);
			by_target[data.target[row]].push_back(row);
		}
		std::vector<std::vector<size_t>> classes;
		classes.reserve(by_target.size());
		for (auto &[value, rows] : by_target)
			classes.push_back(std::move(rows));
		std::vector<size_t> quota = ClassQuotas(classes, n_test, n_rows);
		for (size_t i = 0; i < classes.size(); i++) {
			random.Shuffle(classes[i], stop);
			for (size_t k = 0; k < quota[i]; k++)
				is_test[classes[i][k]] = true;
		}
	} else {
		std::vector<size_t> order(n_rows);
		std::iota(order.begin(), order.end(), size_t{0});
		random.Shuffle(order, stop);
		for (size_t k = 0; k < n_test; k++)
			is_test[order[k]] = true;
	}
	split.test.reserve(n_test);
	split.train.reserve(n_rows - n_test);
	for (size_t row = 0; row < n_rows; row++)
		(is_test[row] ? split.test : split.train).push_back(row);
	return split;
}

} // namespace pgml
