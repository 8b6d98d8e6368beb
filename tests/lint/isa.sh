# The engines' and the vector index's files with an instruction set of their own must not define anything that the linker may share with other
# files: weak symbols of templates and inline functions compiled with newer instructions would run on every processor.
cd "$BUILD" || exit 1
for object in model/CMakeFiles/pgml_model.dir/src/{engine,ann}/*{avx,ssse}*.cpp.o; do
	[ -f "$object" ] || continue
	nm -C "$object" | awk -v file="model/src/${object##*/src/}" \
		'$2 ~ /^[WVu]$/ {sub(/^[0-9a-f]+ /, ""); print file ":1: shares " $0}'
done
true
