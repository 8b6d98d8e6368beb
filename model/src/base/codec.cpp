// Reader, writer and container of the model artefact. Bytes are moved one by one with shifts, so
// the format does not depend on the host's byte order or alignment.
#include "base/codec.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/format.h>
#include <zlib.h>

#include "pgml/error.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr char kMagic[8] = {'P', 'G', 'M', 'L', 'M', 'O', 'D', 'L'};
constexpr size_t kHeaderSize = sizeof(kMagic) + 4 + 4 + 8;

uint32_t
Crc32(std::span<const std::byte> bytes) {
	uLong crc = crc32_z(0, nullptr, 0);
	if (!bytes.empty())
		crc = crc32_z(crc, reinterpret_cast<const Bytef *>(bytes.data()), bytes.size());
	return static_cast<uint32_t>(crc);
}

} // namespace

void
Writer::U32(uint32_t value) {
	constexpr size_t kNumbersPerPoll = 1 << 18;
	if (++numbers_ % kNumbersPerPoll == 0)
		stop_.ThrowIfStopped();
	for (int shift = 0; shift < 32; shift += 8)
		U8(static_cast<uint8_t>(value >> shift));
}

void
Writer::U64(uint64_t value) {
	for (int shift = 0; shift < 64; shift += 8)
		U8(static_cast<uint8_t>(value >> shift));
}

void
Writer::F32(float value) {
	U32(std::bit_cast<uint32_t>(value));
}

void
Writer::F64(double value) {
	U64(std::bit_cast<uint64_t>(value));
}

void
Writer::Count(size_t value) {
	if (value > std::numeric_limits<uint32_t>::max())
		throw Error(ErrorCode::kLimitExceeded, "model is too large to be stored");
	U32(static_cast<uint32_t>(value));
}

void
Writer::String(std::string_view value) {
	Count(value.size());
	for (char c : value)
		bytes_.push_back(static_cast<std::byte>(c));
}

std::vector<std::byte>
Writer::Finish() const {
	Writer header;
	for (char c : kMagic)
		header.U8(static_cast<uint8_t>(c));
	header.U32(kModelFormatVersion);
	header.U32(Crc32(bytes_));
	header.U64(bytes_.size());
	std::vector<std::byte> result = std::move(header.bytes_);
	result.insert(result.end(), bytes_.begin(), bytes_.end());
	return result;
}

void
Reader::Fail(std::string_view what) const {
	throw Error(ErrorCode::kCorruptModel, "model data is damaged",
				fmt::format("At byte {}: {}.", base_ + at_, what),
				"Train the model again or restore it from a backup.");
}

const std::byte *
Reader::Take(size_t count) {
	if (count > left())
		Fail("the data ends too early");
	const std::byte *result = bytes_.data() + at_;
	at_ += count;
	return result;
}

uint8_t
Reader::U8() {
	return std::to_integer<uint8_t>(*Take(1));
}

uint32_t
Reader::U32() {
	const std::byte *from = Take(4);
	uint32_t value = 0;
	for (int i = 3; i >= 0; i--)
		value = value << 8 | std::to_integer<uint32_t>(from[i]);
	return value;
}

uint64_t
Reader::U64() {
	const std::byte *from = Take(8);
	uint64_t value = 0;
	for (int i = 7; i >= 0; i--)
		value = value << 8 | std::to_integer<uint64_t>(from[i]);
	return value;
}

float
Reader::F32() {
	return std::bit_cast<float>(U32());
}

double
Reader::F64() {
	return std::bit_cast<double>(U64());
}

float
Reader::FiniteF32(const char *what) {
	float value = F32();
	if (!std::isfinite(value))
		Fail(fmt::format("{} is not finite", what));
	return value;
}

double
Reader::FiniteF64(const char *what) {
	double value = F64();
	if (!std::isfinite(value))
		Fail(fmt::format("{} is not finite", what));
	return value;
}

std::string_view
Reader::String(const char *what) {
	size_t length = Count(1, what);
	const char *from = reinterpret_cast<const char *>(Take(length));
	if (length > 0 && std::memchr(from, 0, length) != nullptr)
		Fail(fmt::format("{} contains a zero byte", what));
	return {from, length};
}

size_t
Reader::Count(size_t bytes_each, const char *what) {
	size_t count = U32();
	if (count > left() / bytes_each)
		Fail(fmt::format("{}: {} announced, which is more than the data can hold", what, count));
	return count;
}

uint8_t
Reader::Enum(uint8_t count, const char *what) {
	uint8_t value = U8();
	if (value >= count)
		Fail(fmt::format("{} has unknown value {}", what, value));
	return value;
}

Reader
OpenContainer(std::span<const std::byte> bytes) {
	Reader header(bytes);
	for (char c : kMagic)
		header.Check(header.U8() == static_cast<uint8_t>(c), "this is no model of pgml_am");
	uint32_t version = header.U32();
	if (version > kModelFormatVersion)
		throw Error(
			ErrorCode::kNotSupported,
			fmt::format("model has format version {}, newer than {}", version, kModelFormatVersion),
			"The model was written by a newer version of pgml_am.",
			"Update pgml_am on this server.");
	header.Check(version > 0, "the format version is 0");
	uint32_t crc = header.U32();
	uint64_t length = header.U64();
	header.Check(length == bytes.size() - kHeaderSize, "the stored length is wrong");
	std::span<const std::byte> payload = bytes.subspan(kHeaderSize);
	header.Check(Crc32(payload) == crc, "the checksum does not match");
	return Reader(payload, kHeaderSize, version);
}

} // namespace pgml
