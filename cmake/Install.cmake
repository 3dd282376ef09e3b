# cmake --install: the program, the rooms with their headers, and a package that finds them again.
include(CMakePackageConfigHelpers)

get_property(rooms GLOBAL PROPERTY AERO_ROOMS)
list(TRANSFORM rooms PREPEND aero_ OUTPUT_VARIABLE room_targets)

# aero::aero is every room at once.
add_library(aero_library INTERFACE)
add_library(aero::aero ALIAS aero_library)
set_target_properties(aero_library PROPERTIES EXPORT_NAME aero)
target_link_libraries(aero_library INTERFACE ${room_targets})

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/aero)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/aeroConfig.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/aeroConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/aeroConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)

# The installed program finds LibTorch where the build found it.
set(install_rpath ${TORCH_INSTALL_PREFIX}/lib)
if(TORCH_CUDART)
  cmake_path(GET TORCH_CUDART PARENT_PATH cudart_folder)
  list(APPEND install_rpath ${cudart_folder})
endif()
set_target_properties(aero-torch PROPERTIES INSTALL_RPATH "${install_rpath}")
install(TARGETS aero aero-torch)
install(TARGETS aero_library aero_torch ${room_targets} EXPORT aeroTargets)
install(EXPORT aeroTargets NAMESPACE aero:: DESTINATION ${package_folder})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/aeroConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/aeroConfigVersion.cmake ${CMAKE_CURRENT_LIST_DIR}/LibTorch.cmake
  DESTINATION ${package_folder})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/aero DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
