#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace aero::jobs {

/// Names for CUDA_VISIBLE_DEVICES of the `count` GPUs that a process sees: those that `visible`,
/// the variable's own value, lists, else "0", "1", ….
std::vector<std::string> gpu_names(std::size_t count, const std::string& visible);

/// Those of this process.
std::vector<std::string> visible_gpus();

/// Of `count` GPUs the first among those that have the fewest of the jobs in `taken`.
std::size_t freest_gpu(std::size_t count, const std::vector<std::size_t>& taken);

}  // namespace aero::jobs
