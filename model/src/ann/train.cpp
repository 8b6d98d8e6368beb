// Training: scale, centroids, codebooks, the blob.
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <new>

#include <fmt/format.h>

#include "ann/blob.h"
#include "ann/clustering.h"
#include "ann/half.h"
#include "ann/parallel.h"
#include "pgml/error.h"
#include "training/training_module.h"

#include "base/no_postgres.h"

namespace pgml::ann {

namespace {

/// Data within these bounds are taken as they are: half precision reaches from 2^-24 to 65504.
constexpr double kLeastMaximum = 0x1p-8, kMostMaximum = 0x1p12;
constexpr int kScaledExponent = 3; ///< the largest element becomes 8 to 16
/// The mean is taken away when it is so much longer than what the rows differ by (squares): half precision would be
/// spent on what all rows share.
constexpr double kShiftRatio = 4;
constexpr size_t kCodebookRows = 8192;
constexpr size_t kElementsPerPoll = 1 << 20;

/// What the rows have in common.
struct Shape {
	std::vector<float> mean;
	int exponent = 0;
	bool shifts = false;
};

/// Calls visit(row) for all rows, polling.
template <typename Visit>
void
ForRows(const float *sample, size_t n, size_t dims, const StopToken &stop, const Visit &visit) {
	size_t rows_per_poll = kElementsPerPoll / dims + 1;
	for (size_t row = 0; row < n; row++) {
		if (row % rows_per_poll == 0)
			stop.ThrowIfStopped();
		visit(sample + row * dims);
	}
}

Shape
ShapeOf(const float *sample, size_t n, const TrainOptions &options) {
	size_t dims = options.layout.dims;
	Shape shape;
	shape.mean.assign(PaddedDims(dims), 0);
	if (n == 0)
		return shape;
	std::vector<double> sums(dims);
	double squares = 0, largest = 0;
	ForRows(sample, n, dims, options.stop, [&](const float *row) {
		for (size_t j = 0; j < dims; j++) {
			sums[j] += row[j];
			squares += static_cast<double>(row[j]) * row[j];
			largest = std::max(largest, std::fabs(static_cast<double>(row[j])));
		}
	});
	auto count = static_cast<double>(n);
	double mean_squared = 0;
	for (double &sum : sums) {
		sum /= count;
		mean_squared += sum * sum;
	}
	// squares / n is the mean's square and the variance.
	if (mean_squared > kShiftRatio * (squares / count - mean_squared)) {
		shape.shifts = true;
		std::copy(sums.begin(), sums.end(), shape.mean.begin());
		largest = 0;
		ForRows(sample, n, dims, options.stop, [&](const float *row) {
			for (size_t j = 0; j < dims; j++)
				largest = std::max(largest, std::fabs(static_cast<double>(row[j]) - shape.mean[j]));
		});
	}
	if (largest > 0 && !(largest >= kLeastMaximum && largest <= kMostMaximum)) {
		shape.shifts = true;
		shape.exponent = std::clamp(kScaledExponent - std::ilogb(largest), -kMaxScaleExponent,
									kMaxScaleExponent);
	}
	return shape;
}

std::vector<float>
ToInternalRows(const float *sample, size_t n, size_t dims, const Shape &shape,
			   const StopToken &stop) {
	std::vector<float> rows(n * dims);
	float *to = rows.data();
	auto scale = static_cast<float>(std::ldexp(1.0, shape.exponent));
	ForRows(sample, n, dims, stop, [&](const float *row) {
		for (size_t j = 0; j < dims; j++)
			*to++ = ToInternal(row[j], shape.mean[j], scale);
	});
	return rows;
}

/// Writes centroids and norms in the order of the kernels. What is searched is what is stored: norms are of the rounded.
void
StoreCentroids(const std::vector<float> &centroids, size_t count, size_t dims, uint16_t *to,
			   float *norms) {
	std::fill_n(norms, BlocksOf(count) * kLanes, HUGE_VALF);
	for (size_t c = 0; c < count; c++) {
		uint16_t *block = to + c / kLanes * dims * kLanes + c % kLanes;
		double norm = 0;
		for (size_t j = 0; j < dims; j++) {
			block[j * kLanes] = FloatToHalf(centroids[c * dims + j]);
			double stored = HalfToFloat(block[j * kLanes]);
			norm += stored * stored;
		}
		norms[c] = static_cast<float>(norm);
	}
}

class Training {
public:
	Training(const float *sample, size_t n, const TrainOptions &options)
		: options_(options), layout_(options.layout), dims_(layout_.dims), n_(n),
		  shape_(ShapeOf(sample, n, options)) {
		if (shape_.shifts)
			shifted_ = ToInternalRows(sample, n, dims_, shape_, options.stop);
		rows_ = shape_.shifts ? shifted_.data() : sample;
	}

