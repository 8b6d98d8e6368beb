/// Raising what Guard() copied. No C++ object with a destructor is alive in here.
#include "am/base/guard.h"

#include <cstring>

extern "C" {
#include "mb/pg_wchar.h"
#include "storage/proc.h"
}

namespace pgml::pg {

void
ErrorCopy::Set(int state, const char *msg, const char *det, const char *hnt) noexcept {
	kind = kError;
	sqlstate = state;
	strlcpy(message, msg, sizeof(message));
	strlcpy(detail, det, sizeof(detail));
	strlcpy(hint, hnt, sizeof(hint));
}

static int
SqlStateOf(pgml::ErrorCode code) {
	switch (code) {
		case pgml::ErrorCode::kInvalidArgument:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case pgml::ErrorCode::kInvalidData:
			return ERRCODE_DATA_EXCEPTION;
		case pgml::ErrorCode::kNotSupported:
			return ERRCODE_FEATURE_NOT_SUPPORTED;
		case pgml::ErrorCode::kCorruptModel:
			return ERRCODE_DATA_CORRUPTED;
		case pgml::ErrorCode::kLimitExceeded:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		case pgml::ErrorCode::kOutOfMemory:
			return ERRCODE_OUT_OF_MEMORY;
		case pgml::ErrorCode::kInternal:
			break;
	}
	return ERRCODE_INTERNAL_ERROR;
}

void
ErrorCopy::Set(const pgml::Error &error) noexcept {
	Set(SqlStateOf(error.code()), error.what(), error.detail().c_str(), error.hint().c_str());
}

void
RaiseCopied(const ErrorCopy &error) {
	if (error.kind == ErrorCopy::kStopped) {
		CHECK_FOR_INTERRUPTS();
		ereport(ERROR, (errcode(ERRCODE_QUERY_CANCELED),
						errmsg("canceling statement due to user request")));
	}
	// Copies are cut by bytes; a cut inside a multibyte character must not reach the client.
	int message_len = pg_mbcliplen(error.message, strlen(error.message), sizeof(error.message) - 1);
	int detail_len = pg_mbcliplen(error.detail, strlen(error.detail), sizeof(error.detail) - 1);
	ereport(ERROR, (errcode(error.sqlstate), errmsg("%.*s", message_len, error.message),
					detail_len > 0 ? errdetail("%.*s", detail_len, error.detail) : 0,
					error.hint[0] != '\0' ? errhint("%s", error.hint) : 0));
	pg_unreachable();
}

StopToken
BackendStopToken() {
	// Not InterruptPending: that is also set for interrupts which do not end the statement.
	return StopToken(
		[]() -> bool { return QueryCancelPending || ProcDiePending || ClientConnectionLost; });
}

} // namespace pgml::pg
