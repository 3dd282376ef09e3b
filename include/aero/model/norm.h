#pragma once

#include "aero/config/model_config.h"
#include "aero/model/part.h"
#include "aero/ops/norm.h"

namespace aero::model {

/// LayerNorm (arXiv 1607.06450): (x - mean) / sqrt(var + eps) * weight + bias over the last
/// dimension. RMSNorm (arXiv 1910.07467): x / sqrt(mean(x^2) + eps) * weight. FixedLayerNormImpl.
/// Absent for NormKind::none. The width is config.d_model.
Part make_norm(NormKind kind, const ModelConfig& config);

/// A LayerNorm on its way to a linear map: with the gate g,
///   y = g LayerNorm(x) + (1 - g) ((x - mean) / sigma * weight + bias)
/// sigma^2 is the running average of var + eps over rows and batches, taken while the norm trains
/// and g is 1. At g = 0 no statistic of x but its mean is left, which a matrix can take. The idea
/// of a constant deviation is that of arXiv 2409.13710, which fine-tunes GPT-2 to it; the passage
/// by a gate is AERO's own. State: weight, bias [d]; buffers sigma and gate [1], sigma 0 before the
/// first batch.
class FixedLayerNormImpl : public PartImpl {
 public:
  explicit FixedLayerNormImpl(const ModelConfig& config);

  torch::Tensor forward(const torch::Tensor& x) override;
  torch::Tensor forward_cast(const torch::Tensor& x) override;
  /// Takes the gate that fixed_norm_gate() has for that share of the training.
  void set_progress(double share) override;
  void set_gate(double gate);

 private:
  void average(const torch::Tensor& x);
  /// Computes y while the gate is 1.
  torch::Tensor before_passage(const torch::Tensor& x, ops::NormDtype dtype);
  /// The buffer's value, read only where another has written to it: a read waits for the device.
  double gate();
  void note_gate(double gate);

  torch::Tensor weight_, bias_;
  torch::Tensor sigma_, gate_;
  double known_gate_ = 1;
  std::int64_t known_version_ = 0;  // of gate_, at the time
  double eps_;
  NormFixedConfig passage_;
};

/// g at a share of the training: 1 up to `start`, half a cosine down to 0 at `end`.
double fixed_norm_gate(const NormFixedConfig& config, double share);

}  // namespace aero::model
