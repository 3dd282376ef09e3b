#pragma once

#include "aero/config/run_config.h"

#include <torch/types.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace aero::train {

torch::ScalarType scalar_type(Precision precision);
torch::ScalarType scalar_type(GradientSum precision);

/// Finds a device by name. "auto" is CUDA where there is a device, else the CPU. Throws UsageError
/// for a device that this machine does not have.
torch::Device find_device(const std::string& name);

/// Finds a device and makes a GPU the current one, so that this process takes memory on no other.
torch::Device use_device(const std::string& name);

/// Sets how this process computes on a GPU: train.tf32, train.deterministic. Call it before the
/// first product. Changes nothing on the CPU.
void set_arithmetic(const TrainConfig& config);

/// Runs products in a lower precision (autocast) while it lives; does nothing for float32. Weights
/// stay float32, and their cast copies live as long as the guard.
class AutocastGuard {
 public:
  AutocastGuard(torch::Device device, Precision precision);
  ~AutocastGuard();
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  struct Previous {
    c10::DeviceType device;
    bool enabled;
    torch::ScalarType dtype;
  };
  std::optional<Previous> previous_;
};

/// Loss scaling for float16 (arXiv 1710.03740): gradients are those of scale * loss. A step whose
/// gradients overflow is skipped and halves the scale; 2,000 steps without overflow double it.
class LossScaler {
 public:
  explicit LossScaler(double scale = 65536, std::int64_t growth = 0)
      : scale_(scale), growth_(growth) {}

  double scale() const { return scale_; }
  std::int64_t growth() const { return growth_; }

  void update(bool finite);

 private:
  double scale_;
  std::int64_t growth_;
};

/// Divides the gradients by `scale`, a scalar on their device. Returns, without waiting, a scalar
/// there: 0 if all of them are finite, else 1.
torch::Tensor unscale(const std::vector<torch::Tensor>& gradients, const torch::Tensor& scale);

}  // namespace aero::train
