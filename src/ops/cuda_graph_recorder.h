#pragma once

#include "aero/ops/graph_recorder.h"

#include <memory>

namespace aero::ops {

/// Defined where the CUDA kernels are part of the build (has_cuda_kernels).
std::unique_ptr<GraphRecorder> make_cuda_graph_recorder(torch::Device device);

}  // namespace aero::ops
