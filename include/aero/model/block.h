#pragma once

#include "aero/config/model_config.h"
#include "aero/model/attention.h"
#include "aero/model/child.h"
#include "aero/model/part.h"
#include "aero/model/part_factory.h"

namespace aero::model {

/// One decoder layer. AERO's blocks have two branches (TwoBranchBlockImpl). A block of a program's
/// own may be any module that maps [B, T, d] to [B, T, d] and reads no later position.
class BlockImpl : public ModuleImpl {
 public:
  /// Fills `row_entropy` as AttentionImpl::forward() does. A block whose attention has no such
  /// entropy leaves it undefined.
  virtual torch::Tensor forward(const torch::Tensor& x, torch::Tensor* row_entropy = nullptr) = 0;
  /// Does the same for the positions after those in `cache`, and advances the cache's length. T is 1
  /// where the cache's rows have lengths of their own, which it advances, too. This default throws
  /// Error: a block without an override generates without a cache.
  virtual torch::Tensor forward_cached(const torch::Tensor& x, LayerCache& cache);

  // The parts of AERO's blocks. A block of a program's own registers those that it has.
  Child<PartImpl> norm1{*this, "norm1"};
  Child<AttentionImpl> attention{*this, "attention"};
  Child<PartImpl> norm2{*this, "norm2"};
  Child<PartImpl> ffn{*this, "ffn"};  ///< empty where the FFN is pruned
};

/// A block of attention and an FFN. The subclass joins the two branches (model/residual_block.h,
/// model/simplified_block.h).
class TwoBranchBlockImpl : public BlockImpl {
 public:
  torch::Tensor forward(const torch::Tensor& x, torch::Tensor* row_entropy = nullptr) override;
  torch::Tensor forward_cached(const torch::Tensor& x, LayerCache& cache) override;

 protected:
  /// Registers norm1, attention, the FFN unless it is pruned, and dropout.
  TwoBranchBlockImpl(const ModelConfig& config, const Place& place, const PartFactory& factory,
                     const Part& shared_activation, NormKind norm1_kind);

  /// Returns x and norm1(x). The latter may be cast to autocast's dtype, if all that reads it casts
  /// it.
  virtual ops::Summed start(const torch::Tensor& x) { return {x, norm1->forward(x)}; }

  /// Joins the branches, where x and `n` are what start() gave, and `attended` is attention(n).
  virtual torch::Tensor join(const torch::Tensor& x, const torch::Tensor& n,
                             const torch::Tensor& attended) = 0;

  Child<PartImpl> dropout{*this, "dropout"};
};

/// Asks the factory for a norm. Returns an absent part for NormKind::none.
Part norm_of(NormKind kind, const ModelConfig& config, const Place& place,
             const PartFactory& factory);

}  // namespace aero::model
