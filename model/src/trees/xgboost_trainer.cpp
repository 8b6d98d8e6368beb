// Algorithms "xgboost" and "xgboost_random_forest": libxgboost trains, its JSON is read into our own
// trees, and the booster is thrown away.
//
// The forest is what XGBoost makes of num_parallel_tree = n_estimators in one round: every tree fits
// the gradients at the starting value, its leaves are divided by the number of trees. The trees are
// asked for one at a time, with these gradients, because a round of many trees cannot be cancelled.
//
// libxgboost runs only here, on data we made, never on bytes from a user. It cannot be interrupted, neither in a round nor
// while it sorts values into bins: it runs on a CallThread, on memory that the calls own, and a stop request leaves it
// behind. Early stopping holds rows out before anything else: XGBoost's metric on them decides, and a slice of the
// booster up to the best round is what is read. The values are given back as soon as libxgboost has its own form of them. It may not print: its log goes
// nowhere.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <xgboost/c_api.h>
#include <xgboost/version_config.h>

#include "base/call_thread.h"
#include "training/early_stopping.h"
#include "pgml/error.h"
#include "training/trainers.h"
#include "import/xgboost_json.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

/// @throws Error(kInternal), or Error(kInvalidData) when XGBoost's own check of the labels speaks
void
Check(int status) {
	if (status == 0)
		return;
	std::string text = XGBGetLastError();
	if (text.find("bad_alloc") != std::string::npos)
		throw std::bad_alloc();
	// "[hh:mm:ss] file:line: message" and a stack trace behind: only the message is for the user.
	text = text.substr(0, text.find("\nStack trace"));
	if (size_t at = text.find(": "); at != std::string::npos && text.starts_with("["))
		text = text.substr(at + 2);
	std::replace(text.begin(), text.end(), '\n', ' ');
	throw Error(ErrorCode::kInvalidData, "XGBoost cannot train on this data", text);
}

struct MatrixHandle {
	DMatrixHandle handle = nullptr;
	~MatrixHandle() { Free(); }
	void
	Free() {
		if (handle != nullptr)
			XGDMatrixFree(std::exchange(handle, nullptr));
	}
};

struct BoosterOwner {
	BoosterHandle handle = nullptr;
	~BoosterOwner() { Free(); }
	void
	Free() {
		if (handle != nullptr)
			XGBoosterFree(std::exchange(handle, nullptr));
	}
};

struct Settings {
	bool is_forest = false;
	int rounds = 100; ///< of a forest: trees
	std::string objective;
	std::vector<std::pair<std::string, std::string>> parameters; ///< XGBoost's name and value
	std::optional<double> base_score;
	double eta = 0.3;
	bool is_hist = true;
	int64_t max_bin = 256;
	int64_t patience = 0; ///< of early stopping, in rounds; 0 = off
	double validation_fraction = 0.1;
	uint64_t seed = 0;
	bool more_is_better = false; ///< the metric that decides
	int n_threads = 1;
};

/// Objectives of XGBoost whose predictions the trees of model/ reproduce; for a forest, those whose
/// gradients are written down here.
std::vector<std::string>
ObjectivesOf(Task task, bool is_forest) {
	if (task == Task::kClassification)
		return {"binary:logistic", "multi:softprob", "multi:softmax"};
	if (is_forest)
		return {"reg:squarederror", "reg:linear"};
	return {"reg:squarederror", "reg:linear",    "reg:absoluteerror", "reg:pseudohubererror",
			"reg:logistic",     "count:poisson", "reg:gamma",         "reg:tweedie"};
}

/// Reads and checks what the user gave; only given values are passed on, so XGBoost's defaults hold
/// for the rest.
class SettingsReader {
public:
	SettingsReader(Hyperparameters &from, Task task, bool is_forest) : from_(from), task_(task) {
		settings_.is_forest = is_forest;
	}

