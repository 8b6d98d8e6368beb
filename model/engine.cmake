# The files of the evaluator's engines and of the vector index: ENGINE_SOURCES and ANN_SOURCES, with the compiler flags
# of each in the including folder. One file per instruction set, chosen when the program runs; such a file includes
# nothing that could give the linker code for other files to share (src/engine/block.h).
set(ENGINE_FOLDER ${CMAKE_CURRENT_LIST_DIR}/src/engine)
set(ANN_FOLDER ${CMAKE_CURRENT_LIST_DIR}/src/ann)
file(GLOB ENGINE_SOURCES CONFIGURE_DEPENDS ${ENGINE_FOLDER}/*.cpp)
file(GLOB ANN_SOURCES CONFIGURE_DEPENDS ${ANN_FOLDER}/*.cpp)
# Vectors of 64 bytes are passed between functions that are always inlined: no ABI is concerned.
set_source_files_properties(${ANN_FOLDER}/kernels_portable.cpp PROPERTIES COMPILE_OPTIONS -Wno-psabi)
set_source_files_properties(${ANN_FOLDER}/kernels_ssse3.cpp PROPERTIES COMPILE_OPTIONS "-mssse3;-Wno-psabi")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(AVX2_FLAGS -mavx2 -mbmi -mbmi2 -mpopcnt)
  set(AVX512_FLAGS -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vbmi -mavx512vbmi2 -mbmi -mbmi2 -mpopcnt)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ takes the undefined sources of its own intrinsics for variables that somebody forgot to set.
    set(AVX512_WARNINGS -Wno-maybe-uninitialized -Wno-uninitialized)
    list(APPEND AVX512_FLAGS ${AVX512_WARNINGS})
  endif()
  set_source_files_properties(${ENGINE_FOLDER}/avx2.cpp ${ENGINE_FOLDER}/dense_avx2.cpp
    ${ENGINE_FOLDER}/words_avx2.cpp PROPERTIES COMPILE_OPTIONS "${AVX2_FLAGS}")
  set_source_files_properties(${ENGINE_FOLDER}/avx512.cpp ${ENGINE_FOLDER}/dense_avx512.cpp
    ${ENGINE_FOLDER}/words_avx512.cpp PROPERTIES COMPILE_OPTIONS "${AVX512_FLAGS}")
  set_source_files_properties(${ANN_FOLDER}/kernels_avx2.cpp PROPERTIES COMPILE_OPTIONS "${AVX2_FLAGS};-mfma;-mf16c")
  set_source_files_properties(${ANN_FOLDER}/kernels_avx512.cpp PROPERTIES COMPILE_OPTIONS
    "${AVX2_FLAGS};-mfma;-mf16c;-mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-mpopcnt;${AVX512_WARNINGS}")
else()
  list(FILTER ENGINE_SOURCES EXCLUDE REGEX "/(dense_|words_)?avx[0-9]+\\.cpp$")
  list(FILTER ANN_SOURCES EXCLUDE REGEX "/kernels_(ssse3|avx[0-9]+)\\.cpp$")
endif()
