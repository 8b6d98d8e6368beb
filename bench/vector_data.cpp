/// Makes the data sets of the vector benchmark, and their exact neighbours.
///
///   pgml_bench_vector_data words IN.fvecs OUT ROWS             word vectors, shuffled (seeded)
///   pgml_bench_vector_data clustered OUT DIMENSIONS ROWS       made of overlapping clusters
///   pgml_bench_vector_data truth OUT l2|cosine                 the 10 nearest rows of each query
///
/// A set OUT is OUT.base.fvecs (what is indexed), OUT.query.fvecs (2,000 that are not in it) and OUT.insert.fvecs (5,000 more, for
/// measuring inserts); truth is OUT.l2.ivecs or OUT.cosine.ivecs, row numbers of the base.
#include "vector_files.h"

#include <algorithm>
#include <cblas.h>
#include <cmath>
#include <cstring>
#include <random>

using bench::Die;
using bench::Rows;

namespace {

constexpr size_t kQueries = 2000;
constexpr size_t kInserts = 5000;
constexpr size_t kNeighbours = 10;
constexpr uint64_t kSeed = 20260822;

void
WriteSet(const std::string &out, const Rows<float> &rows, size_t n_base) {
	bench::WriteRows(out + ".query.fvecs", rows, 0, kQueries);
	bench::WriteRows(out + ".insert.fvecs", rows, kQueries, kQueries + kInserts);
	bench::WriteRows(out + ".base.fvecs", rows, kQueries + kInserts, kQueries + kInserts + n_base);
}

void
Words(const std::string &in, const std::string &out, size_t limit) {
	Rows<float> words = bench::ReadRows<float>(in);
	if (words.n_rows <= kQueries + kInserts)
		Die("too few words");
	// Fisher-Yates by hand: std::shuffle's order differs between libraries.
	std::mt19937_64 random(kSeed);
	for (size_t i = words.n_rows - 1; i > 0; i--)
		std::swap_ranges(words.Row(i), words.Row(i) + words.n_columns,
						 words.Row(random() % (i + 1)));
	WriteSet(out, words, std::min(limit, words.n_rows - kQueries - kInserts));
}

/// Rows in clusters that lie near each other, of unequal size and shape: centres in a subspace of 24 dimensions, each cluster
/// with 14 directions of its own (scaled with the number of dimensions), and some noise in all.
void
Clustered(const std::string &out, size_t dim, size_t n_base) {
	const size_t n_clusters = 2000, centre_dim = 24 * std::max<size_t>(1, dim / 256),
				 local_dim = 14 * std::max<size_t>(1, dim / 384);
	std::mt19937_64 random(kSeed);
	std::normal_distribution<float> normal(0, 1);
	std::uniform_real_distribution<float> uniform(0.5F, 1.3F);

	Rows<float> subspace = Rows<float>::Make(centre_dim, dim),
				centres = Rows<float>::Make(n_clusters, dim);
	Rows<float> directions = Rows<float>::Make(n_clusters * local_dim, dim);
	for (float &value : subspace.values)
		value = normal(random) / std::sqrt(static_cast<float>(centre_dim));
	for (float &value : directions.values)
		value = normal(random) / std::sqrt(static_cast<float>(local_dim));
	std::vector<float> spread(n_clusters);
	std::vector<double> cumulated(n_clusters);
	double weight = 0;
	for (size_t c = 0; c < n_clusters; c++) {
		for (size_t k = 0; k < centre_dim; k++) {
			const float share = 0.9F * normal(random);
			for (size_t j = 0; j < dim; j++)
				centres.Row(c)[j] += share * subspace.Row(k)[j];
		}
		spread[c] = uniform(random);
		// Sizes as in Zipf's law, flattened.
		weight += std::pow(static_cast<double>(c) + 10.0, -0.6);
		cumulated[c] = weight;
	}

	Rows<float> rows = Rows<float>::Make(kQueries + kInserts + n_base, dim);
	for (size_t i = 0; i < rows.n_rows; i++) {
		const double pick = weight * (static_cast<double>(random() >> 11) * 0x1p-53);
		const auto c = static_cast<size_t>(
			std::upper_bound(cumulated.begin(), cumulated.end() - 1, pick) - cumulated.begin());
		float *row = rows.Row(i);
		for (size_t j = 0; j < dim; j++)
			row[j] = centres.Row(c)[j] + 0.08F * normal(random);
		for (size_t k = 0; k < local_dim; k++) {
			const float share = spread[c] * normal(random);
			const float *direction = directions.Row(c * local_dim + k);
			for (size_t j = 0; j < dim; j++)
				row[j] += share * direction[j];
		}
	}
	WriteSet(out, rows, n_base);
}

void
Normalize(Rows<float> &rows) {
	for (size_t i = 0; i < rows.n_rows; i++) {
		double squares = 0;
		for (size_t j = 0; j < rows.n_columns; j++)
			squares += static_cast<double>(rows.Row(i)[j]) * rows.Row(i)[j];
		const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
		for (size_t j = 0; j < rows.n_columns; j++)
			rows.Row(i)[j] = static_cast<float>(rows.Row(i)[j] * scale);
	}
}

struct Candidate {
	double distance;
	int32_t row;
	bool
	operator<(const Candidate &other) const {
		return distance < other.distance || (distance == other.distance && row < other.row);
	}
};

/// Keeps the nearest `count` in a heap whose top is the farthest of them.
void
Keep(std::vector<Candidate> &heap, size_t count, Candidate candidate) {
	if (heap.size() == count) {
		if (!(candidate < heap.front()))
			return;
		std::pop_heap(heap.begin(), heap.end());
		heap.back() = candidate;
	} else
		heap.push_back(candidate);
	std::push_heap(heap.begin(), heap.end());
}

/// Exact neighbours: by |x|^2 - 2<q,x> in single precision a few more than needed, those again in double precision.
void
Truth(const std::string &out, const std::string &metric) {
	constexpr size_t kBlock = 4096, kQueryBlock = 500, kSpare = 3 * kNeighbours;
	Rows<float> base = bench::ReadRows<float>(out + ".base.fvecs"),
				queries = bench::ReadRows<float>(out + ".query.fvecs");
	if (metric == "cosine") {
		Normalize(base);
		Normalize(queries);
	} else if (metric != "l2")
		Die("a metric is l2 or cosine");
	const size_t dim = base.n_columns;
	std::vector<float> squares(base.n_rows);
	for (size_t i = 0; i < base.n_rows; i++)
		squares[i] = cblas_sdot(static_cast<int>(dim), base.Row(i), 1, base.Row(i), 1);

	std::vector<std::vector<Candidate>> nearest(queries.n_rows);
	std::vector<float> products(kQueryBlock * kBlock);
	for (size_t q0 = 0; q0 < queries.n_rows; q0 += kQueryBlock)
		for (size_t b0 = 0; b0 < base.n_rows; b0 += kBlock) {
			const size_t n_queries = std::min(kQueryBlock, queries.n_rows - q0),
						 n_rows = std::min(kBlock, base.n_rows - b0);
			cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(n_queries),
						static_cast<int>(n_rows), static_cast<int>(dim), -2, queries.Row(q0),
						static_cast<int>(dim), base.Row(b0), static_cast<int>(dim), 0,
						products.data(), static_cast<int>(n_rows));
			for (size_t q = 0; q < n_queries; q++)
				for (size_t b = 0; b < n_rows; b++)
					Keep(
						nearest[q0 + q], kSpare,
						{products[q * n_rows + b] + squares[b0 + b], static_cast<int32_t>(b0 + b)});
		}

