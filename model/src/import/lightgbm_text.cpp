// Strict reader of LightGBM's text: a header of lines key=value, then a block of such lines per tree, ended
// by an empty line. Only known keys are looked at; a key's value is not copied before its numbers are read.
//
// A row goes left where LightGBM sends it left:
//
// * Number, x <= t with t a double: ThresholdAbove below gives the float32 with the same answer.
// * Missing type "none": NaN counts as 0, so missing values go where 0 goes.
// * Missing type "NaN": NaN takes the default side.
// * Missing type "zero": NaN and everything within 1e-35 of 0 take the default side. One threshold can say so
//   only where 0 is on the same side by its value, or where the threshold itself lies within that range.
// * Category, in the set: left, and everything else right, missing values too. Our sets send to the right,
//   so the children are swapped. A value between -1 and 0 is category 0 there and none here.
#include "import/lightgbm_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "pgml/error.h"
#include "data/preprocessing.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr size_t kMaxGroups = 1000;
constexpr float kZeroRange = 1e-35f; // LightGBM's kZeroThreshold is this float
constexpr float kLargest = std::numeric_limits<float>::max();

[[noreturn]] void
Unexpected(const std::string &what) {
	throw MalformedFile{what};
}

[[noreturn]] void
NotSupported(const std::string &what, const std::string &hint = "") {
	throw Error(ErrorCode::kNotSupported, what, "", hint);
}

