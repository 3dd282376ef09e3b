# Installs AERO into an empty folder, builds the project against it and runs what came out.
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${work})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${build} --config ${config} --prefix ${work}/aero
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
run(${CMAKE_COMMAND} -G Ninja -S ${project} -B ${work}/build -D CMAKE_BUILD_TYPE=${config}
  -D CMAKE_PREFIX_PATH=${work}/aero -D CMAKE_CXX_COMPILER=${compiler}
  -D CMAKE_CXX_COMPILER_LAUNCHER=${launcher} -D AERO_SANITIZE=${sanitize})
run(${CMAKE_COMMAND} --build ${work}/build)
run(${work}/build/consumer ${work})

# The installed program must find LibTorch without help.
execute_process(COMMAND ${CMAKE_COMMAND} -E env --unset=LD_LIBRARY_PATH ${work}/aero/bin/aero --version
  OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
if(NOT printed MATCHES "${version}")
  message(FATAL_ERROR "the installed aero --version prints '${printed}', not ${version}")
endif()
