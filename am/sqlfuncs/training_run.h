#pragma once
/**
 * What pgml.train does once the rows are read: split, search, train, evaluate. Nothing is written to the catalog here.
 *
 * C++ objects live in one TrainingWork, owned by a memory context, and are touched only inside of Guard().
 */
#include "am/base/pg.h"

#include <memory>
#include <string>
#include <vector>

#include "am/sqlfuncs/train_request.h"
#include "pgml/search.h"
#include "pgml/train.h"

namespace pgml::am {

/// Everything with a destructor.
struct TrainingWork {
	Dataset data; ///< all rows, later the training part
	Dataset test;
	std::unique_ptr<HyperparameterSearch> search; ///< nullptr: none was asked for
	std::unique_ptr<const Model> model;
	std::string columns, fingerprint, metrics, chosen_hyperparams, search_results;
	std::vector<std::byte> bytes;
	TrainReport report;
};

/// What training gives to the catalog. Plain memory in the current context.
struct TrainingResult {
	const char *fingerprint;                         ///< of all rows
	const char *columns;                             ///< JSON
	const char *metrics;                             ///< JSON
	const char *extra_metrics;                       ///< JSON: what the training told
	const char *chosen_hyperparams, *search_results; ///< JSON objects; {} without a search
	double fit_seconds, score_seconds;
	uint64 n_rows, n_train, n_test;
	double row_cost;
};

/// Checks hyperparameters and search before any row is read. The result lives as long as the context.
TrainingWork *PrepareTraining(MemoryContext context, const TrainRequest &request);

/// Splits, searches, trains and evaluates, saying what it does. The rows are gone afterwards.
TrainingResult RunTraining(const TrainRequest &request, TrainingWork *work);

} // namespace pgml::am
