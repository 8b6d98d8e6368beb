# Shared by ./dev, tests/run, bench/run and the demo: packages, build, private server.
# Source it with ROOT set to the checkout. It works as root (the server then runs as an
# unprivileged user, because initdb refuses root) and as a plain user.

PG_MAJOR=${PG_MAJOR:-15}
PG_SYSTEM_BIN=/usr/lib/postgresql/$PG_MAJOR/bin
BUILD=${BUILD:-$ROOT/build}
PACKAGES="build-essential cmake ninja-build pkg-config postgresql-$PG_MAJOR postgresql-server-dev-$PG_MAJOR
	libxgboost-dev libeigen3-dev libfmt-dev nlohmann-json3-dev libgtest-dev libgmock-dev libbenchmark-dev
	libfaiss-dev libopenblas-dev zlib1g-dev libkrb5-dev libssl-dev libipc-run-perl perl python3 clang-format-14"

# The user the private server runs as, and a prefix that runs a command as that user.
if [ "$(id -u)" = 0 ]; then
	PG_OS_USER=postgres
	as_pg() { runuser -u "$PG_OS_USER" -- "$@"; }
else
	PG_OS_USER=$(id -un)
	as_pg() { "$@"; }
fi

# Server files live where PG_OS_USER can reach them: under build/ when the checkout is readable by it.
pgml_paths() {
	local tag
	tag=$(printf '%s' "$BUILD" | cksum | cut -d' ' -f1)
	PG_TREE=$BUILD/pg
	PG_RUN=$BUILD/run
	if [ "$(id -u)" = 0 ] && id "$PG_OS_USER" >/dev/null 2>&1 && ! as_pg test -x "$ROOT" 2>/dev/null; then
		PG_TREE=/var/tmp/pgml_am.$tag/pg
		PG_RUN=/var/tmp/pgml_am.$tag/run
	fi
	PG_BIN=$PG_TREE$PG_SYSTEM_BIN
	PG_SOCKETS=/tmp/pgml_am.$tag   # short: a socket's path may have 107 bytes
	export PGHOST=$PG_SOCKETS PGPORT=${PGML_PORT:-54329} PGUSER=postgres PGDATABASE=postgres
}

pgml_missing_packages() {
	local p
	for p in $PACKAGES; do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || echo "$p"
	done
}

pgml_deps() {
	local missing
	missing=$(pgml_missing_packages | tr '\n' ' ')
	[ -z "${missing// /}" ] && return 0
	local sudo=""
	if [ "$(id -u)" != 0 ]; then
		sudo=sudo
		if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
			printf 'These packages are missing; run this as root, then try again:\n  apt-get install %s\n' "$missing" >&2
			exit 1
		fi
	fi
	echo "Installing: $missing"
	# Debian starts a cluster of its own when the server package arrives; the project does not want it.
	if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
		$sudo mkdir -p /etc/postgresql-common
		echo 'create_main_cluster = false' | $sudo tee /etc/postgresql-common/createcluster.conf >/dev/null
	fi
	$sudo apt-get update -qq
	# shellcheck disable=SC2086
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >"${TMPDIR:-/tmp}/pgml_am-deps.log" 2>&1 ||
		{ tail -n 20 "${TMPDIR:-/tmp}/pgml_am-deps.log" >&2; exit 1; }
}

# A private copy of the installed server: extensions go in without touching the system
# (PostgreSQL 15 has no extension_control_path), and PostgreSQL finds its files relative to its binary.
pgml_private_tree() {
	local version
	version=$("$PG_SYSTEM_BIN/postgres" --version)
	if [ "$(cat "$PG_TREE/version" 2>/dev/null)" != "$version" ]; then
		rm -rf "$PG_TREE"
		mkdir -p "$PG_TREE/usr/lib/postgresql" "$PG_TREE/usr/share/postgresql"
		cp -a "/usr/lib/postgresql/$PG_MAJOR" "$PG_TREE/usr/lib/postgresql/"
		cp -a "/usr/share/postgresql/$PG_MAJOR" "$PG_TREE/usr/share/postgresql/"
		echo "$version" >"$PG_TREE/version"
	fi
}

# The scikit-learn toy sets, out of Debian's package by name; never committed.
pgml_datasets() {
	[ -x "$ROOT/tests/datasets" ] && "$ROOT/tests/datasets" "$BUILD/datasets"
	return 0
}

# BUILD_OPTIONS: extra -D options of cmake.
pgml_build() {
	pgml_deps
	pgml_paths
	mkdir -p "$BUILD"
	pgml_private_tree
	pgml_datasets
	cmake -S "$ROOT" -B "$BUILD" -G Ninja -DPG_CONFIG="$PG_SYSTEM_BIN/pg_config" \
		-DCMAKE_INSTALL_PREFIX=/ ${BUILD_OPTIONS:-} >"$BUILD/cmake.log" 2>&1 ||
		{ cat "$BUILD/cmake.log" >&2; exit 1; }
	cmake --build "$BUILD" --parallel >"$BUILD/build.log" 2>&1 || { grep -E -A 12 'error|FAILED' "$BUILD/build.log" | head -n 80 >&2; exit 1; }
	DESTDIR=$PG_TREE cmake --install "$BUILD" >"$BUILD/install.log" 2>&1 || { tail "$BUILD/install.log" >&2; exit 1; }
}

pgml_server_running() { [ -f "$PG_RUN/data/postmaster.pid" ] && as_pg "$PG_BIN/pg_ctl" -D "$PG_RUN/data" status >/dev/null 2>&1; }

pgml_server_start() {
	pgml_server_running && return 0
	if [ ! -f "$PG_RUN/data/PG_VERSION" ]; then
		mkdir -p "$PG_RUN"
		[ "$(id -u)" = 0 ] && chown "$PG_OS_USER" "$PG_RUN"
		as_pg "$PG_BIN/initdb" -D "$PG_RUN/data" -U postgres -A trust --no-sync --locale=C.UTF-8 >"$BUILD/initdb.log"
		as_pg tee -a "$PG_RUN/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$PG_SOCKETS'
port = $PGPORT
shared_preload_libraries = 'pgml_am'
fsync = off
max_wal_senders = 4
wal_level = replica
shared_buffers = 256MB
timezone = 'UTC'
log_line_prefix = '%m [%p] %q%a '
CONF
	fi
	as_pg mkdir -p "$PG_SOCKETS"
	as_pg "$PG_BIN/pg_ctl" -D "$PG_RUN/data" -l "$PG_RUN/server.log" -w start >/dev/null ||
		{ tail -n 20 "$PG_RUN/server.log" >&2; return 1; }
}

pgml_server_stop() { pgml_server_running || return 0; as_pg "$PG_BIN/pg_ctl" -D "$PG_RUN/data" -m fast -w stop >/dev/null; }

pgml_psql() { "$PG_BIN/psql" -X "$@"; }

pgml_server() {
	local verb=${1:-start}
	[ $# -gt 0 ] && shift
	pgml_paths
	case "$verb" in
		start) pgml_build; pgml_server_stop; pgml_server_start; echo "started; connect with: ./dev server psql" ;;
		stop) pgml_server_stop ;;
		env) printf 'export PGHOST=%s PGPORT=%s PGUSER=%s\n' "$PGHOST" "$PGPORT" "$PGUSER" ;;
		psql) exec "$PG_BIN/psql" "$@" ;;
		*) echo "./dev server: start, stop, env or psql" >&2; exit 2 ;;
	esac
}
