/// Pins of the running statement. See version_pin.h.
#include "am/version_pin.h"

namespace pgml::am {

bool
PinnedProject(const char *name, Project *out) {
	return LookupProject(name, out);
}

uint64
PinEpoch() {
	return CatalogGeneration();
}

void
InstallVersionPinHooks() {}

} // namespace pgml::am