	Settings
	Read(const TrainOptions &options) {
		constexpr double kHuge = 1e38; // XGBoost keeps float
		using Bound = Hyperparameters::Bound;
		bool forest = settings_.is_forest;
		settings_.rounds = static_cast<int>(
			forest ? from_.Integer({"n_estimators", "num_parallel_tree"}, 100, 1, 100000)
				   : from_.Integer({"n_estimators", "boost_rounds", "num_boost_round"}, 100, 1,
								   100000));
		from_.Choice({"booster"}, "gbtree", {"gbtree"});
		// XGBRFRegressor and XGBRFClassifier change the defaults of four parameters.
		settings_.eta =
			from_.OptionalReal({"learning_rate", "eta"}, 0, 1).value_or(forest ? 1 : 0.3);
		WholeNumber("max_depth", {"max_depth"}, 0, 64);
		Real("min_child_weight", {"min_child_weight"}, 0, kHuge);
		Real("gamma", {"gamma", "min_split_loss"}, 0, kHuge);
		if (!Real("subsample", {"subsample"}, 0, 1, Bound::kExclusiveLow) && forest)
			Set("subsample", "0.8");
		for (const char *name : {"colsample_bytree", "colsample_bylevel"})
			Real(name, {name}, 0, 1, Bound::kExclusiveLow);
		if (!Real("colsample_bynode", {"colsample_bynode"}, 0, 1, Bound::kExclusiveLow) && forest)
			Set("colsample_bynode", "0.8");
		if (!Real("lambda", {"lambda", "reg_lambda"}, 0, kHuge) && forest)
			Set("lambda", "1e-5");
		Real("alpha", {"alpha", "reg_alpha"}, 0, kHuge);
		Real("max_delta_step", {"max_delta_step"}, 0, kHuge);
		settings_.max_bin = from_.Integer({"max_bin"}, 256, 2, 65536);
		Set("max_bin", std::to_string(settings_.max_bin));
		WholeNumber("max_leaves", {"max_leaves"}, 0, 1 << 20);
		if (!forest) {
			ReadEarlyStopping();
			WholeNumber("num_parallel_tree", {"num_parallel_tree"}, 1, 1000);
			Real("scale_pos_weight", {"scale_pos_weight"}, 0, kHuge, Bound::kExclusiveLow);
			Real("tweedie_variance_power", {"tweedie_variance_power"}, 1, 2);
			Real("huber_slope", {"huber_slope"}, 0, kHuge, Bound::kExclusiveLow);
		}
		settings_.base_score = from_.OptionalReal({"base_score"}, -1e30, 1e30);
		Set("grow_policy",
			from_.Choice({"grow_policy"}, "depthwise", {"depthwise", "lossguide", "loss_guide"}));
		if (settings_.parameters.back().second == "loss_guide") // PostgresML's spelling
			settings_.parameters.back().second = "lossguide";
		std::string method =
			from_.Choice({"tree_method"}, "auto", {"auto", "exact", "approx", "hist"});
		// "auto" of XGBoost 1.7 is exact for small data and approx for large; hist is as good and
		// much faster.
		settings_.is_hist = method == "auto" || method == "hist";
		Set("tree_method", settings_.is_hist ? "hist" : method);
		auto seed =
			from_.Integer({"random_state", "seed"}, static_cast<int64_t>(options.seed & 0x7fffffff),
						  0, std::numeric_limits<int32_t>::max());
		Set("seed", std::to_string(seed));
		settings_.seed = static_cast<uint64_t>(seed);
		// 0 and -1 mean all that there are: what the server allows.
		auto n_jobs = static_cast<int>(from_.Integer({"n_jobs", "nthread"}, 0, -1, 1 << 16));
		settings_.n_threads = std::max(options.n_threads, 1);
		if (n_jobs > 0)
			settings_.n_threads = std::min(settings_.n_threads, n_jobs);
		settings_.objective = from_.Choice({"objective"}, "", ObjectivesOf(task_, forest));
		from_.Finish();
		return std::move(settings_);
	}

private:
	/// Of several metrics the last decides, as in XGBoost; none given: the objective's own.
	void
	ReadEarlyStopping() {
		settings_.patience =
			from_.NullableInteger({"early_stopping_rounds"}, 0, 1, 100000).value_or(0);
		settings_.validation_fraction = from_.Real({"validation_fraction"}, 0.1, 0, 0.9999,
												   Hyperparameters::Bound::kExclusiveLow);
		std::vector<std::string> allowed = {"rmse",          "rmsle",         "mae",
											"mape",          "mphe",          "poisson-nloglik",
											"gamma-nloglik", "gamma-deviance"};
		if (task_ == Task::kClassification)
			allowed = {"logloss", "error", "auc", "aucpr", "mlogloss", "merror"};
		for (const std::string &metric : from_.Choices({"eval_metric"}, allowed)) {
			Set("eval_metric", metric);
			settings_.more_is_better = metric == "auc" || metric == "aucpr";
		}
	}
	void
	Set(const std::string &name, const std::string &value) {
		settings_.parameters.emplace_back(name, value);
	}
	bool
	Real(const char *name, Hyperparameters::Names names, double low, double high,
		 Hyperparameters::Bound bound = Hyperparameters::Bound::kInclusive) {
		auto value = from_.OptionalReal(names, low, high, bound);
		if (value)
			Set(name, fmt::format("{}", *value));
		return value.has_value();
	}
	void
	WholeNumber(const char *name, Hyperparameters::Names names, int64_t low, int64_t high) {
		if (auto value = from_.Integer(names, -1, low, high); value != -1)
			Set(name, std::to_string(value));
	}
	Hyperparameters &from_;
	Task task_;
	Settings settings_;
};

