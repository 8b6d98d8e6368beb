// The fuzz targets of the vector index: factory strings, and the bytes of a quantizer, which is then used for everything
// that an index uses it for, over rows and codes that nobody wrote.
#include "targets.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

#include "ann/blob.h"
#include "pgml/ann.h"
#include "pgml/error.h"

namespace pgml::fuzz {

namespace {

using namespace pgml::ann;

void
Require(bool condition, const char *what) {
	if (condition)
		return;
	std::fprintf(stderr, "%s\n", what);
	std::abort();
}

/// Bytes from an aligned address, freed at the end.
struct Memory {
	explicit Memory(size_t size)
		: data(static_cast<std::byte *>(std::aligned_alloc(kAlignment, Aligned(size + 1)))) {
		memset(data, 0, Aligned(size + 1));
	}
	~Memory() { std::free(data); }
	Memory(const Memory &) = delete;
	Memory &operator=(const Memory &) = delete;
	std::byte *data;
};

constexpr float kValues[] = {0,     1,      -1, 2.5f,   1e30f, -3e38f, 1e-40f,
							 -0.0f, 1e-20f, 7,  -1e10f, 0.5f,  3};

/// @param noise  stands for rows and blocks of a broken page
void
Use(const std::byte *blob, const uint8_t *noise, size_t n_noise) {
	Quantizer quantizer(blob);
	const Layout &layout = quantizer.layout();
	constexpr size_t kVectors = 6;
	std::vector<float> vectors, prepared(layout.dims), centroid(layout.dims);
	for (size_t i = 0; i < kVectors * layout.dims; i++)
		vectors.push_back(kValues[(i * 7 + i / layout.dims) % std::size(kValues)]);
	uint32_t lists[kVectors];
	quantizer.Assign(vectors.data(), kVectors, lists);
	Memory memory(Query::Bytes(layout)), block(layout.block_bytes);
	std::vector<std::byte> row(layout.row_bytes), noise_row(layout.row_bytes);
	for (size_t i = 0; i < row.size() && n_noise > 0; i++)
		noise_row[i] = std::byte{noise[i % n_noise]};
	std::vector<uint8_t> code(layout.subquantizers + 1);
	Query query(quantizer, memory.data);
	for (size_t v = 0; v < kVectors; v++) {
		const float *vector = vectors.data() + v * layout.dims;
		Require(lists[v] < layout.lists, "a list that does not exist");
		quantizer.Centroid(lists[v], centroid.data());
		InitBlock(layout, block.data);
		if (quantizer.Prepare(vector, prepared.data())) {
			float t;
			quantizer.Encode(prepared.data(), lists[v], code.data(), &t, row.data());
			Require(std::isfinite(t), "t is not finite");
			PutCode(layout, block.data, 3, code.data(), t);
			Require(IsLive(layout, block.data, 3), "a slot that died");
		}
		for (size_t i = 0; i < layout.code_rows * 16 && n_noise > 0; i += 3)
			block.data[i] |= std::byte{noise[i % n_noise]};
		if (!query.Start(vector))
			continue;
		uint32_t next[7];
		size_t given = 0;
		while (size_t n = query.NextLists(std::size(next), next))
			for (size_t i = 0; i < n; i++, given++) {
				Require(next[i] < layout.lists, "a list that does not exist");
				Candidate candidates[kBlockVectors];
				size_t found = query.Scan(block.data, 1, next[i], HUGE_VALF, candidates, nullptr);
				Require(found <= 1, "more candidates than live slots");
				for (const std::byte *bytes : {row.data(), noise_row.data()}) {
					float score;
					double bound = query.LowerBound(bytes, next[i], &score);
					Require(!std::isnan(bound) && std::isfinite(score),
							"a bound that is no number");
				}
			}
		Require(given == layout.lists, "not every list was given");
	}
}

} // namespace

/// The text, and behind it what is to be indexed: two bytes dimensions, one byte the size of the table.
int
FuzzAnnFactory(const uint8_t *data, size_t size) {
	if (size < 3)
		return 0;
	try {
		Factory factory = Factory::Parse({reinterpret_cast<const char *>(data) + 3, size - 3});
		auto dims = static_cast<uint32_t>(data[0] << 8 | data[1]);
		Layout layout = factory.LayoutFor(dims, Metric::kL2, uint64_t{1} << data[2] % 64);
		Require(layout.block_bytes % kAlignment == 0 && layout.row_bytes > 0, "a wrong size");
		Layout again = Factory::Parse(Factory::Name(layout)).LayoutFor(dims, Metric::kL2, 0);
		Require(again == layout, "a name that is read differently");
	} catch (const Error &error) {
		Require(std::strlen(error.what()) < 1000, "a message without end");
	}
	return 0;
}

/// The bytes behind magic, version and checksum, which would stop every mutation; so would the length.
int
FuzzAnnQuantizer(const uint8_t *data, size_t size) {
	BlobHeader header = {};
	Memory blob(kCrcFrom + size);
	size_t total = kCrcFrom + size;
	memcpy(header.magic, kMagic, sizeof(kMagic));
	header.version = kBlobVersion;
	memcpy(blob.data, &header, kCrcFrom);
	memcpy(blob.data + kCrcFrom, data, size);
	if (size >= sizeof(header.bytes))
		memcpy(blob.data + kCrcFrom, &total, sizeof(total));
	uint32_t crc = BlobCrc(blob.data, total);
	memcpy(blob.data + offsetof(BlobHeader, crc), &crc, sizeof(crc));
	if (Quantizer::Problem({blob.data, total}) == nullptr)
		Use(blob.data, data, size);
	return 0;
}

} // namespace pgml::fuzz
