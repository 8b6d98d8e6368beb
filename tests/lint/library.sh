# What the extension's library loads into the postmaster. Each entry was looked at: none of them starts threads when it
# is loaded (OpenBLAS does, so the library must not be linked with it).
library=$BUILD/pgml_am.so
[ -f "$library" ] || { echo "$library: not built; run ./dev build"; exit 0; }
readelf -d "$library" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p' |
	grep -vxE '(libxgboost|libfmt|libstdc\+\+|libgcc_s|libc|libm|libz|ld-linux-x86-64)\.so(\.[0-9]+)*' |
	sed 's/$/: a library that pgml_am.so did not load before; see tests\/lint\/library.sh/'
# Only what PostgreSQL looks up is exported.
nm -D --defined-only "$library" | awk '$2 ~ /[TDBR]/ {print $3}' | grep -vE '^(pg_finfo_)?pgml_|^_PG_init$|^Pg_magic_func$|^_(init|fini|edata|end|_bss_start)$' |
	head -n 10 | sed 's/$/: exported by pgml_am.so/'
# The module that FAISS is in: its C interface alone.
nm -D --defined-only "$BUILD/pgml_train_faiss.so" | awk '$2 ~ /[TDBR]/ {print $3}' | grep -vE '^pgml_train_faiss_' |
	head -n 10 | sed 's/$/: exported by pgml_train_faiss.so/'
true
