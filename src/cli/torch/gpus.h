#pragma once

#include <string>
#include <vector>

namespace aero::cli {

/// A GPU as the CUDA driver knows it.
struct Gpu {
  std::string name;
  int major, minor;  ///< compute capability
  double bytes;      ///< all of its memory
};

/// Lists the GPUs that CUDA_VISIBLE_DEVICES leaves, in CUDA's order; none without a driver. Asks
/// the driver's library directly, so that building this needs no CUDA toolkit.
std::vector<Gpu> find_gpus();

}  // namespace aero::cli
