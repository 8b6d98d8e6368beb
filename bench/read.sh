# ns per row of reading a prediction column, beside a plain sum, a stored value and a per-row libxgboost UDF
#
#   --rows N       rows of each table, default 2000000
#   --rounds N     interleaved rounds, of which the fastest counts, default 5
#   --features LIST  numbers of float4 features, default "8 28"
#
# One model (xgboost, 100 trees, depth 6), warm cache, one process, no JIT. read.sum is the yardstick: what PostgreSQL
# itself needs to read the features. The UDF predicts fewer rows (it is slow), scaled per row.

# read_lookup DATABASE: average latency in microseconds of an id lookup, simple protocol, so that each one is planned.
read_lookup() {
	"$PG_BIN/pgbench" -n -f "$BUILD/bench-lookup.sql" -T 2 -c 1 "$1" 2>/dev/null | awk '/^tps/ {printf "%.2f\n", 1e6 / $3}'
}

# read_figures FEATURES: lines "query|ns per row" -> figures. Speeds are given as rows per second, so that a ratio above 1 is ours.
read_figures() {
	awk -F '|' -v OFS='\t' -v n="$1" '
		NF == 2 { ns[$1] = $2 }
		function cost(name, query, versus) { print "read." name, ns[query], "ns/row", versus == "" ? "-" : "read." versus }
		function speed(name, query, versus) { printf "read.%s\t%.3f\tMrows/s\t%s\n", name, 1e3 / ns[query], versus == "" ? "-" : "read." versus }
		END {
			cost("sum" n, "sum")
			cost("avg_over_sum" n, "avg", "sum" n)
			cost("sum" n "_nulls", "sum_nulls")
			cost("avg_over_sum" n "_nulls", "avg_nulls", "sum" n "_nulls")
			cost("stored" n, "stored", "sum" n)
			cost("unfused" n, "unfused", "sum" n)
			cost("row" n, "row", "sum" n)
			cost("brin_without" n, "brin_without")
			cost("brin" n, "brin", "brin_without" n)
			speed("slots" n, "slots")
			speed("extract" n, "extract", "slots" n)
			speed("slots" n "_nulls", "slots_nulls")
			speed("extract" n "_nulls", "extract_nulls", "slots" n "_nulls")
			if (n == 28) {
				cost("naive_udf", "naive_udf", "avg_over_sum" n)
				speed("one_worker", "one_worker")
				speed("two_workers", "two_workers", "one_worker")
			} else
				cost("naive_udf" n, "naive_udf", "avg_over_sum" n)
		}'
}

bench_read() {
	local rows=2000000 rounds=5 features="8 28" n columns definitions round with without
	while [ $# -gt 0 ]; do
		case "$1" in
			--rows) rows=$2 ;;
			--rounds) rounds=$2 ;;
			--features) features=$2 ;;
			*) pgml_die "bench read: unknown option \"$1\"; options: --rows N --rounds N --features LIST" ;;
		esac
		shift 2
	done
	ninja -C "$BUILD" pgml_bench_read >"$BUILD/bench-build.log" 2>&1 || { cat "$BUILD/bench-build.log" >&2; exit 1; }
	install -m 755 "$BUILD/bench/pgml_bench_read.so" "$PG_TREE$("$PG_SYSTEM_BIN/pg_config" --pkglibdir)/"

	pgml_psql -q -v ON_ERROR_STOP=1 -d postgres >/dev/null 2>&1 -c 'DROP DATABASE IF EXISTS bench' -c 'DROP DATABASE IF EXISTS bench_without' \
		-c 'CREATE DATABASE bench' -c 'CREATE DATABASE bench_without'
	pgml_psql -q -d bench -c 'CREATE EXTENSION pgml_am'
	for n in $features; do
		echo "read: $rows rows x $n features, model, then $rounds rounds" >&2
		columns=$(seq -s ', ' -f 'f%g' "$n")
		definitions=$(seq -s ', ' -f 'f%g real NOT NULL' "$n")
		pgml_psql -d bench -f bench/read.sql -v n="$n" -v rows="$rows" -v rounds="$rounds" -v columns="$columns" -v definitions="$definitions" \
			-v train_rows=$((rows < 100000 ? rows : 100000)) -v naive_rows=$((rows < 50000 ? rows : 50000)) >"$BUILD/bench-read.out"
		read_figures "$n" <"$BUILD/bench-read.out"
	done

	# What the extension costs a query that has nothing to do with it: the same lookup in a database that has the
	# extension (and tables with prediction columns) and in one that has not.
	printf '%s\n' '\set id random(1, 10000)' 'SELECT note FROM plain WHERE id = :id' >"$BUILD/bench-lookup.sql"
	for n in bench bench_without; do
		pgml_psql -q -d "$n" -c "CREATE TABLE plain AS SELECT id, 'note ' || id AS note FROM generate_series(1, 10000) id" \
			-c 'ALTER TABLE plain ADD PRIMARY KEY (id)' -c 'VACUUM ANALYZE plain'
	done
	with="" without=""
	echo "read: planner overhead, 8 rounds" >&2
	for round in 1 2 3 4 5 6 7 8; do
		without=$(printf '%s\n' "$without" "$(read_lookup bench_without)" | grep . | sort -n | head -n 1)
		with=$(printf '%s\n' "$with" "$(read_lookup bench)" | grep . | sort -n | head -n 1)
	done
	printf 'read.planner_base\t%s\tus/query\t-\nread.planner_overhead\t%s\tus/query\tread.planner_base\n' "$without" "$with"
}
