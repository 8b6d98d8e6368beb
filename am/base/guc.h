#pragma once
namespace pgml::am {

// Settings, alphabetical; see guc.cpp for unit, range and context.
extern bool guc_batch;           ///< pgml.batch
extern int guc_batch_size;       ///< pgml.batch_size
extern int guc_evaluator;        ///< pgml.evaluator: a pgml::Evaluator
extern bool guc_fused_scan;      ///< pgml.fused_scan
extern int guc_training_memory;  ///< pgml.training_memory, in kB
extern int guc_training_threads; ///< pgml.training_threads

void DefineSettings();

} // namespace pgml::am
