#pragma once
/// The end of a process that left a call of a library behind when a training was cancelled.
namespace pgml::am {

/// Makes sure that this backend ends well whenever it ends; waits for a call that an earlier training left behind, which
/// bounds what such calls take. Before a training.
void PrepareForAbandonedCalls();

} // namespace pgml::am
