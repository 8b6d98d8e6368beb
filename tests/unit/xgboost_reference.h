#pragma once
/// Models that libxgboost trains through its own interface, and what it predicts: what ours are compared with.
#include <string>
#include <utility>
#include <vector>

#include "datasets.h"

namespace pgml::test {

struct XgboostCase {
	const char *name;
	const char *objective;
	int n_classes; ///< 0 = regression
	std::vector<std::pair<const char *, const char *>> parameters;
	int rounds;
};

constexpr size_t kReferenceColumns = 9;
extern const char *const kReferenceNames[kReferenceColumns];

struct XgboostReference {
	Dataset train;
	Matrix
		rows; ///< test rows: half of the cells are cells of the training rows, one in 20 is missing
	std::string json, ubjson;   ///< the model as saved
	std::vector<float> margins; ///< of the test rows, row-major
	size_t n_groups = 1;
};

/// Trains with nthread 1 on rows that depend on the number of classes only.
XgboostReference TrainByLibrary(const XgboostCase &c, size_t n_train, size_t n_test);

/// How many margins differ in any bit.
size_t DifferentBits(const std::vector<float> &a, const std::vector<float> &b);

/// Names a parameterized test after its case.
constexpr auto kCaseName = [](const auto &info) { return std::string(info.param.name); };

} // namespace pgml::test
