// Train(): checks the data, fits the preprocessing, dispatches to the algorithm and puts the model
// together.
#include "pgml/train.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <stdexcept>
#include <unordered_set>

#include <fmt/format.h>

#include "training/joint.h"
#include "pgml/error.h"
#include "base/stoppable.h"
#include "training/trainers.h"
#include "base/text.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr size_t kMaxClasses = 1000;
constexpr size_t kTileRows = 4096;

[[noreturn]] void
InvalidData(std::string message, std::string detail = "", std::string hint = "") {
	throw Error(ErrorCode::kInvalidData, std::move(message), std::move(detail), std::move(hint));
}

const Algorithm &
FindAlgorithm(const std::string &name, Task task) {
	CheckAlgorithm(name, task);
	return *std::find_if(Algorithms().begin(), Algorithms().end(),
						 [&](const Algorithm &algorithm) { return name == algorithm.name; });
}

void
CheckShape(const Dataset &data, Task task) {
	size_t width = 0;
	for (const FeatureSpec &spec : data.features) {
		if (spec.width == 0)
			InvalidData(fmt::format("column \"{}\" is an empty array", spec.name));
		width += spec.width;
	}
	if (width != data.raw.cols() || data.target.size() != data.rows() * data.n_targets ||
		data.dictionaries.size() != data.features.size() || (data.n_targets > 0) != HasTarget(task))
		throw Error(ErrorCode::kInternal, "training data is inconsistent");
	if (data.n_targets > 1 && task != Task::kRegression)
		throw Error(ErrorCode::kNotSupported,
					fmt::format("{} of several targets is not available", TaskName(task)), "",
					"Train a model for each target.");
	if (data.features.empty())
		InvalidData("there are no features to train on", "",
					"The relation needs at least one column besides the target.");
	if (data.rows() == 0)
		InvalidData("there are no rows to train on");
	for (double value : data.target)
		if (!std::isfinite(value))
			InvalidData("target holds a value that is not finite", "",
						"Leave rows with NaN or infinite targets out.");
}

/// One column of the targets.
std::vector<double>
TargetOf(const Dataset &data, size_t number) {
	if (data.n_targets == 1)
		return data.target;
	std::vector<double> target;
	target.reserve(data.target.size() / data.n_targets);
	for (size_t at = number; at < data.target.size(); at += data.n_targets)
		target.push_back(data.target[at]);
	return target;
}

void
CheckRegressionTarget(const Dataset &data) {
	if (data.target_is_text)
		InvalidData("target of a regression is text", "", "Use task \"classification\".");
	for (size_t t = 0; t < data.n_targets; t++) {
		std::vector<double> target = TargetOf(data, t);
		auto [low, high] = std::minmax_element(target.begin(), target.end());
		std::string name = data.n_targets == 1 ? "target" : fmt::format("target {}", t + 1);
		if (*low == *high)
			InvalidData(fmt::format("{} is constant", name),
						fmt::format("All {} training rows have the same value.", target.size()),
						"A model needs at least two different target values.");
		if (std::max(std::fabs(*low), std::fabs(*high)) > 1e30)
			InvalidData(fmt::format("{} holds a value beyond 1e30", name), "",
						"Use a larger unit for the target.");
	}
}

/// Fills labels and values of the parts and gives each row's class.
std::vector<uint32_t>
Classes(const Dataset &data, ModelParts &parts, const StopToken &stop) {
	Poll poll(stop);
	std::unordered_set<double> distinct;
	for (double value : data.target) {
		poll();
		distinct.insert(value);
	}
	std::vector<double> codes(distinct.begin(), distinct.end());
	StoppableSort(codes.begin(), codes.end(), stop);
	if (codes.size() < 2)
		InvalidData("target has only one class",
					fmt::format("All {} training rows belong to it.", data.target.size()),
					"A classification needs rows of at least two classes.");
	if (codes.size() > kMaxClasses)
		InvalidData(fmt::format("target has {} classes, more than {}", codes.size(), kMaxClasses),
					"",
					data.target_is_text ? "Group rare classes together."
										: "Use task \"regression\" for a number.");
	parts.label_kind = data.target_is_text      ? LabelKind::kText
					   : data.target_is_boolean ? LabelKind::kBoolean
												: LabelKind::kNumber;
	if (data.target_is_text) {
		const std::vector<std::string> &labels = data.target_labels.values();
		if (codes.front() < 0 || codes.back() >= static_cast<double>(labels.size()))
			throw Error(ErrorCode::kInternal, "label code of the target is unknown");
		auto label_of = [&](double code) -> const std::string & {
			return labels[static_cast<size_t>(code)];
		};
		std::sort(codes.begin(), codes.end(),
				  [&](double a, double b) { return label_of(a) < label_of(b); });
		for (size_t i = 0; i < codes.size(); i++) {
			parts.class_labels.push_back(label_of(codes[i]));
			parts.class_values.push_back(static_cast<double>(i));
		}
	} else if (data.target_is_boolean) {
		if (codes != std::vector<double>{0, 1})
			throw Error(ErrorCode::kInternal, "boolean target is neither 0 nor 1");
		parts.class_labels = {"false", "true"};
		parts.class_values = {0, 1};
	} else {
		for (double &code : codes) {
			code += 0.0; // -0 becomes 0
			parts.class_labels.push_back(fmt::format("{}", code));
			parts.class_values.push_back(code);
		}
	}
	std::vector<uint32_t> classes;
	if (data.target_is_text) {
		std::vector<uint32_t> class_of(data.target_labels.values().size());
		for (size_t i = 0; i < codes.size(); i++)
			class_of[static_cast<size_t>(codes[i])] = static_cast<uint32_t>(i);
		for (double code : data.target)
			classes.push_back(class_of[static_cast<size_t>(code)]);
	} else {
		for (double code : data.target)
			classes.push_back(static_cast<uint32_t>(
				std::lower_bound(codes.begin(), codes.end(), code) - codes.begin()));
	}
	return classes;
}

