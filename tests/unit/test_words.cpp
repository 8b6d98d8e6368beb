// Rows to columns: every kernel against a loop over words, at every width and number of rows, with every pattern of missing
// words, in memory that ends where the words end.
#include "pgml/words.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "pgml/evaluator.h"

#include "base/no_postgres.h"

namespace {

using pgml::Evaluator;

constexpr size_t kLd = 48;
constexpr uint32_t kUntouched = 0xdeadbeef;

/// Memory whose end is followed by a page that nobody may read.
class GuardedMemory {
public:
	explicit GuardedMemory(size_t size)
		: size_(size), page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
		room_ = (size + page_ - 1) / page_ * page_;
		start_ = static_cast<char *>(mmap(nullptr, room_ + page_, PROT_READ | PROT_WRITE,
										  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		if (start_ == MAP_FAILED || mprotect(start_ + room_, page_, PROT_NONE) != 0)
			throw std::bad_alloc();
	}
	GuardedMemory(const GuardedMemory &) = delete;
	~GuardedMemory() { munmap(start_, room_ + page_); }
	char *
	data() {
		return start_ + room_ - size_;
	}

private:
	size_t size_, page_, room_ = 0;
	char *start_;
};

/// Rows of a table: bitmap, `lead` bytes, words that are there.
struct Table {
	std::vector<std::unique_ptr<GuardedMemory>> memory;
	std::vector<pgml::WordRow> rows;
	std::vector<std::vector<uint32_t>> words; ///< [row][word], kMissing for missing ones
};

const uint32_t kMissing = [] {
	float nan = std::numeric_limits<float>::quiet_NaN();
	uint32_t bits;
	memcpy(&bits, &nan, sizeof(bits));
	return bits;
}();

Table
MakeTable(std::mt19937 &random, size_t n_rows, size_t n_words, size_t first_bit, size_t lead,
		  double missing) {
	Table table;
	std::bernoulli_distribution is_missing(missing), has_bitmap(0.7);
	for (size_t r = 0; r < n_rows; r++) {
		bool sparse = missing > 0 && has_bitmap(random);
		std::vector<uint32_t> words(n_words), packed;
		size_t bitmap_bytes = (first_bit + n_words + 7) / 8;
		std::vector<uint8_t> bitmap(bitmap_bytes);
		for (size_t i = 0; i < n_words; i++) {
			words[i] = static_cast<uint32_t>(random());
			if (sparse && is_missing(random)) {
				words[i] = kMissing;
				continue;
			}
			packed.push_back(words[i]);
			bitmap[(first_bit + i) / 8] |= static_cast<uint8_t>(1u << (first_bit + i) % 8);
		}
		// Bits that belong to other columns.
		for (size_t i = 0; i < first_bit; i++)
			bitmap[i / 8] |= static_cast<uint8_t>((random() & 1) << i % 8);
		auto data = std::make_unique<GuardedMemory>(lead + 4 * packed.size());
		memcpy(data->data() + lead, packed.data(), 4 * packed.size());
		auto bits = std::make_unique<GuardedMemory>(bitmap_bytes);
		memcpy(bits->data(), bitmap.data(), bitmap_bytes);
		table.rows.push_back(
			{data->data(), sparse ? reinterpret_cast<uint8_t *>(bits->data()) : nullptr});
		table.memory.push_back(std::move(data));
		table.memory.push_back(std::move(bits));
		table.words.push_back(std::move(words));
	}
	return table;
}

void
ExpectColumns(const Table &table, const pgml::WordRange &range) {
	std::vector<uint32_t> cells((range.n_columns + 1) * kLd, kUntouched), expected = cells;
	size_t n_rows = table.rows.size();
	for (size_t c = 0; c < range.n_columns; c++)
		for (size_t r = 0; r < n_rows; r++)
			expected[c * kLd + 3 + r] = table.words[r][range.skip + c];
	pgml::FindTransposeWords()(table.rows.data(), n_rows, range,
							   reinterpret_cast<float *>(cells.data()) + 3, kLd);
	EXPECT_EQ(cells, expected) << n_rows << " rows, " << range.n_columns << " columns after "
							   << range.skip << ", first bit " << range.first_bit;
}

TEST(Words, EveryKernelEqualsALoop) {
	for (Evaluator evaluator :
		 {Evaluator::kWalker, Evaluator::kPortable, Evaluator::kAvx2, Evaluator::kAvx512}) {
		if (!pgml::SetEvaluator(evaluator))
			continue;
		SCOPED_TRACE(pgml::EvaluatorName(evaluator));
		std::mt19937 random(7);
		for (size_t n_rows = 1; n_rows <= pgml::kWordRows; n_rows++)
			for (size_t n_words : {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 28, 31, 33, 40})
				for (double missing : {0.0, 0.05, 0.5, 1.0}) {
					size_t first_bit = random() % 19, lead = random() % 24;
					size_t skip = random() % n_words;
					Table table = MakeTable(random, n_rows, n_words, first_bit, lead, missing);
					ExpectColumns(table, {lead, first_bit, 0, n_words});
					ExpectColumns(table, {lead, first_bit, skip, n_words - skip});
					ExpectColumns(table, {lead, first_bit, skip, 1});
					if (HasFailure())
						return;
				}
	}
	pgml::SetEvaluator(Evaluator::kAuto);
}

TEST(Words, EveryPatternOfEightWords) {
	for (Evaluator evaluator : {Evaluator::kPortable, Evaluator::kAvx2, Evaluator::kAvx512}) {
		if (!pgml::SetEvaluator(evaluator))
			continue;
		SCOPED_TRACE(pgml::EvaluatorName(evaluator));
		const uint32_t packed[8] = {1, 2, 3, 4, 5, 6, 7, 8};
		for (unsigned bits = 0; bits < 256; bits++) {
			auto byte = static_cast<uint8_t>(bits);
			pgml::WordRow row = {reinterpret_cast<const char *>(packed), &byte};
			float cells[8];
			pgml::FindTransposeWords()(&row, 1, {0, 0, 0, 8}, cells, 1);
			size_t next = 0;
			for (size_t i = 0; i < 8; i++) {
				uint32_t word;
				memcpy(&word, &cells[i], sizeof(word));
				EXPECT_EQ(word, (bits >> i & 1) != 0 ? packed[next++] : kMissing)
					<< bits << " " << i;
			}
		}
	}
	pgml::SetEvaluator(Evaluator::kAuto);
}

} // namespace
