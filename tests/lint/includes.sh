# Who may include whom: model/ knows no server, am/base nothing above it, index/ and am/ meet only in am/base,
# and postgres.h comes in through am/base/pg.h alone.
report() { # PATTERN MESSAGE FILE...
	local pattern=$1 message=$2
	shift 2
	[ $# -gt 0 ] || return 0
	grep -nHE "$pattern" "$@" | sed -E "s#^([^:]+:[0-9]+):(.*)#\1: $message: \2#"
}
mapfile -t model < <(grep -E '^(model|tests/unit|tests/fuzz)/.*\.(cpp|cc|h)$' "$LINT_FILES")
mapfile -t base < <(grep -E '^am/base/.*\.(cpp|h)$' "$LINT_FILES" | grep -v '^am/base/module.cpp$')
mapfile -t am < <(grep -E '^am/.*\.(cpp|h)$' "$LINT_FILES")
mapfile -t index < <(grep -E '^index/.*\.(cpp|h)$' "$LINT_FILES")
mapfile -t server < <(printf '%s\n' "${am[@]}" "${index[@]}" | grep -v '^am/base/pg.h$' | grep .)
mapfile -t headers < <(grep -E '\.h$' "$LINT_FILES")
mapfile -t all < <(grep -E '\.(cpp|cc|h)$' "$LINT_FILES")

report '#include [<"](postgres|am/|index/|libpq|utils/|nodes/|access/|executor/|catalog/)' 'model code must not see the server' "${model[@]}"
report '#include "(am/[^b]|am/b[^a]|index/)' 'am/base must not see what stands on it' "${base[@]}"
report '#include "pgml/' 'am/base may use error.h, evaluator.h and stop_token.h only' "${base[@]}" | grep -vE 'pgml/(error|evaluator|stop_token)\.h'
report '#include "index/' 'am/ must not see index/' "${am[@]}"
report '#include "am/([^b]|b[^a])' 'index/ may use am/base only' "${index[@]}" | grep -v 'am/reader.h'
report '#include [<"](postgres|fmgr)\.h' 'include am/base/pg.h instead' "${server[@]}"
report '^[[:space:]]*using namespace' 'using namespace in a header' "${headers[@]}"
for file in "${headers[@]}"; do
	[ "$file" = model/src/base/no_postgres.h ] || grep -q '^#pragma once' "$file" || echo "$file:1: no #pragma once"
done
# The trap against server headers comes last, after all that could have brought one in.
for file in "${model[@]}"; do
	case "$file" in
		model/src/*.cpp) [ "$(grep '^#include' "$file" | tail -n 1)" = '#include "base/no_postgres.h"' ] ||
			echo "$file:1: the last include must be \"base/no_postgres.h\"" ;;
	esac
done
# The first include of server code is a header of the project: each compiles alone, see headers.sh, so nothing rests on what
# happened to be included before, and am/base/pg.h comes in ahead of the server's own headers.
for file in "${am[@]}" "${index[@]}"; do
	[[ $file == *.cpp ]] || continue
	grep -m 1 '^#include' "$file" | grep -q '^#include "' || echo "$file:1: the first include must be a header of the project"
done
true
