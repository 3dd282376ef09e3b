#pragma once

#include "aero/config/model_config.h"
#include "aero/model/part.h"
#include "aero/ops/norm.h"

#include <cstdint>

namespace aero::model {

/// Makes a norm of width config.d_model, or an absent part for NormKind::none.
///
/// LayerNorm (arXiv 1607.06450): (x - mean) / sqrt(var + eps) * weight + bias over the last
/// dimension. RMSNorm (arXiv 1910.07467): x / sqrt(mean(x^2) + eps) * weight. Fixed:
/// FixedLayerNormImpl.
Part make_norm(NormKind kind, const ModelConfig& config);

/// A LayerNorm on its way to a linear map: with the gate g,
///   y = g LayerNorm(x) + (1 - g) ((x - mean) / sigma * weight + bias)
/// sigma^2 is the running average of var + eps over rows and batches, taken in training while g is
/// 1. At g = 0, the mean is the only statistic of x left, and a matrix can take it up. The constant
/// deviation is an idea of arXiv 2409.13710, which fine-tunes GPT-2 to it; the passage by a gate is
/// AERO's own. State: weight, bias [d]; buffers sigma and gate [1], where sigma is 0 before the
/// first batch.
class FixedLayerNormImpl : public PartImpl {
 public:
  explicit FixedLayerNormImpl(const ModelConfig& config);

  torch::Tensor forward(const torch::Tensor& x) override;
  ops::Summed forward_sum(const torch::Tensor& x, const torch::Tensor& branch, bool cast) override;
  /// Sets the gate of fixed_norm_gate() for that share of the training.
  void set_progress(double share) override;
  void set_gate(double gate);
  /// The buffer sigma.
  const torch::Tensor& sigma() const { return sigma_; }
  /// Whether a forward pass in training changes sigma.
  bool is_averaging() { return gate() == 1; }

 private:
  void average(const torch::Tensor& x);
  /// Returns the gate's value. Reads the buffer only after another module wrote to it, because a
  /// read waits for the device.
  double gate();
  void note_gate(double gate);

  torch::Tensor weight_, bias_;
  torch::Tensor sigma_, gate_;
  double known_gate_ = 1;
  std::int64_t known_version_ = 0;  // of gate_, when known_gate_ was read
  double eps_;
  NormFixedConfig passage_;
};

/// Computes g for a share of the training: 1 up to `start`, then half a cosine down to 0 at `end`.
double fixed_norm_gate(const NormFixedConfig& config, double share);

}  // namespace aero::model
