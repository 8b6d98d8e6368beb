#pragma once
/**
 * Writes whole chains: for the build and for compaction.
 *
 * Pages are made in local memory and copied into buffers when they are full, so that no buffer is locked meanwhile. A page's
 * place is taken when it is begun, because the page before names it.
 */
#include "index/faiss/page.h"

namespace pgml::index {

struct ListWriter {
	Relation index;
	const ann::Layout *layout;
	const Geometry *geometry;
	bool log; ///< write WAL for each page; the build logs all of them at its end
	uint32 list, chain;
	BlockNumber head;
	uint32 n_rows;
	Page codes, rows; ///< images
	BlockNumber codes_block, rows_block;
};

void InitWriter(ListWriter *writer, Relation index, const ann::Layout *layout,
				const Geometry *geometry, bool log);
void BeginList(ListWriter *writer, uint32 list, uint32 chain);
void AppendRow(ListWriter *writer, const uint8_t *code, float t, const std::byte *row,
			   ItemPointer tid);
/// @param inserted  what to note of rows that came after the build
/// @return the directory entry of the list
DirectoryEntryData EndList(ListWriter *writer, uint32 inserted, float inserted_residual);

/// Copies an image into its place.
void WritePage(Relation index, BlockNumber block, Page image, bool log);
/// Takes a place for a page that WritePage fills, and makes it an empty page of that kind before it lets go of it: until then it
/// looks free to everybody else. Without `log` nobody else is there.
BlockNumber TakePage(Relation index, PageKind kind, uint32 list, uint32 chain, bool log);
/// Places one behind the other at the end of the index, for pages of no list.
BlockNumber TakePages(Relation index, Size n, PageKind kind, bool log);

} // namespace pgml::index
