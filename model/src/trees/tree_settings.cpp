// What the trainers of forests and of boosting have in common.
#include <algorithm>
#include <cmath>
#include <limits>

#include "pgml/error.h"
#include "training/trainers.h"

#include "base/no_postgres.h"

namespace pgml {

void
CheckTreeData(const TrainingData &data, bool counts) {
	if (data.columns.cols == 0)
		throw Error(ErrorCode::kInvalidData, "there are no features to train on",
					"All columns are text without any value.");
	if (data.columns.rows >= std::numeric_limits<uint32_t>::max())
		throw Error(ErrorCode::kLimitExceeded, "too many rows to train trees on");
	if (counts && *std::min_element(data.target.begin(), data.target.end()) < 0)
		throw Error(ErrorCode::kInvalidData, "a Poisson criterion needs a target of at least 0");
}

size_t
FeatureCount(const std::optional<Hyperparameters::Amount> &amount, size_t n_columns) {
	if (!amount || amount->name == "null")
		return n_columns;
	double count = static_cast<double>(n_columns);
	if (amount->name == "sqrt")
		count = std::sqrt(count);
	else if (amount->name == "log2")
		count = std::log2(count);
	else if (amount->count)
		count = std::min(count, static_cast<double>(*amount->count));
	else
		count *= *amount->share;
	return std::max<size_t>(static_cast<size_t>(count), 1);
}

} // namespace pgml
