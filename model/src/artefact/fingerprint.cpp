// A 64-bit hash over a dataset. See pgml/fingerprint.h.
#include "pgml/fingerprint.h"

#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "base/no_postgres.h"

namespace pgml {

namespace {

/// Multiply and fold, as in wyhash (Wang Yi): one multiplication for eight bytes.
class Hash {
public:
	void
	Add(uint64_t word) {
		__extension__ using Wide = unsigned __int128;
		Wide product = static_cast<Wide>(state_ ^ word) * 0x9e3779b97f4a7c15u;
		state_ = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64) ^
				 0xd6e8feb86659fd93u;
	}
	void
	Add(const void *bytes, size_t length) {
		const auto *at = static_cast<const unsigned char *>(bytes);
		uint64_t word = 0;
		for (; length >= 8; at += 8, length -= 8) {
			std::memcpy(&word, at, 8);
			Add(word);
		}
		word = length;
		std::memcpy(&word, at, length);
		Add(word ^ static_cast<uint64_t>(length) << 56);
	}
	void
	Add(std::string_view text) {
		Add(text.data(), text.size());
	}
	uint64_t
	value() const {
		return state_;
	}

private:
	uint64_t state_ = 0x2545f4914f6cdd1du;
};

} // namespace

std::string
Fingerprint(const Dataset &data, const StopToken &stop) {
	Hash hash;
	hash.Add(data.rows());
	for (const FeatureSpec &feature : data.features) {
		hash.Add(feature.name);
		hash.Add(static_cast<uint64_t>(feature.type) << 32 | feature.width);
	}
	for (size_t column = 0; column < data.raw.cols(); column++) {
		stop.ThrowIfStopped();
		hash.Add(data.raw.column(column), data.rows() * sizeof(float));
	}
	for (const CategoryDictionary &dictionary : data.dictionaries) {
		stop.ThrowIfStopped();
		for (const std::string &value : dictionary.values())
			hash.Add(value);
	}
	hash.Add(data.n_targets);
	hash.Add(data.target.data(), data.target.size() * sizeof(double));
	for (const std::string &label : data.target_labels.values())
		hash.Add(label);
	return fmt::format("{:016x}", hash.value());
}

} // namespace pgml
