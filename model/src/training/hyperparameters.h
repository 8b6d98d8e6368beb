#pragma once
/// Typed access to the hyperparameters of an algorithm; Finish() refuses names that nobody asked
/// for.
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgml {

/// What a row of a class counts in training.
struct ClassWeight {
	bool balanced = false; ///< every class counts the same in all
	bool per_tree = false; ///< balanced anew in the sample of each tree
	std::vector<std::pair<std::string, double>> by_label; ///< labels not named: 1
};

class Hyperparameters {
public:
	/// @throws Error(kInvalidArgument) when the text is no JSON object
	Hyperparameters(std::string_view algorithm, const std::string &json_text);
	~Hyperparameters();
	Hyperparameters(const Hyperparameters &) = delete;
	Hyperparameters &operator=(const Hyperparameters &) = delete;

	/// The first of `names` is the main one, the rest are aliases; two of them at once are refused.
	using Names = std::initializer_list<const char *>;
	enum class Bound { kInclusive, kExclusiveLow };

	double Real(Names names, double fallback, double low, double high,
				Bound bound = Bound::kInclusive);
	std::optional<double> OptionalReal(Names names, double low, double high,
									   Bound bound = Bound::kInclusive);
	int64_t Integer(Names names, int64_t fallback, int64_t low, int64_t high);
	/// A whole number, or the word. @return nullopt for the word
	std::optional<int64_t> IntegerOrWord(Names names, std::optional<int64_t> fallback,
										 const char *word, int64_t low, int64_t high);
	/// Null, scikit-learn's None, gives no number; nothing given gives the fallback.
	std::optional<int64_t> NullableInteger(Names names, std::optional<int64_t> fallback,
										   int64_t low, int64_t high);
	/// As scikit-learn tells them apart: 5 is a count, 0.5 and 1.0 are shares of the whole, a text is one
	/// of `allowed`; null is `name` "null".
	struct Amount {
		std::optional<int64_t> count;
		std::optional<double> share;
		std::string name;
		/// Of a whole of `total`, rounded up; at least `low`. @param total  > 0
		size_t Of(size_t total, size_t low) const;
	};
	std::optional<Amount> OptionalAmount(Names names, int64_t low,
										 const std::vector<std::string> &allowed = {});
	bool Flag(Names names, bool fallback);
	/// scikit-learn's class_weight: null, "balanced", or an object of labels and weights.
	/// @param per_tree  also "balanced_subsample"
	ClassWeight Weight(bool per_tree);
	/// A word, or a boolean, which gives "true" or "false".
	std::string FlagOrChoice(Names names, const std::string &fallback,
							 const std::vector<std::string> &words);
	/// A number in the range, or one of the words.
	/// @return the number; nullopt when `word` was set, to what was given or to the fallback
	std::optional<double> RealOrChoice(Names names, const std::string &fallback,
									   const std::vector<std::string> &words, double low,
									   double high, Bound bound, std::string &word);
	/// A whole number, or an array of at most `most` of them.
	std::vector<int64_t> Integers(Names names, std::vector<int64_t> fallback, int64_t low,
								  int64_t high, size_t most);
	/// A seed in the range that scikit-learn takes; without one, that of the training.
	uint64_t Seed(uint64_t fallback);
	/// A word, or an array of words, which must all be allowed.
	std::vector<std::string> Choices(Names names, const std::vector<std::string> &allowed);
	std::string Choice(Names names, const std::string &fallback,
					   const std::vector<std::string> &allowed);

	/// @throws Error(kInvalidArgument) for a name that no accessor knows; lists the known ones
	void Finish() const;

private:
	struct Data;
	std::unique_ptr<Data> data_;
};

} // namespace pgml
