# The server of the vector benchmark, its databases, indexes, inserts and VACUUM. bench/vector.sh drives it; its variables apply.
#
# pgvector's type and ours have one name, so that each set has a database for either: hnsw_SET and pgml_SET, in one cluster, of one
# server, with equal settings. That server is PostgreSQL 17 in a Debian trixie of its own (tests/lib/debian.sh), where pgvector is a
# package; with --host it is the private server of `./dev`.
# Building pgvector's indexes takes minutes: they stay in the cluster, and the seconds it took in vector_builds.

vector_conf() {
	local buffers
	buffers=$(awk '/^MemTotal/ { quarter = int($2 / 4096); print (quarter < 4096 ? quarter : 4096) }' /proc/meminfo)
	cat <<CONF
listen_addresses = ''
shared_preload_libraries = 'pgml_am'
shared_buffers = ${buffers}MB
maintenance_work_mem = $((buffers / 2))MB
max_wal_size = 8GB
checkpoint_timeout = 1h
fsync = off
synchronous_commit = off
autovacuum = off
jit = off
max_parallel_workers_per_gather = 0
max_parallel_maintenance_workers = 0
CONF
}

# vector_connection SIDE [DATABASE]: libpq's words for a side's database of the current set.
vector_connection() { echo "host=$vector_host port=$vector_port user=postgres dbname=${2:-$1_$set_database}"; }

vector_psql() { # DATABASE [OPTIONS]
	local database=$1
	shift
	"$PG_SYSTEM_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 "host=$vector_host port=$vector_port user=postgres dbname=$database" "$@"
}

# Starts the server; it ends with the benchmark.
vector_server() {
	if [ "$host" = yes ]; then
		pgml_server_stop
		# The line above what bench/run sets: later lines win.
		PGML_CONF=$(vector_conf) pgml_server_start
		vector_host=$PGHOST vector_port=$PGPORT
	else
		pgml_server_stop
		debian_make 17 postgresql-17-pgvector
		echo "vector: compiling the extension for PostgreSQL 17" >&2
		debian_build 17
		vector_host=$(debian_sockets 17) vector_port=54317
		trap 'debian_server_stop 17' EXIT
		if [ "$fresh" = yes ]; then
			rm -rf "$(debian_root 17)/var/lib/postgresql/run"
		fi
		debian_server_start 17 "$(vector_conf)
port = $vector_port"
	fi
	BENCH_SERVER=$(vector_psql postgres -c 'SHOW server_version' | cut -d' ' -f1)
	{
		echo "vector: one server for all: PostgreSQL $BENCH_SERVER$([ "$host" = yes ] || echo " of Debian $(debian_suite 17)"), with"
		vector_psql postgres -c "SELECT '  ' || string_agg(name || ' = ' || current_setting(name), ', ' ORDER BY name) FROM pg_settings
			WHERE name IN ('shared_buffers', 'maintenance_work_mem', 'jit', 'fsync', 'synchronous_commit', 'autovacuum', 'max_parallel_maintenance_workers')"
		vector_psql postgres -c "SELECT format('  %s %s', name, default_version) FROM pg_available_extensions WHERE name IN ('vector', 'pgml_am') ORDER BY 1"
	} >&2
}

# vector_table SIDE: database, extension and table of the current set, unless an earlier run left them.
vector_table() {
	local database=$1_$set_database extension=pgml_am
	[ "$1" = pgml ] || extension=vector
	[ "$1" = hnsw ] || vector_psql postgres -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS $database"
	if [ "$(vector_psql postgres -c "SELECT count(*) FROM pg_database WHERE datname = '$database'")" = 0 ]; then
		# Under another name until it is loaded: an interrupted run leaves nothing that looks finished.
		vector_psql postgres -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS ${database}_new" -c "CREATE DATABASE ${database}_new"
		vector_psql "${database}_new" -c "CREATE EXTENSION $extension" -c 'CREATE EXTENSION pg_prewarm' -c 'CREATE EXTENSION pg_walinspect' \
			-c 'CREATE TABLE vector_builds (seconds float8)'
		"$client" "$(vector_connection "$1" "${database}_new")" load items "$set_files.base.fvecs"
		vector_psql "${database}_new" -c 'VACUUM (FREEZE, ANALYZE) items'
		vector_psql postgres -c "ALTER DATABASE ${database}_new RENAME TO $database"
	fi
}

