#pragma once
namespace pgml::am {

/// What a scan of a faiss index does with a row that comes later than its distance says.
enum class IterativeScan : int { kStrictOrder, kRelaxedOrder };

// Settings, alphabetical; see guc.cpp for unit, range and context.
extern bool guc_batch;           ///< pgml.batch
extern int guc_batch_size;       ///< pgml.batch_size
extern int guc_evaluator;        ///< pgml.evaluator: a pgml::Evaluator
extern bool guc_fused_scan;      ///< pgml.fused_scan
extern int guc_iterative_scan;   ///< pgml.iterative_scan: an IterativeScan
extern int guc_model_cache_size; ///< pgml.model_cache_size, in kB
extern int guc_probes;           ///< pgml.probes, 0 = automatic
extern double guc_recall;        ///< pgml.recall
extern int guc_refine;           ///< pgml.refine, 0 = automatic
extern int guc_training_memory;  ///< pgml.training_memory, in kB
extern int guc_training_threads; ///< pgml.training_threads

void DefineSettings();

} // namespace pgml::am
