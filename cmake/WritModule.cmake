# writ_module(NAME FLOOR n [DEPENDS modules...] [LIBS libraries...] [TEST_LIBS libraries...]
#             [HOST files...] [HOST_LIBS libraries...] [WASM files...])
#
# Declares the library writ_NAME from every .cc of the current folder that is not a test, and one
# test program NAME_test from every *_test.cc. HOST files and HOST_LIBS need an operating system
# or a library of the machine; WASM files stand in their place in WebAssembly (preset wasm). All
# others are in both.
# Floors 0-5 compile without exceptions and RTTI; tests compile with both.
function(writ_module name)
  cmake_parse_arguments(M "" "FLOOR" "DEPENDS;LIBS;TEST_LIBS;HOST;HOST_LIBS;WASM" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(WRIT_WASM)
    set(elsewhere ${M_HOST})
  else()
    set(elsewhere ${M_WASM})
    list(APPEND M_LIBS ${M_HOST_LIBS})
  endif()
  list(TRANSFORM elsewhere PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  list(REMOVE_ITEM sources ${elsewhere})
  list(TRANSFORM M_DEPENDS PREPEND writ_)

  if(sources)
    add_library(writ_${name} STATIC ${sources})
    target_link_libraries(writ_${name} PUBLIC ${M_DEPENDS} PRIVATE ${M_LIBS} writ_flags)
    target_include_directories(writ_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
    if(M_FLOOR LESS_EQUAL 5)
      target_compile_options(writ_${name} PRIVATE -fno-exceptions -fno-rtti)
    endif()
  else()
    add_library(writ_${name} INTERFACE)
    target_link_libraries(writ_${name} INTERFACE ${M_DEPENDS})
    target_include_directories(writ_${name} INTERFACE ${PROJECT_SOURCE_DIR}/src)
  endif()

  if(tests AND WRIT_TESTS)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE writ_${name} writ_flags ${M_TEST_LIBS} GTest::gtest_main)
    set_target_properties(${name}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    # Unit tests run in the sanitized build; a release build makes them only when one is named.
    if(NOT WRIT_SANITIZE)
      set_target_properties(${name}_test PROPERTIES EXCLUDE_FROM_ALL ON)
    endif()
    gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTIES TIMEOUT 600)
  endif()
endfunction()
