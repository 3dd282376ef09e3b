#pragma once

#include "aero/config/run_config.h"

#include <cstdint>

namespace aero::cost {

/// The papers' count (arXiv 2410.13060, 2501.03489):
///   ffn         4 T d d_ffn a layer that has one, which is 16 T d^2 at d_ffn = 4 d; fused 2 T d^2
///   attention   8 T d^2 + 3 T^2 d a layer; of the simplified family, their rows after He and
///               Hofmann, 4 T d^2 + 2 T^2 d: layer 0's V is left out
/// These give the figures of their tables; the papers do not derive them. The head is not counted.
struct PaperFlops {
  std::int64_t ffn = 0;
  std::int64_t attention = 0;

  bool operator==(const PaperFlops&) const = default;
};

/// Every matrix product, 2 operations a multiply-add (Kaplan et al., arXiv 2001.08361, Table 1):
///   attention   8 T d^2 + 4 T^2 d a layer: Q, K, V, O; Q K^T and A V over all T x T, masked or not
///               simplified: 4 T d^2 + 4 T^2 d, Q and K alone, and 2 T d^2 for layer 0's V
///   ffn         4 T d d_ffn a layer that has one; fused 2 T d^2
///   head        2 T d V
/// Norms, activations, softmax, scales, temperatures and residual sums are no matrix products and
/// are left out, and so is the running mean of the shaped attention. Weight and spectral
/// normalisation work on the weights, whatever T is, and fold into them for inference.
struct FullFlops {
  std::int64_t ffn = 0;
  std::int64_t attention = 0;
  std::int64_t head = 0;
  std::int64_t total = 0;

  bool operator==(const FullFlops&) const = default;
};

/// One forward pass over one context of T tokens.
struct Flops {
  PaperFlops paper;
  FullFlops full;

  bool operator==(const Flops&) const = default;
};

/// Throws UsageError where a count does not fit into 64 bits; so do the functions below.
Flops forward_flops(const ModelConfig& config);

/// Forward and backward: 3 times the full forward count, for the gradients by the input and by the
/// weight of a product take as much as the product each (Chowdhery et al., arXiv 2204.02311,
/// appendix B). Nothing is recomputed.
std::int64_t training_flops_per_token(const ModelConfig& config);

/// The same for one optimizer step: batch_size x accumulation contexts.
std::int64_t training_flops_per_step(const RunConfig& config);

}  // namespace aero::cost
