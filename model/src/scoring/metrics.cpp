// Metrics of a model on a test part. Two classes: precision, recall and f1 are those of the second
// class (the larger number, true, or the later text), as scikit-learn and PostgresML count them;
// more classes: means over the classes (macro). AUC and log loss use margins and probabilities,
// never the predicted labels.
#include "pgml/train.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "pgml/error.h"
#include "artefact/model_impl.h"
#include "base/stoppable.h"
#include "data/test_rows.h"
#include "scoring/unlabelled_metrics.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

using Json = nlohmann::ordered_json;

/// Probabilities are kept this far from 0 in the log loss, as scikit-learn does for float32.
constexpr double kLeastProbability = 1.1920929e-07;

Json
Number(double value) {
	return std::isfinite(value) ? Json(value) : Json();
}

/// numerator / denominator, null when that is undefined.
Json
Ratio(double numerator, double denominator) {
	return denominator == 0 ? Json() : Number(numerator / denominator);
}

/// The middle value, or the mean of the two in the middle.
Json
Median(std::vector<double> values, const StopToken &stop) {
	if (values.empty())
		return Json();
	size_t half = values.size() / 2;
	auto middle = values.begin() + static_cast<ptrdiff_t>(half);
	Poll poll(stop);
	std::nth_element(values.begin(), middle, values.end(), [&](double a, double b) {
		poll();
		return a < b;
	});
	double upper = *middle;
	if (values.size() % 2 == 1)
		return Number(upper);
	double lower = *std::max_element(values.begin(), middle);
	return Number(lower / 2 + upper / 2);
}

Json
RegressionMetrics(const Model &model, const Dataset &test, const StopToken &stop) {
	// Of several targets, in one row after the other: the metrics are those of all values together.
	size_t n_rows = test.target.size(), n_targets = test.n_targets;
	std::vector<double> predicted(n_rows);
	std::vector<float> vectors;
	Workspace work;
	ForTestTiles(model, test, stop, [&](size_t first, MatrixView rows) {
		if (model.vector_size() == 0) {
			model.Predict(rows, work, predicted.data() + first);
			return;
		}
		vectors.resize(rows.rows * n_targets);
		model.PredictVector(rows, work, vectors.data());
		std::copy(vectors.begin(), vectors.end(),
				  predicted.begin() + static_cast<ptrdiff_t>(first * n_targets));
	});
	double absolute = 0, squared = 0, total = 0, bias = 0;
	std::vector<double> errors(n_rows);
	double count = static_cast<double>(n_rows);
	double mean = std::accumulate(test.target.begin(), test.target.end(), 0.0) / count;
	for (size_t row = 0; row < n_rows; row++) {
		double error = predicted[row] - test.target[row];
		errors[row] = std::fabs(error);
		absolute += errors[row];
		bias += error / count;
		squared += error * error;
		total += (test.target[row] - mean) * (test.target[row] - mean);
	}
	bool constant = n_rows == 0 || *std::min_element(test.target.begin(), test.target.end()) ==
									   *std::max_element(test.target.begin(), test.target.end());
	Json result;
	result["r2"] = constant ? Json() : Number(1 - squared / total);
	result["mean_absolute_error"] = Ratio(absolute, count);
	result["mean_squared_error"] = Ratio(squared, count);
	result["root_mean_squared_error"] = n_rows == 0 ? Json() : Number(std::sqrt(squared / count));
	result["median_absolute_error"] = Median(std::move(errors), stop);
	double spread = 0; // of the errors around their mean
	for (size_t row = 0; row < n_rows; row++) {
		double error = predicted[row] - test.target[row] - bias;
		spread += error * error;
	}
	result["explained_variance"] = constant ? Json() : Number(1 - spread / total);
	return result;
}

struct Counts {
	double true_positive = 0, predicted = 0, actual = 0;
};

/// Matthews correlation for any number of classes (Gorodkin 2004, "R_K").
Json
Mcc(const std::vector<Counts> &counts, double n_rows) {
	double correct = 0, product = 0, predicted_squares = 0, actual_squares = 0;
	for (const Counts &c : counts) {
		correct += c.true_positive;
		product += c.predicted * c.actual;
		predicted_squares += c.predicted * c.predicted;
		actual_squares += c.actual * c.actual;
	}
	return Ratio(correct * n_rows - product, std::sqrt((n_rows * n_rows - predicted_squares) *
													   (n_rows * n_rows - actual_squares)));
}

