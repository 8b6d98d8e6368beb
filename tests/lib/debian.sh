# A PostgreSQL of another major version, out of another Debian suite, in a folder under build/. Source it after cluster.sh.
#
# Debian has one major version per suite, and the packages that go with it (trixie: 17, with pgvector). `debian_make 17`
# lays a small Debian into $BUILD/debian-17 (debootstrap, from the mirror and with the keys of this system's own apt; about
# 1 GB, some minutes, once); `debian_run 17 COMMAND...` runs a command in it as its root, `debian_build 17` compiles the
# extension there and installs it.
#
# Every command runs in a mount namespace of its own: what is mounted into the folder (/proc, /dev/shm, the checkout at
# /src, read-only, and the sockets) is seen by nobody else and goes away with the last process, so that the
# folder can be removed at any time. Needs root.

# The suite whose PostgreSQL is MAJOR.
debian_suite() {
	case "$1" in
		17) echo trixie ;;
		18) echo sid ;;
		*) pgml_die "no Debian suite is known to have PostgreSQL $1" ;;
	esac
}

debian_root() { echo "$BUILD/debian-$1"; }

# Prints why no other Debian can be had here; nothing when it can.
debian_missing() {
	if [ "$(id -u)" != 0 ]; then
		echo "it needs root (chroot, mount)"
	elif ! command -v debootstrap >/dev/null; then
		echo "the package debootstrap is missing (apt-get install debootstrap)"
	elif ! unshare --mount true 2>/dev/null; then
		echo "this system does not let root make a mount namespace"
	elif [ -z "$(debian_mirror)" ]; then
		echo "apt has no package lists of a Debian mirror (apt-get update)"
	fi
}

# The mirror this system's own packages come from: no host name is written down anywhere.
debian_mirror() {
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null | grep -v security | head -n 1
}

# Where the server of that Debian has its sockets, seen from outside; inside it is /sockets.
debian_sockets() { printf "/tmp/pgml_am.%s.%s\n" "$(printf "%s" "$BUILD" | cksum | cut -d" " -f1)" "$1"; }

# debian_run MAJOR COMMAND...: as root inside. Network, processes and the machine's cores are shared.
debian_run() {
	local root sockets variable environment=(PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive)
	root=$(debian_root "$1") sockets=$(debian_sockets "$1")
	shift
	for variable in http_proxy https_proxy no_proxy; do
		[ -z "${!variable:-}" ] || environment+=("$variable=${!variable}")
	done
	# At a predictable name under /tmp: it must be ours, or the server user's inside.
	mkdir -m 700 "$sockets" 2>/dev/null || { [ -d "$sockets" ] && [ ! -L "$sockets" ] &&
		grep -qE "^(root|postgres):[^:]*:$(stat -c %u "$sockets"):" "$root/etc/passwd"; } ||
		pgml_die "\"$sockets\" is not a folder of ours; remove it and try again"
	unshare --mount --propagation private bash -c '
		set -e
		root=$1 checkout=$2 sockets=$3
		shift 3
		mkdir -p "$root/src" "$root/sockets"
		mount -t proc proc "$root/proc"
		mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
		mount --bind "$checkout" "$root/src"
		mount -o remount,bind,ro "$root/src"
		mount --bind "$sockets" "$root/sockets"
		exec chroot "$root" env -i "$@"' debian_run "$root" "$ROOT" "$sockets" "${environment[@]}" "$@"
}

