#pragma once

#include "aero/config/model_config.h"
#include "aero/model/attention.h"
#include "aero/model/child.h"
#include "aero/model/part.h"
#include "aero/model/part_factory.h"

namespace aero::model {

/// One decoder layer. AERO's have two branches (TwoBranchBlockImpl); one's own may be anything that
/// maps [B, T, d] to the same and sees no later position.
class BlockImpl : public ModuleImpl {
 public:
  /// `row_entropy` as of AttentionImpl::forward(); a block whose attention has no such entropy
  /// leaves it undefined.
  virtual torch::Tensor forward(const torch::Tensor& x, torch::Tensor* row_entropy = nullptr) = 0;
  /// The same for the positions that follow `cache`, whose length it moves on by theirs. As it
  /// stands here it throws Error: such a block generates without a cache.
  virtual torch::Tensor forward_cached(const torch::Tensor& x, LayerCache& cache);

  // Where AERO's blocks have their parts; one's own registers those that it has.
  Child<PartImpl> norm1{*this, "norm1"};
  Child<AttentionImpl> attention{*this, "attention"};
  Child<PartImpl> norm2{*this, "norm2"};
  Child<PartImpl> ffn{*this, "ffn"};  ///< empty where it is pruned
};

/// A block of attention and an FFN. How the two branches join is the subclass's:
/// model/residual_block.h, model/simplified_block.h.
class TwoBranchBlockImpl : public BlockImpl {
 public:
  torch::Tensor forward(const torch::Tensor& x, torch::Tensor* row_entropy = nullptr) override;
  torch::Tensor forward_cached(const torch::Tensor& x, LayerCache& cache) override;

 protected:
  /// Registers norm1, attention, the FFN unless it is pruned, and dropout.
  TwoBranchBlockImpl(const ModelConfig& config, const Place& place, const PartFactory& factory,
                     const Part& shared_activation, NormKind norm1_kind);

  /// `n` is norm1(x), `attended` is attention(n).
  virtual torch::Tensor join(const torch::Tensor& x, const torch::Tensor& n,
                             const torch::Tensor& attended) = 0;

  Child<PartImpl> dropout{*this, "dropout"};
};

/// The factory's norm; absent for NormKind::none.
Part norm_of(NormKind kind, const ModelConfig& config, const Place& place,
             const PartFactory& factory);

}  // namespace aero::model
