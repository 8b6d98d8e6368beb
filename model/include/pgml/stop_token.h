#pragma once
#include "pgml/error.h"

namespace pgml {

/// Asks, from inside a long loop, whether the caller wants the work to end. Poll at least every 10 ms of work.
class StopToken {
public:
	using Check = bool (*)();
	/// @param check  cheap, does not throw, callable from any thread; nullptr = never stops
	explicit StopToken(Check check = nullptr) : check_(check) {}
	bool
	StopRequested() const {
		return check_ != nullptr && check_();
	}
	void
	ThrowIfStopped() const {
		if (StopRequested())
			throw Cancelled();
	}

private:
	Check check_;
};

} // namespace pgml
