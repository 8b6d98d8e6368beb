#pragma once
/// libxgboost as the reference: trains through its C API, saves, predicts, scores features.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <xgboost/c_api.h>

#include "pgml/matrix.h"

namespace pgml::test {

inline void
MustXgb(int status) {
	ASSERT_EQ(status, 0) << XGBGetLastError();
}

/// A matrix as libxgboost sees it. @param types  per column "q" or "c"; empty: all are numbers
class BoosterMatrix {
public:
	BoosterMatrix(MatrixView view, const std::vector<const char *> &types) {
		std::string interface = fmt::format(
			R"({{"data":[{},true],"shape":[{},{}],"strides":[4,{}],"typestr":"<f4","version":3}})",
			reinterpret_cast<uintptr_t>(view.data), view.rows, view.cols, view.ld * 4);
		MustXgb(XGDMatrixCreateFromDense(interface.c_str(), R"({"missing":NaN,"nthread":1})",
										 &handle_));
		if (!types.empty())
			MustXgb(XGDMatrixSetStrFeatureInfo(
				handle_, "feature_type", const_cast<const char **>(types.data()), types.size()));
	}
	~BoosterMatrix() { XGDMatrixFree(handle_); }
	BoosterMatrix(const BoosterMatrix &) = delete;
	BoosterMatrix &operator=(const BoosterMatrix &) = delete;
	DMatrixHandle
	handle() const {
		return handle_;
	}

private:
	DMatrixHandle handle_ = nullptr;
};

using BoosterParameters = std::vector<std::pair<std::string, std::string>>;

class Booster {
public:
	Booster(MatrixView columns, const std::vector<double> &target,
			const std::vector<const char *> &types, const BoosterParameters &parameters, int rounds)
		: matrix_(columns, types) {
		std::vector<float> labels(target.begin(), target.end());
		MustXgb(XGDMatrixSetFloatInfo(matrix_.handle(), "label", labels.data(), labels.size()));
		DMatrixHandle matrix = matrix_.handle();
		MustXgb(XGBoosterCreate(&matrix, 1, &handle_));
		MustXgb(XGBoosterSetParam(handle_, "verbosity", "0"));
		MustXgb(XGBoosterSetParam(handle_, "nthread", "1"));
		for (const auto &[name, value] : parameters)
			MustXgb(XGBoosterSetParam(handle_, name.c_str(), value.c_str()));
		for (int round = 0; round < rounds; round++)
			MustXgb(XGBoosterUpdateOneIter(handle_, round, matrix_.handle()));
	}
	~Booster() { XGBoosterFree(handle_); }
	Booster(const Booster &) = delete;
	Booster &operator=(const Booster &) = delete;

	/// @param format  "json" or "ubj"
	std::string
	Save(const std::string &format) const {
		bst_ulong length = 0;
		const char *bytes = nullptr;
		MustXgb(XGBoosterSaveModelToBuffer(handle_, (R"({"format":")" + format + "\"}").c_str(),
										   &length, &bytes));
		return {bytes, length};
	}

	std::vector<float>
	Margins(const BoosterMatrix &rows) const {
		const bst_ulong *shape = nullptr;
		bst_ulong dimensions = 0;
		const float *margins = nullptr;
		MustXgb(XGBoosterPredictFromDMatrix(handle_, rows.handle(),
											R"({"type":1,"training":false,"iteration_begin":0,
												"iteration_end":0,"strict_shape":true})",
											&shape, &dimensions, &margins));
		return {margins, margins + shape[0] * shape[1]};
	}

	/// XGBoost's importances by feature name, features without splits left out.
	std::map<std::string, float>
	Scores(const std::string &kind) const {
		bst_ulong n_features = 0, dimensions = 0;
		const char **names = nullptr;
		const bst_ulong *shape = nullptr;
		const float *scores = nullptr;
		MustXgb(XGBoosterFeatureScore(handle_, (R"({"importance_type":")" + kind + "\"}").c_str(),
									  &n_features, &names, &dimensions, &shape, &scores));
		std::map<std::string, float> result;
		for (size_t i = 0; i < n_features; i++)
			result[names[i]] = scores[i];
		return result;
	}

private:
	BoosterMatrix matrix_;
	BoosterHandle handle_ = nullptr;
};

} // namespace pgml::test
