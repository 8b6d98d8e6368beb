# Settings are defined in alphabetical order, and README.md documents each of them.
mapfile -t names < <(tr '\n' ' ' <am/base/guc.cpp | grep -oE 'DefineCustom[A-Za-z]+Variable\([[:space:]]*"[^"]+"' | sed -E 's/.*"(.*)"/\1/')
[ ${#names[@]} -gt 0 ] || echo "am/base/guc.cpp: no settings found; did the way they are defined change?"
sorted=$(printf '%s\n' "${names[@]}" | sort)
[ "$sorted" = "$(printf '%s\n' "${names[@]}")" ] || echo "am/base/guc.cpp: settings are not in alphabetical order"
for name in "${names[@]}"; do
	case "$name" in pgml.*) ;; *) echo "am/base/guc.cpp: setting \"$name\" does not begin with pgml." ;; esac
	grep -qF "\`$name\`" README.md || echo "README.md: setting \"$name\" is not in the table of settings"
done
true
