#include "aero/train/precision.h"

#include "aero/core/error.h"
#include "aero/core/numbers.h"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <torch/cuda.h>

namespace aero::train {
namespace {

constexpr std::int64_t growth_interval = 2000;

}  // namespace

torch::ScalarType scalar_type(Precision precision) {
  switch (precision) {
    case Precision::float32:
      return torch::kFloat32;
    case Precision::bfloat16:
      return torch::kBFloat16;
    case Precision::float16:
      return torch::kFloat16;
  }
  throw std::logic_error("unknown precision");
}

torch::Device find_device(const std::string& name) {
  if (name == "auto") return at::hasCUDA() ? torch::Device("cuda") : torch::Device("cpu");
  if (name.starts_with("cuda") && !at::hasCUDA()) {
    throw UsageError("train.device: " + name +
                     ": this LibTorch or machine has no CUDA device; use \"cpu\" or \"auto\"");
  }
  constexpr std::string_view numbered = "cuda:";
  if (name.starts_with(numbered)) {
    const auto count = static_cast<std::int64_t>(torch::cuda::device_count());
    parse_integer("train.device: cuda", std::string_view(name).substr(numbered.size()),
                  {.low = 0, .high = count - 1});
  }
  return torch::Device(name);
}

AutocastGuard::AutocastGuard(torch::Device device, Precision precision) {
  if (precision == Precision::float32) return;
  const auto type = device.type();
  previous_ = {type, at::autocast::is_autocast_enabled(type),
               at::autocast::get_autocast_dtype(type)};
  at::autocast::set_autocast_enabled(type, true);
  at::autocast::set_autocast_dtype(type, scalar_type(precision));
  at::autocast::increment_nesting();
}

AutocastGuard::~AutocastGuard() {
  if (!previous_) return;
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(previous_->device, previous_->enabled);
  at::autocast::set_autocast_dtype(previous_->device, previous_->dtype);
}

bool LossScaler::unscale(const std::vector<torch::Tensor>& gradients) const {
  if (gradients.empty()) return true;
  const auto options = gradients.front().options().dtype(torch::kFloat32);
  auto found_inf = torch::zeros({1}, options);
  at::_amp_foreach_non_finite_check_and_unscale_(gradients, found_inf,
                                                 torch::full({1}, 1 / scale_, options));
  return found_inf.item<float>() == 0;
}

void LossScaler::update(bool finite) {
  if (!finite) {
    scale_ /= 2;
    growth_ = 0;
    return;
  }
  if (++growth_ == growth_interval) {
    scale_ *= 2;
    growth_ = 0;
  }
}

}  // namespace aero::train
