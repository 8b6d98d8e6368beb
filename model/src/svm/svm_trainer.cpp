// Algorithms "svm" and "nu_svm": SVC, SVR, NuSVC and NuSVR by scikit-learn's names and defaults. More
// than two classes: one machine for each pair, as there.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "linear/linear_fit.h"
#include "pgml/error.h"
#include "svm/smo.h"
#include "svm/support_vectors.h"
#include "training/trainers.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

using Bound = Hyperparameters::Bound;

struct Settings {
	Kernel kernel;
	std::string gamma; ///< "scale" or "auto"; empty when a number was given
	double c = 1, epsilon = 0.1, nu = 0.5;
	bool break_ties = false, use_nu = false;
	ClassWeight weight;
	SmoOptions solver;
};

Settings
ReadSettings(Hyperparameters &from, Task task, bool use_nu) {
	Settings result;
	result.use_nu = use_nu;
	bool regression = task == Task::kRegression;
	if (!use_nu || regression)
		result.c = from.Real({"C"}, 1, 0, 1e12, Bound::kExclusiveLow);
	if (use_nu)
		result.nu = from.Real({"nu"}, 0.5, 0, 1, Bound::kExclusiveLow);
	else if (regression)
		result.epsilon = from.Real({"epsilon"}, 0.1, 0, 1e30);
	const std::vector<std::string> kernels = {"linear", "poly", "rbf", "sigmoid"};
	std::string kernel = from.Choice({"kernel"}, "rbf", kernels);
	result.kernel.kind = static_cast<KernelKind>(std::find(kernels.begin(), kernels.end(), kernel) -
												 kernels.begin());
	result.kernel.degree = static_cast<uint32_t>(from.Integer({"degree"}, 3, 0, 100));
	if (auto gamma = from.RealOrChoice({"gamma"}, "scale", {"scale", "auto"}, 0, 1e12,
									   Bound::kExclusiveLow, result.gamma))
		result.kernel.gamma = *gamma;
	result.kernel.coef0 = from.Real({"coef0"}, 0, -1e12, 1e12);
	result.solver.tol = from.Real({"tol"}, 1e-3, 0, 1, Bound::kExclusiveLow);
	result.solver.cache_bytes =
		static_cast<size_t>(from.Real({"cache_size"}, 200, 1, 65536) * (1 << 20));
	result.solver.max_iter = from.Integer({"max_iter"}, -1, -1, 1000000000);
	from.Flag({"shrinking"}, true); // a way to the same solution, which this solver does not take
	if (!regression)
		result.break_ties = from.Flag({"break_ties"}, false);
	if (!regression && !use_nu)
		result.weight = from.Weight(false);
	from.Seed(0);
	from.Finish();
	return result;
}

void
CompleteGamma(Settings &settings, MatrixView x, const StopToken &stop) {
	if (settings.gamma.empty())
		return;
	double n_columns = static_cast<double>(std::max<size_t>(x.cols, 1));
	settings.kernel.gamma = 1 / n_columns;
	if (settings.gamma == "auto")
		return;
	ColumnMoments moments = Moments(x, stop);
	double mean = 0, variance = 0;
	for (double value : moments.mean)
		mean += value / n_columns;
	for (size_t col = 0; col < x.cols; col++)
		variance += (moments.deviation[col] * moments.deviation[col] +
					 (moments.mean[col] - mean) * (moments.mean[col] - mean)) /
					n_columns;
	if (variance > 0)
		settings.kernel.gamma /= variance;
}

Matrix
GatherRows(MatrixView x, const std::vector<size_t> &rows) {
	Matrix result(x.cols, rows.size());
	result.Resize(rows.size());
	for (size_t col = 0; col < x.cols; col++)
		std::transform(rows.begin(), rows.end(), result.column(col),
					   [&](size_t row) { return x.column(col)[row]; });
	return result;
}

/// sign * alpha for each row, and the bias.
struct Machine {
	std::vector<double> coefficients;
	double bias;
};

