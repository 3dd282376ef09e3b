#pragma once

#include <functional>
#include <optional>
#include <string>

namespace aero::dist {

/// What a launcher tells one of the processes that it starts, in environment variables.
struct Launch {
  std::string by;             ///< "torchrun", "Slurm" or "MPI"
  int rank = 0;               ///< from 0 to ranks - 1
  int ranks = 1;              ///< processes that train together
  int local_rank = 0;         ///< among the processes of this machine
  std::string address;        ///< of the machine of rank 0, where the processes meet
  int port = 0;               ///< of the store there
  bool has_store = false;     ///< the launcher holds the store; otherwise rank 0 does
  std::string attempt = "0";  ///< how often the launcher has started the processes anew
};

using Environment = std::function<std::optional<std::string>(const char* name)>;

/// Reads a variable of this process.
std::optional<std::string> environment_variable(const char* name);

/// Reads what the launcher has set, of the first that there is:
///   torchrun, and `aero train --nproc`: RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT,
///     TORCHELASTIC_USE_AGENT_STORE, TORCHELASTIC_RESTART_COUNT;
///   Slurm's srun: SLURM_PROCID, SLURM_STEP_NUM_TASKS or SLURM_NTASKS, SLURM_LOCALID, and
///     SLURM_STEP_ID or MASTER_ADDR, because a batch script has the others, too;
///   Open MPI's mpirun: OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE, OMPI_COMM_WORLD_LOCAL_RANK.
/// Slurm's address is the first machine of the step's list, its port follows from the job's number,
/// and MPI's ranks on one machine meet there at port 29500; MASTER_ADDR and MASTER_PORT decide where
/// they are set. Returns nothing for one process. Throws UsageError that names a variable.
std::optional<Launch> find_launch(const Environment& environment = environment_variable);

/// Returns the first machine of Slurm's list: "gpu07" of "gpu[07-09,12],login1".
std::string first_host(const std::string& list);

}  // namespace aero::dist
