#pragma once
/**
 * The one reader and the one writer of stored bytes (docs/model-format.md).
 *
 * Layout primitives: little-endian integers and IEEE floats, strings as u32 length + bytes without
 * NUL. The container around the payload is magic, format version, CRC-32 and length. The reader
 * trusts nothing: every count is compared with the bytes left before anything is allocated for it.
 */
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pgml/stop_token.h"

namespace pgml {

constexpr uint32_t kModelFormatVersion = 2; // stored: raise it when the payload changes

class Writer {
public:
	/// @param stop  looked at while numbers are written
	explicit Writer(const StopToken &stop = StopToken()) : stop_(stop) {}
	void
	U8(uint8_t value) {
		bytes_.push_back(std::byte{value});
	}
	void U32(uint32_t value);
	void U64(uint64_t value);
	void F32(float value);
	void F64(double value);
	void String(std::string_view value);
	/// @throws Error(kLimitExceeded) when a count does not fit the format
	void Count(size_t value);
	/// The payload wrapped into the container.
	std::vector<std::byte> Finish() const;

private:
	StopToken stop_;
	size_t numbers_ = 0;
	std::vector<std::byte> bytes_;
};

class Reader {
public:
	/// @param base  offset of the payload in the artefact, for messages
	explicit Reader(std::span<const std::byte> bytes, size_t base = 0,
					uint32_t version = kModelFormatVersion)
		: bytes_(bytes), base_(base), version_(version) {}
	/// The format version that the bytes were written in.
	uint32_t
	version() const {
		return version_;
	}
	uint8_t U8();
	uint32_t U32();
	uint64_t U64();
	float F32();
	double F64();
	float FiniteF32(const char *what);
	double FiniteF64(const char *what);
	/// A view into the bytes: valid as long as they are. Refuses embedded NUL.
	std::string_view String(const char *what);
	/// A count of things that take at least `bytes_each` bytes; refused when they cannot be there.
	size_t Count(size_t bytes_each, const char *what);
	/// An enum stored in one byte with values [0, count).
	uint8_t Enum(uint8_t count, const char *what);
	size_t
	left() const {
		return bytes_.size() - at_;
	}
	/// @throws Error(kCorruptModel) with the current offset in the detail
	[[noreturn]] void Fail(std::string_view what) const;
	void
	Check(bool condition, const char *what) const {
		if (!condition)
			Fail(what);
	}

private:
	const std::byte *Take(size_t count);
	std::span<const std::byte> bytes_;
	size_t at_ = 0;
	size_t base_;
	uint32_t version_;
};

/// Checks magic, version, length and CRC and gives a reader of the payload.
/// @throws Error(kCorruptModel); Error(kNotSupported) for a newer version
Reader OpenContainer(std::span<const std::byte> bytes);

} // namespace pgml
