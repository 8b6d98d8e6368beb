#include "am/hooks.h"

namespace pgml::am {

void
InstallVersionPinHooks() {}

} // namespace pgml::am
