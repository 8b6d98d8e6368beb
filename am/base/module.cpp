/// Loading the library: settings and hooks.
#include "am/base/pg.h"

#include "am/base/guc.h"
#include "am/base/module.h"
#include "am/hooks.h"

extern "C" {
#include "utils/builtins.h"

PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

namespace pgml::pg {

static bool preloaded = false;

void
RequirePreload() {
	if (preloaded)
		return;
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("pgml_am must be loaded via \"shared_preload_libraries\""),
					errdetail("Without it, prediction columns would silently read as NULL."),
					errhint("Add this line to postgresql.conf and restart the server: "
							"shared_preload_libraries = 'pgml_am'")));
}

} // namespace pgml::pg

void
_PG_init(void) {
	if (!process_shared_preload_libraries_in_progress)
		return; // SQL functions then refuse: see RequirePreload
	pgml::pg::preloaded = true;
	pgml::am::DefineSettings();
	pgml::am::RegisterPredictNode();
	pgml::am::RegisterScanNode();
	pgml::index::InstallRangePlans(); // within the next: it sees plans as the server made them
	pgml::am::InstallPlannerHook();
	pgml::am::InstallVersionPinHooks();
	pgml::am::InstallDdlHook();
	pgml::am::InstallIndexCreationHook();
	pgml::am::InstallModelCache();
	pgml::am::InstallTrainingProgress();
	pgml::index::DefineIndexOptions();
	pgml::index::InstallIndexCache();
	pgml::index::InstallSearchStatistics();
	pgml::index::InstallRangePaths();
}

/// pgml.version() -> text
PGML_FUNCTION(pgml_version) {
	PG_RETURN_TEXT_P(cstring_to_text(PGML_VERSION));
}

/// pgml.validate_shared_library() -> void: run by CREATE EXTENSION, refuses when not preloaded.
PGML_FUNCTION(pgml_validate_shared_library) {
	pgml::pg::RequirePreload();
	PG_RETURN_VOID();
}
