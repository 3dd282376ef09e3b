# What several processes that train together send tensors with (src/dist). LibTorch's library has the code of
# gloo, and its wheels lack gloo's headers, which Debian's libgloo-dev has. Only the headers are used.
find_path(AERO_GLOO_HEADERS gloo/config.h)
if(AERO_GLOO_HEADERS)
  set(has_gloo ON)
else()
  set(has_gloo OFF)
endif()
option(AERO_GLOO "Train on several processes of CPUs; needs the headers of gloo (libgloo-dev)" ${has_gloo})
if(AERO_GLOO)
  if(NOT AERO_GLOO_HEADERS)
    message(FATAL_ERROR "AERO_GLOO is on, and gloo/config.h is not there: install libgloo-dev, or turn it off")
  endif()
  target_compile_definitions(aero_dist PRIVATE AERO_GLOO USE_C10D_GLOO)
  target_include_directories(aero_dist SYSTEM PRIVATE ${AERO_GLOO_HEADERS})
endif()

# NCCL, on GPUs: where LibTorch was built with it. Its headers are NVIDIA's package libnccl-dev, or in the
# folder nvidia/nccl beside a Python torch package.
cmake_path(GET TORCH_INSTALL_PREFIX PARENT_PATH site_packages)
find_path(AERO_NCCL_HEADERS nccl.h PATHS ${site_packages}/nvidia/nccl/include)
set(has_nccl OFF)
if(AERO_CUDA_KERNELS AND AERO_NCCL_HEADERS)
  set(has_nccl ON)
endif()
option(AERO_NCCL "Train on several processes with GPUs; needs a LibTorch with NCCL, and its headers" ${has_nccl})
if(AERO_NCCL)
  target_compile_definitions(aero_dist PRIVATE AERO_NCCL USE_C10D_NCCL)
  target_include_directories(aero_dist SYSTEM PRIVATE
    ${AERO_NCCL_HEADERS} ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
endif()