	std::vector<std::byte>
	Run() {
		StartBlob();
		TrainCentroids();
		if (layout_.subquantizers > 0 && n_ > 0)
			TrainCodebooks();
		header_->crc = BlobCrc(blob_.data(), blob_.size());
		if (const char *problem = Quantizer::Problem(blob_))
			throw Error(ErrorCode::kInvalidData, "vectors that no quantizer can be trained for",
						fmt::format("Of the quantizer, {}.", problem));
		return std::move(blob_);
	}

private:
	template <typename T>
	T *
	At(size_t offset) {
		return reinterpret_cast<T *>(blob_.data() + offset);
	}

	void
	StartBlob() {
		blob_.resize(at_.end);
		header_ = new (blob_.data()) BlobHeader{};
		memcpy(header_->magic, kMagic, sizeof(kMagic));
		header_->version = kBlobVersion;
		header_->bytes = blob_.size();
		header_->layout = layout_;
		header_->scale_exponent = shape_.exponent;
		header_->has_shift = shape_.shifts;
		std::copy(shape_.mean.begin(), shape_.mean.end(), At<float>(at_.mean));
		double squared = 0;
		for (float mean : shape_.mean)
			squared += static_cast<double>(mean) * mean;
		double norm = std::ldexp(std::sqrt(squared), shape_.exponent);
		header_->mean_norm = static_cast<float>(std::min<double>(norm * (1 + 1e-6), FLT_MAX));
	}

	void
	Report(const char *phase, size_t done, size_t total) {
		if (options_.progress)
			options_.progress(phase, done, total);
	}

	ClusteringOptions
	Options(uint64_t seed, std::function<void(size_t)> progress) {
		return {options_.iterations, options_.n_threads, seed, options_.stop, std::move(progress)};
	}

	void
	TrainCentroids() {
		size_t lists = layout_.lists;
		std::vector<float> centroids(lists * dims_);
		if (n_ > 0 && GroupCount(layout_.lists) > 0) {
			centroids = TrainGroups();
		} else if (n_ > 0) {
			auto total = static_cast<size_t>(options_.iterations);
			centroids =
				Cluster(rows_, n_, dims_, lists, Options(options_.seed, [this, total](size_t done) {
							Report("k-means", done, total);
						}));
		} else if (uint32_t groups = GroupCount(layout_.lists); groups > 0) {
			StoreGroups(std::vector<float>(groups * dims_), EqualShares(groups));
		}
		StoreCentroids(centroids, lists, dims_, At<uint16_t>(at_.centroids), At<float>(at_.norms));
		for (size_t list = 0; list < lists; list++)
			for (size_t j = 0; j < dims_; j++)
				At<uint16_t>(at_.rows)[list * PaddedDims(dims_) + j] =
					FloatToHalf(centroids[list * dims_ + j]);
	}

	std::vector<size_t>
	EqualShares(size_t groups) const {
		std::vector<size_t> shares(groups, layout_.lists / groups);
		for (size_t g = 0; g < layout_.lists % groups; g++)
			shares[g]++;
		return shares;
	}

	/// Groups of rows first, then the lists of each group from its rows, as many as its share of the rows.
	std::vector<float>
	TrainGroups() {
		size_t groups = GroupCount(layout_.lists);
		std::vector<float> centres = Cluster(rows_, n_, dims_, groups, Options(options_.seed, {}));
		PackedCentroids packed;
		packed.Pack(centres.data(), groups, dims_, options_.stop);
		std::vector<uint32_t> assigned(n_);
		AssignRows({rows_, n_, dims_, dims_}, packed, options_.n_threads, options_.stop,
				   assigned.data());
		std::vector<size_t> counts(groups);
		for (uint32_t group : assigned)
			counts[group]++;
		std::vector<size_t> shares = Shares(counts);
		StoreGroups(centres, shares);
		std::vector<float> centroids, members;
		centroids.reserve(layout_.lists * dims_);
		for (size_t g = 0; g < groups; g++) {
			members.clear();
			for (size_t row = 0; row < n_; row++)
				if (assigned[row] == g)
					members.insert(members.end(), rows_ + row * dims_, rows_ + (row + 1) * dims_);
			if (members.empty())
				members.assign(centres.begin() + static_cast<ptrdiff_t>(g * dims_),
							   centres.begin() + static_cast<ptrdiff_t>((g + 1) * dims_));
			std::vector<float> own = Cluster(members.data(), members.size() / dims_, dims_,
											 shares[g], Options(options_.seed + g, {}));
			centroids.insert(centroids.end(), own.begin(), own.end());
			Report("k-means", g + 1, groups);
		}
		return centroids;
	}

	/// Lists for groups of so many rows: proportional, at least one each.
	std::vector<size_t>
	Shares(const std::vector<size_t> &counts) const {
		size_t spare = layout_.lists - counts.size(), given = 0;
		std::vector<size_t> shares(counts.size());
		std::vector<std::pair<double, size_t>> rests;
		for (size_t g = 0; g < counts.size(); g++) {
			double share = static_cast<double>(spare) * static_cast<double>(counts[g]) /
						   static_cast<double>(n_);
			shares[g] = 1 + static_cast<size_t>(share);
			given += shares[g];
			rests.emplace_back(share - std::floor(share), g);
		}
		std::sort(rests.rbegin(), rests.rend());
		for (size_t i = 0; given < layout_.lists; i++, given++)
			shares[rests[i % rests.size()].second]++;
		return shares;
	}

