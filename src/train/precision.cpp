#include "aero/train/precision.h"

#include "aero/core/error.h"
#include "aero/core/numbers.h"
#include "aero/core/text.h"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/cuda.h>

#include <cstdlib>

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

torch::ScalarType scalar_type(GradientSum precision) {
  return precision == GradientSum::bfloat16 ? torch::kBFloat16 : torch::kFloat32;
}

torch::Device find_device(const std::string& name) {
  const bool is_auto = name == "auto";
  if (is_auto && !at::hasCUDA()) return torch::kCPU;
  if (!is_auto && !name.starts_with("cuda")) return torch::Device(name);
  if (!at::hasCUDA()) {
    throw UsageError(fmt::format(
        "train.device: {}: this LibTorch or machine has no CUDA device; use \"cpu\" or \"auto\"",
        name));
  }
  constexpr std::string_view numbered = "cuda:";
  if (!name.starts_with(numbered)) return {torch::kCUDA, 0};
  const auto count = static_cast<std::int64_t>(torch::cuda::device_count());
  const auto index =
      parse_integer("train.device: cuda", std::string_view(name).substr(numbered.size()),
                    {.low = 0, .high = count - 1});
  return {torch::kCUDA, static_cast<torch::DeviceIndex>(index)};
}

torch::Device use_device(const std::string& name) {
  const auto device = find_device(name);
  if (device.is_cuda()) c10::impl::getDeviceGuardImpl(device.type())->setDevice(device);
  return device;
}

void set_arithmetic(const TrainConfig& config) {
  auto& context = at::globalContext();
  context.setAllowTF32CuBLAS(config.tf32);
  context.setDeterministicAlgorithms(config.deterministic, /*warn_only=*/false);
  if (!config.deterministic) return;
  context.setDeterministicFillUninitializedMemory(false);  // it helps debugging only, and is slow
  // cuBLAS gives the same bits with workspaces of a fixed size, which it reads from the
  // environment.
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
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

torch::Tensor unscale(const std::vector<torch::Tensor>& gradients, const torch::Tensor& scale) {
  auto found_inf = torch::zeros({1}, scale.options().dtype(torch::kFloat32));
  if (gradients.empty()) return found_inf.squeeze();
  const auto inverse = scale.reciprocal().to(torch::kFloat32).reshape({1});
  at::_amp_foreach_non_finite_check_and_unscale_(gradients, found_inf, inverse);
  return found_inf.squeeze();
}

}  // namespace aero::train
