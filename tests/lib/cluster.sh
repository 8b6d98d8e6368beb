# Shared by ./dev, tests/run, bench/run and the demo: packages, build, private server.
# Source it with ROOT set to the checkout and `set -e` on; call pgml_paths before anything that names the server.
#
# It works as a plain user and as root. As root the server runs as the unprivileged user "postgres", because initdb
# and postgres refuse root; when that user cannot read the checkout (a clone under /root, say), everything the server
# touches lies in a folder of its own under /var/tmp instead of build/.
#
# Nothing is shared between two checkouts: server tree, data folder and socket folder are named after the build folder,
# and the server listens on no TCP port.
#
# Environment
#   BUILD           build folder, default $ROOT/build
#   BUILD_OPTIONS   extra -D options of cmake
#   PGML_CLUSTER    name of the cluster, default "run": benchmarks keep one of their own
#   PGML_CONF       extra postgresql.conf lines for pgml_server_start

PG_MAJOR=${PG_MAJOR:-15}
PG_SYSTEM_BIN=/usr/lib/postgresql/$PG_MAJOR/bin
BUILD=${BUILD:-$ROOT/build}

PACKAGES="build-essential cmake ninja-build postgresql-$PG_MAJOR postgresql-server-dev-$PG_MAJOR
	libxgboost-dev libeigen3-dev libfmt-dev nlohmann-json3-dev libgtest-dev libsvm-dev
	libfaiss-dev libopenblas-dev zlib1g-dev libipc-run-perl perl python3 clang-format-14"

pgml_die() {
	echo "$*" >&2
	exit 1
}

# ------------------------------------------------------------------------------------------------------ who and where

