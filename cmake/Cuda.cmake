# CUDA kernels, src/<room>/*.cu: plain CUDA that sees no LibTorch header. They belong to the library where
# LibTorch is a CUDA build and nvcc of its CUDA release is there; elsewhere a test compiles them, if there is
# nvcc. Code of the host that needs CUDA's headers, src/<room>/*.cuda.cpp, belongs to the library with them.
option(AERO_NVCC "Compile the CUDA kernels where nvcc is found" ON)
find_program(AERO_NVCC_PATH nvcc HINTS ENV CUDA_PATH ENV CUDA_HOME PATHS /usr/local/cuda PATH_SUFFIXES bin)
mark_as_advanced(AERO_NVCC_PATH)

set(AERO_CUDA_OPTIONS -Xcompiler=-Wall,-Wextra)
if(AERO_WERROR)
  list(APPEND AERO_CUDA_OPTIONS -Werror=all-warnings -Xcompiler=-Werror)
endif()
set(CMAKE_CUDA_STANDARD 17)  # CMake 3.25 knows no CUDA20
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
if(NOT CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80 90)  # A100 and H100; later cards translate what is made for 90
endif()

# Kernels share LibTorch's CUDA runtime, which must be of nvcc's release.
set(AERO_NVCC_FITS ON)
if(AERO_NVCC AND AERO_NVCC_PATH AND TORCH_CUDART MATCHES "libcudart[^/]*\\.so\\.([0-9]+)")
  set(runtime ${CMAKE_MATCH_1})
  execute_process(COMMAND ${AERO_NVCC_PATH} --version OUTPUT_VARIABLE nvcc_version)
  if(nvcc_version MATCHES "release ([0-9]+)" AND NOT CMAKE_MATCH_1 EQUAL runtime)
    message(STATUS "CUDA kernels left out: ${AERO_NVCC_PATH} is of CUDA ${CMAKE_MATCH_1}, LibTorch of ${runtime}")
    set(AERO_NVCC_FITS OFF)
  endif()
endif()

set(AERO_CUDA_KERNELS OFF)
if(AERO_NVCC AND AERO_NVCC_PATH AND AERO_NVCC_FITS AND EXISTS "${TORCH_INSTALL_PREFIX}/lib/libtorch_cuda.so")
  set(AERO_CUDA_KERNELS ON)
  if(NOT CMAKE_CUDA_COMPILER)
    set(CMAKE_CUDA_COMPILER ${AERO_NVCC_PATH})
  endif()
  enable_language(CUDA)
  if(TORCH_CUDART)
    set(CMAKE_CUDA_RUNTIME_LIBRARY None)  # LibTorch's is linked
  endif()
  target_compile_options(aero_options INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:${AERO_CUDA_OPTIONS}>")
endif()