/// What target encoding averages.
std::vector<std::vector<float>>
Outcomes(const Dataset &data, const std::vector<uint32_t> &classes, size_t n_classes) {
	bool has_text = false;
	for (const FeatureSpec &spec : data.features)
		has_text = has_text || spec.type == FeatureType::kText;
	std::vector<std::vector<float>> outcomes;
	if (!has_text)
		return outcomes;
	if (data.n_targets == 0)
		return outcomes;
	if (n_classes == 0) {
		for (size_t t = 0; t < data.n_targets; t++) {
			std::vector<double> target = TargetOf(data, t);
			outcomes.emplace_back(target.begin(), target.end());
		}
		return outcomes;
	}
	for (uint32_t c = n_classes == 2 ? 1 : 0; c < n_classes; c++) {
		outcomes.emplace_back();
		for (uint32_t own : classes)
			outcomes.back().push_back(own == c ? 1.0f : 0.0f);
	}
	return outcomes;
}

/// All rows preprocessed, in tiles so that a stop request is seen.
Matrix
Transform(const FittedPreprocessor &fitted, MatrixView raw, const StopToken &stop) {
	Matrix result(fitted.preprocessor.width(), raw.rows);
	result.Resize(raw.rows);
	Matrix tile;
	for (size_t first = 0; first < raw.rows; first += kTileRows) {
		stop.ThrowIfStopped();
		size_t rows = std::min(kTileRows, raw.rows - first);
		fitted.preprocessor.Apply(raw.Slice(first, rows), &fitted.maps, tile);
		for (size_t col = 0; col < tile.cols(); col++)
			std::copy_n(tile.column(col), rows, result.column(col) + first);
	}
	return result;
}

/// A learner for each target, as one.
Trained
TrainTargets(const Algorithm &algorithm, const Dataset &data, const Matrix &columns,
			 const TrainOptions &options) {
	std::vector<std::unique_ptr<const Learner>> learners;
	Trained result;
	for (size_t t = 0; t < data.n_targets; t++) {
		TrainOptions own = options;
		if (options.progress)
			own.progress = [&, t](size_t done, size_t total) {
				options.progress(t * total + done, data.n_targets * total);
			};
		Hyperparameters parameters(algorithm.name, options.hyperparams_json);
		std::vector<double> target = TargetOf(data, t);
		std::vector<uint32_t> no_classes;
		std::vector<std::string> no_labels;
		TrainingData training{columns.view(), target,          no_classes, 0,
							  no_labels,      columns.Share(), {}};
		Trained trained = algorithm.train(parameters, options.task, &training, own);
		result.link = trained.link;
		learners.push_back(std::move(trained.learner));
	}
	result.learner = JoinLearners(std::move(learners));
	return result;
}

