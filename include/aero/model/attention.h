#pragma once

#include "aero/config/model_config.h"
#include "aero/model/linear.h"
#include "aero/model/rotary.h"

namespace aero::model {

/// Keys and values of one layer for the positions seen so far.
struct LayerCache {
  torch::Tensor keys;    ///< [B, H, T, d_k], the first `length` positions filled
  torch::Tensor values;  ///< the same
  std::int64_t length = 0;
};

/// Causal multi-head softmax attention ("SM"): softmax(Q K^T / sqrt(d_k) + mask) V, then the output
/// projection. Q, K, V and O are matrices of their own, so that each can be normalised or left out
/// alone.
class AttentionImpl : public torch::nn::Module {
 public:
  explicit AttentionImpl(const ModelConfig& config);

  /// x [B, T, d] -> [B, T, d]
  torch::Tensor forward(const torch::Tensor& x);

  /// The same for positions that follow `cache`, which takes up their keys and values. No gradient.
  torch::Tensor forward_cached(const torch::Tensor& x, LayerCache& cache);

  /// Entropy of each attention row in nats, float32: [B, H, T] for x [B, T, d]. Builds the T x T
  /// matrix; for inspection, not for training.
  torch::Tensor row_entropy(const torch::Tensor& x);

  Linear q, k, v, o;

 private:
  torch::Tensor split_heads(const torch::Tensor& x) const;
  torch::Tensor merge_heads(const torch::Tensor& heads);

  std::int64_t n_head_;
  double dropout_;
  PositionEncoding position_;
};

using Attention = std::shared_ptr<AttentionImpl>;

}  // namespace aero::model
