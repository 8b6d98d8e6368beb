# first prediction of a new session with models in shared memory, and how many copies of a model many sessions hold
#
#   --sessions N   new sessions per figure and round, default 25 (a fifth of them for the large model without the cache)
#   --rounds N     interleaved rounds, default 4
#   --trees N      trees of the large model, default 60: about 100 MB
#
# The time is what psql sees of the first statement of a session, a prediction from constants: planning, catalog lookups and all.
# Of all sessions the median counts. "Without" is pgml.model_cache_size = 0: every session decodes and compiles for itself.

cache_psql() { pgml_psql -At -d bench "$@"; }

# cache_first STATEMENT N: milliseconds of the first statement in N new sessions, a line each.
cache_first() {
	local i
	for ((i = 0; i < $2; i++)); do
		printf '\\timing on\n%s\n' "$1" | cache_psql | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p'
	done
}

# cache_size SIZE: for all sessions that begin from now on.
cache_size() {
	cache_psql -q -c "ALTER SYSTEM SET pgml.model_cache_size = '$1'" -c 'SELECT pg_reload_conf()' >/dev/null
	while [ "$(cache_psql -c 'SHOW pgml.model_cache_size')" != "$1" ]; do sleep 0.1; done
}

cache_median() { sort -n "$1" | awk '{ a[NR] = $1 } END { printf "%.3f", a[int((NR + 1) / 2)] }'; }

# cache_memory PROJECT: memory in bytes of 8 sessions with 2 workers each that predict at the same time, every page counted once: anonymous
# memory and the part of shared memory that each has touched. The most of the samples counts: pages are mapped as rows come to them.
cache_memory() {
	local i pids sum most=0
	for i in 1 2 3 4 5 6 7 8; do
		cache_psql -q >/dev/null -c 'SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
			SET min_parallel_table_scan_size = 0' -c "SELECT count(*) FROM few WHERE pgml.predict('$1', f1, f2, f3, f4, f5, f6, f7, f8) IS NOT NULL
			AND pg_sleep(0.01) IS NOT NULL" &
	done
	while :; do
		pids=$(cache_psql -c "SELECT pid FROM pg_stat_activity WHERE query LIKE '%FROM few%' AND wait_event = 'PgSleep'
			AND backend_type IN ('client backend', 'parallel worker')")
		[ "$(wc -w <<<"$pids")" -lt 24 ] || break
		jobs -r | grep -q . || pgml_die "bench model_cache: 24 processes never ran at the same time"
	done
	# Only while all of them run.
	while sum=$(for i in $pids; do as_pg cat "/proc/$i/smaps_rollup" || exit 1; done 2>/dev/null |
		awk '/^Pss_(Anon|Shmem):/ { kb += $2 } END { printf "%.0f", kb * 1024 }'); do
		[ "$sum" -le "$most" ] || most=$sum
		sleep 0.2
	done
	wait
	echo "$most"
}

bench_model_cache() {
	local sessions=25 rounds=4 trees=60 round kind bytes small large statement values
	while [ $# -gt 0 ]; do
		case "$1" in
			--sessions) sessions=$2 ;;
			--rounds) rounds=$2 ;;
			--trees) trees=$2 ;;
			*) pgml_die "bench model_cache: unknown option \"$1\"; options: --sessions N --rounds N --trees N" ;;
		esac
		shift 2
	done
	pgml_psql -q -v ON_ERROR_STOP=1 -d postgres >/dev/null 2>&1 -c 'DROP DATABASE IF EXISTS bench' -c 'CREATE DATABASE bench'
	pgml_psql -q -d postgres -c "ALTER SYSTEM SET max_worker_processes = 40" -c "ALTER SYSTEM SET max_parallel_workers = 40"
	pgml_server_stop && pgml_server_start
	cache_size 1GB
	echo "model_cache: training 100 trees of depth 6, and $trees trees with a leaf per row" >&2
	cache_psql -q -v ON_ERROR_STOP=1 >/dev/null <<SQL
CREATE EXTENSION pgml_am;
SET client_min_messages = warning;
SELECT setseed(0.5);
CREATE TABLE many AS SELECT random()::real AS f1, random()::real AS f2, random()::real AS f3, random()::real AS f4, random()::real AS f5,
	random()::real AS f6, random()::real AS f7, random()::real AS f8, random() AS y FROM generate_series(1, 100000);
CREATE TABLE few AS TABLE many LIMIT 1500;
ANALYZE few;
CREATE VIEW hard AS SELECT f1, f2, f3, f4, f5, f6, f7, f8, f1 * f2 + sin(9 * f3) * f4 + y / 4 AS y FROM many;
SELECT pgml.train('small', 'regression', 'hard', 'y', algorithm => 'xgboost', test_size => 0,
	hyperparams => '{"n_estimators": 100, "max_depth": 6}');
SELECT pgml.train('large', 'regression', 'many', 'y', algorithm => 'extra_trees', test_size => 0, hyperparams => '{"n_estimators": $trees}');
SQL
	values='0.1::real, 0.2::real, 0.3::real, 0.4::real, 0.5::real, 0.6::real, 0.7::real, 0.8::real'
	rm -f "$BUILD"/bench-first-*
	for ((round = 1; round <= rounds; round++)); do
		echo "model_cache: round $round of $rounds" >&2
		cache_size 1GB
		cache_first 'SELECT 1;' "$sessions" >>"$BUILD/bench-first-nothing"
		for kind in small large; do
			statement="SELECT pgml.predict('$kind', $values);"
			cache_first "$statement" 1 >/dev/null
			cache_first "$statement" "$sessions" >>"$BUILD/bench-first-$kind"
		done
		cache_size 0
		cache_first "SELECT pgml.predict('small', $values);" "$sessions" >>"$BUILD/bench-first-small_without"
		cache_first "SELECT pgml.predict('large', $values);" $(((sessions + 4) / 5)) >>"$BUILD/bench-first-large_without"
	done
	cache_size 1GB
	# Who loads a model reads its bytes through shared buffers: that session must not be among those that are counted.
	cache_psql >/dev/null -c "SELECT pgml.predict('large', $values), pgml.predict('small', $values)"
	echo "model_cache: 8 sessions with 2 workers each" >&2
	small=$(cache_memory small)
	large=$(cache_memory large)
	bytes=$(cache_psql -c "SELECT bytes FROM pgml.model_cache WHERE project = 'large' AND datname = 'bench'")
	{
		echo "first_select $(cache_median "$BUILD/bench-first-nothing") ms -"
		echo "first_ms_without $(cache_median "$BUILD/bench-first-small_without") ms -"
		echo "first_ms $(cache_median "$BUILD/bench-first-small") ms first_ms_without"
		echo "first_ms_100mb_without $(cache_median "$BUILD/bench-first-large_without") ms -"
		echo "first_ms_100mb $(cache_median "$BUILD/bench-first-large") ms first_ms_100mb_without"
		echo "model_mb $(awk "BEGIN { printf \"%.1f\", $bytes / 1e6 }") MB -"
		echo "memory_copies $(awk "BEGIN { printf \"%.2f\", ($large - $small) / $bytes }") copies -"
	} | awk -v OFS='\t' '{ print "model_cache." $1, $2, $3, $4 == "-" ? "-" : "model_cache." $4 }'
}
