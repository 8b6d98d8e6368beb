#include "evaluator_models.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>
#include <xgboost/c_api.h>

namespace pgml::bench {

namespace {

void
Must(int status) {
	if (status != 0)
		throw std::runtime_error(XGBGetLastError());
}

/// Four momenta and jets with tags, then masses made of them; the label depends on the masses.
void
Collision(std::mt19937_64 &random, float *x, double *score) {
	std::normal_distribution<double> normal;
	std::uniform_real_distribution<double> uniform(-1.74, 1.74);
	const float tags[] = {0, 1.09f, 2.17f}, tag_steps[] = {0, 1.27f, 2.55f};
	double signal = normal(random) > 0 ? 1 : -1;
	double momentum[6], direction[6];
	for (int i = 0; i < 6; i++) {
		momentum[i] = std::exp(0.5 * normal(random) + 0.1 * signal * (i % 2)) - 0.1;
		direction[i] = normal(random);
	}
	size_t at = 0;
	x[at++] = static_cast<float>(momentum[0]); // lepton
	x[at++] = static_cast<float>(direction[0]);
	x[at++] = static_cast<float>(uniform(random));
	x[at++] = static_cast<float>(momentum[1]); // missing energy
	x[at++] = static_cast<float>(uniform(random));
	for (int jet = 2; jet < 6; jet++) {
		x[at++] = static_cast<float>(momentum[jet]);
		x[at++] = static_cast<float>(direction[jet]);
		x[at++] = static_cast<float>(uniform(random));
		int tag = static_cast<int>(random() % 3);
		x[at++] = jet % 2 == 0 ? tags[tag] : tag_steps[tag];
	}
	double masses[7];
	for (int i = 0; i < 7; i++) {
		double a = momentum[i % 6], b = momentum[(i + 2) % 6];
		double angle = std::cosh(0.5 * (direction[i % 6] - direction[(i + 2) % 6]));
		masses[i] = std::sqrt(std::max(0.05, a * b * angle)) * std::exp(0.15 * normal(random));
		x[at++] = static_cast<float>(masses[i]);
	}
	*score = 1.5 * (masses[0] - 1) - masses[3] * masses[5] + std::sin(3 * masses[2]) +
			 0.8 * signal + 0.3 * x[8] * (masses[6] - 1) + 0.6 * normal(random);
}

Samples
ToySet(const std::string &path, size_t rows, std::mt19937_64 &random) {
	std::ifstream file(path);
	std::string line;
	std::vector<std::vector<float>> cells;
	std::getline(file, line);
	while (std::getline(file, line)) {
		std::vector<float> row;
		std::stringstream fields(line);
		for (std::string field; std::getline(fields, field, ',');)
			row.push_back(field == "t" || field == "true"    ? 1.0f
						  : field == "f" || field == "false" ? 0.0f
															 : std::strtof(field.c_str(), nullptr));
		cells.push_back(row);
	}
	if (cells.empty())
		throw std::runtime_error("no toy set at " + path);
	Samples samples;
	samples.n_features = cells[0].size() - 1;
	samples.rows = rows;
	std::normal_distribution<float> normal(0, 0.02f);
	for (size_t row = 0; row < rows; row++) {
		const std::vector<float> &drawn = cells[random() % cells.size()];
		for (size_t f = 0; f < samples.n_features; f++)
			samples.row_major.push_back(drawn[f] * (1 + normal(random)));
		samples.labels.push_back(drawn.back());
	}
	return samples;
}

std::string
Train(const ModelSpec &spec, const Samples &samples) {
	DMatrixHandle matrix;
	Must(XGDMatrixCreateFromMat(samples.row_major.data(), samples.rows, samples.n_features,
								std::numeric_limits<float>::quiet_NaN(), &matrix));
	Must(XGDMatrixSetFloatInfo(matrix, "label", samples.labels.data(), samples.rows));
	BoosterHandle booster;
	Must(XGBoosterCreate(&matrix, 1, &booster));
	bool regression = spec.data == "diabetes";
	std::vector<std::pair<std::string, std::string>> parameters = {
		{"verbosity", "0"},
		{"nthread", "1"},
		{"tree_method", "hist"},
		{"eta", "0.1"},
		{"gamma", spec.gamma},
		{"max_depth", std::to_string(spec.depth)},
		{"objective", regression           ? "reg:squarederror"
					  : spec.n_classes > 1 ? "multi:softprob"
										   : "binary:logistic"}};
	if (spec.n_classes > 1)
		parameters.push_back({"num_class", std::to_string(spec.n_classes)});
	for (const auto &[name, value] : parameters)
		Must(XGBoosterSetParam(booster, name.c_str(), value.c_str()));
	for (int round = 0; round < spec.n_trees; round++)
		Must(XGBoosterUpdateOneIter(booster, round, matrix));
	bst_ulong length;
	const char *json;
	Must(XGBoosterSaveModelToBuffer(booster, R"({"format":"json"})", &length, &json));
	std::string result(json, length);
	XGBoosterFree(booster);
	XGDMatrixFree(matrix);
	return result;
}

} // namespace

std::vector<ModelSpec>
AllModels() {
	return {{"h100d6", "higgs", 100, 6},
			{"h1000d6", "higgs", 1000, 6},
			{"h500d8", "higgs", 500, 8},
			{"m100d6", "higgs5", 100, 6, "0", 5},
			{"sparse500d6", "higgs", 500, 6, "20"},
			{"wide200f100d6", "wide", 100, 6},
			{"breast_cancer100d6", "breast_cancer", 100, 6},
			{"diabetes500d6", "diabetes", 500, 6},
			{"digits100d6", "digits", 100, 6, "0", 10}};
}

Samples
MakeSamples(const ModelSpec &spec, size_t rows, uint64_t seed, const std::string &toy_folder) {
	std::mt19937_64 random(seed);
	bool wide = spec.data == "wide";
	if (!wide && !spec.data.starts_with("higgs"))
		return ToySet(toy_folder + "/" + spec.data + ".csv", rows, random);
	Samples samples;
	samples.n_features = wide ? 200 : 28;
	samples.rows = rows;
	samples.row_major.resize(rows * samples.n_features);
	samples.labels.resize(rows);
	std::normal_distribution<float> normal;
	std::bernoulli_distribution missing(0.05);
	for (size_t row = 0; row < rows; row++) {
		float *x = samples.row_major.data() + row * samples.n_features;
		double score = 0;
		Collision(random, x, &score);
		// Copies with noise, then noise.
		for (size_t f = 28; f < samples.n_features; f++)
			x[f] = f < 114 ? x[f % 28] + 0.5f * normal(random) : normal(random);
		for (size_t f = 0; f < samples.n_features; f++)
			if (missing(random))
				x[f] = std::numeric_limits<float>::quiet_NaN();
		samples.labels[row] =
			spec.n_classes > 1 ? static_cast<float>(std::clamp(std::floor(score + 2.5), 0.0, 4.0))
							   : static_cast<float>(score > 0);
	}
	return samples;
}

std::string
TrainedModel(const ModelSpec &spec, size_t train_rows, const std::string &folder,
			 const std::string &toy_folder) {
	bool toy = spec.data != "wide" && !spec.data.starts_with("higgs");
	size_t rows = toy                   ? std::min<size_t>(train_rows, 1000)
				  : spec.data == "wide" ? std::min<size_t>(train_rows, 100000)
										: train_rows;
	std::string path =
		fmt::format("{}/{}-gamma{}-rows{}.json", folder, spec.name, spec.gamma, rows);
	std::ifstream cached(path, std::ios::binary);
	if (cached)
		return {std::istreambuf_iterator<char>(cached), std::istreambuf_iterator<char>()};
	std::fprintf(stderr, "evaluator: training %s on %zu rows\n", spec.name.c_str(), rows);
	std::string json = Train(spec, MakeSamples(spec, rows, 1, toy_folder));
	// Renamed into place: an interrupted run leaves no half of a model.
	std::ofstream(path + ".new", std::ios::binary) << json;
	if (std::rename((path + ".new").c_str(), path.c_str()) != 0)
		throw std::runtime_error("could not write " + path);
	return json;
}

} // namespace pgml::bench
