#pragma once
/**
 * Approximate nearest neighbours by an inverted file: the arithmetic of the faiss index, without its pages.
 *
 * A vector belongs to the list of its nearest centroid. In the list it has a *code* (one nibble for each sub-vector of
 * its residual, in blocks of 32 vectors that one pass of byte shuffles scores; Andre, Kermarrec, Le Scouarnec,
 * "Cache locality is not enough", VLDB 2015) with one float `t`, and a *row* (its residual in 8 bits per element with the
 * stored norm of what that lost, or the vector itself), from which a lower bound of its distance follows. A scan
 * estimates by codes, bounds the best by rows, and leaves the exact distance to whoever has the vector.
 *
 * Distances inside are "scores", smaller is nearer: squared L2; for cosine squared L2 of the normalised vectors; for
 * inner product its negative; in a unit and from a zero that are the same throughout a query. They are always finite.
 * Bounds are given in the operator's own unit (L2: the root; cosine: 1 - cosine).
 *
 * Everything that scans or encodes is noexcept, allocates nothing and takes the memory of the caller: it runs
 * between two pages of a buffer pool. Training, parsing and checking throw pgml::Error.
 */
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "pgml/stop_token.h"

namespace pgml::ann {

constexpr size_t kBlockVectors = 32;
constexpr size_t kAlignment = 64; ///< of blobs, blocks and a query's memory; rows need none
constexpr uint32_t kMaxDims = 8000;
constexpr uint32_t kMaxLists = 65536;
/// A block of so many fits a page of 8 kB beside the TIDs and 128 block numbers of rows; beyond, sub-vectors grow.
constexpr uint32_t kMaxSubquantizers = 448;

/// Stored in indexes: do not change the values.
enum class Metric : uint32_t { kL2 = 0, kInnerProduct = 1, kCosine = 2 };
enum class RowCodec : uint32_t {
	kFloat32 = 0, ///< the (for cosine: normalised) vector itself
	kSq8 =
		1, ///< residual in 8 bits, own minimum and step per vector (16 bits each), norm of the error (float)
};

/// What vectors are coded to. The sizes follow from the first six; Layout::Of computes them.
struct Layout {
	uint32_t dims = 0;
	Metric metric = Metric::kL2;
	uint32_t lists = 1;
	uint32_t subquantizers =
		0; ///< nibbles of a code; 0: no codes, every row of an opened list is scored
	RowCodec rows = RowCodec::kSq8;
	uint32_t reserved = 0;
	uint32_t subvector_dims =
		0; ///< ceil(dims / subquantizers); the last sub-vector is padded with zeros
	uint32_t code_rows = 0;   ///< subquantizers rounded up to a multiple of four
	uint32_t block_bytes = 0; ///< code_rows * 16 + 32 floats t; a multiple of 64
	uint32_t row_bytes = 0;

	/// Throws kInvalidArgument or kLimitExceeded when one of the six is out of range.
	static Layout Of(uint32_t dims, Metric metric, uint32_t lists, uint32_t subquantizers,
					 RowCodec rows);
	/// Is it one that Of can have made? For layouts that were stored.
	bool IsWhole() const noexcept;
	bool operator==(const Layout &) const = default;
};

/**
 * A FAISS index-factory string, as far as it is supported: "Flat", "IVF<n>,Flat", "IVF<n>,SQ8", "IVF<n>,PQ<m>x4fs" and
 * "IVF<n>,PQ<m>x4fs,RFlat" ("Refine(SQ8)", "Refine(Flat)" name the rows); "IVF,..." and "PQx4fs" leave the number to us.
 * "" chooses all. Throws kInvalidArgument that lists what is supported.
 */
struct Factory {
	bool inverted = true;
	uint32_t lists = 0; ///< 0: by the number of vectors
	bool codes = true;
	uint32_t subquantizers = 0; ///< 0: by the dimensions
	RowCodec rows = RowCodec::kSq8;

	static Factory Parse(std::string_view text);
	/// The layout for about n_vectors vectors: what was left open is chosen (about sqrt(n) lists, at least 39 vectors each).
	Layout LayoutFor(uint32_t dims, Metric metric, uint64_t n_vectors) const;
	/// The spelling of a layout, for views and messages.
	static std::string Name(const Layout &layout);
};

struct TrainOptions {
	Layout layout;
	int iterations = 10; ///< of k-means
	int n_threads = 1;
	uint64_t seed = 1;
	std::string module_directory; ///< where pgml_train_faiss.so is installed, for the codebooks
	StopToken stop;
	std::function<void(const char *phase, size_t done, size_t total)> progress; ///< may be empty
};

/// How many vectors of n are enough for TrainQuantizer: about 100 per list, at least 16384 (or all).
size_t SampleSize(const Layout &layout, uint64_t n_vectors);

/**
 * Trains centroids (fp16, as they are stored and searched) and codebooks.
 *
 * @param sample  row-major [n, dims], finite, prepared (Quantizer::Prepare's rule for cosine). n may be 0 or below the
 *                number of lists: centroids then repeat or are zero, and the index works all the same.
 * @return the blob: position-independent, versioned and checksummed; Quantizer::Bytes(layout) bytes. The same input
 *         gives the same bytes for a given number of threads.
 */
std::vector<std::byte> TrainQuantizer(const float *sample, size_t n, const TrainOptions &options);

/// What Encode says beside the bytes, for measuring how well the quantizer still fits; in a unit of the quantizer's own.
struct Encoded {
	float residual_squared; ///< squared distance to the centroid
	float code_error_squared;
};

/// A trained quantizer over a blob that stays the caller's (64-byte aligned) and outlives it. Trivially copyable.
class Quantizer {
public:
	static size_t Bytes(const Layout &layout) noexcept;
	/// nullptr, or what is wrong with the bytes. Reads nothing outside them.
	static const char *Problem(std::span<const std::byte> blob) noexcept;
	/// @param blob  one that Problem() accepted
	explicit Quantizer(const std::byte *blob) noexcept : blob_(blob) {}

