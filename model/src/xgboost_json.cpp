// Strict converter of XGBoost's JSON model. Numbers go from their decimal text straight to float32:
// by way of double they would be rounded twice, and a threshold one ulp off sends rows to the other
// side.
#include "xgboost_json.h"

#include <charconv>
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "pgml/error.h"

#include "no_postgres.h"

namespace pgml {

namespace {

/// With float as its number type the parser calls strtof on the text.
using FloatJson =
	nlohmann::basic_json<std::map, std::vector, std::string, bool, int64_t, uint64_t, float>;

[[noreturn]] void
Unexpected(const std::string &what) {
	throw Error(ErrorCode::kInternal, "model trained by XGBoost has an unexpected form",
				what + ".");
}

[[noreturn]] void
NotFinite() {
	throw Error(ErrorCode::kInvalidData, "training did not give a finite model",
				"Target values or hyperparameters are too large.", "Scale the target down.");
}

template <typename T>
T
NumberOf(const std::string &text, const char *what) {
	T value{};
	auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
	if (error != std::errc() || end != text.data() + text.size())
		Unexpected(fmt::format("{} is \"{}\"", what, text));
	return value;
}

/// XGBoost's ProbToMargin for the objective: base_score is stored on the scale of the prediction.
float
BaseMargin(const std::string &objective, float base_score) {
	if (objective == "binary:logistic" || objective == "reg:logistic")
		return -logf(1.0f / base_score - 1.0f);
	if (objective == "count:poisson" || objective == "reg:gamma" || objective == "reg:tweedie")
		return std::log(base_score);
	if (objective == "reg:squarederror" || objective == "reg:absoluteerror" ||
		objective == "reg:pseudohubererror" || objective == "multi:softprob")
		return base_score;
	throw Error(ErrorCode::kNotSupported,
				fmt::format("objective \"{}\" is not supported", objective));
}

class TreeReader {
public:
	explicit TreeReader(const FloatJson &tree)
		: left_(tree.at("left_children")), right_(tree.at("right_children")),
		  indices_(tree.at("split_indices")), conditions_(tree.at("split_conditions")),
		  defaults_(tree.at("default_left")), types_(tree.at("split_type")) {
		const FloatJson &parameters = tree.at("tree_param");
		size_ = left_.size();
		if (right_.size() != size_ || indices_.size() != size_ || conditions_.size() != size_ ||
			defaults_.size() != size_ || types_.size() != size_)
			Unexpected("the arrays of a tree differ in length");
		if (parameters.at("size_leaf_vector") != "0")
			throw Error(ErrorCode::kNotSupported, "trees with vector leaves are not supported");
	}

	/// Breadth-first from the root, which also leaves out nodes that pruning deleted.
	std::vector<TreeNode>
	Nodes(size_t n_columns) const {
		std::vector<TreeNode> result;
		std::vector<size_t> order = {0};
		for (size_t i = 0; i < order.size(); i++) {
			if (order.size() > size_)
				Unexpected("a tree is no tree");
			size_t id = order[i];
			TreeNode node{};
			node.value = Float(conditions_.at(id));
			auto left = left_.at(id).get<int64_t>(), right = right_.at(id).get<int64_t>();
			if (left == -1) {
				node.feature = TreeNode::kLeaf;
			} else {
				if (types_.at(id) != 0)
					throw Error(ErrorCode::kNotSupported, "categorical splits are not supported");
				auto feature = indices_.at(id).get<int64_t>();
				if (left <= 0 || right <= 0 || left >= static_cast<int64_t>(size_) ||
					right >= static_cast<int64_t>(size_) || feature < 0 ||
					feature >= static_cast<int64_t>(n_columns))
					Unexpected("an index is out of range");
				node.feature = static_cast<uint32_t>(feature);
				const FloatJson &side = defaults_.at(id);
				if (side.is_boolean() ? side.get<bool>() : side.get<int>() != 0)
					node.feature |= TreeNode::kDefaultLeft;
				order.push_back(static_cast<size_t>(left));
				order.push_back(static_cast<size_t>(right));
			}
			result.push_back(node);
		}
		return result;
	}

private:
	static float
	Float(const FloatJson &value) {
		if (!value.is_number())
			NotFinite(); // XGBoost writes NaN and infinity as something else than a number
		auto number = value.get<float>();
		if (!std::isfinite(number))
			NotFinite();
		return number;
	}
	const FloatJson &left_, &right_, &indices_, &conditions_, &defaults_, &types_;
	size_t size_ = 0;
};

std::unique_ptr<const TreeEnsemble>
Convert(const FloatJson &json, size_t n_columns) {
	const FloatJson &learner = json.at("learner");
	const FloatJson &booster = learner.at("gradient_booster");
	if (booster.at("name") != "gbtree")
		throw Error(ErrorCode::kNotSupported, "only boosters of type \"gbtree\" are supported");
	const FloatJson &parameters = learner.at("learner_model_param");
	if (NumberOf<size_t>(parameters.at("num_feature"), "num_feature") != n_columns)
		Unexpected("the number of features is not that of the training data");
	auto n_classes = NumberOf<size_t>(parameters.at("num_class"), "num_class");
	auto base_score = NumberOf<float>(parameters.at("base_score"), "base_score");
	float base_margin = BaseMargin(learner.at("objective").at("name"), base_score);
	if (!std::isfinite(base_margin))
		NotFinite();
	size_t n_groups = n_classes > 1 ? n_classes : 1;
	auto result =
		std::make_unique<TreeEnsemble>(n_columns, std::vector<float>(n_groups, base_margin));
	const FloatJson &trees = booster.at("model").at("trees"),
					&groups = booster.at("model").at("tree_info");
	if (trees.size() != groups.size())
		Unexpected("the number of trees is not that of their groups");
	for (size_t t = 0; t < trees.size(); t++) {
		std::vector<TreeNode> nodes = TreeReader(trees.at(t)).Nodes(n_columns);
		auto group = groups.at(t).get<int64_t>();
		if (group < 0 || group >= static_cast<int64_t>(n_groups))
			Unexpected("a tree's group is out of range");
		if (const char *problem = result->AddTree(static_cast<uint32_t>(group), nodes))
			throw Error(ErrorCode::kLimitExceeded, fmt::format("trained model has {}", problem), "",
						"Choose a smaller \"max_depth\" or \"max_leaves\".");
	}
	return result;
}

} // namespace

std::unique_ptr<const TreeEnsemble>
TreesFromXgboostJson(std::string_view json, size_t n_columns) {
	FloatJson parsed;
	try {
		parsed = FloatJson::parse(json.begin(), json.end());
	} catch (const FloatJson::exception &e) {
		// The only tokens of XGBoost's writer that are no JSON are NaN and Infinity.
		if (json.find("NaN") != std::string_view::npos ||
			json.find("nan") != std::string_view::npos ||
			json.find("nfinity") != std::string_view::npos ||
			json.find("inf") != std::string_view::npos)
			NotFinite();
		Unexpected(e.what());
	}
	try {
		return Convert(parsed, n_columns);
	} catch (const FloatJson::exception &e) {
		Unexpected(e.what());
	}
}

} // namespace pgml