/// @param weights  of the negative and the positive class, factors of C
Machine
FitTwoClasses(MatrixView x, std::vector<int8_t> signs, const double (&weights)[2],
			  const Settings &settings, const StopToken &stop) {
	SmoProblem problem;
	problem.nu = settings.use_nu;
	problem.sign = std::move(signs);
	for (uint32_t row = 0; row < x.rows; row++)
		problem.row.push_back(row);
	problem.linear.assign(x.rows, settings.use_nu ? 0 : -1);
	for (int8_t sign : problem.sign)
		problem.upper.push_back(settings.use_nu ? 1 : settings.c * weights[sign > 0]);
	problem.start.assign(x.rows, 0);
	if (settings.use_nu) {
		double left[2] = {settings.nu * static_cast<double>(x.rows) / 2,
						  settings.nu * static_cast<double>(x.rows) / 2};
		for (size_t t = 0; t < x.rows; t++) {
			double &of_side = left[problem.sign[t] < 0 ? 1 : 0];
			problem.start[t] = std::min(1.0, of_side);
			of_side -= problem.start[t];
		}
	}
	SmoResult solved = SolveSmo(x, settings.kernel, problem, settings.solver, stop);
	// More rows than nu allows cannot be kept out of the margin: the optimum is no machine at all, and dividing
	// what is left, the solver's tolerance, by itself would give one of noise (which libsvm does).
	if (settings.use_nu && !(solved.scale > settings.solver.tol))
		throw Error(ErrorCode::kInvalidData,
					fmt::format("nu {} is too small to tell two classes apart", settings.nu),
					"With this kernel a larger share of their rows lies on the wrong side or in "
					"between.",
					"Choose a larger nu, another kernel or gamma, or algorithm \"svm\".");
	Machine machine{std::move(solved.alpha), -solved.rho / solved.scale};
	for (size_t t = 0; t < x.rows; t++)
		machine.coefficients[t] *= problem.sign[t] / solved.scale;
	return machine;
}

Machine
FitRegression(MatrixView x, const std::vector<double> &target, const Settings &settings,
			  const StopToken &stop) {
	SmoProblem problem;
	problem.nu = settings.use_nu;
	double left = settings.c * settings.nu * static_cast<double>(x.rows) / 2;
	for (int8_t sign : {int8_t{1}, int8_t{-1}})
		for (uint32_t row = 0; row < x.rows; row++) {
			problem.row.push_back(row);
			problem.sign.push_back(sign);
			problem.linear.push_back((settings.use_nu ? 0 : settings.epsilon) - sign * target[row]);
		}
	problem.upper.assign(2 * x.rows, settings.c);
	problem.start.assign(2 * x.rows, 0);
	for (size_t row = 0; row < x.rows && settings.use_nu; row++) {
		problem.start[row] = problem.start[x.rows + row] = std::min(left, settings.c);
		left -= problem.start[row];
	}
	SmoResult solved = SolveSmo(x, settings.kernel, problem, settings.solver, stop);
	Machine machine{std::move(solved.alpha), -solved.rho};
	for (size_t row = 0; row < x.rows; row++)
		machine.coefficients[row] -= machine.coefficients[x.rows + row];
	machine.coefficients.resize(x.rows);
	return machine;
}

/// The rows with a coefficient, class by class.
std::unique_ptr<const SupportVectorModel>
Collect(SupportVectorParts parts, MatrixView x, const std::vector<std::vector<size_t>> &groups,
		const std::vector<std::vector<double>> &coefficients) {
	std::vector<size_t> vectors;
	for (const std::vector<size_t> &rows : groups) {
		size_t before = vectors.size();
		for (size_t row : rows)
			if (!coefficients[row].empty()) {
				vectors.push_back(row);
				parts.coefficients.insert(parts.coefficients.end(), coefficients[row].begin(),
										  coefficients[row].end());
			}
		if (parts.n_classes > 0)
			parts.class_sizes.push_back(static_cast<uint32_t>(vectors.size() - before));
	}
	for (const std::vector<double> *values : {&parts.coefficients, &parts.biases})
		for (double value : *values)
			if (!std::isfinite(value))
				throw Error(ErrorCode::kInvalidData, "training did not give finite coefficients",
							"Features are too large for the kernel.",
							"Scale them, for example with \"scale\": \"standard\".");
	parts.n_columns = x.cols;
	parts.n_vectors = vectors.size();
	for (size_t col = 0; col < x.cols; col++)
		for (size_t row : vectors)
			parts.values.push_back(x.column(col)[row]);
	return std::make_unique<SupportVectorModel>(std::move(parts));
}

