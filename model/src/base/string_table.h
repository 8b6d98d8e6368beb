#pragma once
/// Hashing of strings to small codes, kept compact: a model may hold millions of categories.
#include <bit>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace pgml {

/// Open-addressing index over strings that are stored elsewhere: code -> text by a callback.
class HashIndex {
public:
	static constexpr uint32_t kAbsent = UINT32_MAX;

	template <typename TextOf>
	uint32_t
	Find(std::string_view value, const TextOf &text_of) const {
		if (slots_.empty())
			return kAbsent;
		for (size_t at = Start(value);; at = (at + 1) & (slots_.size() - 1)) {
			if (slots_[at] == kAbsent || text_of(slots_[at]) == value)
				return slots_[at];
		}
	}

	/// Adds `code`, whose text must be new; codes are added in the order 0, 1, 2 ...
	template <typename TextOf>
	void
	Add(uint32_t code, const TextOf &text_of) {
		if ((size_t{code} + 1) * 2 > slots_.size()) {
			slots_.assign(std::bit_ceil((size_t{code} + 1) * 2), kAbsent);
			for (uint32_t old = 0; old < code; old++)
				Place(old, text_of(old));
		}
		Place(code, text_of(code));
	}

private:
	size_t
	Start(std::string_view value) const {
		return std::hash<std::string_view>()(value) & (slots_.size() - 1);
	}
	void
	Place(uint32_t code, std::string_view value) {
		size_t at = Start(value);
		while (slots_[at] != kAbsent)
			at = (at + 1) & (slots_.size() - 1);
		slots_[at] = code;
	}
	std::vector<uint32_t> slots_; ///< size is a power of two, at least twice the number of codes
};

/// Strings with their code by position, all in one block of memory.
class StringTable {
public:
	size_t
	size() const {
		return ends_.size();
	}
	std::string_view
	operator[](size_t code) const {
		size_t start = code == 0 ? 0 : ends_[code - 1];
		return std::string_view(text_).substr(start, ends_[code] - start);
	}
	/// The value must be new.
	void
	Add(std::string_view value) {
		text_.append(value);
		ends_.push_back(text_.size());
		index_.Add(static_cast<uint32_t>(ends_.size() - 1),
				   [this](uint32_t code) { return (*this)[code]; });
	}
	/// HashIndex::kAbsent when it is not there.
	uint32_t
	Find(std::string_view value) const {
		return index_.Find(value, [this](uint32_t code) { return (*this)[code]; });
	}

private:
	std::string text_;
	std::vector<size_t> ends_;
	HashIndex index_;
};

} // namespace pgml
