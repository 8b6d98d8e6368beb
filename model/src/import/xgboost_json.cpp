// Strict converter of XGBoost's model. Every index is checked and every tree walked from its root, so that
// what is accepted is a tree, whatever the arrays say.
#include "import/xgboost_json.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "pgml/error.h"
#include "data/preprocessing.h"
#include "import/xgboost_categories.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr size_t kMaxGroups = 1000;

[[noreturn]] void
Unexpected(const std::string &what) {
	throw MalformedFile{what};
}

[[noreturn]] void
NotSupported(const std::string &what) {
	throw Error(ErrorCode::kNotSupported, what);
}

[[noreturn]] void
NotFinite() {
	throw Error(ErrorCode::kInvalidData, "model holds numbers that are not finite",
				"Target values or hyperparameters of its training are too large.",
				"Scale the target down.");
}

template <typename T>
T
NumberOf(std::string_view text, const char *what) {
	T value{};
	auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
	if (error != std::errc() || end != text.data() + text.size())
		Unexpected(fmt::format("{} is no number", what));
	return value;
}

const std::string &
TextOf(const FloatJson &value, const char *what) {
	if (!value.is_string())
		Unexpected(fmt::format("{} is no text", what));
	return value.get_ref<const std::string &>();
}

/// Whole numbers may not come as floats: out of range they would convert to anything.
int64_t
IntegerOf(const FloatJson &value, const char *what) {
	if (!value.is_number_integer())
		Unexpected(fmt::format("{} is no whole number", what));
	return value.get<int64_t>();
}

/// XGBoost's ProbToMargin for the objective: base_score is stored on the scale of the prediction.
float
BaseMargin(const std::string &objective, float base_score) {
	if (objective == "binary:logistic" || objective == "reg:logistic")
		return -logf(1.0f / base_score - 1.0f);
	if (objective == "count:poisson" || objective == "reg:gamma" || objective == "reg:tweedie")
		return std::log(base_score);
	for (const char *known :
		 {"reg:squarederror", "reg:linear", "reg:absoluteerror", "reg:pseudohubererror",
		  "reg:squaredlogerror", "reg:quantileerror", "multi:softprob", "multi:softmax",
		  "rank:pairwise", "rank:ndcg", "rank:map"})
		if (objective == known)
			return base_score;
	NotSupported(fmt::format("objective \"{}\" is not supported", objective.substr(0, 60)));
}

/// "5E-1", or from version 3.1 "[5E-1]" or one number per group.
std::vector<float>
BaseScores(std::string_view text, size_t n_groups) {
	std::vector<float> scores;
	if (!text.starts_with('[') || !text.ends_with(']') || text.size() < 2) {
		scores.push_back(NumberOf<float>(text, "base_score"));
	} else {
		text = text.substr(1, text.size() - 2);
		for (;;) {
			while (text.starts_with(' '))
				text.remove_prefix(1);
			size_t comma = text.find(',');
			scores.push_back(NumberOf<float>(text.substr(0, comma), "base_score"));
			if (comma == std::string_view::npos || scores.size() > n_groups)
				break;
			text.remove_prefix(comma + 1);
		}
	}
	if (scores.size() == 1)
		scores.resize(n_groups, scores[0]);
	if (scores.size() != n_groups)
		Unexpected("base_score does not fit the number of classes");
	return scores;
}

class TreeReader {
public:
	explicit TreeReader(const FloatJson &tree)
		: left_(tree.at("left_children")), right_(tree.at("right_children")),
		  indices_(tree.at("split_indices")), conditions_(tree.at("split_conditions")),
		  defaults_(tree.at("default_left")), size_(left_.size()), categories_(tree, size_) {
		for (const FloatJson *array : {&left_, &right_, &indices_, &conditions_, &defaults_})
			if (!array->is_array() || array->size() != size_)
				Unexpected("the arrays of a tree differ in length");
		if (auto types = tree.find("split_type"); types != tree.end()) { // older files have none
			if (!types->is_array())
				Unexpected("split_type is no array");
			if (!types->empty() && types->size() != size_)
				Unexpected("the arrays of a tree differ in length");
			types_ = types->empty() ? nullptr : &*types;
		}
		gains_ = Statistics(tree, "loss_changes");
		covers_ = Statistics(tree, "sum_hessian");
		const std::string &width =
			TextOf(tree.at("tree_param").at("size_leaf_vector"), "size_leaf_vector");
		if (width != "0" && width != "1")
			NotSupported("trees with vector leaves are not supported");
	}

