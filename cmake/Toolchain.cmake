# Compiler, linker and cache settings shared by every target.
include(CheckLinkerFlag)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Precompiled headers hit the cache only with these liberties (ccache manual, "Precompiled headers").
  # The base folder lets two checkouts share what they compile.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${CCACHE})
endif()

set(cxx_options -Wall -Wextra -Wpedantic)
if(AERO_WERROR)
  list(APPEND cxx_options -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overlaps in "literal" + std::string that are not there (GCC bug 105651).
  list(APPEND cxx_options -Wno-restrict)
endif()
if(CCACHE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
  list(APPEND cxx_options -fpch-preprocess)
endif()
if(AERO_SANITIZE)
  list(APPEND cxx_options -fsanitize=${AERO_SANITIZE} -fno-omit-frame-pointer)
endif()
if(AERO_COVERAGE)
  list(APPEND cxx_options --coverage)
endif()

add_library(aero_options INTERFACE)
target_compile_options(aero_options INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:${cxx_options}>")
find_program(MOLD mold)
if(MOLD)
  check_linker_flag(CXX -fuse-ld=mold AERO_LINKS_WITH_MOLD)
endif()
if(AERO_LINKS_WITH_MOLD)
  # Its RELRO segment can begin on a page that is not there, before a section of thread-local zeros, and the
  # program would not start.
  target_link_options(aero_options INTERFACE -fuse-ld=mold LINKER:-z,norelro)
endif()
if(AERO_SANITIZE)
  target_link_options(aero_options INTERFACE -fsanitize=${AERO_SANITIZE})
endif()
if(AERO_COVERAGE)
  target_link_options(aero_options INTERFACE --coverage)
endif()
