#pragma once
namespace pgml::pg {

/// Raises 55000 with the line to add unless the library was loaded by shared_preload_libraries.
void RequirePreload();

} // namespace pgml::pg