/// Area under the ROC curve by ranks; ties count half.
Json
RocAuc(const std::vector<float> &scores, const std::vector<int32_t> &truth, const StopToken &stop) {
	std::vector<size_t> order;
	for (size_t row = 0; row < scores.size(); row++)
		if (truth[row] >= 0)
			order.push_back(row);
	StoppableSort(order.begin(), order.end(), stop,
				  [&](size_t a, size_t b) { return scores[a] < scores[b]; });
	double positives = 0, negatives = 0, wins = 0;
	for (size_t start = 0; start < order.size();) {
		size_t end = start;
		double here_positive = 0, here_negative = 0;
		for (; end < order.size() && scores[order[end]] == scores[order[start]]; end++)
			(truth[order[end]] == 1 ? here_positive : here_negative) += 1;
		wins += here_positive * (negatives + here_negative / 2);
		positives += here_positive;
		negatives += here_negative;
		start = end;
	}
	return Ratio(wins, positives * negatives);
}

/// Area under precision over recall, summed over the distinct scores from the highest down
/// (scikit-learn's average_precision_score); ties count together.
Json
AveragePrecision(const std::vector<float> &scores, const std::vector<int32_t> &truth,
				 const StopToken &stop) {
	std::vector<size_t> order;
	double positives = 0;
	for (size_t row = 0; row < scores.size(); row++)
		if (truth[row] >= 0) {
			order.push_back(row);
			positives += truth[row] == 1;
		}
	StoppableSort(order.begin(), order.end(), stop,
				  [&](size_t a, size_t b) { return scores[a] > scores[b]; });
	double found = 0, sum = 0;
	for (size_t start = 0; start < order.size();) {
		size_t end = start;
		double here = 0;
		for (; end < order.size() && scores[order[end]] == scores[order[start]]; end++)
			here += truth[order[end]] == 1;
		found += here;
		sum += here * found / static_cast<double>(end);
		start = end;
	}
	return Ratio(sum, positives);
}

/// Mean recall over the classes that occur.
Json
BalancedAccuracy(const std::vector<Counts> &counts) {
	double recall = 0, present = 0;
	for (const Counts &c : counts)
		if (c.actual > 0) {
			recall += c.true_positive / c.actual;
			present++;
		}
	return Ratio(recall, present);
}

