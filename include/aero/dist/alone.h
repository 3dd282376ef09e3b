#pragma once

#include <string>
#include <vector>

namespace aero::dist {

/// The variables ("NAME=value") that let a process train alone, whatever launcher has started the
/// process that starts it (launch.h).
inline std::vector<std::string> variables_of_a_process_alone() {
  return {"RANK=", "SLURM_PROCID=", "OMPI_COMM_WORLD_RANK="};
}

}  // namespace aero::dist
