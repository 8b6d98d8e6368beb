# The files of the evaluator's engines: ENGINE_SOURCES, with the compiler flags of each in the including folder. One file
# per instruction set, chosen when the program runs; such a file includes nothing that could give the linker code for
# other files to share (src/engine/block.h).
set(ENGINE_FOLDER ${CMAKE_CURRENT_LIST_DIR}/src/engine)
file(GLOB ENGINE_SOURCES CONFIGURE_DEPENDS ${ENGINE_FOLDER}/*.cpp)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(AVX2_FLAGS -mavx2 -mbmi -mbmi2)
  set(AVX512_FLAGS -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vbmi -mavx512vbmi2 -mbmi -mbmi2 -mpopcnt)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ takes the undefined sources of its own intrinsics for variables that somebody forgot to set.
    list(APPEND AVX512_FLAGS -Wno-maybe-uninitialized -Wno-uninitialized)
  endif()
  set_source_files_properties(${ENGINE_FOLDER}/avx2.cpp ${ENGINE_FOLDER}/dense_avx2.cpp PROPERTIES COMPILE_OPTIONS "${AVX2_FLAGS}")
  set_source_files_properties(${ENGINE_FOLDER}/avx512.cpp ${ENGINE_FOLDER}/dense_avx512.cpp PROPERTIES COMPILE_OPTIONS "${AVX512_FLAGS}")
else()
  list(FILTER ENGINE_SOURCES EXCLUDE REGEX "/(dense_)?avx[0-9]+\\.cpp$")
endif()
