#pragma once
/// Projects as the writing functions need them, and who may change one: members of its owner.
#include "am/base/pg.h"

namespace pgml::am {

/// A row of pgml.projects. Plain memory in the current context.
struct ProjectRow {
	int64 id;
	Oid owner;
	const char *name;
	const char *task;
};

/// The project as last committed (or written by this transaction). The caller is connected to SPI.
/// @return false when there is none
bool ReadProject(const char *name, ProjectRow *out);
bool ReadProjectOfModel(int64 model_id, ProjectRow *out);

/// Takes the project's row lock: training, deploying and granting one project happen one after the
/// other.
void LockProject(const ProjectRow &project);

/// Raises 42501 unless the current user is a member of the project's owner.
void CheckProjectOwner(const ProjectRow &project);

/// A function argument as a C string. @throws (ereport) 22004 when NULL, 22023 when empty
char *RequiredTextArgument(FunctionCallInfo fcinfo, int argument, const char *name);

} // namespace pgml::am
