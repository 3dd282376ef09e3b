#pragma once

#include "aero/ops/graph_recorder.h"

#include <memory>

namespace aero::ops {

/// Returns a recorder of CUDA graphs; null where the device is no GPU, or where AERO was built
/// without its CUDA kernels.
std::unique_ptr<GraphRecorder> make_graph_recorder(torch::Device device);

}  // namespace aero::ops
