// pgml_train_faiss.so: trainings by FAISS. See train_faiss.h.
//
// Threads: their number is set explicitly for OpenMP and for the BLAS, and put back. All signals of the calling thread
// are blocked while FAISS runs, so that a thread it starts never handles one of the server's; the callback by which
// FAISS asks whether to stop lets the waiting ones through, on the calling thread only.
#include "train_faiss.h"

#include <algorithm>
#include <climits>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <pthread.h>

#include <faiss/Clustering.h>
#include <faiss/IndexFlat.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/impl/ProductQuantizer.h>
#include <faiss/utils/distances.h>
#include <omp.h>

#include "base/signals.h"

// OpenBLAS's own; which cblas.h is installed as the default is the system's choice.
extern "C" int openblas_get_num_threads(void);
extern "C" void openblas_set_num_threads(int n_threads);

using pgml::SignalsBlocked;

namespace {

/// What FAISS numbers rows with: a type that moved between its versions.
using FaissIndex = decltype(faiss::Index::ntotal);

class ThreadCount {
public:
	explicit ThreadCount(int n_threads)
		: openmp_(omp_get_max_threads()), blas_(openblas_get_num_threads()) {
		omp_set_num_threads(n_threads);
		openblas_set_num_threads(n_threads);
	}
	~ThreadCount() {
		omp_set_num_threads(openmp_);
		openblas_set_num_threads(blas_);
	}
	ThreadCount(const ThreadCount &) = delete;
	ThreadCount &operator=(const ThreadCount &) = delete;

private:
	int openmp_, blas_;
};

/// Remembers that it asked for the end: FAISS's exception does not say why it was thrown.
class Stop : public faiss::InterruptCallback {
public:
	template <typename Job>
	Stop(const Job &job, SignalsBlocked &signals)
		: asked_(job.stopped), argument_(job.stopped_argument), signals_(signals),
		  caller_(pthread_self()) {}
	bool
	want_interrupt() override {
		if (pthread_equal(caller_, pthread_self()) == 0)
			return stopped_;
		signals_.DeliverPending();
		stopped_ = stopped_ || asked_(argument_);
		return stopped_;
	}
	bool
	stopped() const {
		return stopped_;
	}

private:
	bool (*asked_)(void *argument);
	void *argument_;
	SignalsBlocked &signals_;
	pthread_t caller_;
	bool stopped_ = false;
};

/// FAISS asks one global object.
class Installed {
public:
	template <typename Job> Installed(const Job &job, SignalsBlocked &signals) {
		auto stop = std::make_unique<Stop>(job, signals);
		stop_ = stop.get();
		faiss::InterruptCallback::instance = std::move(stop);
	}
	~Installed() { faiss::InterruptCallback::clear_instance(); }
	Installed(const Installed &) = delete;
	Installed &operator=(const Installed &) = delete;
	Stop &
	stop() {
		return *stop_;
	}

private:
	Stop *stop_;
};

constexpr size_t kOperationsPerBlock = 500000000;

/// One iteration at a time: FAISS has no test of convergence.
void
Iterate(PgmlKmeans &job, Stop &stop) {
	size_t size = job.clusters * job.columns;
	faiss::ClusteringParameters parameters;
	parameters.niter = 1;
	parameters.nredo = 1;
	// All rows count, however few or many they are for the clusters.
	parameters.min_points_per_centroid = 1;
	parameters.max_points_per_centroid = INT_MAX;
	// FAISS asks whether to stop between blocks of rows: no block may take long.
	size_t block_rows = kOperationsPerBlock / size;
	faiss::distance_compute_blas_query_bs =
		static_cast<int>(std::clamp<size_t>(block_rows, 32, 4096));
	faiss::IndexFlatL2 index(static_cast<FaissIndex>(job.columns));
	for (job.iterations = 0; job.iterations < job.max_iterations && !stop.want_interrupt();) {
		parameters.seed = 1234 + job.iterations;
		faiss::Clustering clustering(static_cast<int>(job.columns), static_cast<int>(job.clusters),
									 parameters);
		clustering.centroids.assign(job.centroids, job.centroids + size);
		index.reset();
		clustering.train(static_cast<FaissIndex>(job.rows), job.values, index);
		double moved = 0;
		for (size_t i = 0; i < size; i++) {
			double step = static_cast<double>(clustering.centroids[i]) - job.centroids[i];
			moved += step * step;
		}
		std::copy_n(clustering.centroids.data(), size, job.centroids);
		if (!clustering.iteration_stats.empty())
			job.objective = clustering.iteration_stats.back().obj;
		job.iterations++;
		if (moved <= job.tolerance)
			break;
	}
}

void
TrainProductQuantizer(PgmlProductQuantizer &job, Stop &) {
	faiss::ProductQuantizer quantizer(job.subvectors * job.subvector_columns, job.subvectors,
									  static_cast<size_t>(job.bits));
	// All rows count, and few of them are nothing to warn of on the server's log.
	quantizer.cp.min_points_per_centroid = 1;
	quantizer.cp.max_points_per_centroid = INT_MAX;
	quantizer.train(static_cast<int>(job.rows), job.values);
	std::copy(quantizer.centroids.begin(), quantizer.centroids.end(), job.codebooks);
}

/// Runs train(job, stop) with everything around it. @return PgmlTrainStatus
template <typename Job, typename Train>
int
Run(Job *job, const Train &train) {
	job->message[0] = '\0';
	SignalsBlocked signals;
	try {
		Installed installed(*job, signals);
		try {
			ThreadCount threads(job->n_threads);
			train(*job, installed.stop());
		} catch (const std::bad_alloc &) {
			return PGML_TRAIN_NO_MEMORY;
		} catch (const std::exception &e) {
			if (!installed.stop().stopped()) {
				snprintf(job->message, sizeof(job->message), "%s", e.what());
				return PGML_TRAIN_FAILED;
			}
		}
		return installed.stop().stopped() ? PGML_TRAIN_STOPPED : PGML_TRAIN_DONE;
	} catch (const std::bad_alloc &) {
		return PGML_TRAIN_NO_MEMORY;
	} catch (...) {
		snprintf(job->message, sizeof(job->message), "unknown exception");
		return PGML_TRAIN_FAILED;
	}
}

} // namespace

extern "C" __attribute__((visibility("default"))) int
pgml_train_faiss_abi(void) {
	return PGML_TRAIN_FAISS_ABI;
}

extern "C" __attribute__((visibility("default"))) int
pgml_train_faiss_kmeans(PgmlKmeans *job) {
	return Run(job, Iterate);
}

extern "C" __attribute__((visibility("default"))) int
pgml_train_faiss_product_quantizer(PgmlProductQuantizer *job) {
	return Run(job, TrainProductQuantizer);
}
