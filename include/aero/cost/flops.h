#pragma once

#include "aero/config/run_config.h"
#include "aero/cost/forward_pass.h"

#include <cstdint>

namespace aero::cost {

/// The papers' count (arXiv 2410.13060, 2501.03489):
///   ffn         4 T d d_ffn for each FFN, which is 16 T d^2 at d_ffn = 4 d; fused 2 T d^2
///   attention   8 T d^2 + 3 T^2 d for each layer; 4 T d^2 + 2 T^2 d in the simplified family
///               (their rows after He and Hofmann), without layer 0's V
/// These formulas give the figures of their tables; the papers do not derive them. Two cells for
/// the fused FFN in the table at T = 512 print 7.3 GFLOPs, but the formula gives 7.248: 58.0 / 8
/// was rounded twice. The head is not counted.
struct PaperFlops {
  std::int64_t ffn = 0;
  std::int64_t attention = 0;

  bool operator==(const PaperFlops&) const = default;
};

/// Every matrix product, with 2 operations for a multiply-add (Kaplan et al., arXiv 2001.08361,
/// Table 1):
///   attention   8 T d^2 + 4 T^2 d for each layer: Q, K, V, O; Q K^T and A V over all T x T, masked
///               or not; simplified: 4 T d^2 + 4 T^2 d, Q and K alone, and 2 T d^2 for layer 0's V
///   ffn         4 T d d_ffn for each FFN; fused 2 T d^2
///   head        2 T d V
/// Norms, activations, softmax, scales, temperatures and residual sums are not matrix products and
/// are left out, and so is the running mean of the shaped attention. The work of weight and
/// spectral normalisation does not depend on T, and it folds into the weights for inference.
struct FullFlops {
  std::int64_t ffn = 0;
  std::int64_t attention = 0;
  std::int64_t head = 0;
  std::int64_t total = 0;

  bool operator==(const FullFlops&) const = default;
};

/// Work on single elements, by the catalogue's operations for each element (primitive.h):
///   norm        for each element of a norm's input, one less for a LayerNorm without bias
///   softmax     for each score of all T x T, masked or not
///   activation  for each element of [T, d_ffn]
///   scale       for every multiplication of forward_operations(), folding or not
/// Left out are sums (biases, residual, positions) and the steps that a norm takes once a row (eps,
/// root).
struct PointwiseFlops {
  std::int64_t norm = 0;
  std::int64_t softmax = 0;
  std::int64_t activation = 0;
  std::int64_t scale = 0;
  std::int64_t total = 0;

  bool operator==(const PointwiseFlops&) const = default;
};

/// The FLOPs of one forward pass.
struct Flops {
  PaperFlops paper;
  FullFlops full;
  /// As `full`, but with Q K^T and A V over visible pairs only, T (T + 1) / 2 of the T^2. A kernel
  /// that skips masked pairs does this work.
  FullFlops causal;
  PointwiseFlops pointwise;

  bool operator==(const Flops&) const = default;
};

/// Counts a pass over one context of T tokens. This function and those below throw UsageError if a
/// count does not fit into 64 bits.
Flops forward_flops(const ModelConfig& config);

/// Counts any pass. In the formulas above T stands for the pass's queries, T^2 for its queries x
/// keys, and the head's T for its logits. The queries are the last of the keys: query i of q sees s
/// - q + i of s keys.
Flops forward_flops(const ModelConfig& config, const Pass& pass);

/// Counts forward and backward, which is 3 times the full forward count: the gradients of a product
/// by its input and by its weight each take as much work as the product (Chowdhery et al., arXiv
/// 2204.02311, appendix B). Nothing is recomputed.
std::int64_t training_flops_per_token(const ModelConfig& config);

/// Counts the same for one optimizer step of batch_size x accumulation contexts.
std::int64_t training_flops_per_step(const RunConfig& config);

}  // namespace aero::cost