	/// Breadth-first from the root, which also leaves out nodes that pruning deleted.
	TreeParts
	Parts(size_t n_columns, float weight) const {
		TreeParts result;
		std::vector<size_t> order = {0};
		std::vector<bool> is_seen(size_); // a node in two places could make its categories many
		bool has_gains = gains_ != nullptr, has_covers = covers_ != nullptr;
		for (size_t i = 0; i < order.size(); i++) {
			size_t id = order[i];
			if (id >= size_ || is_seen[id])
				Unexpected("a tree is no tree");
			is_seen[id] = true;
			TreeNode node{};
			int64_t left = IntegerOf(left_.at(id), "a child");
			int64_t right = IntegerOf(right_.at(id), "a child");
			if (left == -1) {
				node.feature = TreeNode::kLeaf;
				node.value = Float(conditions_.at(id)) * weight; // in float32, as XGBoost's own
			} else {
				int64_t type = types_ == nullptr ? 0 : IntegerOf(types_->at(id), "a split's type");
				if (type != 0 && type != 1)
					Unexpected("a split of an unknown type");
				int64_t feature = IntegerOf(indices_.at(id), "a split's feature");
				if (left <= 0 || right <= 0 || left >= static_cast<int64_t>(size_) ||
					right >= static_cast<int64_t>(size_) || feature < 0 ||
					feature >= static_cast<int64_t>(n_columns))
					Unexpected("an index is out of range");
				const FloatJson &side = defaults_.at(id);
				bool default_left =
					side.is_boolean() ? side.get<bool>() : IntegerOf(side, "default_left") != 0;
				uint32_t flags = default_left ? TreeNode::kDefaultLeft : 0;
				auto column = static_cast<uint32_t>(feature);
				if (type == 1)
					node = TreeNode::Categorical(column, flags, categories_.AddSet(id, result));
				else
					node = {Float(conditions_.at(id)), column | flags, 0};
				has_gains = has_gains && AppendNumber(gains_->at(id), result.gains);
				has_covers = has_covers && AppendNumber(covers_->at(id), result.covers);
				order.push_back(static_cast<size_t>(left));
				order.push_back(static_cast<size_t>(right));
			}
			result.nodes.push_back(node);
		}
		if (!has_gains)
			result.gains.clear();
		if (!has_covers)
			result.covers.clear();
		return result;
	}

private:
	/// Numbers per node that only describe the tree: a file may do without.
	const FloatJson *
	Statistics(const FloatJson &tree, const char *name) const {
		auto found = tree.find(name);
		bool usable = found != tree.end() && found->is_array() && found->size() == size_;
		return usable ? &*found : nullptr;
	}
	/// @return whether there was a finite one
	static bool
	AppendNumber(const FloatJson &value, std::vector<float> &to) {
		if (!value.is_number() || !std::isfinite(value.get<float>()))
			return false;
		to.push_back(value.get<float>());
		return true;
	}
	static float
	Float(const FloatJson &value) {
		if (!value.is_number())
			NotFinite(); // XGBoost writes NaN and infinity as something else than a number
		auto number = value.get<float>();
		if (!std::isfinite(number))
			NotFinite();
		return number;
	}
	const FloatJson &left_, &right_, &indices_, &conditions_, &defaults_;
	const FloatJson *types_ = nullptr, *gains_ = nullptr, *covers_ = nullptr;
	size_t size_;
	SplitCategories categories_;
};

/// Where the trees are, and what each is multiplied by (dart): inside "gbtree" until 3.2, beside or inside
/// "model" later.
struct Forest {
	const FloatJson &model;
	const FloatJson *weights;

	static Forest
	Of(const FloatJson &booster) {
		const std::string &name = TextOf(booster.at("name"), "the booster's name");
		if (name != "gbtree" && name != "dart")
			NotSupported(
				fmt::format("boosters of type \"{}\" are not supported", name.substr(0, 60)));
		bool nested = booster.contains("gbtree");
		const FloatJson &model = nested ? booster.at("gbtree").at("model") : booster.at("model");
		const FloatJson *weights = nullptr;
		if (booster.contains("weight_drop"))
			weights = &booster.at("weight_drop");
		else if (model.contains("weight_drop"))
			weights = &model.at("weight_drop");
		return {model, weights != nullptr && weights->empty() ? nullptr : weights};
	}
	float
	WeightOf(size_t tree) const {
		if (weights == nullptr)
			return 1;
		const FloatJson &weight = weights->at(tree);
		if (!weight.is_number())
			Unexpected("a tree's weight is no number");
		return weight.get<float>();
	}
};

