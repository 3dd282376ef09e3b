# A room is one static library, src/<room>, with public headers in include/aero/<room>. It links the
# rooms below it and nothing else, so a call upward does not link (tests/<room> links one room alone).

# One precompiled LibTorch header serves every target that sees LibTorch.
add_library(aero_pch OBJECT ${PROJECT_SOURCE_DIR}/cmake/pch.cpp)
target_link_libraries(aero_pch PRIVATE aero_options aero_torch)
# Not <torch/torch.h>: these parts of it compile in half the time.
target_precompile_headers(aero_pch PRIVATE <torch/types.h> <torch/autograd.h> <torch/nn/module.h> <torch/nn/pimpl.h>)

function(aero_use_torch target)
  target_link_libraries(${target} PUBLIC aero_torch)
  target_precompile_headers(${target} REUSE_FROM aero_pch)
endfunction()

function(aero_room name)
  cmake_parse_arguments(ROOM "TORCH" "" "DEPENDS;PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  add_library(aero_${name} STATIC ${sources})
  add_library(aero::${name} ALIAS aero_${name})
  set_target_properties(aero_${name} PROPERTIES EXPORT_NAME ${name} LINKER_LANGUAGE CXX)
  target_compile_features(aero_${name} PUBLIC cxx_std_20)
  target_include_directories(aero_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(aero_${name} PRIVATE $<BUILD_INTERFACE:aero_options> ${ROOM_PRIVATE})
  foreach(lower IN LISTS ROOM_DEPENDS)
    target_link_libraries(aero_${name} PUBLIC aero_${lower})
  endforeach()
  if(ROOM_TORCH)
    aero_use_torch(aero_${name})
  endif()
  set_property(GLOBAL APPEND PROPERTY AERO_ROOMS ${name})
  set_property(GLOBAL PROPERTY AERO_DEPENDS_OF_${name} ${ROOM_DEPENDS})
endfunction()

function(aero_program name)
  cmake_parse_arguments(ROOM "" "" "DEPENDS;PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  add_executable(aero ${sources})
  foreach(lower IN LISTS ROOM_DEPENDS)
    target_link_libraries(aero PRIVATE aero_${lower})
  endforeach()
  target_include_directories(aero PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(aero PRIVATE aero_options ${ROOM_PRIVATE})
  aero_use_torch(aero)
  set_property(GLOBAL PROPERTY AERO_PROGRAM ${name})
  set_property(GLOBAL PROPERTY AERO_DEPENDS_OF_${name} ${ROOM_DEPENDS})
endfunction()