# debian_make MAJOR [PACKAGE...]: the system itself, once; PACKAGE: more packages that it must have.
debian_make() {
	local major=$1 root suite mirror keyring script log
	root=$(debian_root "$major") suite=$(debian_suite "$major") log=$BUILD/debian-$major.log
	shift
	mkdir -p "$BUILD"
	local packages="postgresql-$major g++ make cmake ninja-build ccache libxgboost-dev libeigen3-dev libfmt-dev nlohmann-json3-dev
		libsvm-dev libfaiss-dev libopenblas-dev zlib1g-dev libkrb5-dev libssl-dev libgssapi-krb5-2 $*"
	if [ ! -f "$root/.debian-complete" ]; then
		echo "Making a Debian $suite with PostgreSQL $major in ${root#"$ROOT"/} (minutes); the log is ${log#"$ROOT"/}" >&2
		mirror=$(debian_mirror)
		keyring=/usr/share/keyrings/debian-archive-keyring.gpg
		script=/usr/share/debootstrap/scripts/$suite
		[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
		rm -rf --one-file-system "$root"
		debootstrap --variant=minbase --keyring="$keyring" "$suite" "$root" "$mirror" "$script" >"$log" 2>&1 || { tail "$log" >&2; return 1; }
		cp /etc/resolv.conf /etc/hosts "$root/etc/"
		apt-config dump | grep -E '^Acquire::https?' >"$root/etc/apt/apt.conf.d/50host" || true
		# Mirrors of sid lag, and a lean system is enough.
		printf '%s\n' 'Acquire::Check-Valid-Until "false";' 'APT::Install-Recommends "false";' >"$root/etc/apt/apt.conf.d/60pgml"
		# Packages must not start servers.
		printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
		chmod +x "$root/usr/sbin/policy-rc.d"
		mkdir -p "$root/etc/postgresql-common"
		echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.conf"
		touch "$root/.debian-complete"
	fi
	# shellcheck disable=SC2086
	if [ "$(cat "$root/.packages" 2>/dev/null)" != "$packages" ]; then
		# The server's headers without what their package depends on: llvm and clang would be two thirds of the whole.
		debian_run "$major" bash -ec '
			apt-get update -qq
			apt-get -o Dpkg::Options::=--force-confold install -y -qq '"$(echo $packages)"'
			cd /tmp
			apt-get download -qq "postgresql-server-dev-'"$major"'" libpq-dev
			for package in *.deb; do dpkg -x "$package" /; done
			rm -f *.deb
			apt-get clean' >>"$log" 2>&1 || { tail -n 20 "$log" >&2; return 1; }
		printf '%s' "$packages" >"$root/.packages"
	fi
}

# debian_build MAJOR: compiles the checkout in that Debian and installs the extension there. A server that runs there is stopped: it has
# the library mapped that is written.
debian_build() {
	local root log=$BUILD/debian-$1-build.log
	root=$(debian_root "$1")
	debian_server_stop "$1"
	mkdir -p "$root/build"
	[ ! -d "$BUILD/datasets" ] || cp -R "$BUILD/datasets" "$root/build/"
	debian_run "$1" bash -ec '
		cd /build
		[ -f build.ninja ] ||
			cmake -S /src -B /build -G Ninja -DPG_CONFIG=/usr/lib/postgresql/'"$1"'/bin/pg_config -DPGML_BUILD_TESTS=OFF -DCMAKE_INSTALL_PREFIX=/ \
				-DCMAKE_CXX_COMPILER_LAUNCHER=ccache
		cmake --build /build --parallel '"${CMAKE_BUILD_PARALLEL_LEVEL:-}"' -- -k 0
		cmake --install /build' >"$log" 2>&1 || { grep -m 1 -A 40 -E '^FAILED|error:|Error' "$log" >&2 || tail -n 40 "$log" >&2; return 1; }
}

# debian_server_start MAJOR CONF: a server in that Debian, its cluster in /var/lib/postgresql/run there; the socket is in
# debian_sockets. CONF: lines of postgresql.conf.
debian_server_start() {
	local root log
	root=$(debian_root "$1") log=$BUILD/debian-$1-server.log
	debian_server_stop "$1"
	debian_run "$1" chown postgres /sockets
	printf "%s\nunix_socket_directories = '/sockets'\n" "$2" >"$root/var/lib/postgresql/pgml.conf"
	debian_run "$1" bash -ec '
		bin=/usr/lib/postgresql/'"$1"'/bin data=/var/lib/postgresql/run
		as_pg() { runuser -u postgres -- "$@"; }
		cd /
		if [ ! -f $data/created ]; then
			rm -rf $data
			as_pg $bin/initdb -D $data -U postgres -A trust --no-sync --locale=C.UTF-8
			echo "include '"'/var/lib/postgresql/pgml.conf'"'" >>$data/postgresql.conf
			as_pg touch $data/created
		fi
		as_pg $bin/pg_ctl -D $data -l /var/lib/postgresql/server.log -w start' >"$log" 2>&1 </dev/null ||
		{ tail -n 20 "$log" "$root/var/lib/postgresql/server.log" >&2; return 1; }
}

debian_server_stop() {
	local pid
	pid=$(head -n 1 "$(debian_root "$1")/var/lib/postgresql/run/postmaster.pid" 2>/dev/null) || return 0
	[ "$(readlink "/proc/$pid/root")" = "$(debian_root "$1")" ] || return 0
	kill -INT "$pid"
	while [ -e "/proc/$pid" ]; do sleep 0.1; done
}