	Rows<int32_t> truth = Rows<int32_t>::Make(queries.n_rows, kNeighbours);
	for (size_t q = 0; q < queries.n_rows; q++) {
		for (Candidate &candidate : nearest[q]) {
			candidate.distance = 0;
			for (size_t j = 0; j < dim; j++) {
				const double difference = static_cast<double>(queries.Row(q)[j]) -
										  base.Row(static_cast<size_t>(candidate.row))[j];
				candidate.distance += difference * difference;
			}
		}
		std::sort(nearest[q].begin(), nearest[q].end());
		for (size_t k = 0; k < kNeighbours; k++)
			truth.Row(q)[k] = nearest[q][k].row;
	}
	bench::WriteRows(out + "." + metric + ".ivecs", truth, 0, truth.n_rows);
}

} // namespace

int
main(int argc, char **argv) {
	const std::string command = argc > 1 ? argv[1] : "";
	if (command == "words" && argc == 5)
		Words(argv[2], argv[3], std::strtoul(argv[4], nullptr, 10));
	else if (command == "clustered" && argc == 5)
		Clustered(argv[2], std::strtoul(argv[3], nullptr, 10), std::strtoul(argv[4], nullptr, 10));
	else if (command == "truth" && argc == 4)
		Truth(argv[2], argv[3]);
	else
		Die("unknown command; see the head of bench/vector_data.cpp");
	return 0;
}
