#pragma once
/// Telling whether two readings of a relation gave the same rows.
#include <string>

#include "pgml/stop_token.h"
#include "pgml/train.h"

namespace pgml {

/// Sixteen hexadecimal digits that depend on every value, name and type of the dataset and on the order of rows. Not
/// cryptographic: it finds changes, it does not stop somebody who wants two tables to look alike.
std::string Fingerprint(const Dataset &data, const StopToken &stop);

} // namespace pgml