XgboostModel
Convert(const FloatJson &json) {
	const FloatJson &learner = json.at("learner");
	Forest forest = Forest::Of(learner.at("gradient_booster"));
	const FloatJson &parameters = learner.at("learner_model_param");
	auto n_columns =
		NumberOf<size_t>(TextOf(parameters.at("num_feature"), "num_feature"), "num_feature");
	auto n_classes = NumberOf<size_t>(TextOf(parameters.at("num_class"), "num_class"), "num_class");
	if (parameters.contains("num_target") &&
		NumberOf<size_t>(TextOf(parameters.at("num_target"), "num_target"), "num_target") > 1)
		NotSupported("models with several targets are not supported");
	if (n_columns > Preprocessor::kMaxWidth || n_classes > kMaxGroups)
		throw Error(ErrorCode::kLimitExceeded, "model has too many features or classes",
					fmt::format("At most {} features and {} classes are possible.",
								Preprocessor::kMaxWidth, kMaxGroups));
	XgboostModel result;
	result.objective = TextOf(learner.at("objective").at("name"), "the objective");
	size_t n_groups = n_classes > 1 ? n_classes : 1;
	std::vector<float> base =
		BaseScores(TextOf(parameters.at("base_score"), "base_score"), n_groups);
	for (float &margin : base) {
		margin = BaseMargin(result.objective, margin);
		if (!std::isfinite(margin))
			NotFinite();
	}
	if (auto names = learner.find("feature_names"); names != learner.end() && !names->empty()) {
		if (!names->is_array() || names->size() != n_columns)
			Unexpected("feature_names does not fit num_feature");
		for (const FloatJson &name : *names)
			result.feature_names.push_back(TextOf(name, "a feature's name"));
	}
	result.category_names = CategoryNames(forest.model, n_columns);
	auto ensemble = std::make_unique<TreeEnsemble>(n_columns, std::move(base));
	const FloatJson &trees = forest.model.at("trees"), &groups = forest.model.at("tree_info");
	if (!trees.is_array() || !groups.is_array() || trees.size() != groups.size() ||
		(forest.weights != nullptr &&
		 (!forest.weights->is_array() || forest.weights->size() != trees.size())))
		Unexpected("the number of trees is not that of their groups or weights");
	for (size_t t = 0; t < trees.size(); t++) {
		TreeParts parts = TreeReader(trees.at(t)).Parts(n_columns, forest.WeightOf(t));
		int64_t group = IntegerOf(groups.at(t), "a tree's group");
		if (group < 0 || group >= static_cast<int64_t>(n_groups))
			Unexpected("a tree's group is out of range");
		if (parts.nodes.size() > kMaxEnsembleNodes - ensemble->nodes().size())
			RefuseNodes();
		if (const char *problem = ensemble->AddTree(static_cast<uint32_t>(group), parts))
			throw Error(ErrorCode::kLimitExceeded, fmt::format("model has {}", problem), "",
						"Choose a smaller \"max_depth\" or \"max_leaves\".");
	}
	result.trees = std::move(ensemble);
	return result;
}

} // namespace

XgboostModel
ReadXgboostModel(const FloatJson &json) {
	try {
		return Convert(json);
	} catch (const FloatJson::exception &) {
		Unexpected("a part of the model is not there");
	}
}

std::unique_ptr<const TreeEnsemble>
TreesFromXgboostJson(std::string_view json, size_t n_columns) {
	try {
		FloatJson parsed = ParseBoundedJson(json);
		XgboostModel model = ReadXgboostModel(parsed);
		if (model.trees->n_columns() != n_columns)
			Unexpected("the number of features is not that of the training data");
		return std::move(model.trees);
	} catch (const MalformedFile &problem) {
		// Another spelling of NaN or infinity than the reader knows.
		for (const char *token : {"nan", "inf"})
			if (json.find(token) != std::string_view::npos)
				NotFinite();
		throw Error(ErrorCode::kInternal, "model trained by XGBoost has an unexpected form",
					fmt::format("{}.", problem.what));
	}
}

} // namespace pgml
