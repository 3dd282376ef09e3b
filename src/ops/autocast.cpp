#include "aero/ops/autocast.h"

#include <ATen/autocast_mode.h>

namespace aero::ops {

torch::ScalarType autocast_dtype(const torch::Tensor& x) {
  const auto device = x.device().type();
  const auto dtype = x.scalar_type();
  if (!at::autocast::is_autocast_enabled(device) || dtype == torch::kFloat64) return dtype;
  return at::autocast::get_autocast_dtype(device);
}

torch::Tensor to_autocast_dtype(const torch::Tensor& x) {
  return x.to(autocast_dtype(x));
}

}  // namespace aero::ops