/// Fills in what depends on the data: objective, classes, starting value.
Link
Complete(Settings &settings, Task task, const TrainingData &data) {
	auto invalid_target = [&](const char *needs) {
		throw Error(ErrorCode::kInvalidData,
					fmt::format("objective \"{}\" needs a target {}", settings.objective, needs));
	};
	if (task == Task::kClassification) {
		// The forest's gradients are at a probability.
		if (settings.is_forest && settings.base_score &&
			(*settings.base_score <= 0 || *settings.base_score >= 1))
			throw Error(ErrorCode::kInvalidArgument,
						"hyperparameter \"base_score\" must be a probability for classification",
						"", "Give a number between 0 and 1.");
		if (settings.objective.empty())
			settings.objective = data.n_classes == 2 ? "binary:logistic" : "multi:softprob";
		if (settings.objective == "binary:logistic") {
			if (data.n_classes != 2)
				invalid_target("of two classes");
			return Link::kLogistic;
		}
		settings.objective = "multi:softprob";
		settings.parameters.emplace_back("num_class", std::to_string(data.n_classes));
		return Link::kSoftmax;
	}
	if (settings.objective.empty() || settings.objective == "reg:linear")
		settings.objective = "reg:squarederror";
	const std::string &objective = settings.objective;
	auto [low, high] = std::minmax_element(data.target.begin(), data.target.end());
	Link link = Link::kIdentity;
	if (objective == "reg:logistic") {
		link = Link::kLogistic;
		if (*low < 0 || *high > 1)
			invalid_target("from 0 to 1");
	} else if (objective == "count:poisson" || objective == "reg:tweedie" ||
			   objective == "reg:gamma") {
		link = Link::kExp;
		if (*low < 0 || (objective == "reg:gamma" && *low == 0))
			invalid_target(objective == "reg:gamma" ? "above 0" : "of at least 0");
	}
	// XGBoost 1.7 starts from 0.5 whatever the target is; its later versions, and we, start from
	// the mean.
	if (!settings.base_score && objective != "reg:absoluteerror" && objective != "reg:logistic") {
		double sum = 0;
		for (double value : data.target)
			sum += value;
		settings.base_score = static_cast<float>(sum / static_cast<double>(data.target.size()));
	}
	return link;
}

/// Features in the matrix's own memory; XGBoost copies them.
std::string
ArrayInterface(MatrixView columns) {
	return fmt::format(
		R"({{"data":[{},true],"shape":[{},{}],"strides":[{},{}],"typestr":"<f4","version":3}})",
		reinterpret_cast<uintptr_t>(columns.data), columns.rows, columns.cols, sizeof(float),
		sizeof(float) * columns.ld);
}

