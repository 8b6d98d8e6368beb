// Algorithm "pca": PCA with exact components. Eigenvectors of the covariance of the columns, or, where there are fewer rows
// than columns, of the products of the rows, from which the components follow. Signs as in scikit-learn since 1.5: the
// weight of largest size is positive.
#include <algorithm>
#include <cmath>

#include <Eigen/QR>
#include <fmt/format.h>

#include "pgml/error.h"
#include "projection/projection.h"
#include "projection/symmetric_eigen.h"
#include "training/trainers.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Of the smaller of rows and columns: bounds memory (two square matrices, 270 MB) and time.
constexpr size_t kMaxSide = 4096;
/// Multiplications between two polls.
constexpr size_t kOperationsPerPoll = 20000000;
/// Eigenvalues of row products below this share of the largest are rounding.
constexpr double kRankTolerance = 1e-13;

struct Settings {
	std::optional<Hyperparameters::Amount> n_components;
	bool whiten;
};

Settings
ReadSettings(Hyperparameters &parameters, const TrainOptions &options) {
	Settings settings;
	settings.n_components = parameters.OptionalAmount({"n_components"}, 1, {"null"});
	settings.whiten = parameters.Flag({"whiten"}, false);
	// The result is exact whatever is asked for.
	parameters.Choice({"svd_solver"}, "auto",
					  {"auto", "full", "covariance_eigh", "arpack", "randomized"});
	parameters.Real({"tol"}, 0, 0, HUGE_VAL);
	parameters.IntegerOrWord({"iterated_power"}, 1, "auto", 0, 1000000);
	parameters.Seed(options.seed);
	parameters.Finish();
	return settings;
}

std::vector<double>
Means(MatrixView x, const StopToken &stop) {
	std::vector<double> means(x.cols);
	for (size_t col = 0; col < x.cols; col++) {
		stop.ThrowIfStopped();
		for (size_t row = 0; row < x.rows; row++)
			means[col] += x.column(col)[row];
		means[col] /= static_cast<double>(x.rows);
	}
	return means;
}

/// Rows [first, first + count) less the means, in double.
MatrixXd
Centred(MatrixView x, const std::vector<double> &means, size_t first, size_t count) {
	MatrixXd block(static_cast<Index>(count), static_cast<Index>(x.cols));
	for (size_t col = 0; col < x.cols; col++)
		for (size_t row = 0; row < count; row++)
			block(static_cast<Index>(row), static_cast<Index>(col)) =
				x.column(col)[first + row] - means[col];
	return block;
}

/// Sum over the rows of products of columns: lower triangle of [columns, columns].
MatrixXd
ColumnProducts(MatrixView x, const std::vector<double> &means, const StopToken &stop) {
	auto n = static_cast<Index>(x.cols);
	MatrixXd products = MatrixXd::Zero(n, n);
	size_t block_rows = std::clamp<size_t>(kOperationsPerPoll / (x.cols * x.cols), 1, 1024);
	for (size_t first = 0; first < x.rows; first += block_rows) {
		stop.ThrowIfStopped();
		MatrixXd block = Centred(x, means, first, std::min(block_rows, x.rows - first));
		products.selfadjointView<Eigen::Lower>().rankUpdate(block.transpose());
	}
	return products;
}

/// Sum over the columns of products of rows: lower triangle of [rows, rows].
MatrixXd
RowProducts(MatrixView x, const std::vector<double> &means, const StopToken &stop) {
	auto n = static_cast<Index>(x.rows);
	MatrixXd products = MatrixXd::Zero(n, n);
	size_t block_columns = std::clamp<size_t>(kOperationsPerPoll / (x.rows * x.rows), 1, 1024);
	for (size_t first = 0; first < x.cols; first += block_columns) {
		stop.ThrowIfStopped();
		size_t count = std::min(block_columns, x.cols - first);
		MatrixXd block(n, static_cast<Index>(count));
		for (size_t col = 0; col < count; col++)
			for (size_t row = 0; row < x.rows; row++)
				block(static_cast<Index>(row), static_cast<Index>(col)) =
					x.column(first + col)[row] - means[first + col];
		products.selfadjointView<Eigen::Lower>().rankUpdate(block);
	}
	return products;
}

