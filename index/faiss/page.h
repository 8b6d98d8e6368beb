#pragma once
/**
 * The faiss index on disk. README.md says what the kinds of pages are for and in which order they are locked.
 *
 * Every page ends in a PageTailData, which names its kind, list and chain: a page is checked when it is read, and a page
 * that is something else than expected is reported as damage, never interpreted. A chain is one copy of a list: its code
 * pages, linked by `next`, and its row pages, named by the code pages. Compaction writes a new chain and switches the
 * directory to it; the number of a chain is never used twice.
 */
#include "am/base/pg.h"

#include "pgml/ann.h"

extern "C" {
#include "access/genam.h"
#include "storage/block.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/itemptr.h"
#include "utils/rel.h"
}

namespace pgml::index {

constexpr uint32 kMagic = 0x46414953;
constexpr uint32 kFormatVersion = 1;
constexpr BlockNumber kMetaBlock = 0;

/// Stored: do not change the values.
enum class PageKind : uint16 {
	kMeta = 0xFA01,
	kBlob = 0xFA02,
	kDirectory = 0xFA03,
	kCodes = 0xFA04,
	kRows = 0xFA05,
};

/// Belongs to a chain that no directory entry names any more; scans that began before may still read it.
constexpr uint16 kPageDeleted = 1;

/// The special area of every page.
struct PageTailData {
	BlockNumber next; ///< of the chain, InvalidBlockNumber = last
	uint32 list;
	uint32 chain;
	uint16 kind;
	uint16 flags;
	uint64 delete_xid; ///< a FullTransactionId: who began later cannot have seen the page
};
static_assert(sizeof(PageTailData) == 24);

/// The special area of a code page. Slots 0 to count - 1 are the rows first_row, first_row + 1 ... of the chain.
struct CodeTailData {
	PageTailData common;
	uint16 count; ///< slots in use, dead ones included; a slot is never used twice
	uint16 n_row_pages;
	uint32 first_row;
	float inserted_residual; ///< sum over the rows inserted since the build, for measuring drift
	uint32 inserted;
	BlockNumber row_pages[FLEXIBLE_ARRAY_MEMBER]; ///< that hold the rows of this page, in order
};
static_assert(offsetof(CodeTailData, row_pages) == 40);

struct DirectoryEntryData {
	BlockNumber head, tail; ///< code pages
	uint32 chain;
	uint32 reserved;
};

/// One setting that the build measured.
struct CurvePointData {
	float recall;
	uint32 probes;
	uint32 refine; ///< 0: every row of the opened lists
	float cost;    ///< relative to others of this curve
};
constexpr uint32 kMaxCurvePoints = 64;

struct MetaData {
	uint32 magic;
	uint32 version;
	/// dims = 0: the index has seen no vector yet; there is nothing but this page.
	ann::Layout layout;
	BlockNumber blob_start;
	uint32 blob_bytes;
	BlockNumber directory_start;
	uint32 generation; ///< rises whenever a head in the directory changes
	uint64 build_id;   ///< random: tells a rebuild in the same file
	uint64 built_rows;
	double built_residual; ///< mean over the rows of the build
	double built_code_error;
	uint32 n_curve;
	uint32 curve_neighbors; ///< true neighbours that it was measured with, as if independent
	CurvePointData curve[kMaxCurvePoints];
};

constexpr Size kCodeOffset = 64; ///< of the first block: cache lines hold no two blocks
constexpr Size kDataOffset = MAXALIGN(SizeOfPageHeaderData);
constexpr Size kPageCapacity = BLCKSZ - kDataOffset - sizeof(PageTailData);
constexpr uint32 kDirectoryEntries = kPageCapacity / sizeof(DirectoryEntryData);
static_assert(sizeof(MetaData) <= kPageCapacity);
constexpr uint32 kMaxPagesPerRow = (ann::kMaxDims * sizeof(float) + 64) / kPageCapacity + 1;

/// Where things are in the pages of one layout.
struct Geometry {
	uint32 slots_per_page; ///< a multiple of 32
	uint32 tid_offset;
	uint32 code_special; ///< size of a code page's special area
	uint32 max_row_pages;
	uint32 pages_per_row; ///< more than 1: a row is larger than a page and has pages of its own
	uint32 rows_per_page; ///< 1 when pages_per_row > 1
};
Geometry GeometryOf(const ann::Layout &layout);

/// Index of a row's (first) page among the row pages of its chain.
inline uint32
RowPageOf(const Geometry &geometry, uint32 row) {
	return geometry.pages_per_row > 1 ? row * geometry.pages_per_row : row / geometry.rows_per_page;
}
/// Offset in its page, of a row that does not span pages.
inline Size
RowOffset(const Geometry &geometry, const ann::Layout &layout, uint32 row) {
	return kDataOffset + (Size)(row % geometry.rows_per_page) * layout.row_bytes;
}
/// Bytes of part `part` of a row.
inline Size
RowPartBytes(const ann::Layout &layout, uint32 part) {
	return Min(kPageCapacity, layout.row_bytes - part * kPageCapacity);
}

inline PageTailData *
Tail(Page page) {
	return (PageTailData *)PageGetSpecialPointer(page);
}
inline CodeTailData *
CodeTail(Page page) {
	return (CodeTailData *)PageGetSpecialPointer(page);
}
inline std::byte *
BlockAt(const ann::Layout &layout, Page page, uint32 slot) {
	return (std::byte *)page + kCodeOffset + (Size)(slot / ann::kBlockVectors) * layout.block_bytes;
}
inline ItemPointer
TidAt(const Geometry &geometry, Page page, uint32 slot) {
	return (ItemPointer)((char *)page + geometry.tid_offset + slot * sizeof(ItemPointerData));
}
inline DirectoryEntryData *
DirectoryEntries(Page page) {
	return (DirectoryEntryData *)((char *)page + kDataOffset);
}

// Pages in memory: a buffer's, or an image that is copied to one.
void InitPage(Page page, PageKind kind, uint32 list, uint32 chain);
void InitCodePage(const ann::Layout &layout, const Geometry &geometry, Page page, uint32 list,
				  uint32 chain);

/// @throws (ereport) XX002 naming index and block
[[noreturn]] void RaiseCorrupted(Relation index, BlockNumber block, const char *what);

/// Is it a page of rows? For who reads pages at random; asks nothing of them.
bool IsRowPage(Page page);
// What a page must be; the buffer is locked. A deleted page passes: it keeps its content.
void CheckPage(Relation index, Buffer buffer, PageKind kind);
/// A page of a chain. On a standby, a page that was used again under a scan raises 40001 instead of XX002.
const CodeTailData *CheckCodePage(Relation index, Buffer buffer, const Geometry &geometry,
								  uint32 list, uint32 chain);
void CheckRowPage(Relation index, Buffer buffer, uint32 list, uint32 chain);

/// True when the page is a code page of this list and chain that is not deleted. For inserts, which race with compaction.
bool IsCurrentCodePage(Buffer buffer, uint32 list, uint32 chain);

/// A page nobody uses, exclusively locked, its content undefined: out of the free space map, or new at the end.
Buffer AllocatePage(Relation index);
/// A page at the end of the index, zeroed and exclusively locked.
Buffer ExtendIndex(Relation index);
/// Is there a tail to look at, of any page but the meta page? Less than the checks that know which page it should be.
bool HasSomeTail(Page page);
/// May the deleted page be used again?
bool IsRecyclable(Page page);
bool IsDeletedPage(Page page);
/// A page of this chain (list and chain 0: of the quantizer or directory), deleted or not.
bool IsPageOf(Page page, uint32 list, uint32 chain);

/// Is the block in the file, whatever a damaged page names? @throws (ereport) XX002
void CheckBlock(Relation index, BlockNumber block);
Buffer ReadPage(Relation index, BlockNumber block);

/// Copies and checks the meta page. @throws (ereport) XX002
void ReadMeta(Relation index, MetaData *meta);
inline MetaData *
MetaOf(Page page) {
	return (MetaData *)((char *)page + kDataOffset);
}
DirectoryEntryData ReadDirectoryEntry(Relation index, const MetaData &meta, uint32 list);
inline BlockNumber
BlobPages(const MetaData &meta) {
	return (BlockNumber)((meta.blob_bytes + kPageCapacity - 1) / kPageCapacity);
}
inline BlockNumber
DirectoryPages(const MetaData &meta) {
	return (meta.layout.lists + kDirectoryEntries - 1) / kDirectoryEntries;
}
inline BlockNumber
DirectoryBlock(const MetaData &meta, uint32 list) {
	return meta.directory_start + list / kDirectoryEntries;
}

} // namespace pgml::index
