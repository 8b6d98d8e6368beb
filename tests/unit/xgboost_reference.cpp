// libxgboost's own training and prediction. See xgboost_reference.h.
#include "xgboost_reference.h"

#include <cstring>
#include <stdexcept>

#include <fmt/format.h>
#include <xgboost/c_api.h>

namespace pgml::test {

const char *const kReferenceNames[kReferenceColumns] = {"a", "b", "c d", "\"e\"", "f",
														"g", "h", "i",   "j"};

namespace {

void
Must(int status) {
	if (status != 0)
		throw std::runtime_error(XGBGetLastError());
}

std::string
Interface(MatrixView view) {
	return fmt::format(
		R"({{"data":[{},true],"shape":[{},{}],"strides":[4,{}],"typestr":"<f4","version":3}})",
		reinterpret_cast<uintptr_t>(view.data), view.rows, view.cols, view.ld * 4);
}

/// Values equal to thresholds matter most: half of the cells reuse training cells.
Matrix
TestRows(const Dataset &train, size_t rows) {
	Matrix result(kReferenceColumns, rows);
	result.Resize(rows);
	std::minstd_rand random(22);
	for (size_t col = 0; col < kReferenceColumns; col++) {
		float *to = result.column(col);
		for (size_t row = 0; row < rows; row++) {
			uint32_t draw = static_cast<uint32_t>(random());
			to[row] = draw % 20 == 0  ? NAN
					  : draw % 2 == 0 ? train.raw.column(col)[draw / 40 % train.raw.rows()]
									  : static_cast<float>(draw) * (6.0f / 2147483647.0f) - 3.0f;
		}
	}
	return result;
}

struct Handles {
	DMatrixHandle train = nullptr, test = nullptr;
	BoosterHandle booster = nullptr;
	~Handles() {
		if (booster != nullptr)
			XGBoosterFree(booster);
		for (DMatrixHandle matrix : {train, test})
			if (matrix != nullptr)
				XGDMatrixFree(matrix);
	}
};

std::string
Save(BoosterHandle booster, const char *format) {
	bst_ulong length;
	const char *bytes;
	Must(XGBoosterSaveModelToBuffer(booster, fmt::format(R"({{"format":"{}"}})", format).c_str(),
									&length, &bytes));
	return {bytes, length};
}

} // namespace

XgboostReference
TrainByLibrary(const XgboostCase &c, size_t n_train, size_t n_test) {
	auto target = [&](const std::vector<float> &x, std::mt19937 &random) -> double {
		double value = 3 * x[0] + x[1] * x[2] + std::sin(4 * x[3]) +
					   std::normal_distribution<double>(0, 0.3)(random);
		if (c.n_classes > 0)
			return std::clamp(std::floor(value / 2 + c.n_classes / 2.0), 0.0, c.n_classes - 1.0);
		return std::fabs(value);
	};
	XgboostReference result;
	result.train = RandomDataset(n_train, kReferenceColumns, 0.05, 21, target);
	result.rows = TestRows(result.train, n_test);
	Handles handles;
	const char *config = R"({"missing":NaN,"nthread":1})";
	Must(XGDMatrixCreateFromDense(Interface(result.train.raw.view()).c_str(), config,
								  &handles.train));
	std::vector<float> labels(result.train.target.begin(), result.train.target.end());
	Must(XGDMatrixSetFloatInfo(handles.train, "label", labels.data(), labels.size()));
	Must(XGBoosterCreate(&handles.train, 1, &handles.booster));
	Must(XGBoosterSetStrFeatureInfo(handles.booster, "feature_name",
									const_cast<const char **>(kReferenceNames), kReferenceColumns));
	for (auto [name, value] : {std::pair{"verbosity", "0"}, {"nthread", "1"}})
		Must(XGBoosterSetParam(handles.booster, name, value));
	Must(XGBoosterSetParam(handles.booster, "objective", c.objective));
	if (std::string(c.objective).starts_with("multi:"))
		Must(XGBoosterSetParam(handles.booster, "num_class", std::to_string(c.n_classes).c_str()));
	for (auto [name, value] : c.parameters)
		Must(XGBoosterSetParam(handles.booster, name, value));
	for (int round = 0; round < c.rounds; round++)
		Must(XGBoosterUpdateOneIter(handles.booster, round, handles.train));
	result.json = Save(handles.booster, "json");
	result.ubjson = Save(handles.booster, "ubj");
	if (n_test == 0)
		return result;
	Must(XGDMatrixCreateFromDense(Interface(result.rows.view()).c_str(), config, &handles.test));
	const bst_ulong *shape;
	bst_ulong dimensions;
	const float *margins;
	Must(XGBoosterPredictFromDMatrix(
		handles.booster, handles.test,
		R"({"type":1,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":true})",
		&shape, &dimensions, &margins));
	// Two dimensions, the rows asked for: else what follows would read something else than margins.
	if (dimensions != 2 || shape[0] != result.rows.rows())
		throw std::runtime_error("libxgboost gave margins of another shape");
	result.n_groups = shape[1];
	result.margins.assign(margins, margins + shape[0] * shape[1]);
	return result;
}

size_t
DifferentBits(const std::vector<float> &a, const std::vector<float> &b) {
	if (a.size() != b.size())
		return std::max(a.size(), b.size());
	size_t different = 0;
	for (size_t i = 0; i < a.size(); i++)
		different += std::memcmp(&a[i], &b[i], sizeof(float)) != 0;
	return different;
}

} // namespace pgml::test
