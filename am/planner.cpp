#include "am/hooks.h"

namespace pgml::am {

void
InstallPlannerHook() {}

} // namespace pgml::am
