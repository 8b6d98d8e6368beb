# seconds and memory of pgml.train (xgboost) beside libxgboost alone on the same rows, and how fast it is cancelled
#
#   --rows N      rows of 28 float4 features, 5 % missing, a noisy boolean target; default 500000
#   --trees N     default 100; --depth N, default 6; --threads N, default 1
#   --rounds N    interleaved rounds, of which the fastest (and the smallest memory) counts, default 3
#   --cancels N   trainings cancelled at random moments, default 40
#   --cpu N       the core that all is pinned to, default 0

bench_train() {
	local rows=500000 arguments=("$@") file=$BUILD/bench-train.copy
	while [ $# -gt 0 ]; do
		case "$1" in
			--rows) rows=$2 ;;
			--trees | --depth | --threads | --rounds | --cancels | --cpu) ;;
			*) pgml_die "bench train: unknown option \"$1\"; options: --rows N --trees N --depth N --threads N --rounds N --cancels N --cpu N" ;;
		esac
		shift 2
	done
	ninja -C "$BUILD" pgml_bench_train >"$BUILD/bench-build.log" 2>&1 || { cat "$BUILD/bench-build.log" >&2; exit 1; }
	echo "train: making $rows rows" >&2
	"$BUILD/bench/pgml_bench_train" generate "$rows" "$file"
	pgml_psql -q -v ON_ERROR_STOP=1 -d postgres >/dev/null 2>&1 -c 'DROP DATABASE IF EXISTS bench' -c 'CREATE DATABASE bench'
	pgml_psql -q -v ON_ERROR_STOP=1 -d bench -c 'CREATE EXTENSION pgml_am' \
		-c "CREATE TABLE higgs ($(seq -s ', ' -f 'f%g real' 0 27), target boolean)" \
		-c "\\copy higgs FROM '$file' WITH (FORMAT binary)" -c 'VACUUM ANALYZE higgs' \
		-c 'SET synchronize_seqscans = off' -c "\\copy higgs TO '$file' WITH (FORMAT binary)" # in the table's own order
	python3 bench/train.py --program "$BUILD/bench/pgml_bench_train" --file "$file" ${arguments[@]+"${arguments[@]}"}
	rm -f "$file"
}
