/// The settings of the extension, alphabetical.
#include "am/base/guc.h"

#include "am/base/pg.h"
#include "pgml/evaluator.h"

#include <climits>

extern "C" {
#include "utils/guc.h"
}

namespace pgml::am {

bool guc_batch = true;
int guc_batch_size = 1024;
int guc_evaluator = (int)pgml::Evaluator::kAuto;
bool guc_fused_scan = true;
int guc_iterative_scan = (int)IterativeScan::kStrictOrder;
int guc_model_cache_size = 256 * 1024;
int guc_probes = 0;
double guc_recall = 0.95;
int guc_refine = 0;
int guc_training_memory = 4 * 1024 * 1024;
int guc_training_threads = 1;

namespace {

const config_enum_entry kEvaluators[] = {
	{"auto", (int)pgml::Evaluator::kAuto, false},
	{"walker", (int)pgml::Evaluator::kWalker, false},
	{"portable", (int)pgml::Evaluator::kPortable, false},
	{"avx2", (int)pgml::Evaluator::kAvx2, false},
	{"avx512", (int)pgml::Evaluator::kAvx512, false},
	{nullptr, 0, false},
};

const config_enum_entry kIterativeScans[] = {
	{"strict_order", (int)IterativeScan::kStrictOrder, false},
	{"relaxed_order", (int)IterativeScan::kRelaxedOrder, false},
	{nullptr, 0, false},
};

bool
CheckEvaluator(int *value, void **, GucSource) {
	auto evaluator = (pgml::Evaluator)*value;
	if (pgml::EvaluatorAvailable(evaluator))
		return true;
	GUC_check_errcode(ERRCODE_FEATURE_NOT_SUPPORTED);
	GUC_check_errmsg("this processor cannot run the evaluator \"%s\"",
					 pgml::EvaluatorName(evaluator));
	GUC_check_errhint("\"auto\" takes the fastest that it can run.");
	return false;
}

void
AssignEvaluator(int value, void *) {
	pgml::SetEvaluator((pgml::Evaluator)value);
}

} // namespace

void
DefineSettings() {
	DefineCustomBoolVariable("pgml.batch", "Evaluates predictions in batches where that pays.",
							 "Off evaluates row by row; the rows are the same.", &guc_batch, true,
							 PGC_USERSET, GUC_EXPLAIN, nullptr, nullptr, nullptr);
	DefineCustomIntVariable(
		"pgml.batch_size", "Largest number of rows in one batch of predictions.", nullptr,
		&guc_batch_size, 1024, 1, 65536, PGC_USERSET, GUC_EXPLAIN, nullptr, nullptr, nullptr);
	DefineCustomEnumVariable("pgml.evaluator", "Evaluates tree models by this engine.",
							 "All give the same predictions; \"auto\" is the fastest.",
							 &guc_evaluator, (int)pgml::Evaluator::kAuto, kEvaluators, PGC_USERSET,
							 GUC_EXPLAIN, CheckEvaluator, AssignEvaluator, nullptr);
	DefineCustomBoolVariable(
		"pgml.fused_scan", "Reads the features of predictions directly from table pages.",
		"Off reads them through a scan of the server; the rows are the same.", &guc_fused_scan,
		true, PGC_USERSET, GUC_EXPLAIN, nullptr, nullptr, nullptr);
	DefineCustomEnumVariable(
		"pgml.iterative_scan",
		"What a scan of a faiss index does with rows that it finds too late for their distance.",
		"\"strict_order\" leaves them out, \"relaxed_order\" returns them out of order.",
		&guc_iterative_scan, (int)IterativeScan::kStrictOrder, kIterativeScans, PGC_USERSET,
		GUC_EXPLAIN, nullptr, nullptr, nullptr);
	DefineCustomIntVariable(
		"pgml.model_cache_size",
		"Shared memory that compiled models may take, for all sessions together.",
		"Taken as models are used; 0 keeps models in each session's own memory.",
		&guc_model_cache_size, 256 * 1024, 0, MAX_KILOBYTES, PGC_SIGHUP, GUC_UNIT_KB, nullptr,
		nullptr, nullptr);
	DefineCustomIntVariable("pgml.probes", "Lists of a faiss index that a search opens first.",
							"0 follows from pgml.recall.", &guc_probes, 0, 0, 65536, PGC_USERSET,
							GUC_EXPLAIN, nullptr, nullptr, nullptr);
	DefineCustomRealVariable("pgml.recall",
							 "Share of the true nearest neighbors that a search finds.",
							 "1 looks at every row of the index.", &guc_recall, 0.95, 0.5, 1,
							 PGC_USERSET, GUC_EXPLAIN, nullptr, nullptr, nullptr);
	DefineCustomIntVariable(
		"pgml.refine", "Candidates of a faiss index whose distance is bounded for the first rows.",
		"0 follows from pgml.recall.", &guc_refine, 0, 0, 1000000, PGC_USERSET, GUC_EXPLAIN,
		nullptr, nullptr, nullptr);
	DefineCustomIntVariable("pgml.training_memory",
							"Memory that the rows of one training may take.",
							"Counted are the rows as read, after preprocessing, and as the "
							"algorithm's library keeps them.",
							&guc_training_memory, 4 * 1024 * 1024, 1024, MAX_KILOBYTES, PGC_USERSET,
							GUC_UNIT_KB, nullptr, nullptr, nullptr);
	DefineCustomIntVariable("pgml.training_threads", "Threads that training a model may use.",
							nullptr, &guc_training_threads, 1, 1, 256, PGC_USERSET, 0, nullptr,
							nullptr, nullptr);
	MarkGUCPrefixReserved("pgml");
}

} // namespace pgml::am
