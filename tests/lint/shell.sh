# Shell scripts parse, and say how they want to fail.
while read -r file; do
	head -n 1 "$file" | grep -qE '^#!.*\bbash\b' || [[ $file == *.sh ]] || continue
	bash -n "$file" 2>&1
	[[ $file == *.sh ]] || grep -qE '^set -[eu]+o? *(pipefail)?' "$file" || echo "$file:1: no \"set -euo pipefail\""
	[[ $file == *.sh ]] || [ -x "$file" ] || echo "$file:1: is not executable"
done <"$LINT_FILES"
true
