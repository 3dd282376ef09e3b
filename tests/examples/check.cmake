# Installs AERO into an empty folder, builds the projects of examples/ against it and runs them.
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
build_against_aero(${examples}/consumer ${work}/consumer)
run(${work}/consumer/consumer ${work})  # leaves its corpus there

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

# The example of costs prints what the program reports, and needs no LibTorch.
set(priced ${work}/priced.json)
file(WRITE ${priced} [[{"model": {"architecture": "SM+LN+G", "n_layer": 2, "n_head": 2, "d_model": 32,
                                  "context": 16, "vocab_size": 29}}]])
execute_process(COMMAND ${work}/examples/cost_model ${priced} spu_0.9.5_default_colocated wan
  OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${work}/aero/bin/aero report ${priced} --cost spu_0.9.5_default_colocated
  --network wan --json OUTPUT_VARIABLE report COMMAND_ERROR_IS_FATAL ANY)
string(JSON bytes GET "${report}" pi 0 comm_bytes)
if(NOT printed MATCHES "a pass +${bytes} bytes\n")
  message(FATAL_ERROR "cost_model prints\n${printed}\nand aero reports ${bytes} bytes")
endif()
execute_process(COMMAND ldd ${work}/examples/cost_model OUTPUT_VARIABLE libraries COMMAND_ERROR_IS_FATAL ANY)
if(libraries MATCHES "torch")
  message(FATAL_ERROR "cost_model is linked with LibTorch:\n${libraries}")
endif()

# The installed program must find LibTorch without help.
execute_process(COMMAND ${CMAKE_COMMAND} -E env --unset=LD_LIBRARY_PATH ${work}/aero/bin/aero --version
  OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
if(NOT printed MATCHES "${version}")
  message(FATAL_ERROR "the installed aero --version prints '${printed}', not ${version}")
endif()
