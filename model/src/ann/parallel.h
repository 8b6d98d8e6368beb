#pragma once
/// Loops over chunks on several threads, which a stop request ends.
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

#include "pgml/stop_token.h"
#include "base/signals.h"

namespace pgml::ann {

/**
 * Calls work(begin, end) for all chunks of [0, n); in which order and on which thread is open. The calling thread takes
 * part and polls the token between its chunks. Threads are started with all signals blocked, and have ended when this returns.
 *
 * @param chunk  so many at a time: less than 10 ms of work
 * @param work   does not throw
 * @throws Cancelled
 */
template <typename Work>
void
ParallelChunks(size_t n, size_t chunk, int n_threads, const StopToken &stop, const Work &work) {
	std::atomic<size_t> next{0};
	std::atomic<bool> stopped{false};
	auto run = [&](bool polls) {
		while (!stopped.load(std::memory_order_relaxed)) {
			if (polls && stop.StopRequested()) {
				stopped = true;
				return;
			}
			size_t begin = next.fetch_add(chunk, std::memory_order_relaxed);
			if (begin >= n)
				return;
			work(begin, std::min(begin + chunk, n));
		}
	};
	size_t n_chunks = (n + chunk - 1) / chunk;
	std::vector<std::thread> threads;
	size_t wanted = std::min<size_t>(n_chunks, static_cast<size_t>(std::max(n_threads, 1)));
	threads.reserve(wanted);
	if (wanted > 1) {
		SignalsBlocked signals;
		try {
			while (threads.size() + 1 < wanted)
				threads.emplace_back(run, false);
		} catch (const std::system_error &) {
			// Fewer threads than there might be.
		}
	}
	run(true);
	for (std::thread &thread : threads)
		thread.join();
	if (stopped)
		throw Cancelled();
	stop.ThrowIfStopped();
}

} // namespace pgml::ann
