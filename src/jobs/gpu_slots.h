#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace aero::jobs {

/// Names the `count` GPUs that a process sees, as CUDA_VISIBLE_DEVICES does: by the names in
/// `visible`, the value of that variable, and beyond those by their index.
std::vector<std::string> gpu_names(std::size_t count, const std::string& visible);

/// Names the GPUs that this process sees.
std::vector<std::string> visible_gpus();

/// Returns the first of the `count` GPUs that have the fewest jobs. `taken` holds the GPU of each
/// job.
std::size_t freest_gpu(std::size_t count, const std::vector<std::size_t>& taken);

}  // namespace aero::jobs
