#pragma once

#include "aero/config/model_config.h"
#include "aero/model/attention.h"
#include "aero/model/part.h"

namespace aero::model {

/// One decoder layer. How its two branches join the residual stream is the subclass's:
///   sequential (GPT-2)   h = x + attention(norm1(x)),  y = h + ffn(norm2(h))
///   parallel   (NeoX)    y = x + attention(norm1(x)) + ffn(norm2(x))
class BlockImpl : public torch::nn::Module {
 public:
  BlockImpl(const ModelConfig& config, Part shared_activation);

  /// x [B, T, d] -> [B, T, d]
  torch::Tensor forward(const torch::Tensor& x);
  /// The same for positions that follow `cache`.
  torch::Tensor forward_cached(const torch::Tensor& x, LayerCache& cache);
  /// Entropy of the attention rows for this block's input: [B, H, T] nats.
  torch::Tensor row_entropy(const torch::Tensor& x);

 protected:
  /// `attended` is attention(norm1(x)).
  virtual torch::Tensor join(const torch::Tensor& x, const torch::Tensor& attended) = 0;

  Part norm1, norm2, ffn, dropout;
  Attention attention;
};

using Block = std::shared_ptr<BlockImpl>;

Block make_block(const ModelConfig& config, const Part& shared_activation);

}  // namespace aero::model
