// class_weight: from what the user says to a number per class.
#include <algorithm>

#include <fmt/format.h>

#include "pgml/error.h"
#include "base/text.h"
#include "training/trainers.h"

#include "base/no_postgres.h"

namespace pgml {

std::vector<double>
WeightsOf(const ClassWeight &weight, const TrainingData &data, const std::vector<double> &counts) {
	std::vector<double> result(data.n_classes, 1);
	if (weight.balanced) {
		double rows = 0;
		for (double count : counts)
			rows += count;
		// A class that the sample of a tree lacks has no rows to weigh.
		for (size_t c = 0; c < result.size(); c++)
			if (counts[c] > 0)
				result[c] = rows / (static_cast<double>(data.n_classes) * counts[c]);
	}
	for (const auto &[label, number] : weight.by_label) {
		auto found = std::find(data.labels.begin(), data.labels.end(), label);
		if (found == data.labels.end())
			throw Error(ErrorCode::kInvalidArgument,
						fmt::format("class_weight names \"{}\", which is no class", label), "",
						fmt::format("The classes are: {}.", Join(data.labels)));
		result[static_cast<size_t>(found - data.labels.begin())] = number;
	}
	return result;
}

std::vector<double>
WeightsOf(const ClassWeight &weight, const TrainingData &data) {
	std::vector<double> counts(data.n_classes);
	for (uint32_t own : data.classes)
		counts[own]++;
	return WeightsOf(weight, data, counts);
}

} // namespace pgml