/// What libxgboost works on. Shared by the thread that runs it and the caller, who may go away.
struct Job {
	Settings settings;
	size_t n_classes = 0;
	MatrixView columns;
	std::shared_ptr<const void> columns_owner;
	std::vector<float> labels;
	std::shared_ptr<const std::atomic<bool>> abandoned;
	Matrix held_out; ///< rows of early stopping, none without
	std::vector<float> held_out_labels;
	MatrixHandle matrix, held_out_matrix;
	BoosterOwner booster;
	double score = 0;                       ///< of the last round, less is better
	std::vector<float> gradients, hessians; ///< of a forest
	std::unique_ptr<const TreeEnsemble> trees;

	void FillMatrix();
	void MakeBooster();
	void Round(int round);
	/// @param rounds  how many of the first ones stay, 0 = all
	void ReadTrees(size_t n_columns, size_t rounds);
};

/// Hands the rows to XGBoost in batches, so that an abandoned call ends soon.
struct BatchIterator {
	static constexpr size_t kBatchRows = 4096;
	const Job &job;
	MatrixHandle proxy;
	size_t at = 0;
	int status = 0;

	static int
	Next(DataIterHandle handle) noexcept {
		auto &self = *static_cast<BatchIterator *>(handle);
		const Job &job = self.job;
		if (*job.abandoned || self.status != 0 || self.at == job.columns.rows)
			return 0; // the end of the data, as far as XGBoost knows
		size_t rows = std::min(kBatchRows, job.columns.rows - self.at);
		MatrixView batch = job.columns.Slice(self.at, rows);
		self.status = XGProxyDMatrixSetDataDense(self.proxy.handle, ArrayInterface(batch).c_str());
		if (self.status == 0)
			self.status = XGDMatrixSetFloatInfo(self.proxy.handle, "label",
												job.labels.data() + self.at, rows);
		self.at += rows;
		return self.status == 0;
	}
	static void
	Reset(DataIterHandle handle) noexcept {
		static_cast<BatchIterator *>(handle)->at = 0;
	}
};

void
Job::FillMatrix() {
	XGBRegisterLogCallback([](const char *) {}); // of this thread
	std::string config = fmt::format(R"({{"missing":NaN,"nthread":{},"max_bin":{}}})",
									 settings.n_threads, settings.max_bin);
	if (!settings.is_hist) {
		Check(XGDMatrixCreateFromDense(ArrayInterface(columns).c_str(), config.c_str(),
									   &matrix.handle));
		Check(XGDMatrixSetFloatInfo(matrix.handle, "label", labels.data(), labels.size()));
	} else {
		// The bins of hist, without XGBoost's own copy of the values (8 bytes each).
		BatchIterator iterator{*this, {}};
		Check(XGProxyDMatrixCreate(&iterator.proxy.handle));
		int status = XGQuantileDMatrixCreateFromCallback(&iterator, iterator.proxy.handle, nullptr,
														 BatchIterator::Reset, BatchIterator::Next,
														 config.c_str(), &matrix.handle);
		if (*abandoned)
			throw Cancelled();
		Check(iterator.status);
		Check(status);
	}
	columns = {};
	columns_owner.reset();
	if (held_out.rows() == 0)
		return;
	Check(XGDMatrixCreateFromDense(ArrayInterface(held_out.view()).c_str(), config.c_str(),
								   &held_out_matrix.handle));
	Check(XGDMatrixSetFloatInfo(held_out_matrix.handle, "label", held_out_labels.data(),
								held_out_labels.size()));
	held_out = Matrix();
}

/// Gradients and hessians of every row and class at the starting value, as XGBoost's objectives
/// compute them, in its order: row by row.
void
StartingGradients(const Settings &settings, const std::vector<float> &labels, size_t n_classes,
				  std::vector<float> &gradients, std::vector<float> &hessians) {
	bool regression = n_classes == 0;
	size_t n_groups = n_classes > 2 || settings.objective == "multi:softprob" ? n_classes : 1;
	auto base = static_cast<float>(settings.base_score.value_or(0.5));
	// All margins of a row are equal at the start.
	float start = n_groups > 1 ? 1.0f / static_cast<float>(n_groups) : base;
	float hessian = regression ? 1.0f : std::max(start * (1.0f - start), 1e-16f);
	if (n_groups > 1)
		hessian *= 2;
	gradients.resize(labels.size() * n_groups);
	hessians.assign(labels.size() * n_groups, hessian);
	for (size_t row = 0; row < labels.size(); row++)
		for (size_t g = 0; g < n_groups; g++) {
			float label = n_groups == 1 ? labels[row] : labels[row] == static_cast<float>(g);
			gradients[row * n_groups + g] = start - label;
		}
}

