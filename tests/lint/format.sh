# C++ is formatted as .clang-format says; every text file ends with a newline and has no trailing blanks.
grep -E '\.(cpp|cc|h)$' "$LINT_FILES" | xargs -r -P 2 -I{} sh -c 'clang-format-14 --dry-run --Werror {} >/dev/null 2>&1 || echo "{}: run clang-format-14 -i on it"'
# Expected outputs hold what psql prints, blanks included.
grep -Ev '^(tests/|index/)?expected/|/expected/|\.(png|gz|bin)$' "$LINT_FILES" | while read -r file; do
	grep -nE '[[:blank:]]+$' "$file" | sed -E "s#^([0-9]+):.*#$file:\1: trailing blanks#"
	grep -q $'\r' "$file" && echo "$file: carriage returns"
	[ -z "$(tail -c 1 "$file")" ] || echo "$file: no newline at the end"
done
true
