#pragma once
/**
 * A build's second scan by several processes: the leader and the workers that max_parallel_maintenance_workers allows.
 *
 * Each participant takes blocks of the table, encodes their rows with the quantizer that the leader trained (it lies in the
 * shared segment) and notes the nearest rows of the probe's queries. Workers leave sorted runs in temporary files of a shared
 * set; the leader merges them with its own rows when it writes the lists. Rows of a list are in the order of their
 * TIDs and equally near neighbours too, so the index is the same, page by page, as one process would build it.
 *
 * Sampling, training (threads) and writing are the leader's alone. Workers end with the leader: cancelled, failed or done.
 */
#include "index/faiss/encode.h"

namespace pgml::index {

struct ParallelBuild;

/// How many workers CREATE INDEX may ask for: none for small and temporary tables, and for expressions that are not parallel safe.
int PlanWorkers(Relation heap, Relation index);

/**
 * Encodes the table with up to n_workers beside this process.
 * @param encoder       the leader's, with its probe; has everything afterwards
 * @param memory_bytes  for the rows of one participant
 * @return what EndParallelBuild() ends when the spool has been read; nullptr: no worker could be had, and nothing was done
 */
ParallelBuild *EncodeInParallel(Encoder *encoder, Size blob_bytes, Size memory_bytes,
								int n_workers);
void EndParallelBuild(ParallelBuild *parallel);

} // namespace pgml::index