/// One round with gradients of our own, [row][group]. XGBoost 2 has another function for it, and 3 reads
/// several groups only through that one.
int
BoostOneRound(BoosterHandle booster, DMatrixHandle matrix, int round, size_t n_rows,
			  std::vector<float> &gradients, std::vector<float> &hessians) {
#if XGBOOST_VER_MAJOR >= 2
	auto array = [&](const std::vector<float> &values) {
		return fmt::format(
			R"({{"data": [{}, true], "shape": [{}, {}], "typestr": "<f4", "version": 3}})",
			reinterpret_cast<uintptr_t>(values.data()), n_rows, values.size() / n_rows);
	};
	return XGBoosterTrainOneIter(booster, matrix, round, array(gradients).c_str(),
								 array(hessians).c_str());
#else
	(void)round;
	(void)n_rows;
	return XGBoosterBoostOneIter(booster, matrix, gradients.data(), hessians.data(),
								 gradients.size());
#endif
}

void
Job::MakeBooster() {
	DMatrixHandle matrices[] = {matrix.handle, held_out_matrix.handle};
	Check(XGBoosterCreate(matrices, held_out_matrix.handle == nullptr ? 1 : 2, &booster.handle));
	auto set = [&](const char *name, const std::string &value) {
		Check(XGBoosterSetParam(booster.handle, name, value.c_str()));
	};
	set("verbosity", "0");
	set("booster", "gbtree");
	set("nthread", std::to_string(settings.n_threads));
	set("objective", settings.objective);
	for (const auto &[name, value] : settings.parameters)
		set(name.c_str(), value);
	if (settings.base_score)
		set("base_score", fmt::format("{}", *settings.base_score));
	auto eta = static_cast<float>(settings.eta);
	set("eta",
		fmt::format("{}", settings.is_forest ? eta / static_cast<float>(settings.rounds) : eta));
	if (settings.is_forest)
		StartingGradients(settings, labels, n_classes, gradients, hessians);
}

void
Job::Round(int round) {
	if (settings.is_forest)
		Check(BoostOneRound(booster.handle, matrix.handle, round, labels.size(), gradients,
							hessians));
	else
		Check(XGBoosterUpdateOneIter(booster.handle, round, matrix.handle));
	if (held_out_matrix.handle == nullptr)
		return;
	// "[round]\tname-metric:value\tname-metric:value ..."
	const char *name = "held out", *text = nullptr;
	Check(XGBoosterEvalOneIter(booster.handle, round, &held_out_matrix.handle, &name, 1, &text));
	const char *value = std::strrchr(text, ':');
	score = value == nullptr ? NAN : std::strtod(value + 1, nullptr);
	if (settings.more_is_better)
		score = -score;
}

/// Reads what was trained and lets the booster go.
void
Job::ReadTrees(size_t n_columns, size_t rounds) {
	bst_ulong length = 0;
	const char *json = nullptr;
	BoosterOwner slice;
	if (rounds > 0)
		Check(XGBoosterSlice(booster.handle, 0, static_cast<int>(rounds), 1, &slice.handle));
	Check(XGBoosterSaveModelToBuffer(rounds > 0 ? slice.handle : booster.handle,
									 R"({"format":"json"})", &length, &json));
	trees = TreesFromXgboostJson({json, length}, n_columns);
	booster.Free();
	matrix.Free();
	held_out_matrix.Free();
}

/// About what libxgboost makes of the rows: hist keeps bins by row and by column, the others the values with their columns
/// twice; and a gradient, a hessian and a margin for each row and class.
size_t
LibraryBytes(const Settings &settings, const TrainingData &data) {
	size_t cell = !settings.is_hist ? 16 : settings.max_bin <= 256 ? 2 : 4;
	return data.columns.rows *
		   (data.columns.cols * cell + std::max<size_t>(data.n_classes, 1) * 12);
}

