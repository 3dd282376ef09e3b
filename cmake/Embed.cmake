# What is built into the program as text: the cost models and networks of configs/cost, and code that
# an exported model brings along.

# Sets <result> to a list of C++ initialisers {"name", R"(text)"}, and <result>_count.
function(aero_embedded_files result folder)
  file(GLOB files CONFIGURE_DEPENDS ${folder}/*.json)
  list(SORT files)
  list(LENGTH files count)
  set(entries "")
  foreach(file IN LISTS files)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} text)
    cmake_path(GET file STEM LAST_ONLY name)
    string(APPEND entries "\n    {\"${name}\", R\"file(${text})file\"},")
  endforeach()
  set(${result} "${entries}" PARENT_SCOPE)
  set(${result}_count ${count} PARENT_SCOPE)
endfunction()

aero_embedded_files(models ${PROJECT_SOURCE_DIR}/configs/cost)
aero_embedded_files(networks ${PROJECT_SOURCE_DIR}/configs/cost/networks)
set(embedded ${PROJECT_BINARY_DIR}/generated/cost/embedded.cpp)
configure_file(${PROJECT_SOURCE_DIR}/src/cost/embedded.cpp.in ${embedded} @ONLY)
set_source_files_properties(${embedded} PROPERTIES INCLUDE_DIRECTORIES ${PROJECT_SOURCE_DIR}/src/cost)
target_sources(aero_cost PRIVATE ${embedded})

# The Python files that an exported model brings along.
foreach(name IN ITEMS configuration_aero modeling_aero)
  set(file ${PROJECT_SOURCE_DIR}/src/exchange/transformers/${name}.py)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} ${name})
endforeach()
set(embedded ${PROJECT_BINARY_DIR}/generated/exchange/own_code.cpp)
configure_file(${PROJECT_SOURCE_DIR}/src/exchange/own_code.cpp.in ${embedded} @ONLY)
set_source_files_properties(${embedded} PROPERTIES INCLUDE_DIRECTORIES ${PROJECT_SOURCE_DIR}/src/exchange)
target_sources(aero_exchange PRIVATE ${embedded})
