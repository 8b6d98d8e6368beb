#pragma once
/**
 * Calls into a library that cannot be interrupted, made so that the caller can give up at any moment.
 *
 * The calls run one after the other on a thread of their own, which has all signals blocked and never sees anything of
 * the caller but what the calls own. The caller waits and looks for a stop request every few milliseconds. When one
 * comes it goes away at once, by Cancelled, and the thread ends after the call it is in: until then it keeps what the
 * call owns, so calls own by shared_ptr all that they touch.
 *
 * A process has at most one such abandoned call: the next CallThread waits for it first.
 */
#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "pgml/stop_token.h"

namespace pgml {

class CallThread {
public:
	/// Waits for an abandoned call, then starts the thread.
	/// @throws Cancelled; Error(kOutOfMemory) when the system has no thread to give
	explicit CallThread(const StopToken &stop);
	/// Ends the thread, or abandons it when its call is not over.
	~CallThread();
	CallThread(const CallThread &) = delete;
	CallThread &operator=(const CallThread &) = delete;

	/// Makes the call on the thread and waits for it. Destroys `call` on the thread.
	/// @throws Cancelled, after which the object can only be destroyed; what the call throws
	void Run(std::function<void()> call);

	/// Becomes true when the caller has gone: a call may look at it and end early.
	std::shared_ptr<const std::atomic<bool>> Abandoned() const;

private:
	struct Channel;
	static void Serve(std::shared_ptr<Channel> channel);
	struct AbandonedCall;
	static AbandonedCall &TheAbandonedCall();
	friend bool AbandonedCallRuns() noexcept;
	friend void WaitForAbandonedCall(const StopToken &stop);

	StopToken stop_;
	std::shared_ptr<Channel> channel_;
	std::thread thread_;
};

} // namespace pgml
