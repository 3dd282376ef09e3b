#include "aero/ops/cuda_graphs.h"

#include "cuda_graph_recorder.h"
#include "cuda_kernels.h"

namespace aero::ops {

std::unique_ptr<GraphRecorder> make_graph_recorder(torch::Device device) {
  if constexpr (has_cuda_kernels) {
    if (device.is_cuda()) return make_cuda_graph_recorder(device);
  }
  return nullptr;
}

}  // namespace aero::ops
