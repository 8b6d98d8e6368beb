# the vector index without its pages: ns per code of each kernel, queries per second at a recall beside FAISS in process
#
#   --base FILE --queries FILE   vectors as fvecs instead of the clustered generator
#   --no-faiss                   only ours
#   --factory STRING             what is built, default chosen by the number of vectors
#
# One thread, processor time. FAISS is Debian's, compiled for SSE, where its fast scan is emulated: one that is compiled for AVX-512 is
# about ten times as fast.

bench_ann() {
	local base="" queries=""
	while [ $# -gt 0 ]; do
		case "$1" in
			--base) base=$2 && shift ;;
			--queries) queries=$2 && shift ;;
			--factory) export PGML_BENCH_FACTORY=$2 && shift ;;
			--no-faiss) export PGML_BENCH_NO_FAISS=1 ;;
			*) pgml_die "bench ann: unknown option \"$1\"; options: --base FILE --queries FILE --factory STRING --no-faiss" ;;
		esac
		shift
	done
	cmake "$BUILD" >"$BUILD/bench-build.log" 2>&1 && ninja -C "$BUILD" pgml_bench_ann >>"$BUILD/bench-build.log" 2>&1 ||
		{ cat "$BUILD/bench-build.log" >&2; exit 1; }
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 "$BUILD/bench/pgml_bench_ann" "$BUILD" ${base:+"$base" "$queries"}
}
