#include "cuda_graph_recorder.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAStream.h>

#include <exception>
#include <memory>
#include <utility>

namespace aero::ops {
namespace {

/// Makes `later` wait for all work that `earlier` has by now. The host goes on.
void order(const c10::Stream& earlier, const c10::Stream& later) {
  c10::Event event(c10::DeviceType::CUDA);
  event.record(earlier);
  event.block(later);
}

class CudaGraphRecorder : public GraphRecorder {
 public:
  explicit CudaGraphRecorder(torch::Device device)
      : stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index())) {}

  torch::Tensor run(const Work& work) override { return aside(work); }

  torch::Tensor record(const Work& work) override {
    forget();
    // A graph has memory of its own and cannot use what the allocator keeps idle.
    c10::cuda::CUDACachingAllocator::emptyCache();
    auto graph = std::make_unique<at::cuda::CUDAGraph>();
    const auto result = aside([&] {
      graph->capture_begin();
      const auto recorded = complete(work, *graph);
      graph->capture_end();
      return recorded;
    });
    graph_ = std::move(graph);
    return result;
  }

  void replay() override { graph_->replay(); }

  void forget() override { graph_.reset(); }

 private:
  /// Does work on a stream of its own, because the default stream cannot be recorded. The work
  /// waits for the current stream's earlier work, and its later work waits for this.
  torch::Tensor aside(const Work& work) {
    const c10::Stream current = c10::cuda::getCurrentCUDAStream(stream_.device_index());
    order(current, stream_);
    const auto result = [&] {
      const c10::StreamGuard guard(stream_);
      return work();
    }();
    order(stream_, current);
    return result;
  }

  /// Ends the capture also where work throws; otherwise the stream could not be used again.
  static torch::Tensor complete(const Work& work, at::cuda::CUDAGraph& graph) {
    try {
      return work();
    } catch (...) {
      const auto fault = std::current_exception();
      try {
        graph.capture_end();
      } catch (const std::exception&) {  // the fault has made the capture invalid
      }
      std::rethrow_exception(fault);
    }
  }

  c10::cuda::CUDAStream stream_;
  std::unique_ptr<at::cuda::CUDAGraph> graph_;  // null: nothing is recorded
};

}  // namespace

std::unique_ptr<GraphRecorder> make_cuda_graph_recorder(torch::Device device) {
  return std::make_unique<CudaGraphRecorder>(device);
}

}  // namespace aero::ops
