#!/usr/bin/env bash
# Proves that the tests can fail: builds each planted bug (-DPGML_PLANT=n, listed in tests/README.md) into a tree of its own and
# expects the differential suite to find it. tests/run plant [-k N] calls this.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
export BUILD=$ROOT/build-plant PGML_PORT=54328
source tests/lib/cluster.sh
pgml_paths
plants=$(grep -rhoE 'PGML_PLANT == [0-9]+' am index model | grep -oE '[0-9]+' | sort -nu)
[ "${1:-}" = -k ] && plants=$2
passed=0 failed=0
for plant in $plants; do
	BUILD_OPTIONS="-DPGML_PLANT=$plant -DPGML_BUILD_TESTS=OFF" pgml_build
	pgml_server_stop
	pgml_server_start
	if PATH=$PG_BIN:$PATH tests/diff/run --random 0 --modes batch,parallel,faiss,faiss_estimates >"$BUILD/plant.$plant.log" 2>&1; then
		echo "plant $plant: not found by the differential suite"
		failed=$((failed + 1))
	elif found=$(grep -E '^[0-9]+ passed, [1-9][0-9]* failed$' "$BUILD/plant.$plant.log" | tail -n 1) && ! grep -q '^FAILED' "$BUILD/plant.$plant.log"; then
		echo "plant $plant: found ($found)"
		passed=$((passed + 1))
	else
		echo "plant $plant: the suite did not run"
		tail -n 20 "$BUILD/plant.$plant.log"
		failed=$((failed + 1))
	fi
	pgml_server_stop
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
