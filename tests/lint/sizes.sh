# A file has one duty: 600 lines are the limit. Expected outputs and data are not counted.
grep -E '\.(c|cc|cpp|h|cu|sql|pl|pm|py|sh)$|^dev$|/run$' "$LINT_FILES" | grep -vE '(^|/)expected/' | while read -r file; do
	lines=$(wc -l <"$file")
	[ "$lines" -le 600 ] || echo "$file: $lines lines; split it by duty (limit 600)"
done