	void
	StoreGroups(const std::vector<float> &centres, const std::vector<size_t> &shares) {
		StoreCentroids(centres, shares.size(), dims_, At<uint16_t>(at_.group_centroids),
					   At<float>(at_.group_norms));
		auto *starts = At<uint32_t>(at_.group_starts);
		for (size_t g = 0; g < shares.size(); g++)
			starts[g + 1] = starts[g] + static_cast<uint32_t>(shares[g]);
	}

	/// Residuals of some of the rows against the centroids as they are stored, padded to whole sub-vectors.
	std::vector<float>
	Residuals(size_t count, size_t coded) {
		std::vector<float> centroids(layout_.lists * dims_), picked(count * dims_);
		const Blob blob(blob_.data());
		for (uint32_t list = 0; list < layout_.lists; list++)
			for (size_t j = 0; j < dims_; j++)
				centroids[list * dims_ + j] = HalfToFloat(blob.Row(list)[j]);
		for (size_t i = 0; i < count; i++)
			std::copy_n(rows_ + i * n_ / count * dims_, dims_, picked.data() + i * dims_);
		PackedCentroids packed;
		packed.Pack(centroids.data(), layout_.lists, dims_, options_.stop);
		std::vector<uint32_t> assigned(count);
		AssignRows({picked.data(), count, dims_, dims_}, packed, options_.n_threads, options_.stop,
				   assigned.data());
		std::vector<float> residuals(count * coded);
		for (size_t i = 0; i < count; i++)
			for (size_t j = 0; j < dims_; j++)
				residuals[i * coded + j] =
					picked[i * dims_ + j] - centroids[assigned[i] * dims_ + j];
		return residuals;
	}

	void
	TrainCodebooks() {
		PgmlTrainFaissProductQuantizer *train =
			LoadFaissProductQuantizer(options_.module_directory);
		size_t m_count = layout_.subquantizers, m_dims = layout_.subvector_dims;
		size_t coded = m_count * m_dims, count = std::min(n_, kCodebookRows);
		Report("codebooks", 0, m_count);
		std::vector<float> residuals = Residuals(count, coded);
		// No fewer rows than codewords: they are repeated.
		for (; count < kLanes; count++)
			for (size_t j = 0; j < coded; j++)
				residuals.push_back(residuals[(count % n_) * coded + j]);
		std::vector<float> codebooks(m_count * kLanes * m_dims);
		PgmlProductQuantizer job = {};
		job.rows = count;
		job.subvectors = m_count;
		job.subvector_columns = m_dims;
		job.bits = 4;
		job.values = residuals.data();
		job.codebooks = codebooks.data();
		// The work of one codebook is so small that OpenMP's threads would mostly wait for each other, spinning: on a busy
		// machine two took ten times as long as one.
		job.n_threads = 1;
		job.stopped = [](void *argument) {
			return static_cast<const StopToken *>(argument)->StopRequested();
		};
		job.stopped_argument = const_cast<StopToken *>(&options_.stop);
		switch (train(&job)) {
			case PGML_TRAIN_DONE:
				break;
			case PGML_TRAIN_STOPPED:
				throw Cancelled();
			case PGML_TRAIN_NO_MEMORY:
				throw std::bad_alloc();
			default:
				throw Error(ErrorCode::kInternal, "FAISS could not train the codebooks",
							fmt::format("{}.", job.message));
		}
		float *to = At<float>(at_.codebooks);
		for (size_t m = 0; m < m_count; m++)
			for (size_t c = 0; c < kLanes; c++)
				for (size_t j = 0; j < m_dims; j++)
					to[(m * m_dims + j) * kLanes + c] = codebooks[(m * kLanes + c) * m_dims + j];
		Report("codebooks", m_count, m_count);
	}

	const TrainOptions &options_;
	const Layout layout_;
	const Sections at_{layout_};
	const size_t dims_, n_;
	Shape shape_;
	std::vector<float> shifted_;
	const float *rows_;
	std::vector<std::byte> blob_;
	BlobHeader *header_ = nullptr;
};

} // namespace

std::vector<std::byte>
TrainQuantizer(const float *sample, size_t n, const TrainOptions &options) {
	Layout layout = options.layout;
	if (const char *problem = CompleteLayout(layout);
		problem != nullptr || !(layout == options.layout))
		throw Error(ErrorCode::kInvalidArgument, "invalid layout of a faiss index",
					problem == nullptr ? "" : fmt::format("Of the layout, {}.", problem));
	if (options.iterations < 1 || options.n_threads < 1)
		throw Error(ErrorCode::kInvalidArgument,
					"training a faiss index needs at least one iteration and one thread");
	return Training(sample, n, options).Run();
}

} // namespace pgml::ann
