/// Weak stand-in so that the library loads while the decoder is on its way; deleted when it lands.
#include "am/base/pg.h"

#include "pgml/error.h"
#include "pgml/model.h"

namespace pgml {
__attribute__((weak)) std::unique_ptr<const Model>
Model::Decode(std::span<const std::byte>) {
	throw Error(ErrorCode::kNotSupported, "pending");
}
} // namespace pgml
