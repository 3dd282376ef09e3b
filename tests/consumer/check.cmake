# Installs AERO into an empty folder, builds the projects against it and runs what came out.
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(build_against_aero source folder)
  run(${CMAKE_COMMAND} -G Ninja -S ${source} -B ${folder} -D CMAKE_BUILD_TYPE=${config}
    -D CMAKE_PREFIX_PATH=${work}/aero -D CMAKE_CXX_COMPILER=${compiler}
    -D CMAKE_CXX_COMPILER_LAUNCHER=${launcher} -D AERO_SANITIZE=${sanitize})
  run(${CMAKE_COMMAND} --build ${folder})
endfunction()

file(REMOVE_RECURSE ${work})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${build} --config ${config} --prefix ${work}/aero
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
build_against_aero(${project} ${work}/build)
run(${work}/build/consumer ${work})  # leaves its corpus there

build_against_aero(${examples} ${work}/examples)
run(${work}/examples/own_loop ${work})
run(${work}/examples/callback ${work})
run(${work}/examples/own_norm ${work} ${work}/own_norm_model)

# The program aero has no such norm, and says so instead of taking its own.
execute_process(COMMAND ${work}/aero/bin/aero eval ${work}/own_norm_model
  RESULT_VARIABLE code OUTPUT_QUIET ERROR_VARIABLE message)
if(NOT code EQUAL 2 OR NOT message MATCHES "model.own_parts.*DynamicTanhImpl: blocks.0.norm1")
  message(FATAL_ERROR "aero eval of a model with a norm of its own: exit ${code}: ${message}")
endif()

# The installed program must find LibTorch without help.
execute_process(COMMAND ${CMAKE_COMMAND} -E env --unset=LD_LIBRARY_PATH ${work}/aero/bin/aero --version
  OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
if(NOT printed MATCHES "${version}")
  message(FATAL_ERROR "the installed aero --version prints '${printed}', not ${version}")
endif()
