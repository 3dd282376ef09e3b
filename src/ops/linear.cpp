#include "aero/ops/linear.h"

#include "column_sums.h"
#include "cuda_kernels.h"

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/autograd.h>

#include <cstdint>

namespace aero::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool has_kernel(const torch::Tensor& x) {
  const auto dtype = x.scalar_type();
  const bool known =
      dtype == torch::kFloat32 || dtype == torch::kBFloat16 || dtype == torch::kFloat16;
  return has_cuda_kernels && x.is_cuda() && known && x.numel() > 0;
}

torch::Tensor sums_by_kernel(const torch::Tensor& x) {
  const c10::DeviceGuard guard(x.device());
  auto given = x.contiguous();
  if (reinterpret_cast<std::uintptr_t>(given.const_data_ptr()) % 16 != 0) given = given.clone();
  const auto columns = x.size(-1);
  const auto floats = x.options().dtype(torch::kFloat32);
  auto sums = torch::empty({columns}, floats);
  if constexpr (has_cuda_kernels) {
    const CudaMatrix matrix{given.const_data_ptr(), number_type(x.scalar_type()),
                            x.numel() / columns, static_cast<int>(columns)};
    const auto partials = torch::empty({column_sum_partials(matrix)}, floats);
    const char* const error =
        column_sums(matrix, sums.data_ptr<float>(), partials.data_ptr<float>(),
                    current_cuda_stream(x.device()));
    TORCH_CHECK(error == nullptr, "CUDA, at the sums of columns of ", x.sizes(), ": ", error);
  }
  return sums;
}

/// Returns y, to which the bias was added, and gives the bias its gradient.
class BiasGradient : public torch::autograd::Function<BiasGradient> {
 public:
  static torch::Tensor forward(AutogradContext* /*context*/, const torch::Tensor& y,
                               const torch::Tensor& /*bias*/) {
    return y;
  }

  static variable_list backward(AutogradContext* /*context*/, variable_list gradients) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "AERO's bias on CUDA is differentiable once");
    return {gradients[0], column_sums(gradients[0])};
  }
};

}  // namespace

torch::Tensor column_sums(const torch::Tensor& x) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  if (has_kernel(x)) return sums_by_kernel(x);
  return x.reshape({-1, x.size(-1)}).sum(0);
}

torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight,
                     const torch::Tensor& bias) {
  const bool trains = bias.defined() && bias.requires_grad() && torch::GradMode::is_enabled();
  if (!trains || !has_kernel(x)) return torch::linear(x, weight, bias);
  return BiasGradient::apply(torch::linear(x, weight, bias.detach()), bias);
}

}  // namespace aero::ops