Json
ClassificationMetrics(const Model &model, const Dataset &test, const StopToken &stop) {
	size_t n_rows = test.target.size(), n_classes = model.class_labels().size();
	std::vector<int32_t> truth = TrueClasses(model, test), predicted(n_rows);
	bool has_probabilities = HasProbabilities(model);
	bool two_classes = n_classes == 2;
	std::vector<float> scores(two_classes ? n_rows : 0);
	std::vector<float> probabilities, margins;
	double log_loss = 0, brier = 0;
	Workspace work;
	ForTestTiles(model, test, stop, [&](size_t first, MatrixView rows) {
		// Classes by the model's own rule, without a second walk through it.
		size_t n_groups = model.margin_groups();
		margins.resize(rows.rows * n_groups);
		model.Margins(rows, work, margins.data());
		for (size_t row = 0; row < rows.rows; row++) {
			const float *own = margins.data() + row * n_groups;
			predicted[first + row] =
				n_groups == 1 ? own[0] > 0
							  : static_cast<int32_t>(std::max_element(own, own + n_groups) - own);
			if (two_classes)
				scores[first + row] = n_groups == 1 ? own[0] : own[1] - own[0];
		}
		if (!has_probabilities)
			return;
		probabilities.resize(rows.rows * n_classes);
		model.PredictProbabilities(rows, work, probabilities.data());
		for (size_t row = 0; row < rows.rows; row++) {
			int32_t own = truth[first + row];
			double probability =
				own < 0 ? 0 : probabilities[row * n_classes + static_cast<size_t>(own)];
			log_loss -= std::log(std::max(probability, kLeastProbability));
			for (size_t k = 0; k < n_classes; k++) {
				double error =
					probabilities[row * n_classes + k] - (static_cast<int32_t>(k) == own ? 1 : 0);
				brier += error * error;
			}
		}
	});

	std::vector<Counts> counts(n_classes + 1); // the last: labels that the model does not know
	double correct = 0;
	for (size_t row = 0; row < n_rows; row++) {
		size_t own = truth[row] < 0 ? n_classes : static_cast<size_t>(truth[row]);
		auto guess = static_cast<size_t>(predicted[row]);
		counts[own].actual++;
		counts[guess].predicted++;
		if (own == guess) {
			counts[own].true_positive++;
			correct++;
		}
	}
	Json result;
	auto count = static_cast<double>(n_rows);
	if (two_classes) {
		const Counts &c = counts[1];
		result["f1"] = Ratio(2 * c.true_positive, c.predicted + c.actual);
		result["precision"] = Ratio(c.true_positive, c.predicted);
		result["recall"] = Ratio(c.true_positive, c.actual);
	} else {
		// Classes that neither occur nor are predicted have no say; an undefined share of the
		// others counts 0.
		double f1 = 0, precision = 0, recall = 0, present = 0;
		for (const Counts &c : counts) {
			if (c.actual + c.predicted == 0)
				continue;
			present++;
			f1 += 2 * c.true_positive / (c.predicted + c.actual);
			precision += c.predicted > 0 ? c.true_positive / c.predicted : 0;
			recall += c.actual > 0 ? c.true_positive / c.actual : 0;
		}
		result["f1"] = Ratio(f1, present);
		result["precision"] = Ratio(precision, present);
		result["recall"] = Ratio(recall, present);
	}
	result["accuracy"] = Ratio(correct, count);
	result["balanced_accuracy"] = BalancedAccuracy(counts);
	result["mcc"] = Mcc(counts, count);
	result["log_loss"] = has_probabilities ? Ratio(log_loss, count) : Json();
	// Two classes: the squared error of the second one's probability, which is half of the sum.
	result["brier_score"] =
		has_probabilities ? Ratio(two_classes ? brier / 2 : brier, count) : Json();
	if (two_classes) {
		result["roc_auc"] = RocAuc(scores, truth, stop);
		result["average_precision"] = AveragePrecision(scores, truth, stop);
	}
	return result;
}

} // namespace

bool
HasProbabilities(const Model &model) {
	return dynamic_cast<const ModelImpl &>(model).parts().link != Link::kDecision;
}

std::vector<int32_t>
TrueClasses(const Model &model, const Dataset &test) {
	bool text_labels =
		dynamic_cast<const ModelImpl &>(model).parts().label_kind == LabelKind::kText;
	if (text_labels != test.target_is_text)
		throw Error(ErrorCode::kInvalidArgument, "target does not fit the model",
					text_labels ? "The labels of the model are texts, the target is a number."
								: "The labels of the model are numbers, the target is a text.");
	std::map<double, int32_t> class_of;
	const std::vector<std::string> &labels = model.class_labels();
	if (test.target_is_text) {
		const std::vector<std::string> &values = test.target_labels.values();
		for (size_t code = 0; code < values.size(); code++) {
			auto found = std::lower_bound(labels.begin(), labels.end(), values[code]);
			if (found != labels.end() && *found == values[code])
				class_of[static_cast<double>(code)] = static_cast<int32_t>(found - labels.begin());
		}
	} else {
		for (size_t i = 0; i < labels.size(); i++)
			class_of[model.class_values()[i]] = static_cast<int32_t>(i);
	}
	std::vector<int32_t> result;
	for (double target : test.target) {
		auto found = class_of.find(target);
		result.push_back(found == class_of.end() ? -1 : found->second);
	}
	return result;
}

std::string
EvaluateToJson(const Model &model, const Dataset &test, const StopToken &stop) {
	const auto &impl = dynamic_cast<const ModelImpl &>(model);
	if (model.task() == Task::kClustering)
		return ClusteringMetrics(impl, test, stop);
	if (model.task() == Task::kDecomposition)
		return DecompositionMetrics(impl, test, stop);
	size_t n_targets = std::max<size_t>(model.vector_size(), 1);
	if (test.n_targets != n_targets)
		throw Error(ErrorCode::kInvalidArgument,
					fmt::format("model has {} targets, the data {}", n_targets, test.n_targets));
	Json result = model.task() == Task::kRegression ? RegressionMetrics(model, test, stop)
													: ClassificationMetrics(model, test, stop);
	return result.dump();
}

} // namespace pgml
