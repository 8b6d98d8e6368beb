// kmeans and mini_batch_kmeans: known clusters, starts, degenerate data, metrics.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>

#include <nlohmann/json.hpp>

#include "clusters/centroids.h"
#include "datasets.h"
#include "artefact/model_impl.h"
#include "pgml/error.h"
#include "pgml/train.h"

namespace pgml {

using nlohmann::json;

namespace {

TrainOptions
Options(const std::string &algorithm, const std::string &hyperparams) {
	TrainOptions options = test::Options(algorithm, Task::kClustering, hyperparams);
	options.module_directory = PGML_MODULE_DIRECTORY;
	return options;
}

Dataset
Unlabelled(Dataset data) {
	data.n_targets = 0;
	data.target.clear();
	return data;
}

Dataset
Rows(const std::vector<float> &x, const std::vector<float> &y) {
	return Unlabelled(test::DatasetBuilder().Number("x", x).Number("y", y).Build());
}

/// `per_blob` rows around each of four corners of a square of side 10, moved by `offset`.
Dataset
Blobs(size_t per_blob, float offset = 0) {
	std::mt19937 random(11);
	std::normal_distribution<float> normal;
	std::vector<float> x, y;
	for (size_t i = 0; i < 4 * per_blob; i++) {
		x.push_back(offset + 10 * float(i % 2) + 0.5f * normal(random));
		y.push_back(offset + 10 * float(i / 2 % 2) + 0.5f * normal(random));
	}
	return Rows(x, y);
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

const CentroidModel &
Centroids(const Model &model) {
	return dynamic_cast<const CentroidModel &>(
		*dynamic_cast<const ModelImpl &>(model).parts().learner);
}

json
Metrics(const Model &model, const Dataset &data) {
	return json::parse(EvaluateToJson(model, data, StopToken()));
}

} // namespace

TEST(Clusters, FindsTheBlobs) {
	for (const char *algorithm : {"kmeans", "mini_batch_kmeans"})
		for (const char *init : {"k-means++", "random"})
			for (float offset : {0.0f, 100000.0f}) {
				if (algorithm[0] == 'm' && init[0] == 'r')
					continue; // three random starts do not find four blobs for sure
				Dataset data = Blobs(100, offset);
				std::string parameters =
					std::string(R"({"n_clusters": 4, "init": ")") + init + "\"}";
				auto model = Train(data, Options(algorithm, parameters));
				std::vector<double> own = test::Predict(*model, data.raw.view());
				std::set<double> numbers(own.begin(), own.begin() + 4);
				EXPECT_EQ(numbers, (std::set<double>{0, 1, 2, 3})) << algorithm << init;
				for (size_t row = 4; row < own.size(); row++)
					EXPECT_EQ(own[row], own[row % 4]) << algorithm << " " << init << " " << row;
				EXPECT_GT(Metrics(*model, data)["silhouette"], 0.85);
				EXPECT_EQ(model->vector_size(), 0u);
			}
}

TEST(Clusters, CentroidsAreTheMeansOfTheirRows) {
	Dataset data = Blobs(50);
	auto model = Train(data, Options("kmeans", R"({"n_clusters": 7, "n_init": 2})"));
	const CentroidModel &learner = Centroids(*model);
	std::vector<uint32_t> own(data.rows());
	std::vector<double> distances(data.rows());
	learner.Nearest(data.raw.view(), own.data(), distances.data());
	double inertia = 0;
	for (double distance : distances)
		inertia += distance;
	EXPECT_NEAR(Metrics(*model, data)["inertia"], inertia, 1e-9 * inertia);
	for (uint32_t k = 0; k < 7; k++)
		for (size_t col = 0; col < 2; col++) {
			double sum = 0, count = 0;
			for (size_t row = 0; row < own.size(); row++)
				if (own[row] == k) {
					sum += data.raw.column(col)[row];
					count++;
				}
			ASSERT_GT(count, 0);
			EXPECT_NEAR(learner.centroids()[k * 2 + col], sum / count, 1e-2);
		}
}

TEST(Clusters, MetricsOfAKnownCase) {
	// Two pairs at distance 1, 9 and 10 apart on a line: worked out by hand.
	Dataset data = Rows({0, 1, 10, 11}, {0, 0, 0, 0});
	auto model = Train(data, Options("kmeans", R"({"n_clusters": 2})"));
	json metrics = Metrics(*model, data);
	EXPECT_NEAR(metrics["inertia"], 1.0, 1e-6);
	EXPECT_NEAR(metrics["silhouette"], ((10.5 - 1) / 10.5 + (9.5 - 1) / 9.5) / 2, 1e-6);
	auto one = Train(data, Options("kmeans", R"({"n_clusters": 1})"));
	EXPECT_TRUE(Metrics(*one, data)["silhouette"].is_null());
	EXPECT_NEAR(Metrics(*one, data)["inertia"], 101.0, 1e-4);
	auto all = Train(data, Options("kmeans", R"({"n_clusters": 4})"));
	EXPECT_TRUE(Metrics(*all, data)["silhouette"].is_null());
	EXPECT_EQ(Metrics(*all, data)["inertia"], 0.0);
}

TEST(Clusters, SilhouetteOfManyRowsIsThatOfASample) {
	Dataset data = Blobs(5000);
	auto model = Train(data, Options("kmeans", R"({"n_clusters": 4})"));
	double all = Metrics(*model, data)["silhouette"];
	double part = Metrics(*model, Blobs(1000))["silhouette"];
	EXPECT_NEAR(all, part, 0.01);
}

TEST(Clusters, DegenerateData) {
	for (const char *algorithm : {"kmeans", "mini_batch_kmeans"}) {
		// All rows equal, and fewer different rows than clusters: each is its own cluster, exactly.
		auto one = Train(Rows({3, 3, 3, 3, 3}, {-7, -7, -7, -7, -7}),
						 Options(algorithm, R"({"n_clusters": 3})"));
		EXPECT_EQ(Centroids(*one).centroids(), (std::vector<float>{3, -7})) << algorithm;
		Dataset few = Rows({1, 1, 1e6f, 1e6f, 5, 5}, {0, 0, 0, 0, 2, 2});
		auto three = Train(few, Options(algorithm, R"({"n_clusters": 5, "init": "random"})"));
		EXPECT_EQ(Centroids(*three).n_clusters(), 3u) << algorithm;
		EXPECT_LT(Metrics(*three, few)["inertia"], 1e-3) << algorithm;
		auto each = Train(Rows({1, 2, 4}, {1, 2, 4}), Options(algorithm, R"({"n_clusters": 3})"));
		EXPECT_EQ(Centroids(*each).n_clusters(), 3u) << algorithm;
		EXPECT_NE(ErrorOf(Rows({1, 2}, {1, 2}), Options(algorithm, "{}"))
					  .find("n_clusters is 8, but there are only 2 training rows"),
				  std::string::npos);
		// Missing values are imputed; a column without any value counts as 0.
		auto missing = Train(Rows({1, NAN, 9, 10}, {NAN, NAN, NAN, NAN}),
							 Options(algorithm, R"({"n_clusters": 2})"));
		EXPECT_EQ(Centroids(*missing).n_clusters(), 2u) << algorithm;
		// Values near the limits of float32.
		auto large = Train(Rows({-3e38f, -3e38f, 3e38f, 3e38f}, {0, 1, 2, 3}),
						   Options(algorithm, R"({"n_clusters": 2})"));
		EXPECT_EQ(Centroids(*large).n_clusters(), 2u) << algorithm;
	}
}

TEST(Clusters, NearestOfEqualDistanceIsTheLowest) {
	CentroidModel model(1, {2, 0, 2});
	Matrix raw(1, 5);
	raw.Resize(5);
	const float values[] = {1, 2, 0.5f, HUGE_VALF, NAN};
	std::copy_n(values, 5, raw.column(0));
	std::vector<double> out(5);
	model.Values(raw.view(), out.data());
	EXPECT_EQ(out, (std::vector<double>{0, 0, 1, 0, 1}));
	std::vector<float> margins(5);
	model.Margins(raw.view(), margins.data());
	EXPECT_EQ(margins, (std::vector<float>{0, 0, 1, 0, 1}));
}

TEST(Clusters, SameSeedSameModel) {
	Dataset data = Blobs(200);
	for (const char *algorithm : {"kmeans", "mini_batch_kmeans"}) {
		const char *parameters = R"({"n_clusters": 9, "n_init": 1})";
		TrainOptions options = Options(algorithm, parameters);
		auto first = Train(data, options)->Encode();
		EXPECT_EQ(first, Train(data, options)->Encode()) << algorithm;
		options.n_threads = 2;
		EXPECT_EQ(first, Train(data, options)->Encode()) << algorithm;
		options.seed = 1;
		EXPECT_NE(first, Train(data, options)->Encode()) << algorithm;
	}
}

TEST(Clusters, Hyperparameters) {
	Dataset data = Blobs(10);
	auto error = [&](const char *parameters) {
		return ErrorOf(data, Options("kmeans", parameters));
	};
	EXPECT_NE(error(R"({"n_clusters": 0})").find("n_clusters"), std::string::npos);
	EXPECT_NE(error(R"({"init": "farthest"})").find("k-means++"), std::string::npos);
	EXPECT_NE(error(R"({"n_init": "often"})").find("\"auto\""), std::string::npos);
	EXPECT_NE(error(R"({"batch_size": 10})").find("unrecognized hyperparameter"),
			  std::string::npos);
	EXPECT_EQ(error(R"({"n_init": "auto", "tol": 0, "max_iter": 1, "random_state": 3,
						"algorithm": "elkan", "n_clusters": 2})"),
			  "");
	EXPECT_EQ(ErrorOf(data, Options("mini_batch_kmeans", R"({"batch_size": 7, "init_size": 9,
		"max_no_improvement": null, "reassignment_ratio": 0.5, "max_iter": 3, "tol": 0.1})")),
			  "");
}

TEST(Clusters, MissingModuleIsAnError) {
	TrainOptions options = Options("kmeans", "{}");
	options.module_directory = "/nowhere";
	EXPECT_NE(ErrorOf(Blobs(10), options).find("could not load the training module"),
			  std::string::npos);
	options.module_directory = "";
	EXPECT_NE(ErrorOf(Blobs(10), options).find("could not load the training module"),
			  std::string::npos);
}

TEST(Clusters, TextNeedsAnEncodingThatNeedsNoTarget) {
	std::vector<std::optional<std::string>> many, few;
	for (int i = 0; i < 300; i++) {
		many.push_back("t" + std::to_string(i));
		few.push_back(i % 2 ? "a" : "b");
	}
	Dataset data = Unlabelled(test::DatasetBuilder().Text("few", few).Build());
	auto model = Train(data, Options("kmeans", R"({"n_clusters": 2})"));
	EXPECT_EQ(Metrics(*model, data)["inertia"], 0.0);
	data = Unlabelled(test::DatasetBuilder().Text("many", many).Build());
	TrainOptions options = Options("kmeans", R"({"n_clusters": 2})");
	EXPECT_NE(ErrorOf(data, options).find("\"many\" has 300 categories"), std::string::npos);
	options.preprocess_json = R"({"many": {"encode": "target"}})";
	EXPECT_NE(ErrorOf(data, options).find("no target"), std::string::npos);
	options.preprocess_json = R"({"many": {"encode": "native"}})";
	EXPECT_EQ(ErrorOf(data, options), "");
}

namespace {
int polls;
}

TEST(Clusters, CanBeCancelled) {
	Dataset data = Blobs(3000);
	for (const char *algorithm : {"kmeans", "mini_batch_kmeans"}) {
		TrainOptions options = Options(algorithm, R"({"n_clusters": 60, "n_init": 1000, "tol": 0,
			"max_iter": 100000, "init": "random"})");
		for (int allowed : {0, 1, 10, 30, 100, 400}) {
			polls = allowed;
			options.stop = StopToken([] { return --polls < 0; });
			EXPECT_THROW(Train(data, options), Cancelled) << algorithm << allowed;
		}
	}
}

} // namespace pgml
