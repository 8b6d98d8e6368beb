// Dataset and CategoryDictionary: training rows as the SQL layer streams them in.
#include "pgml/train.h"

#include <fmt/format.h>

#include "pgml/error.h"
#include "base/string_table.h"

#include "base/no_postgres.h"

namespace pgml {

struct CategoryDictionary::Index {
	HashIndex codes;
};

uint32_t
CategoryDictionary::CodeOf(std::string_view value) {
	auto text_of = [this](uint32_t code) { return std::string_view(values_[code]); };
	if (index_ != nullptr) {
		uint32_t code = index_->codes.Find(value, text_of);
		if (code != HashIndex::kAbsent)
			return code;
	}
	if (values_.size() >= kMaxCategories)
		throw Error(ErrorCode::kLimitExceeded,
					fmt::format("text column has more than {} distinct values", kMaxCategories));
	// Copies of a dictionary share the index until one of them grows.
	if (index_ == nullptr)
		index_ = std::make_shared<Index>();
	else if (index_.use_count() > 1)
		index_ = std::make_shared<Index>(*index_);
	auto code = static_cast<uint32_t>(values_.size());
	values_.emplace_back(value);
	bytes_ += sizeof(std::string) + value.size() + 2 * sizeof(uint32_t);
	index_->codes.Add(code, text_of);
	return code;
}

Dataset
Dataset::Subset(const std::vector<size_t> &rows, const StopToken &stop) const {
	Dataset result;
	result.features = features;
	result.raw = raw.Gather(rows, stop);
	result.dictionaries = dictionaries;
	result.n_targets = n_targets;
	result.target.reserve(rows.size() * n_targets);
	for (size_t row : rows)
		for (size_t t = 0; t < n_targets; t++)
			result.target.push_back(target[row * n_targets + t]);
	result.target_is_text = target_is_text;
	result.target_is_boolean = target_is_boolean;
	result.target_labels = target_labels;
	return result;
}

Dataset
Dataset::SplitOff(const Split &split, const StopToken &stop) {
	Dataset test = Subset(split.test, stop);
	size_t per_row = raw.rows() == 0 ? 0 : target.size() / raw.rows(), kept = 0;
	raw.Keep(split.train, stop);
	for (size_t row : split.train)
		for (size_t i = 0; i < per_row; i++)
			target[kept++] = target[row * per_row + i];
	target.resize(kept);
	target.shrink_to_fit();
	return test;
}

} // namespace pgml
