#pragma once

#include "aero/config/model_config.h"
#include "aero/model/attention.h"
#include "aero/model/part.h"

namespace aero::model {

/// One decoder layer. How its two branches join is the subclass's:
///   sequential (GPT-2)   h = x + attention(norm1(x)),  y = h + ffn(norm2(h))
///   parallel   (NeoX)    y = x + attention(norm1(x)) + ffn(norm2(x))
///   simplified           model/simplified_block.h
/// With a scaled FFN (ScFFN, arXiv 2410.13060) the sum is y = beta h + ffn / alpha, where under
/// parallel h = x + attention(norm1(x)). A block whose FFN is pruned ends with h.
class BlockImpl : public torch::nn::Module {
 public:
  /// x [B, T, d] -> [B, T, d]; `row_entropy` as of AttentionImpl::forward().
  torch::Tensor forward(const torch::Tensor& x, torch::Tensor* row_entropy = nullptr);
  /// The same for positions that follow `cache`.
  torch::Tensor forward_cached(const torch::Tensor& x, LayerCache& cache);

  Attention attention;
  Part ffn;  ///< null where it is pruned

 protected:
  BlockImpl(const ModelConfig& config, std::int64_t layer, const Part& shared_activation,
            NormKind norm1_kind);

  /// `n` is norm1(x), `attended` is attention(n).
  virtual torch::Tensor join(const torch::Tensor& x, const torch::Tensor& n,
                             const torch::Tensor& attended) = 0;

  Part norm1, dropout;
};

using Block = std::shared_ptr<BlockImpl>;

Block make_block(const ModelConfig& config, std::int64_t layer, const Part& shared_activation);

}  // namespace aero::model
