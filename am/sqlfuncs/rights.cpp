/// Who may change a project, and pgml.grant_use / pgml.revoke_use. See rights.h.
#include "am/sqlfuncs/rights.h"

#include "am/ddl/index.h"
#include "am/models/model_catalog.h"
#include "am/sqlfuncs/catalog_write.h"
#include "am/sqlfuncs/dependents.h"

extern "C" {
#include "access/xact.h"
#include "executor/spi.h"
#include "utils/acl.h"
#include "utils/builtins.h"
}

namespace pgml::am {

namespace {

bool
TakeProject(ProjectRow *out) {
	if (SPI_processed == 0)
		return false;
	out->id = ResultInt8(0, 1);
	out->owner = ResultOid(0, 2);
	out->name = ResultText(0, 3);
	out->task = ResultText(0, 4);
	return true;
}

/// A role by name; 0 for "public", as GRANT understands the word.
Oid
RoleArgument(const char *name) {
	return strcmp(name, "public") == 0 ? InvalidOid : get_role_oid(name, false);
}

/// An index on predictions serves every writer while the owner of its table may use the project.
void
MarkDependentIndexes(const char *project) {
	CommandCounterIncrement();
	Dependents dependents = FindDependents(project);
	for (int i = 0; i < dependents.n; i++)
		if (i == 0 || dependents.items[i - 1].table != dependents.items[i].table)
			AddIndexMarks(dependents.items[i].table, ShareUpdateExclusiveLock);
}

void
ChangeUse(const char *name, const char *role_name, bool grant) {
	RequireWritable(grant ? "pgml.grant_use()" : "pgml.revoke_use()");
	SPI_connect();
	ProjectRow project;
	if (!ReadProject(name, &project))
		RaiseNoProject(name);
	CheckProjectOwner(project);
	Oid role = RoleArgument(role_name);
	LockProject(project);
	RunAsCatalogOwner(grant ? "UPDATE pgml.projects SET users = array_append(users, $2::regrole)"
							  " WHERE id = $1 AND NOT $2::regrole = ANY (users)"
							: "UPDATE pgml.projects SET users = array_remove(users, $2::regrole)"
							  " WHERE id = $1 AND $2::regrole = ANY (users)",
					  SqlParameters().Int8(project.id).Oid8(role));
	if (grant)
		MarkDependentIndexes(project.name);
	SPI_finish();
}

} // namespace

bool
ReadProject(const char *name, ProjectRow *out) {
	RunAsCatalogOwner("SELECT id, owner::oid, name, task FROM pgml.projects WHERE name = $1",
					  SqlParameters().Text(name), Visibility::kLatest);
	return TakeProject(out);
}

bool
ReadProjectOfModel(int64 model_id, ProjectRow *out) {
	RunAsCatalogOwner("SELECT p.id, p.owner::oid, p.name, p.task FROM pgml.models m"
					  " JOIN pgml.projects p ON p.id = m.project_id WHERE m.id = $1",
					  SqlParameters().Int8(model_id), Visibility::kLatest);
	return TakeProject(out);
}

void
LockProject(const ProjectRow &project) {
	if (RunAsCatalogOwner("SELECT 1 FROM pgml.projects WHERE id = $1 FOR UPDATE",
						  SqlParameters().Int8(project.id)) == 0)
		RaiseNoProject(project.name);
}

void
CheckProjectOwner(const ProjectRow &project) {
	if (!has_privs_of_role(GetUserId(), project.owner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be owner of project \"%s\"", project.name)));
}

char *
RequiredTextArgument(FunctionCallInfo fcinfo, int argument, const char *name) {
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be null", name)));
	char *value = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	if (value[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must not be empty", name)));
	return value;
}

} // namespace pgml::am

using namespace pgml::am;

/// pgml.grant_use(project text, role text) -> void; role "public" stands for everybody
PGML_FUNCTION(pgml_grant_use) {
	char *project = RequiredTextArgument(fcinfo, 0, "project");
	ChangeUse(project, RequiredTextArgument(fcinfo, 1, "role"), true);
	PG_RETURN_VOID();
}

/// pgml.revoke_use(project text, role text) -> void
PGML_FUNCTION(pgml_revoke_use) {
	char *project = RequiredTextArgument(fcinfo, 0, "project");
	ChangeUse(project, RequiredTextArgument(fcinfo, 1, "role"), false);
	PG_RETURN_VOID();
}
