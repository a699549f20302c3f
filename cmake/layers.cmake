# One target per room, naming only the rooms it may use; link tests prove it.

include(GNUInstallDirs)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

set(TRIREME_SANITIZE "" CACHE STRING "Sanitizers to build with: address,undefined or thread")

find_program(TRIREME_CCACHE ccache)
if(TRIREME_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${TRIREME_CCACHE}")
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# Flags of every target of ours; warnings are errors.
add_library(trireme_flags INTERFACE)
target_compile_options(trireme_flags INTERFACE -Wall -Wextra -Werror -Wpedantic -Wshadow
                       -Wnon-virtual-dtor -Wno-missing-field-initializers)
# g++ 12 sees overlapping copies in optimised std::string code and unset members in moved variants,
# where there are none.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(trireme_flags INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
endif()
target_include_directories(trireme_flags INTERFACE "${CMAKE_SOURCE_DIR}")
target_link_libraries(trireme_flags INTERFACE Threads::Threads)
if(TRIREME_SANITIZE)
  target_compile_options(trireme_flags INTERFACE -fsanitize=${TRIREME_SANITIZE}
                         -fno-omit-frame-pointer -fno-sanitize-recover=all)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 sees uninitialized variants where sanitizers only instrument them
    target_compile_options(trireme_flags INTERFACE -Wno-maybe-uninitialized)
  endif()
  if(TRIREME_SANITIZE MATCHES "undefined")
    # These two double the time of a build; AddressSanitizer sees null pointers used, too.
    target_compile_options(trireme_flags INTERFACE -fno-sanitize=null,alignment)
  endif()
  target_link_options(trireme_flags INTERFACE -fsanitize=${TRIREME_SANITIZE})
endif()

# Several sources of a target as one: the same headers are read and the same templates compiled
# once. All targets where CMAKE_UNITY_BUILD is set (the sanitizers' presets), tests alone where
# TRIREME_UNITY_TESTS is (release). Such sources see each other's unnamed namespaces.
option(TRIREME_UNITY_TESTS "Compile several sources of a test program as one" OFF)
set(unity "$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>")
target_compile_options(trireme_flags INTERFACE $<${unity}:-Wno-shadow>
  $<$<AND:${unity},$<CXX_COMPILER_ID:GNU>>:-Wno-subobject-linkage>)
if(CMAKE_UNITY_BUILD)  # warnings are judged where each source is compiled by itself
  target_compile_options(trireme_flags INTERFACE -Wno-error)
endif()

# trireme_alone(SOURCE ...): sources of this folder with file-local names that others of their
# target have, too; each is compiled by itself everywhere.
function(trireme_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# Adds the folder of a room once it has a CMakeLists.txt.
function(trireme_room name)
  if(EXISTS "${CMAKE_SOURCE_DIR}/${name}/CMakeLists.txt")
    add_subdirectory(${name})
  endif()
endfunction()

# trireme_library(NAME SOURCES ... USES ...): the static library trireme_NAME.
# USES are what other rooms see through its headers too; PRIVATE_USES stay inside.
function(trireme_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;PRIVATE_USES" ${ARGN})
  add_library(trireme_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(trireme_${name}
    PUBLIC ${ARG_USES} PRIVATE trireme_flags ${ARG_PRIVATE_USES})
  trireme_link_test(${name})
endfunction()

# Links the whole archive of a room with what it names and nothing else: a room that reaches
# upwards does not link. It builds with everything else, and the build is the test.
function(trireme_link_test name)
  if(NOT BUILD_TESTING OR TRIREME_SANITIZE)  # what links without sanitizers links with them
    return()
  endif()
  set(main "${CMAKE_BINARY_DIR}/link_test_main.cpp")
  if(NOT EXISTS "${main}")
    file(WRITE "${main}" "int main() { return 0; }\n")
  endif()
  add_executable(${name}_link_test "${main}")
  target_link_libraries(${name}_link_test PRIVATE
    trireme_flags "-Wl,--whole-archive" trireme_${name} "-Wl,--no-whole-archive")
  set_target_properties(${name}_link_test PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  add_test(NAME layers.${name} COMMAND ${name}_link_test)
  set_tests_properties(layers.${name} PROPERTIES LABELS unit)
endfunction()

# trireme_program(NAME SOURCES ... USES ...): an executable in bin/.
function(trireme_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE trireme_flags ${ARG_USES})
endfunction()

# trireme_test(NAME SOURCES ... USES ... LABELS ... TIMEOUT ... [OPTIMIZED] [TOGETHER]): a
# GoogleTest program whose cases are ctests. OPTIMIZED: it computes for long, so that its own
# sources deserve the preset's optimisation. TOGETHER: its many short cases are one ctest where
# each start costs (AddressSanitizer).
function(trireme_test name)
  cmake_parse_arguments(ARG "OPTIMIZED;TOGETHER" "TIMEOUT" "SOURCES;USES;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE trireme_flags ${ARG_USES} GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    TRIREME_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}"
    TRIREME_LIB_DIR="${CMAKE_LIBRARY_OUTPUT_DIRECTORY}"
    TRIREME_TEST_DATA_DIR="${CMAKE_SOURCE_DIR}/tests/data")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  if(TRIREME_UNITY_TESTS)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON)
  endif()
  if(NOT ARG_OPTIMIZED)
    # What is tested is optimised; the tests themselves take longer to compile than to run.
    if(TRIREME_SANITIZE)
      target_compile_options(${name} PRIVATE -O0)
    endif()
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  endif()
  if(ARG_TOGETHER AND TRIREME_SANITIZE MATCHES "address")
    add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 600)
  else()
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 120 NO_PRETTY_VALUES
      PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
  endif()
endfunction()
