// Metrics of a model on a test part. Two classes: precision, recall and f1 are those of the second
// class (the larger number, true, or the later text), as scikit-learn and PostgresML count them;
// more classes: means over the classes (macro). AUC and log loss use margins and probabilities,
// never the predicted labels.
#include "pgml/train.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <nlohmann/json.hpp>

#include "pgml/error.h"
#include "model_impl.h"

#include "no_postgres.h"

namespace pgml {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kTileRows = 1024;
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

/// Feeds the test rows to the model in tiles, with the dataset's category codes turned into the
/// model's.
template <typename Use>
void
ForTestTiles(const Model &model, const Dataset &test, const StopToken &stop, const Use &use) {
	if (test.raw.cols() != model.raw_width() || test.features.size() != model.features().size())
		throw Error(ErrorCode::kInvalidArgument, "test data does not have the model's features");
	struct TextColumn {
		size_t column;
		std::vector<float> map;
	};
	std::vector<TextColumn> texts;
	size_t column = 0;
	for (size_t f = 0; f < test.features.size(); f++) {
		if (test.features[f].type != model.features()[f].type ||
			test.features[f].width != model.features()[f].width)
			throw Error(ErrorCode::kInvalidArgument,
						"test data does not have the model's features");
		if (test.features[f].type == FeatureType::kText) {
			texts.push_back({column, {}});
			for (const std::string &value : test.dictionaries[f].values())
				texts.back().map.push_back(model.CategoryCode(f, value));
		}
		column += test.features[f].width;
	}
	Matrix tile(test.raw.cols(), kTileRows);
	for (size_t first = 0; first < test.raw.rows(); first += kTileRows) {
		stop.ThrowIfStopped();
		size_t rows = std::min(kTileRows, test.raw.rows() - first);
		if (texts.empty()) {
			use(first, test.raw.view().Slice(first, rows));
			continue;
		}
		tile.Resize(rows);
		for (size_t col = 0; col < test.raw.cols(); col++)
			std::copy_n(test.raw.column(col) + first, rows, tile.column(col));
		for (const TextColumn &text : texts) {
			float *codes = tile.column(text.column);
			for (size_t row = 0; row < rows; row++)
				codes[row] = codes[row] >= 0 && codes[row] < static_cast<float>(text.map.size())
								 ? text.map[static_cast<size_t>(codes[row])]
								 : NAN;
		}
		use(first, tile.view());
	}
}

Json
RegressionMetrics(const Model &model, const Dataset &test, const StopToken &stop) {
	size_t n_rows = test.target.size();
	std::vector<double> predicted(n_rows);
	Workspace work;
	ForTestTiles(model, test, stop, [&](size_t first, MatrixView rows) {
		model.Predict(rows, work, predicted.data() + first);
	});
	double absolute = 0, squared = 0, total = 0;
	double count = static_cast<double>(n_rows);
	double mean = std::accumulate(test.target.begin(), test.target.end(), 0.0) / count;
	for (size_t row = 0; row < n_rows; row++) {
		double error = predicted[row] - test.target[row];
		absolute += std::fabs(error);
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
	return result;
}

/// Class of each test row, -1 for a label that the model does not know.
std::vector<int32_t>
TrueClasses(const Model &model, const Dataset &test) {
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
RocAuc(const std::vector<float> &scores, const std::vector<int32_t> &truth) {
	std::vector<size_t> order;
	for (size_t row = 0; row < scores.size(); row++)
		if (truth[row] >= 0)
			order.push_back(row);
	std::sort(order.begin(), order.end(),
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

Json
ClassificationMetrics(const Model &model, const Dataset &test, const StopToken &stop) {
	size_t n_rows = test.target.size(), n_classes = model.class_labels().size();
	std::vector<int32_t> truth = TrueClasses(model, test), predicted(n_rows);
	bool has_probabilities = dynamic_cast<const ModelImpl &>(model).parts().link != Link::kDecision;
	bool two_classes = n_classes == 2;
	std::vector<float> scores(two_classes ? n_rows : 0);
	std::vector<float> probabilities, margins;
	double log_loss = 0;
	Workspace work;
	ForTestTiles(model, test, stop, [&](size_t first, MatrixView rows) {
		model.PredictClass(rows, work, predicted.data() + first);
		if (two_classes) {
			size_t n_groups = model.margin_groups();
			margins.resize(rows.rows * n_groups);
			model.Margins(rows, work, margins.data());
			for (size_t row = 0; row < rows.rows; row++)
				scores[first + row] =
					n_groups == 1 ? margins[row] : margins[row * 2 + 1] - margins[row * 2];
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
	result["mcc"] = Mcc(counts, count);
	result["log_loss"] = has_probabilities ? Ratio(log_loss, count) : Json();
	if (two_classes)
		result["roc_auc"] = RocAuc(scores, truth);
	return result;
}

} // namespace

std::string
EvaluateToJson(const Model &model, const Dataset &test, const StopToken &stop) {
	Json result = model.task() == Task::kRegression ? RegressionMetrics(model, test, stop)
													: ClassificationMetrics(model, test, stop);
	return result.dump();
}

} // namespace pgml