# The user the private server runs as; as_pg runs a command as that user.
if [ "$(id -u)" = 0 ]; then
	PG_OS_USER=postgres
	# The server's programs complain when their working directory is not readable: leave a checkout that is not.
	as_pg() {
		(
			case "$PWD/" in "$ROOT"/*) [ "$PG_READS_ROOT" = yes ] || cd / ;; esac
			exec runuser -u "$PG_OS_USER" -- "$@"
		)
	}
else
	PG_OS_USER=$(id -un)
	as_pg() { "$@"; }
fi

# Sets PG_HOME (where the server's files go), PG_TREE in it (private copy of the server), PG_BIN, PG_RUN (data folder
# and log), PG_SOCKETS and libpq's variables.
pgml_paths() {
	local tag cluster=${PGML_CLUSTER:-run} home=$BUILD
	tag=$(printf '%s' "$BUILD" | cksum | cut -d' ' -f1)
	PG_READS_ROOT=yes
	if [ "$(id -u)" = 0 ] && id "$PG_OS_USER" >/dev/null 2>&1; then
		PG_READS_ROOT=no
		if as_pg test -r "$ROOT/dev"; then
			PG_READS_ROOT=yes
		else
			home=/var/tmp/pgml_am.$tag
		fi
	fi
	PG_HOME=$home
	PG_TREE=$home/pg
	PG_RUN=$home/$cluster
	PG_BIN=$PG_TREE$PG_SYSTEM_BIN
	PG_SOCKETS=/tmp/pgml_am.$tag # short: a socket's path may have 107 bytes
	[ "$cluster" = run ] || PG_SOCKETS=$PG_SOCKETS.$cluster
	export PGHOST=$PG_SOCKETS PGPORT=${PGML_PORT:-54329} PGUSER=postgres PGDATABASE=postgres
}

# pgml_own_dir MODE DIR [USER]: a folder at a predictable name under /tmp must be ours, not one laid out for us.
pgml_own_dir() {
	local mode=$1 dir=$2 user=${3:-$(id -un)}
	mkdir -m "$mode" "$dir" 2>/dev/null && { [ "$user" = "$(id -un)" ] || chown "$user" "$dir"; }
	[ -d "$dir" ] && [ ! -L "$dir" ] && [ "$(stat -c %U "$dir")" = "$user" ] ||
		pgml_die "\"$dir\" is not a folder of user \"$user\"; remove it and try again"
}

# Prints a folder that PG_OS_USER can read and that holds the checkout's files: the checkout itself, or a copy.
pgml_readable_source() {
	if [ "$PG_READS_ROOT" = yes ]; then
		echo "$ROOT"
		return
	fi
	rm -rf "$PG_HOME/src"
	mkdir -p "$PG_HOME/src"
	tar -C "$ROOT" --exclude=./build --exclude='./build-*' --exclude=./.git -cf - . | tar -C "$PG_HOME/src" --no-same-owner -xf -
	chmod -R a+rX "$PG_HOME/src"
	echo "$PG_HOME/src"
}

# ----------------------------------------------------------------------------------------------------------- packages

# Prints those of the packages given that are not installed.
pgml_missing_packages() {
	local installed package
	# shellcheck disable=SC2068
	installed=$(dpkg-query -W -f '${Package} ${Status}\n' $@ 2>/dev/null | sed -n 's/ install ok installed$//p')
	for package in $@; do
		grep -qxF "$package" <<<"$installed" || echo "$package"
	done
}

# pgml_deps [PACKAGE...]: installs what is missing, with sudo for a plain user that may use it.
pgml_deps() {
	local missing sudo="" log
	[ $# -gt 0 ] || set -- $PACKAGES
	command -v dpkg-query >/dev/null || pgml_die "This is not a Debian system. Install what these Debian packages hold: $*"
	missing=$(pgml_missing_packages "$@" | tr '\n' ' ')
	[ -n "${missing// /}" ] || return 0
	if [ "$(id -u)" != 0 ]; then
		sudo=sudo
		if ! command -v sudo >/dev/null || ! { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }; }; then
			printf 'Packages are missing. Run this as root, then try again:\n  apt-get update && apt-get install -y --no-install-recommends %s\n' "$missing" >&2
			exit 1
		fi
	fi
	echo "Installing Debian packages: $missing"
	# Debian starts a cluster of its own when the server package arrives; the project does not want it.
	if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
		$sudo mkdir -p /etc/postgresql-common
		echo 'create_main_cluster = false' | $sudo tee /etc/postgresql-common/createcluster.conf >/dev/null
	fi
	log=$(mktemp "${TMPDIR:-/tmp}/pgml_am-deps.XXXXXX")
	# --force-confold: keep the createcluster.conf written above without asking.
	# shellcheck disable=SC2086
	{ $sudo apt-get -o DPkg::Lock::Timeout=300 update -qq &&
		$sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold \
			install -y -qq --no-install-recommends $missing; } >"$log" 2>&1 </dev/null ||
		{ tail -n 20 "$log" >&2; pgml_die "Installing packages failed; the log is $log"; }
	rm -f "$log"
}

# npm, which fetches word vectors and the node clients: where it can be had without asking. All else works without.
pgml_npm() {
	if command -v npm >/dev/null && command -v node >/dev/null; then
		return
	fi
	if [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; then
		(pgml_deps nodejs npm) || echo "Without npm, what needs it is left out."
	fi
}

# -------------------------------------------------------------------------------------------------------------- build

# A private copy of the installed server: extensions go in without touching the system (PostgreSQL 15 has no
# extension_control_path), and PostgreSQL finds its files relative to its binary.
pgml_private_tree() {
	local version
	version=$("$PG_SYSTEM_BIN/postgres" --version)
	[ "$(cat "$PG_TREE/version" 2>/dev/null)" != "$version" ] || return 0
	pgml_server_stop
	rm -rf "$PG_TREE"
	mkdir -p "$PG_TREE/usr/lib/postgresql" "$PG_TREE/usr/share/postgresql"
	cp -a "/usr/lib/postgresql/$PG_MAJOR" "$PG_TREE/usr/lib/postgresql/"
	cp -a "/usr/share/postgresql/$PG_MAJOR" "$PG_TREE/usr/share/postgresql/"
	chmod -R u+w,a+rX "$PG_TREE"
	echo "$version" >"$PG_TREE/version"
}

# The scikit-learn toy sets, out of Debian's package by name; never committed. apt needs its package lists for that, which
# container images leave out: fetch them once when it fails.
pgml_datasets() {
	local sudo="" log=$BUILD/datasets.log
	[ ! -s "$BUILD/datasets/iris.csv" ] || return 0
	"$ROOT/tests/datasets" "$BUILD/datasets" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
	[ ! -s "$BUILD/datasets/iris.csv" ] || return 0
	[ "$(id -u)" = 0 ] || sudo="sudo -n"
	$sudo apt-get -o DPkg::Lock::Timeout=300 update -qq >/dev/null 2>&1 || true
	"$ROOT/tests/datasets" "$BUILD/datasets"
}

# Configures when never done or when the options changed (ninja reconfigures by itself when a CMake file changes),
# compiles, and installs into the private tree.
pgml_compile() {
	local options="-DPG_CONFIG=$PG_SYSTEM_BIN/pg_config -DCMAKE_INSTALL_PREFIX=/ ${BUILD_OPTIONS:-}"
	if [ ! -f "$BUILD/build.ninja" ] || [ "$(cat "$BUILD/options" 2>/dev/null)" != "$options" ]; then
		# shellcheck disable=SC2086
		cmake -S "$ROOT" -B "$BUILD" -G Ninja $options >"$BUILD/cmake.log" 2>&1 || { cat "$BUILD/cmake.log" >&2; return 1; }
		printf '%s\n' "$options" >"$BUILD/options"
	fi
	[ -f "$BUILD/pgml_am.so" ] || echo "Compiling; the log is ${BUILD#"$ROOT"/}/build.log"
	if ! cmake --build "$BUILD" --parallel >"$BUILD/build.log" 2>&1; then
		{ grep -m 1 -A 80 -E '^FAILED|error:|Error' "$BUILD/build.log" || tail -n 40 "$BUILD/build.log"; } >&2
		echo "The build failed; the whole log is $BUILD/build.log" >&2
		return 1
	fi
	DESTDIR=$PG_TREE cmake --install "$BUILD" >"$BUILD/install.log" 2>&1 || { tail "$BUILD/install.log" >&2; return 1; }
}

# Everything that ./dev build does. One at a time per build folder.
pgml_build() {
	umask 022
	pgml_deps
	pgml_paths
	mkdir -p "$BUILD"
	[ -w "$BUILD" ] && { [ ! -e "$BUILD/lock" ] || [ -w "$BUILD/lock" ]; } ||
		pgml_die "\"$BUILD\" belongs to user \"$(stat -c %U "$BUILD")\": build as that user, or remove it"
	[ "$PG_HOME" = "$BUILD" ] || pgml_own_dir 755 "$PG_HOME"
	exec 8>"$BUILD/lock"
	flock 8
	pgml_private_tree
	pgml_datasets
	pgml_compile || exit 1
	exec 8>&-
}

# ------------------------------------------------------------------------------------------------------------- server

pgml_server_running() { [ -f "$PG_RUN/data/postmaster.pid" ] && as_pg "$PG_BIN/pg_ctl" -D "$PG_RUN/data" status >/dev/null 2>&1; }

# What a running server depends on: it is restarted when this differs from what it was started with.
pgml_server_fingerprint() { { md5sum <"$PG_TREE$("$PG_SYSTEM_BIN/pg_config" --pkglibdir)/pgml_am.so"; pgml_server_conf; } | md5sum; }

pgml_server_conf() {
	# fsync off: the cluster is for development, and a lost one is made again.
	cat <<CONF
listen_addresses = ''
unix_socket_directories = '$PG_SOCKETS'
port = $PGPORT
shared_preload_libraries = 'pgml_am'
fsync = off
wal_level = replica
max_wal_senders = 4
shared_buffers = 256MB
timezone = 'UTC'
log_line_prefix = '%m [%p] %q%a '
${PGML_CONF:-}
CONF
}

# Starts the cluster, creating it when there is none. A running one is restarted when the library or the settings changed.
pgml_server_start() {
	local fingerprint
	fingerprint=$(pgml_server_fingerprint)
	if pgml_server_running; then
		[ "$(cat "$PG_RUN/started" 2>/dev/null)" != "$fingerprint" ] || return 0
		pgml_server_stop
	fi
	mkdir -p "$PG_RUN"
	# initdb leaves nothing usable behind when it is interrupted: only a finished one is kept.
	if [ ! -f "$PG_RUN/created" ]; then
		rm -rf "$PG_RUN/data"
		chown "$PG_OS_USER" "$PG_RUN"
		as_pg "$PG_BIN/initdb" -D "$PG_RUN/data" -U postgres -A trust --no-sync --locale=C.UTF-8 >"$BUILD/initdb.log" 2>&1 ||
			{ tail -n 20 "$BUILD/initdb.log" >&2; return 1; }
		echo "include 'pgml.conf'" | as_pg tee -a "$PG_RUN/data/postgresql.conf" >/dev/null
		touch "$PG_RUN/created"
	fi
	pgml_server_conf | as_pg tee "$PG_RUN/data/pgml.conf" >/dev/null
	# Connections are trusted, so only this user may reach the socket.
	pgml_own_dir 700 "$PG_SOCKETS" "$PG_OS_USER"
	as_pg "$PG_BIN/pg_ctl" -D "$PG_RUN/data" -l "$PG_RUN/server.log" -w start >/dev/null ||
		{ tail -n 20 "$PG_RUN/server.log" >&2; return 1; }
	printf '%s\n' "$fingerprint" >"$PG_RUN/started"
}

pgml_server_stop() {
	pgml_server_running || return 0
	as_pg "$PG_BIN/pg_ctl" -D "$PG_RUN/data" -m fast -w stop >/dev/null
}

pgml_psql() { "$PG_BIN/psql" -X "$@"; }

pgml_server() {
	local verb=${1:-start}
	[ $# -gt 0 ] && shift
	pgml_paths
	case "$verb" in
		start)
			pgml_build
			pgml_server_start
			echo "The server runs; connect with \"./dev server psql\", its log is $PG_RUN/server.log"
			;;
		stop) pgml_server_stop ;;
		env) printf 'export PGHOST=%s PGPORT=%s PGUSER=%s\n' "$PGHOST" "$PGPORT" "$PGUSER" ;;
		psql)
			pgml_server_running || { pgml_build; pgml_server_start; } >&2
			exec "$PG_BIN/psql" "$@"
			;;
		*)
			echo "./dev server: start, stop, env or psql" >&2
			exit 2
			;;
	esac
}
