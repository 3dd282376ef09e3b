#include "cross_entropy_paths.h"
#include "cross_entropy_rows.h"
#include "cuda_kernels.h"
#include "softmax_rows.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace aero::ops {
namespace {

/// Turns `logits` into their gradient. `Bits` is the kernel's type for their dtype.
template <class Bits>
torch::Tensor on_cpu(const torch::Tensor& logits, std::int64_t vocabulary,
                     const torch::Tensor& targets, double room, bool with_gradient) {
  const auto columns = logits.size(1);
  auto losses = torch::zeros({logits.size(0)}, torch::kFloat32);
  auto* const z = static_cast<Bits*>(logits.data_ptr());
  auto* const loss = losses.data_ptr<float>();
  const auto* const target = targets.data_ptr<std::int64_t>();
  at::parallel_for(0, logits.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> scratch(static_cast<std::size_t>(vocabulary));
    for (auto row = begin; row < end; ++row) {
      auto* const first = z + row * columns;
      if (with_gradient) std::fill(first + vocabulary, first + columns, Bits{});
      if (target[row] == ignored_target) {
        std::fill_n(first, vocabulary, Bits{});
        continue;
      }
      loss[row] = static_cast<float>(cross_entropy_row(first, vocabulary, target[row],
                                                       with_gradient ? static_cast<float>(room) : 0,
                                                       scratch.data()));
    }
  });
  return losses;
}

torch::Tensor on_cuda(const torch::Tensor& logits, std::int64_t vocabulary,
                      const torch::Tensor& targets, double room, bool with_gradient) {
  const c10::DeviceGuard guard(logits.device());
  auto losses = torch::empty({logits.size(0)}, logits.options().dtype(torch::kFloat32));
  if constexpr (has_cuda_kernels) {
    const CudaLogits rows{logits.data_ptr(), number_type(logits.scalar_type()), logits.size(0),
                          vocabulary, logits.stride(0)};
    const char* const error = cross_entropy_rows(
        rows, targets.data_ptr<std::int64_t>(), static_cast<float>(room), with_gradient,
        losses.data_ptr<float>(), current_cuda_stream(logits.device()));
    TORCH_CHECK(error == nullptr, "CUDA, at the cross-entropy of ", logits.sizes(),
                " logits: ", error);
  }
  return losses;
}

}  // namespace

bool has_cross_entropy_kernel(const torch::Tensor& logits) {
  const auto dtype = logits.scalar_type();
  if (logits.is_cpu()) return dtype == torch::kFloat32 || dtype == torch::kBFloat16;
  const auto row_bytes = logits.size(1) * static_cast<std::int64_t>(logits.element_size());
  return has_cuda_kernels && logits.is_cuda() && dtype != torch::kFloat64 && row_bytes % 16 == 0;
}

CrossEntropyRows cross_entropy_by_kernel(const torch::Tensor& logits, std::int64_t vocabulary,
                                         const torch::Tensor& targets, double room,
                                         bool with_gradient) {
  const auto gradient = with_gradient ? logits : torch::Tensor();
  if (logits.is_cuda()) {
    return {on_cuda(logits, vocabulary, targets, room, with_gradient), gradient};
  }
  if (logits.scalar_type() == torch::kFloat32) {
    return {on_cpu<float>(logits, vocabulary, targets, room, with_gradient), gradient};
  }
  return {on_cpu<std::uint16_t>(logits, vocabulary, targets, room, with_gradient), gradient};
}

}  // namespace aero::ops
