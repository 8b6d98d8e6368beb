// CallThread: see call_thread.h.
#include "base/call_thread.h"

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <exception>
#include <mutex>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "pgml/error.h"
#include "pgml/train.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

/// How long a stop request may wait to be seen.
constexpr auto kPollInterval = std::chrono::milliseconds(10);

} // namespace

/// What the two threads share, under the mutex.
struct CallThread::Channel {
	std::mutex mutex;
	std::condition_variable changed;
	std::function<void()> call; ///< that the thread has not taken yet
	bool busy = false;          ///< from Run() until the call and all it owned are gone
	std::exception_ptr error;   ///< of the last call
	bool quit = false;          ///< no more calls come
	bool over = false;          ///< the thread is at its end
	std::shared_ptr<std::atomic<bool>> abandoned = std::make_shared<std::atomic<bool>>(false);
};

struct CallThread::AbandonedCall {
	std::shared_ptr<Channel> channel; ///< empty when there is none
	std::thread thread;
};

CallThread::AbandonedCall &
CallThread::TheAbandonedCall() {
	// Never destroyed: the thread may outlive everything that runs at the end of the process.
	static AbandonedCall *the_one = new AbandonedCall;
	return *the_one;
}

CallThread::CallThread(const StopToken &stop) : stop_(stop) {
	WaitForAbandonedCall(stop);
	channel_ = std::make_shared<Channel>();
	sigset_t all, saved;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all,
					&saved); // inherited by the thread, and by those that it starts
	try {
		thread_ = std::thread(Serve, channel_);
	} catch (const std::system_error &e) {
		pthread_sigmask(SIG_SETMASK, &saved, nullptr);
		throw Error(ErrorCode::kOutOfMemory, "could not start a thread for training",
					fmt::format("The system says: {}.", e.code().message()));
	}
	pthread_sigmask(SIG_SETMASK, &saved, nullptr);
}

CallThread::~CallThread() {
	{
		std::lock_guard lock(channel_->mutex);
		channel_->quit = true;
		*channel_->abandoned = channel_->busy;
		channel_->changed.notify_all();
	}
	if (!*channel_->abandoned) {
		thread_.join();
		return;
	}
	WaitForAbandonedCall(StopToken()); // of another object, which was made beside this one
	TheAbandonedCall().channel = std::move(channel_);
	TheAbandonedCall().thread = std::move(thread_);
}

std::shared_ptr<const std::atomic<bool>>
CallThread::Abandoned() const {
	return channel_->abandoned;
}

void
CallThread::Run(std::function<void()> call) {
	stop_.ThrowIfStopped();
	std::unique_lock lock(channel_->mutex);
	channel_->call = std::move(call);
	channel_->busy = true;
	channel_->changed.notify_all();
	while (channel_->busy) {
		channel_->changed.wait_for(lock, kPollInterval);
		if (channel_->busy)
			stop_.ThrowIfStopped();
	}
	if (channel_->error != nullptr)
		std::rethrow_exception(std::exchange(channel_->error, nullptr));
}

void
CallThread::Serve(std::shared_ptr<Channel> channel) {
	std::unique_lock lock(channel->mutex);
	for (;;) {
		channel->changed.wait(lock, [&] { return channel->quit || channel->call != nullptr; });
		if (channel->call == nullptr)
			break;
		std::function<void()> call;
		call.swap(channel->call);
		lock.unlock();
		std::exception_ptr error;
		try {
			call();
		} catch (...) {
			error = std::current_exception();
		}
		call = nullptr; // with all it owns, which is often large, before anybody hears of the end
		lock.lock();
		channel->error = std::move(error);
		channel->busy = false;
		channel->changed.notify_all();
	}
	channel->over = true;
	channel->changed.notify_all();
}

bool
AbandonedCallRuns() noexcept {
	auto &abandoned = CallThread::TheAbandonedCall();
	if (abandoned.channel == nullptr)
		return false;
	std::lock_guard lock(abandoned.channel->mutex);
	return !abandoned.channel->over;
}

void
WaitForAbandonedCall(const StopToken &stop) {
	auto &abandoned = CallThread::TheAbandonedCall();
	if (abandoned.channel == nullptr)
		return;
	{
		std::unique_lock lock(abandoned.channel->mutex);
		while (!abandoned.channel->over) {
			stop.ThrowIfStopped();
			abandoned.channel->changed.wait_for(lock, kPollInterval);
		}
	}
	abandoned.thread.join();
	abandoned.channel = nullptr;
}

} // namespace pgml
