#pragma once
/**
 * The one place where C++ exceptions and ereport meet.
 *
 * Rules (see am/README.md): code in am/ and index/ is "C in C++": only trivially destructible
 * locals are alive across a PostgreSQL call. Every call into model/ goes through Guard(); nothing
 * inside the lambda may call PostgreSQL, because an ereport would jump over destructors.
 */
#include "am/base/pg.h"

#include <exception>
#include <new>
#include <memory>
#include <utility>

#include "pgml/error.h"
#include "pgml/stop_token.h"

namespace pgml::pg {

/// What survives of an exception: plain memory, so that nothing has a destructor when ereport
/// jumps.
struct ErrorCopy {
	enum Kind { kNone, kError, kStopped } kind = kNone;
	int sqlstate = 0;
	char message[1024], detail[1024], hint[1024];
	/// Guard() runs once per row in places: only the first bytes are cleared.
	ErrorCopy() noexcept { message[0] = detail[0] = hint[0] = '\0'; }
	void Set(int state, const char *msg, const char *det = "", const char *hnt = "") noexcept;
	void Set(const pgml::Error &error) noexcept;
};

/// Raises the copied error. For kStopped: processes the interrupt, so that the usual "canceling
/// statement ..." appears.
[[noreturn]] void RaiseCopied(const ErrorCopy &error);

/// Runs C++ code that may throw. @return false: it did, and `error` says what
template <typename F>
inline bool
Attempt(F &&function, ErrorCopy &error) {
	try {
		std::forward<F>(function)();
		return true;
	} catch (const pgml::Cancelled &) {
		error.kind = ErrorCopy::kStopped;
	} catch (const pgml::Error &e) {
		error.Set(e);
	} catch (const std::bad_alloc &) {
		error.Set(ERRCODE_OUT_OF_MEMORY, "out of memory");
	} catch (const std::exception &e) {
		error.Set(ERRCODE_INTERNAL_ERROR, e.what());
	} catch (...) {
		error.Set(ERRCODE_INTERNAL_ERROR, "unrecognized C++ exception");
	}
	return false;
}

/// The same; turns exceptions into ereport(ERROR) after everything is unwound.
template <typename F>
inline void
Guard(F &&function) {
	ErrorCopy error;
	if (!Attempt(std::forward<F>(function), error))
		RaiseCopied(error);
}

/// True once the backend has an interrupt to process (cancel, terminate, timeout). For model code.
StopToken BackendStopToken();

/**
 * Hands a C++ object to a memory context: it is destroyed when the context is reset or deleted,
 * whether or not an error comes first. Register (which may raise) happens before the object exists,
 * so nothing can leak: auto *slot = OwnedByContext<T>(context);  Guard([&] { slot->object = ...;
 * });
 */
template <typename T> struct ContextOwned {
	std::unique_ptr<T> object;
	MemoryContextCallback callback;
};
template <typename T>
inline ContextOwned<T> *
OwnedByContext(MemoryContext context) {
	auto *slot = new (MemoryContextAllocZero(context, sizeof(ContextOwned<T>))) ContextOwned<T>();
	slot->callback.func = [](void *arg) { static_cast<ContextOwned<T> *>(arg)->object.reset(); };
	slot->callback.arg = slot;
	MemoryContextRegisterResetCallback(context, &slot->callback);
	return slot;
}

} // namespace pgml::pg
