# Each header compiles alone, with nothing included before it.
server=$("$PG_SYSTEM_BIN/pg_config" --includedir-server)
# Header units land in the work folder; fmt as the model library has it.
compile() {
	local file=$1 server=$2 flags
	case "$file" in
		am/* | index/*) flags="-I. -Imodel/include -isystem $server" ;;
		*) flags="-Imodel/include -Imodel/src -isystem /usr/include/eigen3" ;;
	esac
	# shellcheck disable=SC2086
	g++ -std=gnu++20 -fsyntax-only -x c++ -Wall -Wextra -Wno-unused-parameter -Wno-cast-function-type -Wno-missing-field-initializers \
		-DFMT_HEADER_ONLY -DPGML_PLANT=0 $flags -include "$file" /dev/null 2>&1 | grep -m 3 -E 'error|warning'
	true
}
export -f compile
grep -E '^(am|index|model)/.*\.h$' "$LINT_FILES" | xargs -r -P 2 -I{} bash -c 'compile {} '"$server"
