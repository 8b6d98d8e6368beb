#pragma once
/**
 * Reading the catalog tables pgml.projects, models, deployments and files.
 *
 * Always with a fresh catalog snapshot, never with the query's: an index on predictions is maintained with the latest
 * model too (reference: reading-path, section 5). Works on a standby and in parallel workers. Project entries are
 * cached per backend and forgotten when a relcache invalidation of pgml.deployments arrives; triggers (ENABLE ALWAYS) on
 * all four tables send one for every change, however it was made.
 */
#include "am/base/pg.h"

namespace pgml::am {

/// A project as the backend knows it: plain memory, a copy.
struct Project {
	int64 project_id;
	Oid owner;
	int64
		model_id; ///< the model that answers: the deployed one (0 = none), or the one that was asked for by id
	double row_cost; ///< planner cost of one prediction in units of cpu_operator_cost, 0 = unknown
};

/// @return false when there is no such project. `name` in the database encoding.
bool LookupProject(const char *name, Project *out);

/// The project of a model, by model id; out->model_id and row_cost are that model's. @return false when there is none
bool LookupModelProject(int64 model_id, Project *out);

/// Name of a project, palloc'd in the current context, for messages; nullptr when it is gone.
char *ProjectName(int64 project_id);

/// Names of all projects with a deployed model, a List of char * in the current context.
List *DeployedProjects();

/// May `role` evaluate models of the project: superuser, (member of the) owner, or granted by pgml.grant_use.
bool HasProjectUse(const Project &project, Oid role);

/// Raises 42501 unless HasProjectUse. `name` as the user wrote it.
void CheckProjectUse(const Project &project, Oid role, const char *name);

/// 42704 project "x" does not exist / 55000 project "x" has no deployed model, with hints.
[[noreturn]] void RaiseNoProject(const char *name);
[[noreturn]] void RaiseNoModel(const char *name);
/// 42704 model 7 does not exist, with a hint.
[[noreturn]] void RaiseNoModelId(int64 model_id);

/**
 * Artefact bytes of a model from pgml.files (all parts in order), palloc'd in the current context.
 * @param fingerprint  of the rows that were read, see ModelFingerprint; may be nullptr
 * @throws (ereport) 42704 no such model; XX001 its rows in pgml.files are missing or do not fit together
 */
bytea *ReadModelBytes(int64 model_id, uint64 *fingerprint);

/// Identifies the row versions in pgml.files that hold a model, without reading the bytes: other rows, other number.
uint64 ModelFingerprint(int64 model_id);

/// OID of pgml.deployments: plans that depend on a deployed version list it in PlannedStmt.relationOids.
Oid DeploymentsRelation();

/// Rises by one whenever the cached catalog state may have changed.
uint64 CatalogGeneration();

} // namespace pgml::am
