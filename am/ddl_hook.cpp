#include "am/hooks.h"

namespace pgml::am {

void
InstallDdlHook() {}

} // namespace pgml::am
