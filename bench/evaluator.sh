# rows per second of each tree evaluator beside libxgboost's own prediction, one pinned thread
#
#   --quick        train on 50000 rows instead of 500000 (trees a little less full), fewer repetitions
#   --models LIST  only these, "h100d6 h1000d6 h500d8 m100d6 sparse500d6 ..."
#   --rounds N     repetitions, interleaved at random, of which the fastest counts, default 15
#
# Training the models takes minutes; they are kept in the build folder. Nothing is timed before all margins of all
# evaluators are libxgboost's bit for bit.

bench_evaluator() {
	local rows=500000 rounds=15 models=""
	while [ $# -gt 0 ]; do
		case "$1" in
			--quick) rows=50000 rounds=5 ;;
			--models) models=$2 && shift ;;
			--rounds) rounds=$2 && shift ;;
			*) pgml_die "bench evaluator: unknown option \"$1\"; options: --quick --models LIST --rounds N" ;;
		esac
		shift
	done
	pgml_deps libbenchmark-dev >&2
	cmake "$BUILD" >"$BUILD/bench-build.log" 2>&1 && ninja -C "$BUILD" pgml_bench_evaluator >>"$BUILD/bench-build.log" 2>&1 ||
		{ cat "$BUILD/bench-build.log" >&2; exit 1; }
	mkdir -p "$BUILD/bench-models"
	# shellcheck disable=SC2086
	OMP_NUM_THREADS=1 "$BUILD/bench/pgml_bench_evaluator" --benchmark_repetitions="$rounds" --benchmark_min_time=0.02 \
		--benchmark_enable_random_interleaving=true "$BUILD/bench-models" "$BUILD/datasets" "$rows" $models
}
