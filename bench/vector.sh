# recall and speed of vector search beside pgvector's HNSW and FAISS in process; build, size, inserts, WAL
#
#   --quick        small subsets of the sets: to try the benchmark out
#   --sets LIST    default "words words_cosine clustered d768"; there is also million
#   --queries N    queries of a pass, default 500; --passes N, of which the best counts, default 2
#   --fresh        build pgvector's indexes again; otherwise those of the last run are measured
#   --cpu-time     speeds by processor time instead of wall time: for a machine that does other work meanwhile
#   --faiss DIR    compare with the FAISS installed in DIR, not with the system's: Debian's is compiled for SSE2
#   --host         on this system's server: without pgvector, so without ratios to it
#
# Data, the Debian with PostgreSQL 17 and pgvector (bench/vector_server.sh), its cluster with pgvector's indexes and the curves are
# kept under build/bench-vector. Writes build/bench-vector/vector.svg. Method and names: bench/README.md.

source tests/lib/debian.sh
source bench/vector_server.sh

# Each set: files, metric, operator class, and what FAISS alone is asked for (two factories: its fast scan is emulated where it was
# compiled without AVX2).
vector_set() { # SET
	set_name=$1 set_metric=l2 set_class=vector_l2_ops set_files=$1
	case "$1" in
		words) set_factories="IVF1024,PQ50x4fs,RFlat IVF1024,Flat" ;;
		words_cosine)
			set_files=words set_metric=cosine set_class=vector_cosine_ops
			set_factories="IVF1024,PQ50x4fs,RFlat IVF1024,Flat"
			;;
		clustered) set_factories="IVF1024,PQ64x4fs,RFlat IVF1024,Flat" ;;
		d768) set_factories="IVF512,PQ384x4fs,RFlat IVF512,Flat" ;;
		million) set_factories="IVF2048,PQ64x4fs,RFlat IVF2048,Flat" ;;
		*) pgml_die "bench vector: no set \"$1\"; sets: words words_cosine clustered d768 million" ;;
	esac
	[ "$quick" = no ] || set_factories=$(sed 's/IVF[0-9]*/IVF128/g' <<<"$set_factories")
	set_files=$data/$set_files
	set_database=$set_name${suffix}
}

# Makes what is not there yet of a set's files.
vector_data() {
	local program=$BUILD/bench/pgml_bench_vector_data rows
	if [ ! -f "$set_files.base.fvecs" ]; then
		echo "vector: making the data of \"$set_name\"" >&2
		case "$set_name" in
			words*)
				pgml_npm >&2
				tests/word_vectors "$BUILD/word-vectors" fvecs >&2
				"$program" words "$BUILD/word-vectors/words-341479.fvecs" "$set_files" "$([ "$quick" = yes ] && echo 50000 || echo 1000000)"
				;;
			clustered) "$program" clustered "$set_files" 128 "$([ "$quick" = yes ] && echo 60000 || echo 500000)" ;;
			d768) "$program" clustered "$set_files" 768 "$([ "$quick" = yes ] && echo 20000 || echo 200000)" ;;
			million) "$program" clustered "$set_files" 128 "$([ "$quick" = yes ] && echo 100000 || echo 1000000)" ;;
		esac
	fi
	[ -f "$set_files.$set_metric.ivecs" ] || OPENBLAS_NUM_THREADS=1 "$program" truth "$set_files" "$set_metric"
}

# vector_curve SIDE LINES: keeps lines of a measurement, with set and side before them, and shows them.
vector_curve() {
	awk -v OFS='\t' -v set="$set_name" -v side="$1" 'NF == 7 { print set, side, $0 }' FS='\t' <<<"$2" | tee -a "$curves" |
		awk -F '\t' '{ printf "  %-13s %-10s %-38s recall %.4f  %9.1f QPS  p50 %.3f  p99 %.3f ms  cpu %.3f ms  other cores %.0f %%\n", $1, $2, $3, $4, $5, $6, $7, $9, 100 * $8 }' >&2
}

# vector_figure NAME VALUE: one figure of a set and a side.
vector_figure() { printf '%s\t%s\t%s\n' "$set_name" "$1" "$2" >>"$figures"; }

# Settings of a sweep, "LABEL|STATEMENTS" one a line.
vector_settings() { # SIDE
	local recall probes refine ef
	if [ "$1" = hnsw ]; then
		for ef in 10 20 40 80 120 200 400 800 1000; do echo "ef_search=$ef|SET hnsw.ef_search = $ef"; done
		return
	fi
	# What users ask for, and around it by hand.
	for recall in 0.5 0.6 0.7 0.8 0.9 0.93 0.95 0.97 0.98 0.99 0.995; do echo "recall=$recall|SET pgml.recall = $recall"; done
	for probes in 1 2 4 8 16 32 64 128; do
		for refine in 20 40 100 300; do
			[ "$refine" -le $((probes * 10 + 20)) ] && [ "$refine" -ge "$probes" ] || continue
			echo "probes=$probes refine=$refine|SET pgml.probes = $probes; SET pgml.refine = $refine"
		done
	done
}

vector_measure() { # SIDE
	local lines settings
	mapfile -t settings < <(vector_settings "$1")
	lines=$("$client" "$(vector_connection "$1")" query "$set_files" "$set_metric" "$queries" "$passes" 0 "${settings[@]}")
	vector_curve "$1" "$lines"
}

