#pragma once

#include "aero/core/error.h"

#include <filesystem>
#include <string>
#include <vector>

namespace aero::jobs {

/// Starts `ranks` processes of `program` on this machine, which train together (dist/launch.h), and
/// waits for them. Their output goes where this process's goes. Passes SIGINT, SIGTERM and SIGHUP on.
/// Where a process fails, logs the first that did, and ends those that do not end by themselves.
/// Returns that process's exit code, or 128 and the signal that ended it; success where none failed.
/// Unless OMP_NUM_THREADS is set, the processes share this machine's threads.
ExitCode run_ranks(int ranks, const std::vector<std::string>& arguments,
                   const std::filesystem::path& program = "/proc/self/exe");

}  // namespace aero::jobs
