# Relative links in Markdown files lead to files that exist.
grep -E '\.md$' "$LINT_FILES" | while read -r file; do
	grep -noE '\]\([^)# ]+' "$file" | sed -E 's/^([0-9]+):\]\(/\1 /' | while read -r line target; do
		case "$target" in *://* | mailto:*) continue ;; esac
		[ -e "$(dirname "$file")/$target" ] || echo "$file:$line: link to \"$target\", which does not exist"
	done
done
