# held-out scores beside scikit-learn's and libxgboost's on the same rows; writes the table in docs/algorithms.md
#
#   --algorithms LIST  only these, e.g. "svm knn"
#   --data LIST        only these data sets, e.g. "iris digits"
#   --higgs DIR        also a sample of Higgs: DIR/higgs_sample.train.tsv and .test.tsv, the label first; also PGML_HIGGS_DIR
#   --dry              print, do not write docs/algorithms.md
#
# Each pair is trained through SQL and by the reference on the same rows with the same settings (compare_pairs.py says which),
# predicts the same held-out rows, and both are scored by the same code. A run of some pairs writes their cells of the table only.

bench_compare() {
	local options=() write=1
	while [ $# -gt 0 ]; do
		case "$1" in
			--algorithms | --data) options+=("$1" "$2") && shift 2 ;;
			--higgs) PGML_HIGGS_DIR=$2 && shift 2 ;;
			--dry) write=0 && shift ;;
			*) pgml_die "bench compare: unknown option \"$1\"; options: --algorithms LIST --data LIST --higgs DIR --dry" ;;
		esac
	done
	pgml_deps python3-sklearn python3-xgboost >&2
	[ -s "$BUILD/datasets/iris.csv" ] || pgml_die "bench compare: the toy data sets are not there; run ./dev build again"
	[ -z "${PGML_HIGGS_DIR:-}" ] || options+=(--higgs "$PGML_HIGGS_DIR")
	[ "$write" = 0 ] || options+=(--docs docs/algorithms.md)
	pgml_psql -q -v ON_ERROR_STOP=1 -d postgres >/dev/null 2>&1 -c 'DROP DATABASE IF EXISTS compare' -c 'CREATE DATABASE compare'
	pgml_psql -q -v ON_ERROR_STOP=1 -d compare -c 'CREATE EXTENSION pgml_am' -c 'CREATE SCHEMA compare'
	# Debian's own interpreter, which sees Debian's packages. One thread each: the references' thread pools would only disturb each other.
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PGDATABASE=compare PYTHONDONTWRITEBYTECODE=1 \
		/usr/bin/python3 bench/compare.py --psql "$PG_BIN/psql" --datasets "$BUILD/datasets" ${options[@]+"${options[@]}"}
}
