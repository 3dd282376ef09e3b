#include "aero/ops/running_mean.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

namespace aero::ops {
namespace {

/// 1 to T as a column.
torch::Tensor counts_of_rows(const torch::Tensor& x) {
  return torch::arange(1, x.size(2) + 1, x.options().requires_grad(false)).unsqueeze(-1);
}

}  // namespace

torch::Tensor running_mean(const torch::Tensor& x) {
  if (x.is_cuda() && at::globalContext().deterministicAlgorithms()) {
    return running_mean_by_product(x);
  }
  return x.cumsum(2) / counts_of_rows(x);
}

torch::Tensor running_mean_by_product(const torch::Tensor& x) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const auto length = x.size(2);
  const auto triangle = torch::ones({length, length}, x.options().requires_grad(false)).tril();
  return torch::matmul(triangle / counts_of_rows(x), x);
}

}  // namespace aero::ops
