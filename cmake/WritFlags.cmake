# writ_flags: the warnings, hardening and sanitizers that every target of ours compiles with.
add_library(writ_flags INTERFACE)
target_compile_options(writ_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}=. -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports overlaps in std::string's own code at -O2 that are none (GCC bug 105651).
  target_compile_options(writ_flags INTERFACE -Wno-restrict)
endif()
if(WRIT_SANITIZE)
  # vptr needs the type information that floors 0-5 are compiled without.
  target_compile_options(writ_flags INTERFACE -fsanitize=${WRIT_SANITIZE} -fno-sanitize=vptr
    -fno-sanitize-recover=all)
  target_link_options(writ_flags INTERFACE -fsanitize=${WRIT_SANITIZE})
endif()
if(WRIT_HARDEN)
  target_compile_options(writ_flags INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS
    -fstack-protector-strong -fstack-clash-protection -fcf-protection)
  target_link_options(writ_flags INTERFACE -Wl,-z,relro,-z,now -Wl,-z,noexecstack)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(writ_flags INTERFACE -ftrivial-auto-var-init=zero)
  endif()
endif()