/// What a user may see of a file: short and printable.
std::string
Shown(std::string_view text) {
	std::string shown(text.substr(0, 60));
	std::replace_if(
		shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
	return shown;
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

/// The parts of a text between single blanks.
class Words {
public:
	explicit Words(std::string_view text) : rest_(text), at_end_(text.empty()) {}
	bool
	Next(std::string_view &word) {
		if (at_end_)
			return false;
		size_t blank = rest_.find(' ');
		word = rest_.substr(0, blank);
		at_end_ = blank == std::string_view::npos;
		if (!at_end_)
			rest_.remove_prefix(blank + 1);
		return true;
	}

private:
	std::string_view rest_;
	bool at_end_;
};

/// @param limit  more than that are refused before they take memory
template <typename T>
std::vector<T>
NumbersOf(std::string_view text, const char *what, size_t limit) {
	std::vector<T> numbers;
	Words words(text);
	for (std::string_view word; words.Next(word);) {
		if (word.empty()) // some writers end a line with a blank
			continue;
		if (numbers.size() == limit)
			Unexpected(fmt::format("\"{}\" is too long", what));
		numbers.push_back(NumberOf<T>(word, what));
	}
	return numbers;
}

class Lines {
public:
	explicit Lines(std::string_view text) : rest_(text) {}
	/// The next line without its end; false and an empty one behind the last.
	bool
	Next(std::string_view &line) {
		line = {};
		if (rest_.empty())
			return false;
		size_t end = rest_.find('\n');
		line = rest_.substr(0, end);
		rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
		if (line.ends_with('\r'))
			line.remove_suffix(1);
		return true;
	}

private:
	std::string_view rest_;
};

/// Values of known keys, views into the text.
template <size_t n> class Fields {
public:
	explicit Fields(const std::array<std::string_view, n> &names) : names_(names) {}
	void
	Read(std::string_view line) {
		size_t equals = line.find('=');
		std::string_view name = line.substr(0, equals);
		for (size_t i = 0; i < n; i++)
			if (names_[i] == name)
				values_[i] =
					equals == std::string_view::npos ? std::string_view() : line.substr(equals + 1);
	}
	std::optional<std::string_view>
	Find(std::string_view name) const {
		for (size_t i = 0; i < n; i++)
			if (names_[i] == name)
				return values_[i];
		return std::nullopt;
	}
	std::string_view
	At(std::string_view name) const {
		auto value = Find(name);
		if (!value)
			Unexpected(fmt::format("\"{}\" is not there", name));
		return *value;
	}

private:
	const std::array<std::string_view, n> &names_;
	std::array<std::optional<std::string_view>, n> values_;
};

constexpr std::array<std::string_view, 9> kHeaderNames = {
	"version",    "num_class",      "num_tree_per_iteration", "max_feature_idx", "objective",
	"tree_sizes", "average_output", "feature_names",          "linear_tree"};
constexpr std::array<std::string_view, 13> kTreeNames = {
	"num_leaves",     "num_cat",       "split_feature", "split_gain", "threshold",
	"left_child",     "right_child",   "decision_type", "leaf_value", "internal_count",
	"cat_boundaries", "cat_threshold", "is_linear"};

using Header = Fields<kHeaderNames.size()>;
using Block = Fields<kTreeNames.size()>;

/// How leaves become what the user sees.
struct Output {
	Link link = Link::kIdentity;
	size_t n_classes = 0;
	double scale = 1;          ///< leaves are multiplied by it
	bool is_converted = false; ///< the prediction is not the margin
};

/// "binary sigmoid:1", "multiclass num_class:3", "regression sqrt" ...
Output
OutputOf(std::string_view objective, size_t n_groups) {
	Words words(objective);
	std::string_view name, word;
	words.Next(name);
	double sigmoid = 1;
	bool has_sqrt = false;
	while (words.Next(word)) {
		if (word.starts_with("sigmoid:"))
			sigmoid = NumberOf<double>(word.substr(8), "sigmoid");
		else if (word == "sqrt")
			has_sqrt = true;
	}
	if (!std::isfinite(sigmoid) || !(sigmoid > 0))
		Unexpected("sigmoid is not positive");
	if (has_sqrt)
		NotSupported("LightGBM's parameter \"reg_sqrt\" is not supported",
					 "Train the model without it, on the square root of the target.");
	if (name == "binary")
		return {Link::kLogistic, 2, sigmoid, true};
	if (name == "multiclass")
		return {Link::kSoftmax, n_groups, 1, true};
	if (name == "multiclassova") // a probability for each class by itself: the sum is not 1
		return {Link::kDecision, n_groups, 1, true};
	if (name == "cross_entropy" || name == "xentropy")
		return {Link::kLogistic, 0, 1, true};
	for (const char *known : {"poisson", "gamma", "tweedie"})
		if (name == known)
			return {Link::kExp, 0, 1, true};
	// No objective: one of the user's own, of which only the sum of leaves is known.
	for (const char *known : {"", "regression", "regression_l2", "regression_l1", "huber", "fair",
							  "quantile", "mape", "lambdarank", "rank_xendcg", "custom", "none"})
		if (name == known)
			return {};
	NotSupported(fmt::format("objective \"{}\" is not supported", Shown(name)));
}

/// A tree's arrays, all of the length that num_leaves says.
class TreeReader {
public:
	TreeReader(const Block &block, size_t n_columns) : n_columns_(n_columns) {
		if (auto linear = block.Find("is_linear"); linear && *linear != "0")
			NotSupported("linear trees are not supported",
						 "Train the model without \"linear_tree\".");
		auto n_leaves = NumberOf<size_t>(block.At("num_leaves"), "num_leaves");
		leaves_ = NumbersOf<double>(block.At("leaf_value"), "leaf_value", n_leaves);
		if (n_leaves == 0 || leaves_.size() != n_leaves)
			Unexpected("the number of leaves is not num_leaves");
		if (n_leaves == 1)
			return;
		left_ = Splits<int64_t>(block, "left_child");
		right_ = Splits<int64_t>(block, "right_child");
		features_ = Splits<int64_t>(block, "split_feature");
		types_ = Splits<int64_t>(block, "decision_type");
		thresholds_ = Splits<double>(block, "threshold");
		gains_ = Statistics(block, "split_gain");
		covers_ = Statistics(block, "internal_count");
		auto n_sets = block.Find("num_cat");
		if (n_sets && *n_sets != "0") {
			boundaries_ =
				NumbersOf<size_t>(block.At("cat_boundaries"), "cat_boundaries", leaves_.size());
			words_ = NumbersOf<uint32_t>(block.At("cat_threshold"), "cat_threshold",
										 TreeEnsemble::kMaxSetWords);
			if (!std::is_sorted(boundaries_.begin(), boundaries_.end()))
				Unexpected("the boundaries of categories are not in order");
		}
	}

	/// Breadth-first from the root. @param scale  what leaves are multiplied by
	TreeParts
	Parts(double scale) {
		TreeParts parts;
		is_used_.assign(boundaries_.size(), false);
		std::vector<int64_t> order = {left_.empty() ? ~int64_t{0} : 0};
		for (size_t i = 0; i < order.size(); i++) {
			// A tree of n leaves has 2n - 1 nodes: more are a circle, or one node in two places.
			if (order.size() > 2 * leaves_.size() - 1)
				Unexpected("a tree is no tree");
			int64_t id = order[i];
			if (id < 0)
				parts.nodes.push_back({Leaf(~id, scale), TreeNode::kLeaf, 0});
			else
				AddSplit(static_cast<size_t>(id), parts, order);
		}
		return parts;
	}

private:
	enum Missing : int64_t { kNone = 0, kZero = 1, kNan = 2 };

	template <typename T>
	std::vector<T>
	Splits(const Block &block, const char *name) const {
		std::vector<T> numbers = NumbersOf<T>(block.At(name), name, leaves_.size() - 1);
		if (numbers.size() != leaves_.size() - 1)
			Unexpected(fmt::format("the length of \"{}\" is not that of the tree", name));
		return numbers;
	}
	/// What only describes the tree: a file may do without.
	std::vector<double>
	Statistics(const Block &block, const char *name) const {
		std::vector<double> numbers;
		if (auto text = block.Find(name))
			numbers = NumbersOf<double>(*text, name, leaves_.size() - 1);
		auto fits = [](double number) { return std::fabs(number) <= kLargest; };
		if (numbers.size() != leaves_.size() - 1 ||
			!std::all_of(numbers.begin(), numbers.end(), fits))
			numbers.clear();
		return numbers;
	}
	float
	Leaf(int64_t leaf, double scale) const {
		if (leaf >= static_cast<int64_t>(leaves_.size()))
			Unexpected("a child is out of range");
		double value = leaves_[static_cast<size_t>(leaf)] * scale;
		if (!(std::fabs(value) <= kLargest))
			Unexpected("a leaf is not finite");
		return static_cast<float>(value);
	}

	void
	AddSplit(size_t id, TreeParts &parts, std::vector<int64_t> &order) {
		if (id >= left_.size())
			Unexpected("a child is out of range");
		if (features_[id] < 0 || features_[id] >= static_cast<int64_t>(n_columns_))
			Unexpected("a split's feature is out of range");
		auto column = static_cast<uint32_t>(features_[id]);
		int64_t type = types_[id];
		if (type < 0 || type > 15)
			Unexpected("a split is of an unknown type");
		if (!gains_.empty())
			parts.gains.push_back(static_cast<float>(gains_[id]));
		if (!covers_.empty())
			parts.covers.push_back(static_cast<float>(covers_[id]));
		int64_t left = left_[id], right = right_[id];
		if ((type & 1) != 0) {
			// Missing values go right there, which is left here.
			parts.nodes.push_back(
				TreeNode::Categorical(column, TreeNode::kDefaultLeft, AddSet(id, parts)));
			std::swap(left, right);
		} else {
			parts.nodes.push_back(NumberSplit(column, thresholds_[id], (type & 2) != 0, type >> 2));
		}
		order.push_back(left);
		order.push_back(right);
	}

	static TreeNode
	NumberSplit(uint32_t column, double threshold, bool default_left, int64_t missing) {
		if (!std::isfinite(threshold))
			Unexpected("a threshold is not finite");
		float above = ThresholdAbove(threshold);
		if (missing == kNone) {
			default_left = 0 <= threshold;
		} else if (missing == kZero) {
			// The range around 0 belongs to the left: all of it below the threshold, or at least its start.
			bool covers_start = threshold >= -kZeroRange, covers_end = threshold >= kZeroRange;
			if (default_left ? !covers_start : covers_end)
				NotSupported("splits that take zero for missing are not supported",
							 "Train the model without \"zero_as_missing\".");
			if (covers_start && !covers_end)
				above = default_left ? ThresholdAbove(kZeroRange) : -kZeroRange;
		} else if (missing != kNan) {
			Unexpected("a split is of an unknown type");
		}
		return {above, column | (default_left ? TreeNode::kDefaultLeft : 0), 0};
	}

	/// The threshold of a categorical split is the number of its set.
	size_t
	AddSet(size_t id, TreeParts &parts) {
		double number = thresholds_[id];
		if (!(number >= 0) || number + 1 >= static_cast<double>(boundaries_.size()) ||
			number != std::floor(number))
			Unexpected("a split's categories are out of range");
		size_t begin = boundaries_[static_cast<size_t>(number)];
		size_t end = boundaries_[static_cast<size_t>(number) + 1];
		if (end > words_.size())
			Unexpected("the boundaries of categories are out of range");
		// Splits that share a set would make memory and time of little text.
		if (is_used_[static_cast<size_t>(number)])
			Unexpected("a set of categories belongs to two splits");
		is_used_[static_cast<size_t>(number)] = true;
		if (end - begin > kCategoryLimit / 32 ||
			end - begin >= TreeEnsemble::kMaxSetWords - parts.sets.size())
			throw Error(ErrorCode::kLimitExceeded, "model has too many categories in its splits");
		return parts.AddSet(std::span(words_).subspan(begin, end - begin));
	}

	size_t n_columns_;
	std::vector<int64_t> left_, right_, features_, types_;
	std::vector<double> thresholds_, leaves_, gains_, covers_;
	std::vector<size_t> boundaries_;
	std::vector<uint32_t> words_;
	std::vector<bool> is_used_; ///< sets
};

class ModelReader {
public:
	explicit ModelReader(std::string_view text) : lines_(text), header_(kHeaderNames) {}

	LightgbmModel
	Read() {
		ReadHeader();
		LightgbmModel model;
		model.link = output_.link;
		model.n_classes = output_.n_classes;
		model.feature_names = FeatureNames();
		// The number of trees is known at their end only: an average is made of the blocks first.
		size_t n_trees = CountTrees();
		if (n_trees % n_groups_ != 0)
			Unexpected("the trees are not the same number for every class");
		double scale = output_.scale;
		if (header_.Find("average_output"))
			scale /= static_cast<double>(n_trees / n_groups_);
		auto trees =
			std::make_unique<TreeEnsemble>(n_columns_, std::vector<float>(n_groups_, 0.0f));
		for (size_t t = 0; t < n_trees; t++) {
			TreeParts parts = TreeReader(NextTree(), n_columns_).Parts(scale);
			if (parts.nodes.size() > kMaxEnsembleNodes - trees->nodes().size())
				RefuseNodes();
			if (const char *problem = trees->AddTree(static_cast<uint32_t>(t % n_groups_), parts))
				throw Error(ErrorCode::kLimitExceeded, fmt::format("model has {}", problem));
		}
		model.trees = std::move(trees);
		return model;
	}

private:
	void
	ReadHeader() {
		std::string_view line;
		if (!lines_.Next(line) || line != "tree")
			Unexpected("the first line is not \"tree\"");
		while (lines_.Next(line) && !line.starts_with("Tree=") && line != "end of trees")
			header_.Read(line);
		first_tree_ = line;
		std::string_view version = header_.At("version");
		if (version != "v2" && version != "v3" && version != "v4")
			NotSupported(
				fmt::format("LightGBM's model format \"{}\" is not supported", Shown(version)),
				"The formats v2, v3 and v4 are.");
		if (auto linear = header_.Find("linear_tree"); linear && *linear != "0")
			NotSupported("linear trees are not supported",
						 "Train the model without \"linear_tree\".");
		auto last_column = NumberOf<size_t>(header_.At("max_feature_idx"), "max_feature_idx");
		auto n_classes = NumberOf<size_t>(header_.At("num_class"), "num_class");
		auto n_groups = header_.Find("num_tree_per_iteration");
		n_groups_ = n_groups ? NumberOf<size_t>(*n_groups, "num_tree_per_iteration") : n_classes;
		if (last_column >= Preprocessor::kMaxWidth || n_groups_ > kMaxGroups)
			throw Error(ErrorCode::kLimitExceeded, "model has too many features or classes",
						fmt::format("At most {} features and {} classes are possible.",
									Preprocessor::kMaxWidth, kMaxGroups));
		n_columns_ = last_column + 1;
		output_ = OutputOf(header_.Find("objective").value_or(""), n_groups_);
		bool is_multiple = output_.n_classes > 0 && output_.link != Link::kLogistic;
		if (n_groups_ == 0 ||
			(is_multiple ? n_groups_ < 2 || n_classes != n_groups_ : n_groups_ != 1))
			Unexpected("the number of classes does not fit the objective");
		// In v2 the trees of a random forest were made in another way, depending on the objective.
		if (header_.Find("average_output") && version == "v2" && output_.is_converted)
			NotSupported("random forests of LightGBM's model format \"v2\" are not supported",
						 "Load the model in a newer LightGBM and train it again.");
	}

	std::vector<std::string>
	FeatureNames() const {
		std::vector<std::string> names;
		Words words(header_.At("feature_names"));
		for (std::string_view word; names.size() <= n_columns_ && words.Next(word);)
			names.emplace_back(word);
		if (names.size() != n_columns_)
			Unexpected("feature_names does not fit max_feature_idx");
		return names;
	}

	size_t
	CountTrees() const {
		size_t n_trees = 0;
		std::string_view line = first_tree_;
		for (Lines lines = lines_; line.starts_with("Tree=");) {
			n_trees++;
			while (lines.Next(line) && !line.empty()) {
			}
			while (line.empty() && lines.Next(line)) {
			}
		}
		if (n_trees == 0)
			Unexpected("there are no trees");
		// Written before the trees: a file that was cut off shows here.
		if (auto sizes = header_.Find("tree_sizes"))
			if (NumbersOf<uint64_t>(*sizes, "tree_sizes", n_trees).size() != n_trees)
				Unexpected("the number of trees is not that of tree_sizes");
		return n_trees;
	}

	/// The lines of a tree whose first line has been read, up to the first line of the next one.
	Block
	NextTree() {
		Block block(kTreeNames);
		std::string_view line;
		for (;;) {
			if (!lines_.Next(line) || line.starts_with("Tree="))
				Unexpected("a tree does not end");
			if (line.empty())
				break;
			block.Read(line);
		}
		while (line.empty() && lines_.Next(line)) {
		}
		return block;
	}

	Lines lines_;
	Header header_;
	std::string_view first_tree_;
	Output output_;
	size_t n_columns_ = 0, n_groups_ = 0;
};

} // namespace

// Let S be the float32 numbers, infinities included, and t' the smallest member of S above t. For x in S: x <= t
// implies x < t', because t < t'; and x < t' implies x <= t, because a member of S above t is at least t'. So the two
// tests agree on all of S. `nearest` is a neighbour of t in S, or t itself: when it is above t, there is no
// member between, so it is t'; when it is not, t' is its successor. Below the smallest finite member only -infinity
// passes either test. Where t' would be infinity, the largest float32 takes its place, since thresholds are finite:
// only that number itself then goes right instead of left.
float
ThresholdAbove(double t) {
	if (t >= kLargest)
		return kLargest;
	if (t < -kLargest)
		return -kLargest;
	auto nearest = static_cast<float>(t);
	return static_cast<double>(nearest) > t ? nearest : std::nextafter(nearest, kLargest);
}

LightgbmModel
ReadLightgbmModel(std::string_view text) {
	return ModelReader(text).Read();
}

} // namespace pgml