	const Layout &layout() const noexcept;
	/// What is assigned, encoded and searched: the vector, for cosine divided by its norm. @return false: the norm is zero
	bool Prepare(const float *vector, float *prepared) const noexcept;
	/// The list of each of n prepared vectors (row-major): the nearest; with thousands of lists nearly always. One thread; call
	/// it for slices of some hundred, which take half as long as one by one. What a vector gets does not depend on the slice.
	void Assign(const float *vectors, size_t n, uint32_t *lists) const noexcept;
	/**
	 * @param vector  prepared
	 * @param code    out: `subquantizers` bytes, one nibble each (may be nullptr without codes)
	 * @param t       out: what PutCode stores beside the code; finite
	 * @param row     out: row_bytes bytes
	 * @param known_error  how far the vector may be from the true one, Decode's result: the row's bounds then hold for that
	 */
	Encoded Encode(const float *vector, uint32_t list, uint8_t *code, float *t, std::byte *row,
				   float known_error = 0) const noexcept;
	/**
	 * The vector that a row stands for, for moving it into another quantizer.
	 *
	 * @param vector  out: dims floats, prepared
	 * @return        a distance that the prepared vector that was encoded is not farther away than; infinite: unknown
	 */
	float Decode(const std::byte *row, uint32_t list, float *vector) const noexcept;
	/// Centroid of a list, as floats.
	void Centroid(uint32_t list, float *out) const noexcept;

private:
	const std::byte *blob_;
};

/// An empty block: every slot dead.
void InitBlock(const Layout &layout, std::byte *block) noexcept;
/// Slot 0 to 31 of a block. Touches only the nibbles of the slot and its t.
void PutCode(const Layout &layout, std::byte *block, uint32_t slot, const uint8_t *code,
			 float t) noexcept;
/// One aligned store of t = +infinity: atomic for readers.
void ClearSlot(const Layout &layout, std::byte *block, uint32_t slot) noexcept;
bool IsLive(const Layout &layout, const std::byte *block, uint32_t slot) noexcept;
/// The code in a slot, for moving it to another block.
void GetCode(const Layout &layout, const std::byte *block, uint32_t slot, uint8_t *code,
			 float *t) noexcept;

struct Candidate {
	float score;    ///< estimate by code (without codes: the list's own distance)
	uint32_t index; ///< 32 * block + slot within what one call of Scan was given
};

/**
 * One query. Lives in memory of the caller, and needs no destructor.
 *
 * Start -> NextLists ... -> Scan for each page of each list -> LowerBound for the best rows.
 */
class Query {
public:
	/// Bytes that a query needs, aligned to kAlignment.
	static size_t Bytes(const Layout &layout) noexcept;
	/// @param memory  Bytes() bytes, used as long as the query is
	Query(const Quantizer &quantizer, void *memory) noexcept;

	/// @return false: no vector is near (cosine of a zero vector)
	bool Start(const float *query) noexcept;
	/// The next nearest lists, nearest first, at most n. Cheap for small n. @return how many; 0: all were given
	size_t NextLists(size_t n, uint32_t *lists) noexcept;
	/**
	 * Estimates whole blocks, as they lie in a page.
	 *
	 * @param blocks    n_blocks blocks, 64-byte aligned for speed
	 * @param limit     only scores below it are given
	 * @param out       room for 32 * n_blocks
	 * @param prefetch  nullptr, or memory of as many bytes that is read next: asked for piece by piece meanwhile
	 * @return          candidates written; dead slots never are
	 */
	size_t Scan(const std::byte *blocks, size_t n_blocks, uint32_t list, float limit,
				Candidate *out, const std::byte *prefetch) const noexcept;
	/**
	 * A bound that the operator's own result (float sums rounded to float or double) is never below, in its unit: for L2
	 * the distance, for inner product the negative product, for cosine 1 - cosine.
	 *
	 * @param score  out, may be nullptr: the distance by the row without its error, for ranking
	 */
	double LowerBound(const std::byte *row, uint32_t list, float *score) const noexcept;

private:
	Quantizer quantizer_;
	std::byte *memory_;
};

/**
 * A few vectors that many others pass by: which of them come near each other, without the exact distance of every pair.
 * Lives in memory of the caller, and needs no destructor.
 */
class Watch {
public:
	/// Bytes that n vectors need, aligned to kAlignment.
	static size_t Bytes(size_t n, size_t dims) noexcept;
	/// @param vectors  row-major [n, dims]
	/// @param memory   Bytes() bytes, used as long as the watch is
	Watch(Metric metric, const float *vectors, size_t n, size_t dims, void *memory) noexcept;
	/**
	 * @param limits  of each watched vector: squared L2 distance, for inner product the negative product
	 * @param which   out: room for n; the numbers of all that are at most as far from the vector as their limit, ascending, and of
	 *                some that are hardly farther
	 * @return how many
	 */
	size_t Near(const float *vector, const double *limits, uint32_t *which) const noexcept;

private:
	Metric metric_;
	size_t n_, dims_;
	float *blocks_;
	double *norms_;
};

/// "avx512", "avx2", "ssse3" or "portable": what the functions above use here. All give the same lists, codes and bounds up to float rounding.
const char *KernelName() noexcept;

/// Forces one for tests and benchmarks; nullptr: the best. @return false: not on this processor
bool SetKernel(const char *name) noexcept;

} // namespace pgml::ann
