# The libraries that Writ's programs are made of: Writ::sodium, Writ::seccomp, Writ::crypto,
# Writ::sqlite, Writ::fmt.
#
# Static where the machine has the archive: a run loads and relocates Writ anew, and shared
# libraries were a third of a whole run's time. libc stays shared, for accounts that come from NSS.
find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3 REQUIRED COMPONENTS Crypto)
find_package(fmt REQUIRED)
find_package(Threads REQUIRED)

function(writ_library name package file)
  pkg_check_modules(${name} REQUIRED ${package})
  find_library(${name}_FILE NAMES ${file}.a ${file}.so HINTS ${${name}_LIBRARY_DIRS} REQUIRED)
  add_library(Writ::${name} INTERFACE IMPORTED GLOBAL)
  target_link_libraries(Writ::${name} INTERFACE ${${name}_FILE})
  target_include_directories(Writ::${name} SYSTEM INTERFACE ${${name}_INCLUDE_DIRS})
endfunction()
writ_library(sodium libsodium libsodium)
writ_library(seccomp libseccomp libseccomp)
writ_library(crypto libcrypto libcrypto)
writ_library(sqlite sqlite3 libsqlite3)
target_link_libraries(Writ::sqlite INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)
target_link_libraries(Writ::crypto INTERFACE Threads::Threads ${CMAKE_DL_LIBS})

# Without exceptions everywhere: one meaning of its templates in all parts of a program.
add_library(Writ::fmt INTERFACE IMPORTED GLOBAL)
target_link_libraries(Writ::fmt INTERFACE fmt::fmt-header-only)
target_compile_definitions(Writ::fmt INTERFACE FMT_EXCEPTIONS=0)
