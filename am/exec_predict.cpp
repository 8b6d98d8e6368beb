#include "am/hooks.h"

namespace pgml::am {

void
RegisterPredictNode() {}

} // namespace pgml::am
