#pragma once
/// Small data sets for the tests of model/.
#include <cmath>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "pgml/train.h"

namespace pgml::test {

/// Builds a Dataset column by column; all columns must have the same length.
class DatasetBuilder {
public:
	DatasetBuilder &
	Number(const std::string &name, const std::vector<float> &values,
		   FeatureType type = FeatureType::kNumber) {
		AddColumn({name, type, 1}, values);
		data_.dictionaries.emplace_back();
		return *this;
	}
	DatasetBuilder &
	Text(const std::string &name, const std::vector<std::optional<std::string>> &values) {
		data_.dictionaries.emplace_back();
		std::vector<float> codes;
		for (const auto &value : values)
			codes.push_back(value ? static_cast<float>(data_.dictionaries.back().CodeOf(*value))
								  : NAN);
		AddColumn({name, FeatureType::kText, 1}, codes);
		return *this;
	}
	DatasetBuilder &
	Target(std::vector<double> values) {
		data_.target = std::move(values);
		return *this;
	}
	DatasetBuilder &
	TextTarget(const std::vector<std::string> &values) {
		data_.target_is_text = true;
		for (const std::string &value : values)
			data_.target.push_back(data_.target_labels.CodeOf(value));
		return *this;
	}
	Dataset
	Build() {
		size_t rows = columns_.empty() ? 0 : columns_[0].size();
		data_.raw = Matrix(columns_.size(), rows);
		data_.raw.Resize(rows);
		for (size_t col = 0; col < columns_.size(); col++)
			std::copy(columns_[col].begin(), columns_[col].end(), data_.raw.column(col));
		return std::move(data_);
	}

private:
	void
	AddColumn(FeatureSpec spec, std::vector<float> values) {
		data_.features.push_back(std::move(spec));
		columns_.push_back(std::move(values));
	}
	Dataset data_;
	std::vector<std::vector<float>> columns_;
};

/// Random features x0 .. x(dim-1), a share of them missing, and the target that `target` makes of
/// the row.
inline Dataset
RandomDataset(size_t rows, size_t dim, double missing, uint32_t seed,
			  const std::function<double(const std::vector<float> &, std::mt19937 &)> &target) {
	std::mt19937 random(seed);
	std::normal_distribution<float> normal;
	std::uniform_real_distribution<double> uniform;
	std::vector<std::vector<float>> columns(dim, std::vector<float>(rows));
	std::vector<double> targets;
	for (size_t row = 0; row < rows; row++) {
		std::vector<float> x(dim);
		for (size_t col = 0; col < dim; col++)
			x[col] = normal(random);
		targets.push_back(target(x, random));
		for (size_t col = 0; col < dim; col++)
			columns[col][row] = uniform(random) < missing ? NAN : x[col];
	}
	DatasetBuilder builder;
	for (size_t col = 0; col < dim; col++)
		builder.Number("x" + std::to_string(col), columns[col]);
	return builder.Target(targets).Build();
}

inline TrainOptions
Options(const std::string &algorithm, Task task, const std::string &hyperparams = "{}",
		const std::string &preprocess = "{}") {
	TrainOptions options;
	options.algorithm = algorithm;
	options.task = task;
	options.hyperparams_json = hyperparams;
	options.preprocess_json = preprocess;
	return options;
}

inline std::vector<double>
Predict(const Model &model, MatrixView raw) {
	Workspace work;
	std::vector<double> result(raw.rows);
	model.Predict(raw, work, result.data());
	return result;
}

} // namespace pgml::test
