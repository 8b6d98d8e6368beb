/**
 * Ending a backend while a library still works on a thread. See training_exit.h.
 *
 * A training that is cancelled or terminated leaves libxgboost in the middle of a round (model/src/call_thread.h). When
 * the process then ends by exit(), destructors of the libraries would run under that thread. Waiting for it could take as
 * long as a round does, with the client and pg_terminate_backend waiting too. Instead the process ends without those
 * destructors, after everything that the server has to do at the end: the thread knows nothing of the server.
 */
#include "am/sqlfuncs/training_exit.h"

#include "am/base/guard.h"
#include "pgml/train.h"

#include <cstdlib>
#include <unistd.h>

extern "C" {
#include "storage/ipc.h"
}

namespace pgml::am {

namespace {

int exit_status;

void
RememberStatus(int status, Datum) {
	exit_status = status;
}

/// Handlers of exit() run in reverse order: this one before the destructors of libraries, which were loaded before it
/// was registered. Whatever calls exit() past the server's own proc_exit() waits.
void
SkipDestructors() {
	if (proc_exit_inprogress && AbandonedCallRuns())
		_exit(exit_status);
	WaitForAbandonedCall(StopToken());
}

} // namespace

void
PrepareForAbandonedCalls() {
	static bool registered = false;
	if (!registered) {
		on_proc_exit(RememberStatus, 0);
		if (atexit(SkipDestructors) != 0)
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
		registered = true;
	}
	pg::Guard([] { WaitForAbandonedCall(pg::BackendStopToken()); });
}

} // namespace pgml::am
