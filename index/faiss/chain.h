#pragma once
/// Chains as a whole: reading the rows of one while inserts go on, and giving up its pages. For compaction and growing.
#include "index/faiss/page.h"

extern "C" {
#include "access/transam.h"
}

namespace pgml::index {

struct ChainReader {
	Relation index;
	const ann::Layout *layout;
	const Geometry *geometry;
	uint32 list, chain;
	Page page; ///< copy of the code page at hand
	Page rows_page;
	BlockNumber rows_block;
	std::byte *row;
	BlockNumber *pages; ///< all that were read, for deleting them
	Size n_pages, pages_capacity;
	BlockNumber n_visits; ///< of code pages
};

/// Memory of the current context. Reads nothing yet.
void InitChainReader(ChainReader *reader, Relation index, const ann::Layout *layout,
					 const Geometry *geometry, uint32 list, uint32 chain);
/// Copies a code page, and notes it and its row pages. @throws (ereport) XX002
const CodeTailData *ReadChainPage(ChainReader *reader, BlockNumber block);
/// The same of a page that is locked already.
const CodeTailData *CopyChainPage(ChainReader *reader, Buffer buffer);
/// The row of a slot of the page at hand, valid until the next call; nullptr: the slot is dead
const std::byte *ChainRow(ChainReader *reader, uint32 slot);

/// Locks the last page exclusively, which keeps inserts away, and copies it again. @return InvalidBuffer: it is not the last
/// any more; the copy names its successor
Buffer LockLastPage(ChainReader *reader, BlockNumber block);

/// A chain number that no page has, not even one of a compaction that crashed.
uint32 NewChain(Relation index);
/// Of a page that is about to be logged: nothing names it from now on.
void MarkDeleted(Page page, FullTransactionId xid);
/// Marks a page that nothing names any more; pages of no list have list and chain 0. Its content stays for searches that began before.
void DeletePage(Relation index, BlockNumber block, uint32 list, uint32 chain);
void DeleteChainPages(const ChainReader &reader);

} // namespace pgml::index