# The program of vector_faiss with the library of --faiss: its fastest variant that is there.
vector_other_faiss() {
	local library
	library=$(find "$faiss/lib" -name 'libfaiss_avx512.*' -o -name 'libfaiss_avx2.*' -o -name 'libfaiss.so' -o -name 'libfaiss.a' | sort | head -n 1)
	[ -n "$library" ] || pgml_die "bench vector: no FAISS in \"$faiss/lib\""
	faiss_program=$BUILD/bench/pgml_bench_vector_other_faiss
	echo "vector: FAISS is $library" >&2
	g++ -O3 -std=gnu++20 -fopenmp -isystem "$faiss/include" bench/vector_faiss.cpp "$library" -Wl,-rpath,"$faiss/lib" -lopenblas -o "$faiss_program"
}

vector_faiss() {
	local factory lines settings nprobe
	for factory in $set_factories; do
		settings=()
		for nprobe in 1 2 4 8 16 32 64 128 256; do
			if [[ $factory == *RFlat ]]; then
				[ "$nprobe" -gt 64 ] || settings+=("nprobe=$nprobe,k_factor_rf=10")
				[ "$nprobe" -lt 16 ] || settings+=("nprobe=$nprobe,k_factor_rf=30")
			else
				settings+=("nprobe=$nprobe")
			fi
		done
		lines=$(OPENBLAS_NUM_THREADS=1 "$faiss_program" "$set_files" "$set_metric" "$queries" "$passes" 0 "$factory" "${settings[@]}")
		vector_curve "faiss" "$(sed "s/^nprobe/${factory//\//} &/" <<<"$lines")"
		[[ $factory != *RFlat ]] || vector_figure faiss.build "$(sed -n 's/^build\t//p' <<<"$lines")"
	done
}

# The setting of our sweep that is fastest at recall 0.95, for two clients.
vector_setting_for() { # RECALL
	local label
	label=$(awk -F '\t' -v set="$set_name" -v least="$1" '$1 == set && $2 == "pgml" && $4 >= least && $5 > best { best = $5; label = $3 } END { print label }' "$curves")
	vector_settings pgml | grep -F "${label:-recall=0.99}|" | head -n 1
}

vector_side() { # SIDE
	vector_table "$1"
	vector_index "$1"
	vector_measure "$1"
	case "$set_name" in
		words | clustered) vector_inserts "$1" ;;
		million)
			vector_inserts "$1"
			[ "$1" = hnsw ] || vector_vacuum "$1"
			;;
	esac
}

bench_vector() {
	local sets="words words_cosine clustered d768" quick=no queries=500 passes=2 fresh=no host=no by=wall faiss=
	local faiss_program=$BUILD/bench/pgml_bench_vector_faiss data curves figures client suffix="" sides="hnsw pgml" set missing
	local set_name set_metric set_class set_files set_factories set_database
	while [ $# -gt 0 ]; do
		case "$1" in
			--quick) quick=yes ;;
			--fresh) fresh=yes ;;
			--cpu-time) by=cpu ;;
			--faiss) faiss=${2:?} && shift ;;
			--host) host=yes ;;
			--sets) sets=${2:?} && shift ;;
			--queries) queries=${2:?} && shift ;;
			--passes) passes=${2:?} && shift ;;
			*) pgml_die "bench vector: unknown option \"$1\"; options: --quick --sets LIST --queries N --passes N --fresh --cpu-time --faiss DIR --host" ;;
		esac
		shift
	done
	data=$BUILD/bench-vector
	[ "$quick" = no ] || { data=$data/quick suffix=_quick; }
	mkdir -p "$data"
	curves=$data/curves.tsv figures=$data/figures.tsv client=$BUILD/bench/pgml_bench_vector_client
	for set in $sets; do vector_set "$set"; done
	ninja -C "$BUILD" pgml_bench_vector_client pgml_bench_vector_data pgml_bench_vector_faiss >"$BUILD/bench-build.log" 2>&1 ||
		{ cat "$BUILD/bench-build.log" >&2; exit 1; }

	[ -z "$faiss" ] || vector_other_faiss
	[ "$host" = yes ] || [ "$(id -u)" != 0 ] || (pgml_deps debootstrap) >&2 || true
	missing=$(debian_missing)
	if [ "$host" = no ] && [ -n "$missing" ]; then
		echo "vector: no PostgreSQL with pgvector beside ours: $missing. Measuring ours alone." >&2
		host=yes
	fi
	[ "$host" = no ] || sides=pgml
	vector_server
	: >"$curves"
	: >"$figures"
	for set in $sets; do
		vector_set "$set"
		vector_data
		for side in $sides; do vector_side "$side"; done
		vector_faiss
		if [ "$set" = words ]; then
			vector_figure pgml.clients "$("$client" "$(vector_connection pgml)" clients "$set_files" "$set_metric" 3 "$(vector_setting_for 0.95)")"
		fi
	done
	python3 bench/vector_report.py "$by" "$curves" "$figures" "$BUILD/bench-vector/vector.svg"
	echo "vector: the curves are drawn in ${BUILD#"$ROOT"/}/bench-vector/vector.svg" >&2
}
