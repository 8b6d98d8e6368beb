// PGML_UNIT_EVALUATOR=NAME: every test starts with that evaluator of trees instead of the best one (tests/run --set).
#include <cstdlib>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "pgml/evaluator.h"

namespace pgml::test {

namespace {

class ForcedEvaluator : public ::testing::EmptyTestEventListener {
public:
	explicit ForcedEvaluator(Evaluator evaluator) : evaluator_(evaluator) {}
	void
	OnTestStart(const ::testing::TestInfo &) override {
		SetEvaluator(evaluator_);
	}

private:
	Evaluator evaluator_;
};

/// Runs before main(), which is googletest's own.
const bool installed = [] {
	const char *name = std::getenv("PGML_UNIT_EVALUATOR");
	if (name == nullptr)
		return false;
	for (Evaluator evaluator :
		 {Evaluator::kWalker, Evaluator::kPortable, Evaluator::kAvx2, Evaluator::kAvx512})
		if (EvaluatorName(evaluator) == std::string(name) && EvaluatorAvailable(evaluator)) {
			::testing::UnitTest::GetInstance()->listeners().Append(new ForcedEvaluator(evaluator));
			return true;
		}
	fmt::print(stderr, "evaluator \"{}\" is not available here\n", name);
	std::exit(1);
}();

} // namespace

} // namespace pgml::test
