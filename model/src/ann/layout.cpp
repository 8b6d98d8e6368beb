// What vectors are coded to: sizes, and the strings that choose them.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "ann/blob.h"
#include "pgml/error.h"

#include "base/no_postgres.h"

namespace pgml::ann {

namespace {

constexpr uint64_t kVectorsPerList = 39; ///< fewer make a poor centroid
constexpr uint64_t kSamplePerList = 100, kSmallestSample = 16384;
/// Lists are scanned whole and centroids compared one by one. Twice as many would serve queries yet better, but four times the
/// training is not worth it.
constexpr double kListsPerRoot = 2;
constexpr const char *kSupported =
	"Flat; IVF<n>,Flat; IVF<n>,SQ8; IVF<n>,PQ<m>x4fs; IVF<n>,PQ<m>x4fs,RFlat; "
	"IVF<n>,PQ<m>x4fs,Refine(SQ8). The numbers may be left out: IVF,PQx4fs";

/// Reads a factory string piece by piece.
class Pieces {
public:
	explicit Pieces(std::string_view text) : whole_(text), left_(text) {}
	bool
	Take(std::string_view piece) {
		if (!left_.starts_with(piece))
			return false;
		left_.remove_prefix(piece.size());
		return true;
	}
	/// A number if there is one: 0 when there is none, nothing when it is too large or is 0.
	uint32_t
	Number(const char *what, uint32_t limit) {
		uint64_t value = 0;
		auto [end, error] = std::from_chars(left_.data(), left_.data() + left_.size(), value);
		if (end == left_.data())
			return 0;
		if (error != std::errc() || value == 0 || value > limit)
			throw Error(ErrorCode::kInvalidArgument,
						fmt::format("{} of an index factory must be between 1 and {}", what, limit),
						fmt::format("The string is \"{}\".", Quoted()));
		left_.remove_prefix(static_cast<size_t>(end - left_.data()));
		return static_cast<uint32_t>(value);
	}
	bool
	AtEnd() const {
		return left_.empty();
	}
	[[noreturn]] void
	Refuse() const {
		throw Error(ErrorCode::kInvalidArgument,
					fmt::format("index factory \"{}\" is not supported", Quoted()),
					fmt::format("Supported are {}.", kSupported),
					"Leave the factory out to have one chosen.");
	}

private:
	/// The string for a message: not longer than a line.
	std::string
	Quoted() const {
		constexpr size_t kLongest = 60;
		if (whole_.size() <= kLongest)
			return std::string(whole_);
		return std::string(whole_.substr(0, kLongest)) + "...";
	}
	std::string_view whole_, left_;
};

/**
 * Sub-vectors of two dimensions resolve best: with four, 100 dimensions are searched at half the speed, 512 at 0 to 10 % less. A block of
 * 768 dimensions then fills a page by itself; with four two blocks do. Through the server (200,000 clustered vectors, 150,000 without
 * clusters, both orders) that is 0 to 12 % faster at recalls of 0.95 and 0.99, the index 11 % smaller, the build 10 % faster.
 * From 1,792 dimensions on sub-vectors grow, so that a block fits a page.
 */
constexpr uint32_t kManyDims = 768;

uint32_t
ChooseSubquantizers(uint32_t dims) {
	uint32_t subvector_dims = dims < 16 ? 1 : dims < kManyDims ? 2 : 4;
	subvector_dims = std::max(subvector_dims, (dims + kMaxSubquantizers - 1) / kMaxSubquantizers);
	return (dims + subvector_dims - 1) / subvector_dims;
}

uint32_t
ChooseLists(uint64_t n_vectors) {
	auto lists =
		static_cast<uint64_t>(kListsPerRoot * std::sqrt(static_cast<double>(n_vectors)) + 0.5);
	lists = std::min(lists, n_vectors / kVectorsPerList);
	if (lists > 2 * kLanes) // whole blocks of the kernels
		lists = lists / (2 * kLanes) * (2 * kLanes);
	return static_cast<uint32_t>(std::clamp<uint64_t>(lists, 1, kMaxLists));
}

} // namespace

const char *
CompleteLayout(Layout &layout) noexcept {
	if (layout.dims < 1 || layout.dims > kMaxDims)
		return "its number of dimensions is out of range";
	if (layout.metric > Metric::kCosine)
		return "its metric is not known";
	if (layout.lists < 1 || layout.lists > kMaxLists)
		return "its number of lists is out of range";
	if (layout.subquantizers > std::min(kMaxSubquantizers, layout.dims))
		return "its number of sub-vectors is out of range";
	if (layout.rows > RowCodec::kSq8)
		return "its row codec is not known";
	if (layout.reserved != 0)
		return "a reserved field is set";
	uint32_t m = layout.subquantizers;
	layout.subvector_dims = m == 0 ? 0 : (layout.dims + m - 1) / m;
	layout.code_rows = (m + 3) / 4 * 4;
	layout.block_bytes = layout.code_rows * kLanes + kBlockVectors * sizeof(float);
	layout.row_bytes = layout.rows == RowCodec::kSq8
						   ? layout.dims + 8
						   : layout.dims * static_cast<uint32_t>(sizeof(float));
	return nullptr;
}

bool
Layout::IsWhole() const noexcept {
	Layout complete = *this;
	return CompleteLayout(complete) == nullptr && complete == *this;
}

Layout
Layout::Of(uint32_t dims, Metric metric, uint32_t lists, uint32_t subquantizers, RowCodec rows) {
	auto require = [](uint32_t value, uint32_t least, uint32_t most, const char *what) {
		if (value < least)
			throw Error(ErrorCode::kInvalidArgument,
						fmt::format("a faiss index needs at least {} {}", least, what));
		if (value > most)
			throw Error(ErrorCode::kLimitExceeded,
						fmt::format("a faiss index cannot have more than {} {}", most, what),
						fmt::format("{} were asked for.", value));
	};
	require(dims, 1, kMaxDims, "dimensions");
	require(lists, 1, kMaxLists, "lists");
	require(subquantizers, 0, kMaxSubquantizers, "sub-vectors");
	if (subquantizers > dims)
		throw Error(
			ErrorCode::kInvalidArgument,
			fmt::format("{} dimensions cannot be split into {} sub-vectors", dims, subquantizers));
	Layout layout;
	layout.dims = dims;
	layout.metric = metric;
	layout.lists = lists;
	layout.subquantizers = subquantizers;
	layout.rows = rows;
	if (const char *problem = CompleteLayout(layout))
		throw Error(ErrorCode::kInvalidArgument, "invalid layout of a faiss index",
					fmt::format("Of the layout, {}.", problem));
	return layout;
}

Factory
Factory::Parse(std::string_view text) {
	Factory factory;
	Pieces pieces(text);
	if (pieces.AtEnd())
		return factory;
	if (pieces.Take("Flat")) {
		factory.inverted = factory.codes = false;
		factory.lists = 1;
		factory.rows = RowCodec::kFloat32;
	} else if (pieces.Take("IVF")) {
		factory.lists = pieces.Number("the number of lists", kMaxLists);
		if (pieces.Take(",Flat")) {
			factory.codes = false;
			factory.rows = RowCodec::kFloat32;
		} else if (pieces.Take(",SQ8")) {
			factory.codes = false;
		} else if (pieces.Take(",PQ")) {
			factory.subquantizers = pieces.Number("the number of sub-vectors", kMaxSubquantizers);
			if (!pieces.Take("x4fs"))
				pieces.Refuse();
			if (pieces.Take(",RFlat") || pieces.Take(",Refine(Flat)"))
				factory.rows = RowCodec::kFloat32;
			else
				pieces.Take(",Refine(SQ8)");
		} else {
			pieces.Refuse();
		}
	}
	if (!pieces.AtEnd())
		pieces.Refuse();
	return factory;
}

Layout
Factory::LayoutFor(uint32_t dims, Metric metric, uint64_t n_vectors) const {
	uint32_t n_lists = !inverted ? 1 : lists != 0 ? lists : ChooseLists(n_vectors);
	uint32_t m = !codes ? 0 : subquantizers != 0 ? subquantizers : ChooseSubquantizers(dims);
	return Layout::Of(dims, metric, n_lists, m, rows);
}

std::string
Factory::Name(const Layout &layout) {
	bool flat = layout.rows == RowCodec::kFloat32;
	if (layout.subquantizers > 0)
		return fmt::format("IVF{},PQ{}x4fs,{}", layout.lists, layout.subquantizers,
						   flat ? "RFlat" : "Refine(SQ8)");
	if (layout.lists == 1 && flat)
		return "Flat";
	return fmt::format("IVF{},{}", layout.lists, flat ? "Flat" : "SQ8");
}

size_t
SampleSize(const Layout &layout, uint64_t n_vectors) {
	// One list and no codes: nothing but a mean is learnt.
	uint64_t enough = std::max(kSamplePerList * layout.lists, kSmallestSample);
	return static_cast<size_t>(std::min(enough, n_vectors));
}

} // namespace pgml::ann
