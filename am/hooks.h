#pragma once
/// Entry points of the parts that hook into the server; module.cpp calls them once, from _PG_init.
namespace pgml::am {

void
InstallPlannerHook(); // planner.cpp: query_rewrite.cpp before planning, plan_predict.cpp after it
void InstallVersionPinHooks();   // version_pin.cpp
void InstallDdlHook();           // hook.cpp
void InstallIndexCreationHook(); // index_creation_lock.cpp
void RegisterPredictNode();      // exec_predict.cpp
void RegisterScanNode();         // exec_scan.cpp
void InstallModelCache();        // model_cache.cpp, with model_directory.cpp's shared memory
void InstallModelDirectory();
void InstallTrainingProgress(); // sqlfuncs/training_progress.cpp

} // namespace pgml::am

namespace pgml::index {

void DefineIndexOptions();      // index/faiss/options.cpp
void InstallIndexCache();       // index/faiss/cache.cpp
void InstallSearchStatistics(); // index/faiss/explain.cpp
void InstallRangePaths();       // index/faiss/range_path.cpp
void InstallRangePlans();       // index/faiss/range_plan.cpp

} // namespace pgml::index
