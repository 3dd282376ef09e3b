# LibTorch is taken from AERO_LIBTORCH (a cache entry or the environment: a LibTorch folder or a
# Python torch package), else from CMAKE_PREFIX_PATH, else from the venv that scripts/setup.sh makes.
set(AERO_VENV ${PROJECT_SOURCE_DIR}/build/venv CACHE PATH "The Python environment that scripts/setup.sh made")
set(AERO_LIBTORCH "$ENV{AERO_LIBTORCH}" CACHE PATH "A LibTorch folder, or the folder of a Python torch package")
if(AERO_LIBTORCH)
  list(PREPEND CMAKE_PREFIX_PATH ${AERO_LIBTORCH})
else()
  file(GLOB venv_torch ${AERO_VENV}/lib/python3*/site-packages/torch)
  list(APPEND CMAKE_PREFIX_PATH ${venv_torch})
endif()

file(STRINGS ${PROJECT_SOURCE_DIR}/scripts/versions.env tested_torch REGEX "^AERO_TORCH_TESTED=")
string(REGEX MATCHALL "[0-9]+[.][0-9]+" tested_torch "${tested_torch}")
include(LibTorch)
string(REGEX MATCH "^[0-9]+[.][0-9]+" torch_release "${Torch_VERSION}")
if(NOT torch_release IN_LIST tested_torch)
  message(WARNING "LibTorch ${Torch_VERSION} in ${TORCH_INSTALL_PREFIX}: AERO is tested with ${tested_torch}")
endif()
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)  # a header (aero/core/text.h); sources that see LibTorch take its copy
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(DEFLATE REQUIRED IMPORTED_TARGET libdeflate)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)

# LibTorch as a target whose headers raise no warnings in ours. Installed, it is empty:
# aeroConfig.cmake fills it with the LibTorch of the machine it is used on.
add_library(aero_torch INTERFACE)
set_target_properties(aero_torch PROPERTIES EXPORT_NAME torch)
target_link_libraries(aero_torch INTERFACE "$<BUILD_INTERFACE:${TORCH_LIBRARIES}>")
target_include_directories(aero_torch SYSTEM INTERFACE "$<BUILD_INTERFACE:${TORCH_INCLUDE_DIRS}>")
target_compile_definitions(aero_torch INTERFACE "$<BUILD_INTERFACE:${TORCH_DEFINITIONS}>")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # at::parallel_for uses one thread where OpenMP is off. LibTorch, too, has GNU's OpenMP.
  find_package(OpenMP REQUIRED COMPONENTS CXX)
  target_link_libraries(aero_torch INTERFACE OpenMP::OpenMP_CXX)
  # LibTorch's wheels export parts of std::filesystem; those of 2.11.0 crash (remove_all). The compiler's
  # own library must stand before them.
  target_link_options(aero_torch INTERFACE LINKER:--push-state,--no-as-needed -lstdc++ LINKER:--pop-state)
endif()

# The Python of the scripts and their tests.
file(GLOB venv_python ${AERO_VENV}/bin/python)
if(NOT AERO_PYTHON)
  set(AERO_PYTHON "${venv_python}" CACHE FILEPATH "The Python that has the packages of scripts/" FORCE)
endif()
if(NOT AERO_PYTHON)
  find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)
  set(AERO_PYTHON ${Python3_EXECUTABLE})
endif()
