// Calls that the caller can leave: what is abandoned goes on, on memory that it owns, and is waited for by the next one.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <future>
#include <stdexcept>

#include "base/call_thread.h"
#include "pgml/error.h"
#include "pgml/train.h"

namespace pgml {

namespace {

/// Tests that cancel trainings leave calls behind; the process must not end under them.
class NoCallAtTheEnd : public ::testing::Environment {
public:
	void
	TearDown() override {
		WaitForAbandonedCall(StopToken());
	}
};

const ::testing::Environment *const no_call_at_the_end =
	::testing::AddGlobalTestEnvironment(new NoCallAtTheEnd);

std::atomic<bool> stop_now;

StopToken
OnDemand() {
	stop_now = false;
	return StopToken([] { return stop_now.load(); });
}

} // namespace

TEST(CallThread, RunsCallsInOrderAndTellsTheirErrors) {
	CallThread thread{StopToken()};
	auto values = std::make_shared<std::vector<std::thread::id>>();
	for (int i = 0; i < 3; i++)
		thread.Run([values] { values->push_back(std::this_thread::get_id()); });
	EXPECT_EQ(values.use_count(), 1); // calls are gone when Run() comes back
	ASSERT_EQ(values->size(), 3u);
	EXPECT_EQ(values->front(), values->back());
	EXPECT_NE(values->front(), std::this_thread::get_id());
	EXPECT_THROW(thread.Run([] { throw std::runtime_error("no"); }), std::runtime_error);
	EXPECT_THROW(thread.Run([] { throw Error(ErrorCode::kInvalidData, "no"); }), Error);
	thread.Run([values] { values->clear(); });
	EXPECT_TRUE(values->empty());
	EXPECT_FALSE(AbandonedCallRuns());
}

TEST(CallThread, BlocksSignalsThereAndOnlyThere) {
	sigset_t before, inside, after;
	pthread_sigmask(SIG_SETMASK, nullptr, &before);
	CallThread thread{StopToken()};
	thread.Run([&inside] { pthread_sigmask(SIG_SETMASK, nullptr, &inside); });
	pthread_sigmask(SIG_SETMASK, nullptr, &after);
	for (int signal : {SIGINT, SIGTERM, SIGUSR1, SIGALRM, SIGQUIT}) {
		EXPECT_EQ(sigismember(&inside, signal), 1);
		EXPECT_EQ(sigismember(&after, signal), sigismember(&before, signal));
	}
}

TEST(CallThread, LeavesACallThatDoesNotEnd) {
	auto owned = std::make_shared<int>(1);
	std::weak_ptr<int> watched = owned;
	std::promise<void> started, end;
	std::shared_future<void> ended = end.get_future().share();
	auto thread = std::make_unique<CallThread>(OnDemand());
	auto abandoned = thread->Abandoned();
	std::thread stopper([&] {
		started.get_future().wait();
		stop_now = true;
	});
	// Comes back although the call does not: it waits for what happens below.
	EXPECT_THROW(thread->Run([owned = std::move(owned), ended, &started] {
		started.set_value();
		ended.wait();
	}),
				 Cancelled);
	stopper.join();
	EXPECT_FALSE(*abandoned);
	thread.reset();
	EXPECT_TRUE(*abandoned);
	EXPECT_TRUE(AbandonedCallRuns());
	EXPECT_FALSE(watched.expired());
	// The next one waits, and can be stopped while it does.
	EXPECT_THROW(CallThread{StopToken([] { return true; })}, Cancelled);
	EXPECT_THROW(WaitForAbandonedCall(StopToken([] { return true; })), Cancelled);
	end.set_value();
	CallThread next{StopToken()};
	EXPECT_TRUE(watched.expired());
	EXPECT_FALSE(AbandonedCallRuns());
	bool called = false;
	next.Run([&called] { called = true; });
	EXPECT_TRUE(called);
}

TEST(CallThread, IsNotStartedWhenAlreadyStopped) {
	CallThread thread{OnDemand()};
	stop_now = true;
	EXPECT_THROW(thread.Run([] { FAIL() << "called"; }), Cancelled);
	EXPECT_FALSE(AbandonedCallRuns());
}

} // namespace pgml
