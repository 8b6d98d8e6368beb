// The text form of a vector: what is accepted, and what is said of what is not.
#include "pgml/vector_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "../fuzz/targets.h"

namespace pgml {

namespace {

using Problem = VectorText::Problem;

Problem
ProblemOf(const std::string &text, int most = 16000) {
	std::vector<float> x(VectorTextRoom(text.size()));
	return ParseVectorText(text.c_str(), most, x.data()).problem;
}

} // namespace

TEST(VectorText, ReadsNumbers) {
	float x[6];
	VectorText read = ParseVectorText(" [1, -2.5,\t+3e2 ,.5,1e-60,-0 ]\n", 6, x);
	ASSERT_EQ(read.problem, Problem::kNone);
	ASSERT_EQ(read.n, 6);
	EXPECT_EQ(x[0], 1);
	EXPECT_EQ(x[1], -2.5f);
	EXPECT_EQ(x[2], 300);
	EXPECT_EQ(x[3], 0.5f);
	EXPECT_EQ(x[4], 0);
	EXPECT_TRUE(std::signbit(x[5]));
}

TEST(VectorText, SaysWhatIsWrong) {
	const std::pair<const char *, Problem> cases[] = {
		{"", Problem::kStart},           {"1,2", Problem::kStart},
		{"[]", Problem::kEmpty},         {" [ ] x", Problem::kEmpty},
		{"[", Problem::kSyntax},         {"[1", Problem::kSyntax},
		{"[1,", Problem::kSyntax},       {"[1,]", Problem::kSyntax},
		{"[1 2]", Problem::kSyntax},     {"[0x10]", Problem::kSyntax},
		{"[1e]", Problem::kSyntax},      {"[+-1]", Problem::kSyntax},
		{"[1]]", Problem::kBehindEnd},   {"[1] 2", Problem::kBehindEnd},
		{"[nan]", Problem::kNaN},        {"[1,-Infinity]", Problem::kInfinite},
		{"[1e40]", Problem::kOutOfRange}};
	for (const auto &[text, problem] : cases)
		EXPECT_EQ(ProblemOf(text), problem) << text;
	EXPECT_EQ(ProblemOf("[1,2,3]", 3), Problem::kNone);
	EXPECT_EQ(ProblemOf("[1,2,3]", 2), Problem::kTooMany);
	const char *text = "[1, 4e38 ]";
	float x[5];
	VectorText read = ParseVectorText(text, 5, x);
	EXPECT_EQ(std::string(read.element, read.element_length), "4e38");
	EXPECT_EQ(read.n, 1);
}

// As the fuzzer does it, beside a slow reader, over texts that are mostly right.
TEST(VectorText, AgreesWithASlowReader) {
	const char *pieces[] = {"[",        "]",
							",",        " ",
							"1",        "-",
							"+",        ".",
							"e",        "E-4",
							"0",        "7e",
							"inf",      "nan",
							"\t",       "3.25",
							"1e39",     "1e-46",
							"x",        "0x1p",
							"(1)",      "]\n",
							"-0.",      "9999999",
							"16777217", "1.17549435e-38"};
	std::mt19937 random(7);
	for (int i = 0; i < 100000; i++) {
		std::string text = i % 5 == 0 ? "" : "[";
		for (unsigned n = random() % 8; n > 0; n--) {
			text += pieces[random() % std::size(pieces)];
			if (random() % 2 == 0)
				text += ",";
		}
		if (i % 7 > 0)
			text += i % 2 == 0 ? "2]" : "]";
		EXPECT_EQ(fuzz::FuzzVectorText(reinterpret_cast<const uint8_t *>(text.data()), text.size()),
				  0);
	}
}

} // namespace pgml
