# Unfinished work has an issue, not a comment.
grep -E '\.(cpp|cc|h|sql|pl|pm|py|sh|md|txt|cmake)$|^dev$|/run$' "$LINT_FILES" | grep -v '^tests/lint/' |
	xargs -r -d '\n' grep -nHE '\b(TODO|FIXME)\b' | grep -vE '(TODO|FIXME)\(?#[0-9]+' | sed -E 's#^([^:]+:[0-9]+):.*#\1: TODO or FIXME without an issue number#'
true