/// @param own  the data when it may be used up, else nullptr
std::unique_ptr<const Model>
TrainChecked(const Dataset &data, Dataset *own, const TrainOptions &options) {
	CheckHyperparameters(options);
	const Algorithm &algorithm = FindAlgorithm(options.algorithm, options.task);
	CheckShape(data, options.task);
	ModelParts parts;
	parts.task = options.task;
	parts.algorithm = algorithm.name;
	parts.features = data.features;
	std::vector<uint32_t> classes;
	if (options.task == Task::kRegression)
		CheckRegressionTarget(data);
	else if (options.task == Task::kClassification)
		classes = Classes(data, parts, options.stop);
	size_t n_classes = parts.class_labels.size();
	options.stop.ThrowIfStopped();

	PreprocessDefaults defaults;
	if (algorithm.is_tree) {
		defaults.impute_mean = false;
		defaults.max_one_hot = 32;
	}
	FittedPreprocessor fitted = FitPreprocessor(
		data, options.preprocess_json, Outcomes(data, classes, n_classes), defaults, options.stop);
	Matrix transformed;
	const Matrix *columns = &data.raw;
	if (!fitted.preprocessor.identity()) {
		if (own != nullptr && fitted.preprocessor.keeps_columns()) {
			fitted.preprocessor.ApplyInPlace(own->raw, options.stop);
		} else {
			RequireMemory(options, Matrix::BytesFor(data.raw.cols(), data.raw.rows()),
						  Matrix::BytesFor(fitted.preprocessor.width(), data.raw.rows()),
						  fmt::format("{} rows of {} columns after encoding", data.raw.rows(),
									  fitted.preprocessor.width()));
			transformed = Transform(fitted, data.raw.view(), options.stop);
			columns = &transformed;
			if (own != nullptr)
				own->raw = Matrix();
		}
	}
	if (options.preprocessed)
		options.preprocessed();
	Trained trained;
	if (data.n_targets > 1) {
		trained = TrainTargets(algorithm, data, *columns, options);
	} else {
		Hyperparameters parameters(algorithm.name, options.hyperparams_json);
		TrainingData training{columns->view(),    data.target,      classes, n_classes,
							  parts.class_labels, columns->Share(), {}};
		training.release_columns = [&] {
			training.columns_owner.reset();
			transformed = Matrix();
			if (own != nullptr)
				own->raw = Matrix();
		};
		trained = algorithm.train(parameters, options.task, &training, options);
	}
	parts.link = trained.link;
	parts.learner = std::move(trained.learner);
	parts.preprocessor = std::move(fitted.preprocessor);
	parts.categories = std::move(fitted.categories);
	if (const char *problem = parts.Inconsistency())
		throw Error(ErrorCode::kInternal,
					fmt::format("trained model is inconsistent: {}", problem));
	return std::make_unique<ModelImpl>(std::move(parts));
}

} // namespace

void
RequireMemory(const TrainOptions &options, size_t held, size_t needed, const std::string &what) {
	if (held <= options.memory_limit && needed <= options.memory_limit - held)
		return;
	constexpr size_t kMega = 1 << 20;
	throw Error(
		ErrorCode::kOutOfMemory, "training needs more memory than it may use",
		fmt::format("{} need about {} MB beside {} MB for the rows as read; the limit is {} MB.",
					what, needed / kMega + 1, held / kMega, options.memory_limit / kMega),
		"Raise \"pgml.training_memory\" if the machine has that memory, train on fewer rows, or "
		"encode "
		"text columns as \"target\" instead of \"one_hot\".");
}

void
RequireFinite(const TrainingData &data, const StopToken &stop) {
	for (size_t col = 0; col < data.columns.cols; col++) {
		stop.ThrowIfStopped();
		const float *values = data.columns.column(col);
		if (!std::all_of(values, values + data.columns.rows,
						 [](float value) { return std::isfinite(value); }))
			InvalidData("features hold infinite values", "",
						"Leave such rows out, or use an algorithm of trees.");
	}
}

void
CheckHyperparameters(const TrainOptions &options) {
	const Algorithm &algorithm = FindAlgorithm(options.algorithm, options.task);
	Hyperparameters parameters(algorithm.name, options.hyperparams_json);
	algorithm.train(parameters, options.task, nullptr, options);
}

namespace {

std::unique_ptr<const Model>
TrainEither(const Dataset &data, Dataset *own, const TrainOptions &options) {
	try {
		return TrainChecked(data, own, options);
	} catch (const Error &) {
		throw;
	} catch (const Cancelled &) {
		throw;
	} catch (const std::bad_alloc &) {
		throw;
	} catch (const std::length_error &) {
		throw std::bad_alloc();
	} catch (const std::exception &e) {
		throw Error(ErrorCode::kInternal, "training ended with an unexpected error",
					fmt::format("{}.", e.what()));
	}
}

} // namespace

std::unique_ptr<const Model>
Train(const Dataset &data, const TrainOptions &options) {
	return TrainEither(data, nullptr, options);
}

std::unique_ptr<const Model>
Train(Dataset &&data, const TrainOptions &options) {
	Dataset own = std::move(data);
	return TrainEither(own, &own, options);
}

} // namespace pgml
