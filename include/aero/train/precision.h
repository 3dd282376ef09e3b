#pragma once

#include "aero/config/run_config.h"

#include <torch/types.h>

#include <optional>
#include <vector>

namespace aero::train {

torch::ScalarType scalar_type(Precision precision);

/// "auto" is CUDA where there is a device, else the CPU. Throws UsageError for a device that this
/// machine does not have.
torch::Device find_device(const std::string& name);

/// The same, and a GPU becomes the current one, so that this process takes memory on no other.
torch::Device use_device(const std::string& name);

/// How this process computes on a GPU from now on: train.tf32, train.deterministic. Before its
/// first product. Changes nothing on the CPU.
void set_arithmetic(const TrainConfig& config);

/// Runs products in a lower precision while it lives (autocast); does nothing for float32. Weights
/// stay float32. The cast copies of weights live until the guard ends.
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

/// Loss scaling for float16 (arXiv 1710.03740): gradients are taken of scale * loss; a step whose
/// gradients overflow is left out and halves the scale, 2,000 steps without one double it.
class LossScaler {
 public:
  explicit LossScaler(double scale = 65536, std::int64_t growth = 0)
      : scale_(scale), growth_(growth) {}

  double scale() const { return scale_; }
  std::int64_t growth() const { return growth_; }

  /// Divides the gradients by the scale. A scalar where they are, for which nobody has waited: 0
  /// where all of them are finite, else 1.
  torch::Tensor unscale(const std::vector<torch::Tensor>& gradients) const;
  void update(bool finite);

 private:
  double scale_;
  std::int64_t growth_;
};

}  // namespace aero::train
