#pragma once
/// Errors of the model library. am/base/guard.h turns them into ereport(); nothing here knows PostgreSQL.
#include <exception>
#include <string>
#include <utility>

namespace pgml {

enum class ErrorCode {
	kInvalidArgument, ///< a parameter or hyperparameter is wrong: SQLSTATE 22023
	kInvalidData,     ///< the training data cannot be used (constant target, no rows ...): 22000
	kNotSupported,    ///< a thing that is not available: 0A000
	kCorruptModel,    ///< bytes that are no valid model: XX001
	kLimitExceeded,   ///< too many columns, categories, bytes: 54000
	kOutOfMemory,     ///< memory, by a setting or the system's: 53200
	kInternal,        ///< a library failed in a way that no input explains: XX000
};

/// Message in PostgreSQL's style: lower case start, no full stop. Detail and hint: whole sentences or empty.
class Error : public std::exception {
public:
	Error(ErrorCode code, std::string message, std::string detail = "", std::string hint = "")
		: code_(code), message_(std::move(message)), detail_(std::move(detail)),
		  hint_(std::move(hint)) {}
	const char *
	what() const noexcept override {
		return message_.c_str();
	}
	ErrorCode
	code() const noexcept {
		return code_;
	}
	const std::string &
	detail() const noexcept {
		return detail_;
	}
	const std::string &
	hint() const noexcept {
		return hint_;
	}

private:
	ErrorCode code_;
	std::string message_, detail_, hint_;
};

/// Thrown when a StopToken asks to stop. Carries nothing: the caller knows why.
class Cancelled : public std::exception {
public:
	const char *
	what() const noexcept override {
		return "cancelled";
	}
};

} // namespace pgml
