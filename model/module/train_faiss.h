#pragma once
/**
 * The interface of pgml_train_faiss.so: what FAISS trains for us, behind plain C.
 *
 * FAISS brings a BLAS and OpenMP with their threads, which a preloaded library must not load into the postmaster. So
 * the code that needs it is a module of its own, opened when a training asks for it (src/training_module.cpp). No
 * exception crosses; memory stays with the side that allocated it.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Raise it when anything below changes: both sides are installed together, but may not be loaded together.
#define PGML_TRAIN_FAISS_ABI 2

enum PgmlTrainStatus {
	PGML_TRAIN_DONE = 0,
	PGML_TRAIN_STOPPED = 1,
	PGML_TRAIN_NO_MEMORY = 2,
	PGML_TRAIN_FAILED = 3,
};

struct PgmlKmeans {
	size_t rows, columns, clusters;
	const float *values; ///< row-major [rows, columns], finite
	float *centroids;    ///< in: where to start, out: the result; row-major [clusters, columns]
	int max_iterations;
	double
		tolerance; ///< stops when the centroids move by no more than this sum of squares in an iteration
	int n_threads;
	/// Polled on the calling thread, with the signals delivered that were blocked meanwhile.
	bool (*stopped)(void *argument);
	void *stopped_argument;
	double objective;  ///< out: sum of squared distances before the last move of the centroids
	int iterations;    ///< out
	char message[256]; ///< out: what failed
};

/// Codebooks of a product quantizer: k-means of each sub-vector.
struct PgmlProductQuantizer {
	size_t rows; ///< no fewer than codewords
	size_t subvectors, subvector_columns;
	int bits;            ///< 2^bits codewords for each sub-vector
	const float *values; ///< row-major [rows, subvectors * subvector_columns], finite
	float *codebooks;    ///< out: [subvectors, 2^bits, subvector_columns]
	int n_threads;
	/// As of PgmlKmeans.
	bool (*stopped)(void *argument);
	void *stopped_argument;
	char message[256]; ///< out: what failed
};

/// pgml_train_faiss_abi() -> PGML_TRAIN_FAISS_ABI of the module
typedef int PgmlTrainFaissAbi(void);
/// pgml_train_faiss_kmeans(): Lloyd's iterations from given centroids. @return PgmlTrainStatus
typedef int PgmlTrainFaissKmeans(struct PgmlKmeans *job);
/// pgml_train_faiss_product_quantizer(). @return PgmlTrainStatus
typedef int PgmlTrainFaissProductQuantizer(struct PgmlProductQuantizer *job);

#ifdef __cplusplus
}
#endif