# vector_index SIDE: builds the index on one core (pgvector's: once) and notes seconds and bytes.
vector_index() {
	local database=$1_$set_database method="faiss (embedding $set_class)"
	[ "$1" = pgml ] || method="hnsw (embedding $set_class) WITH (m = 16, ef_construction = 64)"
	if [ "$(vector_psql "$database" -c "SELECT count(*) FROM pg_class WHERE relname = 'items_index'")" = 0 ]; then
		echo "vector: building $1 on $set_name" >&2
		vector_psql "$database" -c CHECKPOINT -c "SELECT pg_prewarm('items')" >/dev/null
		vector_psql "$database" >/dev/null <<SQL
SELECT clock_timestamp() AS started \gset
CREATE INDEX items_index ON items USING $method;
INSERT INTO vector_builds SELECT extract(epoch FROM clock_timestamp() - :'started');
SQL
	else
		echo "vector: $1 on $set_name as an earlier run built it (--fresh builds it again)" >&2
	fi
	vector_psql "$database" -c CHECKPOINT -c "SELECT pg_prewarm('items'), pg_prewarm('items_index')" >/dev/null
	vector_figure "$1.build" "$(vector_psql "$database" -c 'SELECT round(seconds::numeric, 2) FROM vector_builds')"
	vector_figure "$1.size" "$(vector_psql "$database" -c "SELECT pg_relation_size('items_index')")"
}

# vector_inserts SIDE: rows per second and WAL per row with the index present, on a copy of the database.
# WAL is what the index wrote: all records but those of heap, transactions and the server itself, without the page images that
# follow a checkpoint (full_page_writes off while it is taken: they depend on checkpoints, not on the index).
vector_inserts() {
	local database=$1_$set_database before after wal
	vector_psql postgres -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS inserts' -c "CREATE DATABASE inserts TEMPLATE $database STRATEGY file_copy"
	vector_psql inserts -c "SELECT pg_prewarm('items'), pg_prewarm('items_index')" >/dev/null
	vector_figure "$1.insert" "$("$client" "$(vector_connection "$1" inserts)" insert "$set_files.insert.fvecs" 0 4000 0)"
	vector_psql postgres -c 'ALTER SYSTEM SET full_page_writes = off' -c 'SELECT pg_reload_conf()' >/dev/null
	vector_psql postgres -c CHECKPOINT
	before=$(vector_psql inserts -c 'SELECT pg_current_wal_insert_lsn()')
	"$client" "$(vector_connection "$1" inserts)" insert "$set_files.insert.fvecs" 4000 1000 0 >/dev/null
	vector_psql inserts -c 'SELECT pg_switch_wal()' >/dev/null
	after=$(vector_psql inserts -c 'SELECT pg_current_wal_lsn()')
	wal=$(vector_psql inserts -c "SELECT round(sum(combined_size) / 1000)
		FROM pg_get_wal_stats('$before', '$after')
		WHERE \"resource_manager/record_type\" NOT IN ('XLOG', 'Transaction', 'Storage', 'CLOG', 'Heap', 'Heap2', 'Btree', 'Standby', 'Sequence')")
	vector_figure "$1.wal" "$wal"
	vector_psql postgres -c 'ALTER SYSTEM RESET full_page_writes' -c 'SELECT pg_reload_conf()' -c 'DROP DATABASE inserts' >/dev/null
}

# vector_vacuum SIDE: VACUUM after three rows in ten were deleted, on a copy of the database.
vector_vacuum() {
	local database=$1_$set_database
	vector_psql postgres -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS vacuum' -c "CREATE DATABASE vacuum TEMPLATE $database STRATEGY file_copy"
	vector_psql vacuum -c "SELECT pg_prewarm('items'), pg_prewarm('items_index')" -c 'DELETE FROM items WHERE id % 10 < 3' >/dev/null
	vector_figure "$1.vacuum" "$(vector_psql vacuum <<'SQL' | tail -n 1
SELECT clock_timestamp() AS started \gset
VACUUM (PARALLEL 0) items;
SELECT round(extract(epoch FROM clock_timestamp() - :'started'), 2);
SQL
	)"
	vector_psql postgres -c 'DROP DATABASE vacuum' >/dev/null
}
