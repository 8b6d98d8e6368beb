// Confusion matrix and ROC curve.
#include "pgml/evaluate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "base/stoppable.h"
#include "data/test_rows.h"
#include "base/text.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

void
RequireClassification(const Model &model) {
	if (model.task() != Task::kClassification)
		throw Error(ErrorCode::kInvalidArgument, "model has no classes",
					fmt::format("Its task is {}.", TaskName(model.task())));
}

/// A target that the model does not know, as the class labels are written.
std::string
UnknownLabel(const Dataset &data, size_t row) {
	if (data.target_is_text)
		return data.target_labels.values()[static_cast<size_t>(data.target[row])];
	if (data.target_is_boolean)
		return data.target[row] != 0 ? "true" : "false";
	return fmt::format("{}", data.target[row]);
}

size_t
ClassOf(const Model &model, const std::string *label) {
	const std::vector<std::string> &labels = model.class_labels();
	if (label == nullptr) {
		if (labels.size() != 2)
			throw Error(ErrorCode::kInvalidArgument,
						fmt::format("label is needed for a model of {} classes", labels.size()),
						fmt::format("Its labels are: {}.", Join(labels)));
		return 1;
	}
	auto found = std::find(labels.begin(), labels.end(), *label);
	if (found == labels.end())
		throw Error(ErrorCode::kInvalidArgument, fmt::format("model has no label \"{}\"", *label),
					fmt::format("Its labels are: {}.", Join(labels)));
	return static_cast<size_t>(found - labels.begin());
}

/// Score of the class for every row.
std::vector<float>
Scores(const Model &model, const Dataset &data, size_t own, const StopToken &stop) {
	size_t n_classes = model.class_labels().size();
	bool probabilities = HasProbabilities(model);
	size_t n_groups = probabilities ? n_classes : model.margin_groups();
	std::vector<float> scores(data.raw.rows()), outputs;
	Workspace work;
	ForTestTiles(model, data, stop, [&](size_t first, MatrixView rows) {
		outputs.resize(rows.rows * n_groups);
		if (probabilities)
			model.PredictProbabilities(rows, work, outputs.data());
		else
			model.Margins(rows, work, outputs.data());
		for (size_t row = 0; row < rows.rows; row++) {
			const float *output = outputs.data() + row * n_groups;
			if (n_groups == 1) {
				scores[first + row] = own == 1 ? output[0] : -output[0];
				continue;
			}
			float score = output[own];
			if (!probabilities) {
				float best_other = -std::numeric_limits<float>::infinity();
				for (size_t k = 0; k < n_groups; k++)
					if (k != own)
						best_other = std::max(best_other, output[k]);
				score -= best_other;
			}
			scores[first + row] = score;
		}
	});
	return scores;
}

/// Does `b` lie on the straight line from `a` to `c`? In counts, so exactly.
struct Counted {
	double threshold;
	uint64_t negatives, positives;
};
bool
OnLine(const Counted &a, const Counted &b, const Counted &c) {
	return (b.negatives - a.negatives) * (c.positives - b.positives) ==
		   (b.positives - a.positives) * (c.negatives - b.negatives);
}

} // namespace

std::vector<ConfusionCell>
ConfusionMatrix(const Model &model, const Dataset &data, const StopToken &stop) {
	RequireClassification(model);
	const std::vector<std::string> &labels = model.class_labels();
	std::vector<int32_t> truth = TrueClasses(model, data), predicted(data.raw.rows());
	Workspace work;
	ForTestTiles(model, data, stop, [&](size_t first, MatrixView rows) {
		model.PredictClass(rows, work, predicted.data() + first);
	});
	std::map<std::pair<int32_t, int32_t>, uint64_t> known;
	std::map<std::pair<std::string, int32_t>, uint64_t> unknown;
	for (size_t row = 0; row < predicted.size(); row++)
		if (truth[row] >= 0)
			known[{truth[row], predicted[row]}]++;
		else
			unknown[{UnknownLabel(data, row), predicted[row]}]++;
	std::vector<ConfusionCell> cells;
	for (const auto &[pair, count] : known)
		cells.push_back({labels[static_cast<size_t>(pair.first)],
						 labels[static_cast<size_t>(pair.second)], count});
	for (const auto &[pair, count] : unknown)
		cells.push_back({pair.first, labels[static_cast<size_t>(pair.second)], count});
	return cells;
}

std::vector<RocPoint>
RocCurve(const Model &model, const Dataset &data, const std::string *label, const StopToken &stop) {
	RequireClassification(model);
	size_t own = ClassOf(model, label);
	std::vector<int32_t> truth = TrueClasses(model, data);
	std::vector<float> scores = Scores(model, data, own, stop);
	std::vector<size_t> order(scores.size());
	for (size_t row = 0; row < order.size(); row++)
		order[row] = row;
	StoppableSort(order.begin(), order.end(), stop,
				  [&](size_t a, size_t b) { return scores[a] > scores[b]; });
	std::vector<Counted> points = {{std::numeric_limits<double>::infinity(), 0, 0}};
	Counted now = points[0];
	for (size_t start = 0; start < order.size();) {
		size_t end = start;
		for (; end < order.size() && scores[order[end]] == scores[order[start]]; end++)
			(truth[order[end]] == static_cast<int32_t>(own) ? now.positives : now.negatives)++;
		now.threshold = scores[order[start]];
		start = end;
		// The point before goes when it lies between its neighbours; never the first.
		if (points.size() >= 2 && OnLine(points[points.size() - 2], points.back(), now))
			points.pop_back();
		points.push_back(now);
	}
	if (now.positives == 0 || now.negatives == 0)
		throw Error(ErrorCode::kInvalidData,
					fmt::format("relation has {} rows with label \"{}\"",
								now.positives == 0 ? "no" : "only", model.class_labels()[own]),
					"A curve needs rows with the label and rows with others.");
	std::vector<RocPoint> curve;
	for (const Counted &point : points)
		curve.push_back(
			{point.threshold,
			 static_cast<double>(point.negatives) / static_cast<double>(now.negatives),
			 static_cast<double>(point.positives) / static_cast<double>(now.positives)});
	return curve;
}

} // namespace pgml
