# What WebAssembly has in the place of WritLibraries: headers alone, of the machine's packages, each
# through a folder of its own, because those beside them are of another machine.
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
foreach(header fmt/format.h nlohmann/json.hpp toml++/toml.h)
  get_filename_component(folder ${header} DIRECTORY)
  find_path(WRIT_${folder} ${header} REQUIRED PATHS /usr/include NO_DEFAULT_PATH)
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include)
  file(CREATE_LINK ${WRIT_${folder}}/${folder} ${PROJECT_BINARY_DIR}/include/${folder} SYMBOLIC)
endforeach()
include_directories(SYSTEM ${PROJECT_BINARY_DIR}/include)
add_library(Writ::fmt INTERFACE IMPORTED GLOBAL)
target_compile_definitions(Writ::fmt INTERFACE FMT_HEADER_ONLY=1 FMT_EXCEPTIONS=0)