/// Components, a column each, for eigenvectors of row products. Directions in which the rows do not vary are any that
/// are at right angles to the others.
MatrixXd
ComponentsOfRows(MatrixView x, const std::vector<double> &means, const MatrixXd &vectors,
				 const VectorXd &values, Index wanted, const StopToken &stop) {
	MatrixXd components = MatrixXd::Zero(static_cast<Index>(x.cols), wanted);
	Index rank = 0;
	while (rank < wanted && values[rank] > kRankTolerance * values[0])
		rank++;
	for (size_t col = 0; col < x.cols; col++) {
		if (col % 64 == 0)
			stop.ThrowIfStopped();
		VectorXd column(static_cast<Index>(x.rows));
		for (size_t row = 0; row < x.rows; row++)
			column[static_cast<Index>(row)] = x.column(col)[row] - means[col];
		components.row(static_cast<Index>(col)).head(rank) =
			column.transpose() * vectors.leftCols(rank);
	}
	components.leftCols(rank).colwise().normalize();
	if (rank < wanted) {
		Eigen::HouseholderQR<MatrixXd> qr(components.leftCols(rank));
		MatrixXd basis = MatrixXd::Identity(components.rows(), wanted);
		basis = qr.householderQ() * basis;
		components.rightCols(wanted - rank) = basis.rightCols(wanted - rank);
	}
	return components;
}

/// How many components, once their variances are known.
size_t
ComponentCount(const Settings &settings, const VectorXd &variances, double total) {
	auto most = static_cast<size_t>(variances.size());
	if (!settings.n_components || settings.n_components->name == "null")
		return most;
	if (settings.n_components->count) {
		auto count = static_cast<size_t>(*settings.n_components->count);
		if (count > most)
			throw Error(ErrorCode::kInvalidArgument,
						fmt::format("n_components is {}, more than {}", count, most),
						"There are no more components than columns and than training rows.");
		return count;
	}
	// As many as explain more than this share.
	double share = 0;
	for (size_t i = 0; i < most; i++) {
		share += variances[static_cast<Index>(i)] / total;
		if (share > *settings.n_components->share)
			return i + 1;
	}
	return most;
}

} // namespace

Trained
TrainPca(Hyperparameters &parameters, Task, const TrainingData *data, const TrainOptions &options) {
	Settings settings = ReadSettings(parameters, options);
	if (data == nullptr)
		return {};
	const StopToken &stop = options.stop;
	RequireFinite(*data, stop);
	MatrixView x = data->columns;
	if (x.rows < 2)
		throw Error(ErrorCode::kInvalidData, "there is only one row",
					"Principal components describe how rows differ.");
	size_t side = std::min(x.rows, x.cols);
	if (side > kMaxSide)
		throw Error(ErrorCode::kLimitExceeded,
					fmt::format("principal components of {} rows with {} columns are too many",
								x.rows, x.cols),
					fmt::format("The limit is {} columns, or as many rows.", kMaxSide),
					"Train on fewer columns, or on a sample of the rows.");
	ProjectionParts parts;
	parts.whiten = settings.whiten;
	parts.means = Means(x, stop);
	bool by_columns = x.cols <= x.rows;
	MatrixXd matrix =
		by_columns ? ColumnProducts(x, parts.means, stop) : RowProducts(x, parts.means, stop);
	double freedom = static_cast<double>(x.rows - 1);
	parts.total_variance = matrix.trace() / freedom;
	if (!(parts.total_variance > 0) || !std::isfinite(parts.total_variance))
		throw Error(ErrorCode::kInvalidData,
					parts.total_variance > 0 ? "features are too large" : "features do not vary",
					parts.total_variance > 0 ? "" : "All training rows are the same.");
	VectorXd values;
	SymmetricEigen(matrix, values, stop);
	values = values.cwiseMax(0.0) / freedom;
	size_t count = ComponentCount(settings, values, parts.total_variance);
	auto wanted = static_cast<Index>(count);
	MatrixXd components = by_columns
							  ? MatrixXd(matrix.leftCols(wanted))
							  : ComponentsOfRows(x, parts.means, matrix, values, wanted, stop);
	for (Index k = 0; k < wanted; k++) {
		Index largest;
		components.col(k).cwiseAbs().maxCoeff(&largest);
		double sign = components(largest, k) < 0 ? -1 : 1;
		for (Index col = 0; col < components.rows(); col++)
			parts.components.push_back(sign * components(col, k));
		parts.variances.push_back(values[k]);
	}
	return {Link::kIdentity, std::make_unique<ProjectionModel>(std::move(parts))};
}

} // namespace pgml