std::vector<float>
Labels(Task task, const std::vector<double> &target, const std::vector<uint32_t> &classes) {
	if (task == Task::kRegression)
		return {target.begin(), target.end()};
	return {classes.begin(), classes.end()};
}

/// @param held_out  of early stopping, nullptr without; its columns are taken
std::unique_ptr<const TreeEnsemble>
Boost(Settings &&settings, Task task, const TrainingData &data, HeldOutRows::Part *held_out,
	  const TrainOptions &options) {
	RequireMemory(options, data.columns.rows * data.columns.cols * sizeof(float),
				  LibraryBytes(settings, data),
				  fmt::format("{} rows of {} columns", data.columns.rows, data.columns.cols));
	auto job = std::make_shared<Job>();
	CallThread thread(options.stop);
	job->settings = std::move(settings);
	job->n_classes = data.n_classes;
	job->columns = data.columns;
	job->columns_owner = data.columns_owner;
	job->abandoned = thread.Abandoned();
	job->labels = Labels(task, data.target, data.classes);
	if (held_out != nullptr) {
		job->held_out = std::move(held_out->columns);
		job->held_out_labels = Labels(task, held_out->target, held_out->classes);
	}
	thread.Run([job] { job->FillMatrix(); });
	if (data.release_columns)
		data.release_columns();
	thread.Run([job] { job->MakeBooster(); });
	int rounds = job->settings.rounds;
	StoppingRule rule(static_cast<size_t>(std::max<int64_t>(job->settings.patience, 1)), 0);
	for (int round = 0; round < rounds; round++) {
		thread.Run([job, round] { job->Round(round); });
		if (options.progress)
			options.progress(static_cast<size_t>(round) + 1, static_cast<size_t>(rounds));
		if (held_out == nullptr)
			continue;
		rule.Add(job->score);
		if (rule.Ends())
			break;
	}
	size_t kept = 0;
	if (held_out != nullptr) {
		if (!std::isfinite(rule.best()))
			throw Error(ErrorCode::kInvalidData, "the metric of early stopping has no finite value",
						"", "Choose another \"eval_metric\".");
		kept = rule.best_round() + 1;
		if (options.report != nullptr)
			*options.report = {rule.best_round(),
							   job->settings.more_is_better ? -rule.best() : rule.best()};
	}
	thread.Run([job, n_columns = data.columns.cols, kept] { job->ReadTrees(n_columns, kept); });
	return std::move(job->trees);
}

Trained
TrainEither(bool is_forest, Hyperparameters &parameters, Task task, const TrainingData *data,
			const TrainOptions &options) {
	Settings settings = SettingsReader(parameters, task, is_forest).Read(options);
	if (data == nullptr)
		return {};
	if (data->columns.cols == 0)
		throw Error(ErrorCode::kInvalidData, "there are no features to train on",
					"All columns are text without any value.");
	if (settings.patience == 0) {
		Link link = Complete(settings, task, *data);
		return {link, Boost(std::move(settings), task, *data, nullptr, options)};
	}
	auto rows = std::make_shared<HeldOutRows>(*data, settings.validation_fraction, settings.seed,
											  options.stop);
	if (data->release_columns)
		data->release_columns();
	HeldOutRows::Part &part = rows->learning;
	TrainingData learning{
		part.columns.view(), part.target, part.classes, data->n_classes, data->labels, {}, {}};
	learning.columns_owner = rows;
	learning.release_columns = [&part] { part.columns = Matrix(); };
	Link link = Complete(settings, task, learning);
	return {link, Boost(std::move(settings), task, learning, &rows->held_out, options)};
}

} // namespace

Trained
TrainXgboost(Hyperparameters &parameters, Task task, const TrainingData *data,
			 const TrainOptions &options) {
	return TrainEither(false, parameters, task, data, options);
}

Trained
TrainXgboostForest(Hyperparameters &parameters, Task task, const TrainingData *data,
				   const TrainOptions &options) {
	return TrainEither(true, parameters, task, data, options);
}

void
XgboostVersion(int (&version)[3]) noexcept {
	XGBoostVersion(&version[0], &version[1], &version[2]);
}

} // namespace pgml
