#include "aero/ops/autocast.h"

#include <ATen/autocast_mode.h>

namespace aero::ops {

torch::Tensor to_autocast_dtype(const torch::Tensor& x) {
  const auto device = x.device().type();
  if (!at::autocast::is_autocast_enabled(device) || x.scalar_type() == torch::kFloat64) return x;
  return x.to(at::autocast::get_autocast_dtype(device));
}

}  // namespace aero::ops