void
CheckNu(double nu, size_t n_a, size_t n_b) {
	double most = 2.0 * static_cast<double>(std::min(n_a, n_b)) / static_cast<double>(n_a + n_b);
	if (nu > most)
		throw Error(
			ErrorCode::kInvalidData, fmt::format("nu {} is infeasible for these classes", nu),
			fmt::format("Two classes have {} and {} training rows, which allows at most {:.6}.",
						n_a, n_b, most),
			"Choose a smaller nu.");
}

Trained
TrainMachines(Hyperparameters &parameters, bool use_nu, Task task, const TrainingData *data,
			  const TrainOptions &options) {
	Settings settings = ReadSettings(parameters, task, use_nu);
	if (data == nullptr)
		return {};
	RequireFinite(*data, options.stop);
	MatrixView x = data->columns;
	CompleteGamma(settings, x, options.stop);
	SupportVectorParts parts;
	parts.kernel = settings.kernel;
	parts.break_ties = settings.break_ties;
	parts.n_classes = data->n_classes;
	std::vector<std::vector<double>> coefficients(x.rows);
	if (task == Task::kRegression) {
		Machine machine = FitRegression(x, data->target, settings, options.stop);
		std::vector<size_t> rows(x.rows);
		for (size_t row = 0; row < x.rows; row++) {
			rows[row] = row;
			if (machine.coefficients[row] != 0)
				coefficients[row] = {machine.coefficients[row]};
		}
		parts.biases = {machine.bias};
		return {Link::kIdentity, Collect(std::move(parts), x, {rows}, coefficients)};
	}
	size_t n_classes = data->n_classes, n_pairs = n_classes * (n_classes - 1) / 2;
	std::vector<std::vector<size_t>> groups(n_classes);
	for (size_t row = 0; row < x.rows; row++)
		groups[data->classes[row]].push_back(row);
	for (size_t a = 0; a < n_classes && use_nu; a++)
		for (size_t b = a + 1; b < n_classes; b++)
			CheckNu(settings.nu, groups[a].size(), groups[b].size());
	std::vector<double> weights = WeightsOf(settings.weight, *data);
	for (size_t a = 0; a < n_classes; a++)
		for (size_t b = a + 1; b < n_classes; b++) {
			options.stop.ThrowIfStopped();
			std::vector<size_t> rows = groups[a];
			rows.insert(rows.end(), groups[b].begin(), groups[b].end());
			std::vector<int8_t> signs(rows.size(), 1);
			std::fill_n(signs.begin(), groups[a].size(), int8_t{-1});
			Matrix pair = GatherRows(x, rows);
			Machine machine = FitTwoClasses(pair.view(), std::move(signs), {weights[a], weights[b]},
											settings, options.stop);
			parts.biases.push_back(machine.bias);
			for (size_t t = 0; t < rows.size(); t++) {
				if (machine.coefficients[t] == 0)
					continue;
				std::vector<double> &own = coefficients[rows[t]];
				own.resize(n_classes - 1);
				own[t < groups[a].size() ? b - 1 : a] = machine.coefficients[t];
			}
			if (options.progress)
				options.progress(parts.biases.size(), n_pairs);
		}
	return {Link::kDecision, Collect(std::move(parts), x, groups, coefficients)};
}

} // namespace

Trained
TrainSvm(Hyperparameters &parameters, Task task, const TrainingData *data,
		 const TrainOptions &options) {
	return TrainMachines(parameters, false, task, data, options);
}

Trained
TrainNuSvm(Hyperparameters &parameters, Task task, const TrainingData *data,
		   const TrainOptions &options) {
	return TrainMachines(parameters, true, task, data, options);
}

} // namespace pgml
