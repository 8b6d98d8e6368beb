# clang-tidy with the rules of .clang-tidy; slow, so only with --tidy.
[ -f "$BUILD/compile_commands.json" ] || { echo "no compile_commands.json; run ./dev build"; exit 0; }
grep -E '^(am|index|model)/.*\.cpp$' "$LINT_FILES" |
	xargs -r -P 2 -n 2 clang-tidy-14 -p "$BUILD" --quiet --extra-arg=-Wno-unknown-warning-option 2>/dev/null |
	grep -E '(warning|error):' | sort -u
true
