#pragma once
/// Keeping signals away from threads that libraries start: OpenMP and BLAS keep their threads, and one of them must
/// never handle a signal of the server's.
#include <csignal>
#include <pthread.h>

namespace pgml {

/// Blocks all signals of this thread, and so of threads it creates, while alive.
class SignalsBlocked {
public:
	SignalsBlocked() {
		sigfillset(&all_);
		pthread_sigmask(SIG_SETMASK, &all_, &saved_);
	}
	~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &saved_, nullptr); }
	SignalsBlocked(const SignalsBlocked &) = delete;
	SignalsBlocked &operator=(const SignalsBlocked &) = delete;
	/// Lets the handlers of waiting signals run: without them no request to stop is ever seen.
	void
	DeliverPending() {
		pthread_sigmask(SIG_SETMASK, &saved_, nullptr);
		pthread_sigmask(SIG_SETMASK, &all_, nullptr);
	}

private:
	sigset_t all_, saved_;
};

} // namespace pgml
