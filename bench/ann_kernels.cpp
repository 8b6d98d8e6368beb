// The arithmetic of the vector index in memory: ns per code of the scan, and queries per second at a recall beside FAISS's
// IndexIVFPQFastScan with refinement. Debian's libfaiss is compiled for SSE alone: its fast scan is emulated there.
//
//   pgml_bench_ann MODULE_DIRECTORY [BASE.fvecs QUERIES.fvecs]
//
// Prints NAME, VALUE, UNIT and VERSUS for bench/run, what it did meanwhile on the standard error output.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <faiss/IndexFlat.h>
#include <faiss/IndexIVFPQFastScan.h>
#include <faiss/IndexRefine.h>
#include <omp.h>

#include "pgml/ann.h"
#include "pgml/distance.h"

namespace {

namespace ann = pgml::ann;

constexpr size_t kNearest = 10;
constexpr size_t kPageBytes = 8000; ///< of blocks, about

/// Seconds of processor time of this thread: other jobs on the machine take wall time away. All that is measured is one thread.
double
Now() {
	timespec time;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct Free {
	void
	operator()(std::byte *bytes) const {
		std::free(bytes);
	}
};
using Aligned = std::unique_ptr<std::byte, Free>;

Aligned
Allocate(size_t bytes) {
	bytes = (bytes + ann::kAlignment) / ann::kAlignment * ann::kAlignment;
	Aligned memory(static_cast<std::byte *>(std::aligned_alloc(ann::kAlignment, bytes)));
	memset(memory.get(), 0, bytes);
	return memory;
}

void
Print(const std::string &name, double value, const char *unit, const std::string &versus = "-") {
	std::printf("%s\t%.4g\t%s\t%s\n", name.c_str(), value, unit, versus.c_str());
	std::fflush(stdout);
}

struct Vectors {
	size_t dims = 0;
	std::vector<float> values;
	size_t
	size() const {
		return values.size() / dims;
	}
	const float *
	operator[](size_t i) const {
		return values.data() + i * dims;
	}
};

/// Gaussians of unequal weight whose centres lie in a subspace, each with some wide directions and noise in all.
class Generator {
public:
	Generator(size_t dims, uint64_t seed) : dims_(dims), random_(seed), centres_(kClusters * dims) {
		std::vector<float> basis(kSubspace * dims);
		for (float &x : basis)
			x = normal_(random_) / std::sqrt(static_cast<float>(kSubspace));
		for (size_t c = 0; c < kClusters; c++) {
			for (size_t s = 0; s < kSubspace; s++) {
				float x = normal_(random_);
				for (size_t j = 0; j < dims; j++)
					centres_[c * dims + j] += x * basis[s * dims + j];
			}
			weights_.push_back(1 / (20.0 + static_cast<double>(c)));
		}
	}
	Vectors
	Make(size_t n) {
		std::discrete_distribution<size_t> cluster(weights_.begin(), weights_.end());
		Vectors vectors{dims_, {}};
		vectors.values.reserve(n * dims_);
		for (size_t i = 0; i < n; i++) {
			size_t c = cluster(random_);
			for (size_t j = 0; j < dims_; j++) {
				float width = (j * 7 + c) % dims_ < kWide ? 0.5f : 0.08f;
				vectors.values.push_back(centres_[c * dims_ + j] + width * normal_(random_));
			}
		}
		return vectors;
	}

private:
	static constexpr size_t kClusters = 2000, kSubspace = 24, kWide = 14;
	size_t dims_;
	std::mt19937_64 random_;
	std::normal_distribution<float> normal_;
	std::vector<float> centres_;
	std::vector<double> weights_;
};

Vectors
ReadFvecs(const char *path, size_t limit) {
	Vectors vectors;
	std::ifstream file(path, std::ios::binary);
	for (int32_t dims; vectors.dims == 0 || vectors.size() < limit;) {
		if (!file.read(reinterpret_cast<char *>(&dims), sizeof(dims)))
			break;
		vectors.dims = static_cast<size_t>(dims);
		size_t at = vectors.values.size();
		vectors.values.resize(at + vectors.dims);
		file.read(reinterpret_cast<char *>(vectors.values.data() + at),
				  static_cast<std::streamsize>(vectors.dims * sizeof(float)));
	}
	return vectors;
}

/// What is searched, with the distance of the last of the nearest of each query.
struct Problem {
	Vectors base, queries;
	std::vector<double> limits;

	void
	FindTruth() {
		for (size_t q = 0; q < queries.size(); q++) {
			std::vector<double> distances(base.size());
			for (size_t i = 0; i < base.size(); i++)
				distances[i] = pgml::SquaredL2Distance(queries[q], base[i], base.dims);
			std::nth_element(distances.begin(), distances.begin() + (kNearest - 1),
							 distances.end());
			limits.push_back(distances[kNearest - 1]);
		}
	}
	/// How many of those found are right.
	size_t
	Hits(size_t q, const std::vector<int64_t> &found) const {
		size_t hits = 0;
		for (int64_t id : found)
			hits += id >= 0 && pgml::SquaredL2Distance(queries[q], base[static_cast<size_t>(id)],
													   base.dims) <= limits[q] * (1 + 1e-6);
		return std::min(hits, kNearest);
	}
};

/// The index as index/ uses it, in memory: estimates by code, bounds by row, exact distances as long as bounds ask for them.
class OurIndex {
public:
	OurIndex(const Problem &problem, const std::string &factory, const char *module_directory)
		: problem_(problem) {
		size_t n = problem.base.size();
		double start = Now();
		ann::TrainOptions options;
		options.layout = ann::Factory::Parse(factory).LayoutFor(
			static_cast<uint32_t>(problem.base.dims), ann::Metric::kL2, n);
		options.module_directory = module_directory;
		layout_ = options.layout;
		size_t n_sample = ann::SampleSize(layout_, n);
		Vectors sample{problem.base.dims, {}};
		for (size_t i = 0; i < n_sample; i++) {
			const float *row = problem.base[i * n / n_sample];
			sample.values.insert(sample.values.end(), row, row + sample.dims);
		}
		std::vector<std::byte> blob = ann::TrainQuantizer(sample.values.data(), n_sample, options);
		blob_ = Allocate(blob.size());
		memcpy(blob_.get(), blob.data(), blob.size());
		train_seconds = Now() - start;
		Fill();
		memory_ = Allocate(ann::Query::Bytes(layout_));
	}
	std::string
	Name() const {
		return ann::Factory::Name(layout_);
	}
	std::vector<int64_t>
	Search(const float *vector, size_t probes, size_t refine) {
		ann::Query query(ann::Quantizer(blob_.get()), memory_.get());
		query.Start(vector);
		probe_order_.resize(probes);
		probe_order_.resize(query.NextLists(probes, probe_order_.data()));
		candidates_.clear();
		float limit = HUGE_VALF;
		for (size_t p = 0; p < probe_order_.size(); p++) {
			uint32_t number = probe_order_[p];
			const List &list = lists_[number];
			const std::byte *next =
				p + 1 < probe_order_.size() ? lists_[probe_order_[p + 1]].blocks.get() : nullptr;
			if (next != nullptr && lists_[probe_order_[p + 1]].n_blocks < list.n_blocks)
				next = nullptr;
			buffer_.resize(list.n_blocks * ann::kBlockVectors);
			size_t n =
				query.Scan(list.blocks.get(), list.n_blocks, number, limit, buffer_.data(), next);
			scanned += list.ids.size();
			for (size_t i = 0; i < n; i++)
				candidates_.push_back({buffer_[i].score, number, buffer_[i].index});
			if (candidates_.size() > 2 * refine)
				limit = Cut(refine);
		}
		Cut(refine);
		std::sort(candidates_.begin(), candidates_.end(), [](const Kept &a, const Kept &b) {
			return a.list != b.list ? a.list < b.list : a.index < b.index;
		});
		bounds_.clear();
		for (const Kept &kept : candidates_) {
			const List &list = lists_[kept.list];
			bounds_.emplace_back(query.LowerBound(list.rows.data() + kept.index * layout_.row_bytes,
												  kept.list, nullptr),
								 list.ids[kept.index]);
		}
		std::sort(bounds_.begin(), bounds_.end());
		std::vector<std::pair<double, int64_t>> best;
		for (auto [bound, id] : bounds_) {
			if (best.size() == kNearest && bound > best.back().first)
				break;
			double exact = std::sqrt(pgml::SquaredL2Distance(
				vector, problem_.base[static_cast<size_t>(id)], problem_.base.dims));
			exact_distances++;
			auto place = std::upper_bound(best.begin(), best.end(), std::pair{exact, id});
			best.insert(place, {exact, id});
			if (best.size() > kNearest)
				best.pop_back();
		}
		std::vector<int64_t> found;
		for (auto [distance, id] : best)
			found.push_back(id);
		return found;
	}
	double train_seconds, assign_seconds, encode_seconds;
	size_t scanned = 0, exact_distances = 0;

private:
	struct List {
		Aligned blocks;
		size_t n_blocks = 0;
		std::vector<std::byte> rows;
		std::vector<int64_t> ids;
	};
	struct Kept {
		float score;
		uint32_t list, index;
	};

	void
	Fill() {
		ann::Quantizer quantizer(blob_.get());
		size_t n = problem_.base.size();
		std::vector<uint32_t> assigned(n);
		double start = Now();
		quantizer.Assign(problem_.base[0], n, assigned.data());
		assign_seconds = Now() - start;
		lists_.resize(layout_.lists);
		for (size_t i = 0; i < n; i++)
			lists_[assigned[i]].ids.push_back(static_cast<int64_t>(i));
		start = Now();
		std::vector<uint8_t> code(layout_.subquantizers + 1);
		for (uint32_t number = 0; number < layout_.lists; number++) {
			List &list = lists_[number];
			list.n_blocks = (list.ids.size() + ann::kBlockVectors - 1) / ann::kBlockVectors;
			list.blocks = Allocate(list.n_blocks * layout_.block_bytes);
			list.rows.resize(list.ids.size() * layout_.row_bytes);
			for (size_t b = 0; b < list.n_blocks; b++)
				ann::InitBlock(layout_, list.blocks.get() + b * layout_.block_bytes);
			for (size_t i = 0; i < list.ids.size(); i++) {
				float t;
				quantizer.Encode(problem_.base[static_cast<size_t>(list.ids[i])], number,
								 code.data(), &t, list.rows.data() + i * layout_.row_bytes);
				ann::PutCode(layout_,
							 list.blocks.get() + i / ann::kBlockVectors * layout_.block_bytes,
							 i % ann::kBlockVectors, code.data(), t);
			}
		}
		encode_seconds = Now() - start;
	}
	/// Keeps the best. @return the score of the last of them
	float
	Cut(size_t n) {
		if (candidates_.size() <= n)
			return HUGE_VALF;
		std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<ptrdiff_t>(n - 1),
						 candidates_.end(),
						 [](const Kept &a, const Kept &b) { return a.score < b.score; });
		candidates_.resize(n);
		return candidates_.back().score;
	}

	const Problem &problem_;
	ann::Layout layout_;
	Aligned blob_, memory_;
	std::vector<List> lists_;
	std::vector<uint32_t> probe_order_;
	std::vector<ann::Candidate> buffer_;
	std::vector<Kept> candidates_;
	std::vector<std::pair<double, int64_t>> bounds_;
};

struct Point {
	double recall, rate;
};

/// All settings, best of `rounds` passes over the queries.
std::vector<Point>
Sweep(const Problem &problem, int rounds, const std::vector<size_t> &probes,
	  const std::vector<size_t> &refines,
	  const std::function<std::vector<int64_t>(const float *, size_t, size_t)> &search) {
	std::vector<Point> points;
	for (size_t n_probes : probes)
		for (size_t refine : refines) {
			double best = HUGE_VAL;
			size_t hits = 0;
			for (int round = 0; round < rounds; round++) {
				std::vector<std::vector<int64_t>> found;
				double start = Now();
				for (size_t q = 0; q < problem.queries.size(); q++)
					found.push_back(search(problem.queries[q], n_probes, refine));
				best = std::min(best, Now() - start);
				hits = 0;
				for (size_t q = 0; q < found.size(); q++)
					hits += problem.Hits(q, found[q]);
			}
			auto count = static_cast<double>(problem.queries.size());
			points.push_back({static_cast<double>(hits) / (kNearest * count), count / best});
			std::fprintf(stderr, "  probes %4zu refine %4zu recall %.4f %9.0f/s\n", n_probes,
						 refine, points.back().recall, points.back().rate);
		}
	return points;
}

double
RateAt(const std::vector<Point> &points, double recall) {
	double rate = 0;
	for (const Point &point : points)
		if (point.recall >= recall)
			rate = std::max(rate, point.rate);
	return rate;
}

void
ComparePipelines(const std::string &set, const Problem &problem, const char *module_directory) {
	const std::vector<size_t> probes = {1, 2, 4, 8, 16, 32, 64, 128};
	const std::vector<size_t> refines = {20, 40, 100, 200, 300};
	const char *factory = std::getenv("PGML_BENCH_FACTORY");
	OurIndex ours(problem, factory == nullptr ? "" : factory, module_directory);
	std::fprintf(stderr,
				 "%s: %s, %zu vectors of %zu dimensions; trained in %.2f s, assigned in %.2f s, "
				 "encoded in %.2f s\n",
				 set.c_str(), ours.Name().c_str(), problem.base.size(), problem.base.dims,
				 ours.train_seconds, ours.assign_seconds, ours.encode_seconds);
	std::vector<Point> points =
		Sweep(problem, 3, probes, refines, [&](const float *query, size_t n_probes, size_t refine) {
			return ours.Search(query, n_probes, refine);
		});
	Print("ann." + set + ".build_s", ours.train_seconds + ours.assign_seconds + ours.encode_seconds,
		  "s", std::getenv("PGML_BENCH_NO_FAISS") == nullptr ? "faiss." + set + ".build_s" : "-");
	std::vector<Point> faiss_points;
	if (std::getenv("PGML_BENCH_NO_FAISS") == nullptr) {
		omp_set_num_threads(1);
		auto dims = static_cast<int64_t>(problem.base.dims);
		auto n = static_cast<int64_t>(problem.base.size());
		double start = Now();
		faiss::IndexFlatL2 coarse(dims);
		faiss::IndexIVFPQFastScan coded(&coarse, problem.base.dims, 1024, problem.base.dims / 2, 4);
		faiss::IndexRefineFlat refined(&coded);
		coded.cp.max_points_per_centroid = 100;
		coded.cp.niter = 10;
		refined.train(n, problem.base[0]);
		refined.add(n, problem.base[0]);
		Print("faiss." + set + ".build_s", Now() - start, "s");
		faiss_points = Sweep(problem, 1, probes, refines,
							 [&](const float *query, size_t n_probes, size_t refine) {
								 float distances[kNearest];
								 std::vector<int64_t> ids(kNearest);
								 coded.nprobe = n_probes;
								 refined.k_factor = static_cast<float>(refine) / kNearest;
								 refined.search(1, query, kNearest, distances, ids.data());
								 return ids;
							 });
	}
	for (double recall : {0.90, 0.95, 0.99}) {
		std::string name = set + ".qps" + std::to_string(static_cast<int>(recall * 100 + 0.5));
		Print("ann." + name, RateAt(points, recall), "1/s",
			  faiss_points.empty() ? "-" : "faiss." + name);
		if (!faiss_points.empty())
			Print("faiss." + name, RateAt(faiss_points, recall), "1/s");
	}
}

/// ns per code of a scan that gives no candidates, best of several rounds; kernels in turn within each.
/// @param by_pages  as many blocks at a time as fit a page, while the next page is asked for: as index/ does it
void
CompareScans(uint32_t dims, uint32_t subquantizers, size_t n_codes, bool by_pages,
			 const std::string &name) {
	constexpr int kKernels = 4;
	const char *kernels[kKernels] = {"avx512", "avx2", "ssse3", "portable"};
	ann::TrainOptions options;
	options.layout = ann::Layout::Of(dims, ann::Metric::kL2, 1, subquantizers, ann::RowCodec::kSq8);
	std::vector<std::byte> trained = ann::TrainQuantizer(nullptr, 0, options);
	Aligned blob = Allocate(trained.size()), memory = Allocate(ann::Query::Bytes(options.layout));
	memcpy(blob.get(), trained.data(), trained.size());
	ann::Query query(ann::Quantizer(blob.get()), memory.get());
	std::vector<float> vector(dims, 1);
	query.Start(vector.data());
	size_t n_blocks = n_codes / ann::kBlockVectors;
	size_t at_once =
		by_pages ? std::max<size_t>(kPageBytes / options.layout.block_bytes, 1) : n_blocks;
	Aligned blocks = Allocate(n_blocks * options.layout.block_bytes);
	std::mt19937_64 random(1);
	for (size_t i = 0; i < n_blocks * options.layout.block_bytes; i += 8) {
		uint64_t bits = random() & 0x3f3f3f3f3f3f3f3f;
		memcpy(blocks.get() + i, &bits, sizeof(bits));
	}
	std::vector<ann::Candidate> out(n_codes);
	double best[kKernels];
	std::fill_n(best, kKernels, HUGE_VAL);
	for (int round = 0; round < 12; round++)
		for (int k = 0; k < kKernels; k++) {
			if (!ann::SetKernel(kernels[k]))
				continue;
			size_t repeats =
				std::max<size_t>(1, (size_t{1} << 19) / n_codes / (k == kKernels - 1 ? 8 : 1));
			double start = Now();
			for (size_t i = 0; i < repeats; i++)
				for (size_t b = 0; b < n_blocks; b += at_once) {
					size_t n = std::min(at_once, n_blocks - b);
					const std::byte *at = blocks.get() + b * options.layout.block_bytes;
					query.Scan(at, n, 0, -1e30f, out.data(),
							   b + 2 * n <= n_blocks ? at + n * options.layout.block_bytes
													 : nullptr);
				}
			double each = static_cast<double>(repeats * n_codes);
			best[k] = std::min(best[k], (Now() - start) / each * 1e9);
		}
	ann::SetKernel(nullptr);
	for (int k = 0; k < kKernels; k++)
		if (best[k] < HUGE_VAL)
			Print("ann.scan" + name + "." + kernels[k], best[k], "ns/code",
				  k == kKernels - 1 ? "-" : "ann.scan" + name + ".portable");
}

} // namespace

int
main(int n_arguments, char **arguments) {
	if (n_arguments != 2 && n_arguments != 4) {
		std::fprintf(stderr, "usage: pgml_bench_ann MODULE_DIRECTORY [BASE.fvecs QUERIES.fvecs]\n");
		return 2;
	}
	for (uint32_t dims : {100u, 128u, 768u}) {
		CompareScans(dims, dims / 2, 10240, false, std::to_string(dims));
		CompareScans(dims, dims / 2, 1 << 18, false, std::to_string(dims) + "_memory");
		CompareScans(dims, dims / 2, 1 << 18, true, std::to_string(dims) + "_pages");
	}
	Problem problem;
	if (n_arguments == 4) {
		problem.base = ReadFvecs(arguments[2], SIZE_MAX);
		problem.queries = ReadFvecs(arguments[3], 500);
	} else {
		Generator generator(128, 1);
		problem.base = generator.Make(200000);
		problem.queries = generator.Make(300);
	}
	problem.FindTruth();
	ComparePipelines(n_arguments == 4 ? "file" : "clustered", problem, arguments[1]);
	return 0;
}
