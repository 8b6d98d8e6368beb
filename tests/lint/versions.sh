# Differences between server versions live in one file; the project's version is the same wherever it is written.
grep -E '\.(cpp|cc|h)$' "$LINT_FILES" | grep -v '^am/base/compat.h$' | xargs -r grep -nH 'PG_VERSION_NUM' /dev/null |
	sed -E 's#^([^:]+:[0-9]+):.*#\1: PG_VERSION_NUM outside am/base/compat.h#'
cmake=$(sed -nE 's/^project\(pgml_am VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
control=$(sed -nE "s/^default_version = '(.*)'/\1/p" pgml_am.control)
[ "$cmake" = "$control" ] || echo "pgml_am.control: default_version is $control, CMakeLists.txt has $cmake"
! [ -f docs/CHANGELOG.md ] || grep -qE "^## $cmake( |\$)" docs/CHANGELOG.md || echo "docs/CHANGELOG.md: no section \"## $cmake\""
