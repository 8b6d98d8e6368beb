// pca: against Eigen's own decompositions, shapes, hyperparameters, metrics.
#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <Eigen/SVD>
#include <nlohmann/json.hpp>

#include "datasets.h"
#include "artefact/model_impl.h"
#include "pgml/error.h"
#include "pgml/train.h"
#include "projection/projection.h"
#include "projection/symmetric_eigen.h"

namespace pgml {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using nlohmann::json;

namespace {

TrainOptions
Options(const std::string &hyperparams = "{}") {
	return test::Options("pca", Task::kDecomposition, hyperparams);
}

/// Correlated columns of different spread, far from zero.
Dataset
Cloud(size_t rows, size_t columns, uint32_t seed = 1) {
	std::mt19937 random(seed);
	std::normal_distribution<double> normal;
	MatrixXd mix =
		MatrixXd::NullaryExpr(Index(columns), Index(columns), [&] { return normal(random); });
	test::DatasetBuilder builder;
	std::vector<std::vector<float>> values(columns, std::vector<float>(rows));
	for (size_t row = 0; row < rows; row++) {
		VectorXd x = VectorXd::NullaryExpr(Index(columns), [&] { return normal(random); });
		x = mix * x;
		for (size_t col = 0; col < columns; col++)
			values[col][row] = float(1000 + x[Index(col)]);
	}
	for (size_t col = 0; col < columns; col++)
		builder.Number("x" + std::to_string(col), values[col]);
	Dataset data = builder.Build();
	data.n_targets = 0;
	return data;
}

const ProjectionParts &
Parts(const Model &model) {
	return dynamic_cast<const ProjectionModel &>(
			   *dynamic_cast<const ModelImpl &>(model).parts().learner)
		.parts();
}

std::string
ErrorOf(const Dataset &data, const TrainOptions &options) {
	try {
		Train(data, options);
	} catch (const Error &e) {
		return std::string(e.what()) + " | " + e.detail() + " | " + e.hint();
	}
	return "";
}

MatrixXd
Centred(const Dataset &data) {
	MatrixXd x(Index(data.rows()), Index(data.raw.cols()));
	for (Index col = 0; col < x.cols(); col++)
		for (Index row = 0; row < x.rows(); row++)
			x(row, col) = data.raw.column(size_t(col))[row];
	return x.rowwise() - x.colwise().mean();
}

std::vector<float>
Coordinates(const Model &model, MatrixView raw) {
	Workspace work;
	std::vector<float> out(raw.rows * model.vector_size());
	model.PredictVector(raw, work, out.data());
	return out;
}

} // namespace

TEST(SymmetricEigen, AgreesWithEigen) {
	std::mt19937 random(3);
	std::normal_distribution<double> normal;
	for (Index n : {1, 2, 3, 5, 20, 90})
		for (int kind = 0; kind < 3; kind++) {
			// Of full rank, of rank 2, and a multiple of the identity.
			MatrixXd half = MatrixXd::NullaryExpr(n, kind == 1 ? std::min<Index>(n, 2) : n,
												  [&] { return normal(random); });
			MatrixXd matrix = kind == 2 ? MatrixXd(MatrixXd::Identity(n, n) * 4e9)
										: MatrixXd(half * half.transpose());
			MatrixXd vectors = matrix;
			VectorXd values;
			SymmetricEigen(vectors, values, StopToken());
			VectorXd expected = Eigen::SelfAdjointEigenSolver<MatrixXd>(matrix).eigenvalues();
			double size = matrix.norm();
			EXPECT_LT((values - expected.reverse()).norm(), 1e-13 * size) << n << " " << kind;
			EXPECT_LT((matrix * vectors - vectors * values.asDiagonal()).norm(), 1e-12 * size);
			EXPECT_LT((vectors.transpose() * vectors - MatrixXd::Identity(n, n)).norm(), 1e-12);
		}
}

TEST(Pca, AgreesWithSingularValues) {
	for (auto [rows, columns] : {std::pair<size_t, size_t>{200, 6}, {7, 20}, {12, 12}, {2, 3}}) {
		Dataset data = Cloud(rows, columns);
		auto model = Train(data, Options());
		const ProjectionParts &parts = Parts(*model);
		size_t count = std::min(rows, columns);
		ASSERT_EQ(model->vector_size(), count);
		MatrixXd x = Centred(data);
		Eigen::JacobiSVD<MatrixXd> svd(x, Eigen::ComputeThinV);
		double total = x.squaredNorm() / double(rows - 1);
		EXPECT_NEAR(parts.total_variance, total, 1e-9 * total);
		Eigen::Map<const MatrixXd> components(parts.components.data(), Index(columns),
											  Index(count));
		EXPECT_LT(
			(components.transpose() * components - MatrixXd::Identity(Index(count), Index(count)))
				.norm(),
			1e-10);
		for (Index k = 0; k < Index(count); k++) {
			double variance = svd.singularValues()[k] * svd.singularValues()[k] / double(rows - 1);
			EXPECT_NEAR(parts.variances[size_t(k)], variance, 1e-9 * total);
			if (variance < 1e-9 * total)
				continue; // any direction will do
			double cosine = components.col(k).dot(svd.matrixV().col(k));
			EXPECT_NEAR(std::fabs(cosine), 1, 1e-6) << rows << " " << k;
			Index largest;
			components.col(k).cwiseAbs().maxCoeff(&largest);
			EXPECT_GT(components(largest, k), 0); // scikit-learn's sign
		}
		std::vector<float> coordinates = Coordinates(*model, data.raw.view());
		MatrixXd expected = x * components;
		for (size_t row = 0; row < rows; row++)
			for (size_t k = 0; k < count; k++)
				EXPECT_NEAR(coordinates[row * count + k], expected(Index(row), Index(k)), 1e-4);
	}
}

TEST(Pca, ComponentsAskedFor) {
	Dataset data = Cloud(100, 5);
	auto size = [&](const char *parameters) {
		return Train(data, Options(parameters))->vector_size();
	};
	EXPECT_EQ(size(R"({"n_components": 2})"), 2u);
	EXPECT_EQ(size(R"({"n_components": null, "svd_solver": "full", "random_state": 1})"), 5u);
	EXPECT_EQ(size(R"({"n_components": 1.0})"), 5u);
	const ProjectionParts parts = Parts(*Train(data, Options()));
	double first = parts.variances[0] / parts.total_variance;
	auto share = [&](double value) {
		return size(("{\"n_components\": " + std::to_string(value) + "}").c_str());
	};
	EXPECT_EQ(share(first - 0.001), 1u);
	EXPECT_EQ(share(first + 0.001), 2u);
	EXPECT_NE(
		ErrorOf(data, Options(R"({"n_components": 6})")).find("n_components is 6, more than 5"),
		std::string::npos);
	EXPECT_NE(ErrorOf(data, Options(R"({"n_components": 0})")), "");
	EXPECT_NE(ErrorOf(data, Options(R"({"n_components": "mle"})")), "");
	EXPECT_NE(ErrorOf(data, Options(R"({"components": 2})")), "");
}

TEST(Pca, Whitening) {
	Dataset data = Cloud(500, 4);
	auto model = Train(data, Options(R"({"whiten": true, "n_components": 3})"));
	std::vector<float> coordinates = Coordinates(*model, data.raw.view());
	for (size_t k = 0; k < 3; k++) {
		double squares = 0;
		for (size_t row = 0; row < 500; row++)
			squares += coordinates[row * 3 + k] * coordinates[row * 3 + k];
		EXPECT_NEAR(squares / 499, 1, 1e-4);
	}
	// A direction without variance stays at 0 instead of growing beyond all bounds.
	Dataset flat = Cloud(50, 2);
	std::copy_n(flat.raw.column(0), 50, flat.raw.column(1));
	auto plane = Train(flat, Options(R"({"whiten": true})"));
	std::vector<float> out = Coordinates(*plane, flat.raw.view());
	for (size_t row = 0; row < 50; row++)
		EXPECT_LT(std::fabs(out[row * 2 + 1]), 1e-3);
}

TEST(Pca, Metrics) {
	Dataset data = Cloud(300, 4);
	auto model = Train(data, Options(R"({"n_components": 2})"));
	json metrics = json::parse(EvaluateToJson(*model, data, StopToken()));
	const ProjectionParts &parts = Parts(*model);
	ASSERT_EQ(metrics["explained_variance_ratio"].size(), 2u);
	double sum = 0;
	for (size_t k = 0; k < 2; k++) {
		double ratio = parts.variances[k] / parts.total_variance;
		EXPECT_NEAR(metrics["explained_variance_ratio"][k], ratio, 1e-9);
		sum += ratio;
	}
	EXPECT_NEAR(metrics["cumulative_explained_variance"], sum, 1e-9);
	// Of other rows; one row alone has no variance.
	json other = json::parse(EvaluateToJson(*model, Cloud(300, 4, 2), StopToken()));
	EXPECT_LT(other["cumulative_explained_variance"], sum);
	json one = json::parse(EvaluateToJson(*model, data.Subset({0}), StopToken()));
	EXPECT_TRUE(one["cumulative_explained_variance"].is_null());
}

TEST(Pca, RefusesWhatHasNoComponents) {
	Dataset data = Cloud(10, 3);
	EXPECT_NE(ErrorOf(data.Subset({0}), Options()).find("only one row"), std::string::npos);
	EXPECT_NE(ErrorOf(data.Subset({1, 1, 1}), Options()).find("do not vary"), std::string::npos);
	EXPECT_NE(ErrorOf(data, test::Options("linear", Task::kDecomposition)).find("pca"),
			  std::string::npos);
	auto model = Train(data, Options());
	Workspace work;
	double value;
	EXPECT_THROW(model->Predict(data.raw.view().Slice(0, 1), work, &value), Error);
}

namespace {
int polls;
}

TEST(Pca, CanBeCancelled) {
	Dataset data = Cloud(300, 200);
	TrainOptions options = Options();
	for (int allowed : {0, 3, 260, 500, 800}) {
		polls = allowed;
		options.stop = StopToken([] { return --polls < 0; });
		EXPECT_THROW(Train(data, options), Cancelled) << allowed;
	}
}

} // namespace pgml
