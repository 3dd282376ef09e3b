#pragma once

#include "aero/config/run_config.h"
#include "aero/cost/forward_pass.h"

#include <cstdint>

namespace aero::cost {

/// The papers' count (arXiv 2410.13060, 2501.03489):
///   ffn         4 T d d_ffn a layer that has one, which is 16 T d^2 at d_ffn = 4 d; fused 2 T d^2
///   attention   8 T d^2 + 3 T^2 d a layer; of the simplified family, their rows after He and
///               Hofmann, 4 T d^2 + 2 T^2 d: layer 0's V is left out
/// These give the figures of their tables; the papers do not derive them. Two cells of the table at
/// T = 512, of the fused FFN, print 7.3 GFLOPs where the formula gives 7.248: 58.0 / 8 rounded
/// twice. The head is not counted.
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

/// What is done element by element, by the catalogue's operations an element (primitive.h):
///   norm        7 of a LayerNorm, 6 where it has no bias
///   softmax     a score of all T x T, masked or not
///   activation  an element of [T, d_ffn]
///   scale       of every multiplication of forward_operations(), folding or not
/// Left out: sums (biases, residual, positions) and what a norm's row has one of (eps, root).
struct PointwiseFlops {
  std::int64_t norm = 0;
  std::int64_t softmax = 0;
  std::int64_t activation = 0;
  std::int64_t scale = 0;
  std::int64_t total = 0;

  bool operator==(const PointwiseFlops&) const = default;
};

/// One forward pass.
struct Flops {
  PaperFlops paper;
  FullFlops full;
  /// `full`, but Q K^T and A V over the pairs that the causal mask leaves alone: T (T + 1) / 2 of
  /// the T^2, what a kernel that skips masked pairs does.
  FullFlops causal;
  PointwiseFlops pointwise;

  bool operator==(const Flops&) const = default;
};

/// Over one context of T tokens. Throws UsageError where a count does not fit into 64 bits; so do
/// the functions below.
Flops forward_flops(const ModelConfig& config);

/// The same of any pass: in the formulas above T is the pass's queries, T^2 its queries x keys, and
/// the head's T its logits. Its queries are the last of its keys: query i of q sees s - q + i of s.
Flops forward_flops(const ModelConfig& config, const Pass& pass);

/// Forward and backward: 3 times the full forward count, for the gradients by the input and by the
/// weight of a product take as much as the product each (Chowdhery et al., arXiv 2204.02311,
/// appendix B). Nothing is recomputed.
std::int64_t training_flops_per_token(const ModelConfig& config);

/// The same for one optimizer step: batch_size x accumulation contexts.
std::int64_t training_flops_per_step(const RunConfig& config);

}  // namespace aero::cost
