#pragma once
/// Loops and sorts over all rows that see a stop request.
#include <algorithm>
#include <cstddef>

#include "pgml/stop_token.h"

namespace pgml {

/// Called once per step of a loop; looks for a stop request every few thousand steps.
class Poll {
public:
	explicit Poll(const StopToken &stop) : stop_(stop) {}
	void
	operator()() {
		constexpr size_t kStepsPerPoll = 1 << 16;
		if (++steps_ % kStepsPerPoll == 0)
			stop_.ThrowIfStopped();
	}

private:
	const StopToken &stop_;
	size_t steps_ = 0;
};

/// std::sort for trivial elements, in an unspecified order when it throws Cancelled.
template <typename Iterator, typename Less>
void
StoppableSort(Iterator first, Iterator last, const StopToken &stop, const Less &less) {
	Poll poll(stop);
	std::sort(first, last, [&](const auto &a, const auto &b) {
		poll();
		return less(a, b);
	});
}

template <typename Iterator>
void
StoppableSort(Iterator first, Iterator last, const StopToken &stop) {
	StoppableSort(first, last, stop, [](const auto &a, const auto &b) { return a < b; });
}

} // namespace pgml
