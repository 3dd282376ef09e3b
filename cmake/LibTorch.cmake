# Finds LibTorch in CMAKE_PREFIX_PATH and sets TORCH_LIBRARIES, TORCH_INCLUDE_DIRS, TORCH_DEFINITIONS,
# TORCH_INSTALL_PREFIX, TORCH_CUDART and Torch_VERSION. The installed package includes it, too.
#
# The CMake files of a CUDA build of LibTorch ask for a CUDA toolkit, of which AERO needs nothing: the
# libraries of such a build are linked as they lie, so that `pip install torch` and a compiler are enough.

set(TORCH_DEFINITIONS "")
set(TORCH_CUDART "")
string(REPLACE ":" ";" aero_torch_folders "${CMAKE_PREFIX_PATH};$ENV{CMAKE_PREFIX_PATH}")
list(FILTER aero_torch_folders EXCLUDE REGEX "^$")
foreach(folder IN LISTS aero_torch_folders)
  if(EXISTS ${folder}/share/cmake/Torch/TorchConfig.cmake)
    set(TORCH_INSTALL_PREFIX ${folder})
    break()
  endif()
endforeach()

if(TORCH_INSTALL_PREFIX AND EXISTS ${TORCH_INSTALL_PREFIX}/lib/libtorch_cuda.so)
  include(${TORCH_INSTALL_PREFIX}/share/cmake/Torch/TorchConfigVersion.cmake)
  set(Torch_VERSION ${PACKAGE_VERSION})
  set(TORCH_INCLUDE_DIRS ${TORCH_INSTALL_PREFIX}/include ${TORCH_INSTALL_PREFIX}/include/torch/csrc/api/include)
  # What LibTorch's own targets define (share/cmake/Caffe2/Caffe2Targets.cmake).
  file(STRINGS ${TORCH_INSTALL_PREFIX}/share/cmake/Caffe2/Caffe2Targets.cmake definitions
    REGEX "INTERFACE_COMPILE_DEFINITIONS \"[A-Z0-9_;]+\"")
  foreach(line IN LISTS definitions)
    string(REGEX REPLACE ".*\"([A-Z0-9_;]+)\".*" "\\1" names "${line}")
    list(APPEND TORCH_DEFINITIONS ${names})
  endforeach()
  # Nothing asks libtorch_cuda for a symbol: it registers its kernels when it is loaded.
  set(lib ${TORCH_INSTALL_PREFIX}/lib)
  set(TORCH_LIBRARIES -Wl,--push-state,--no-as-needed,${lib}/libtorch_cuda.so,--pop-state
    ${lib}/libtorch_cpu.so ${lib}/libc10_cuda.so ${lib}/libc10.so)
  # AERO's kernels share LibTorch's CUDA runtime, wherever its package keeps that.
  file(GLOB cudart ${TORCH_INSTALL_PREFIX}/lib/libcudart*.so* ${TORCH_INSTALL_PREFIX}/../nvidia/*/lib/libcudart.so*
    ${TORCH_INSTALL_PREFIX}/../../../libcudart.so*)
  if(cudart)
    list(POP_BACK cudart TORCH_CUDART)
    cmake_path(NORMAL_PATH TORCH_CUDART)
    list(APPEND TORCH_LIBRARIES ${TORCH_CUDART})
  endif()
else()
  # The shared LibTorch has kineto inside torch_cpu; its CMake file looks for it alone, and warns.
  set(kineto_LIBRARY torch_cpu)
  find_package(Torch REQUIRED)
endif()
