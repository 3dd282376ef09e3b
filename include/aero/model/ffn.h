#pragma once

#include "aero/config/model_config.h"
#include "aero/model/child.h"
#include "aero/model/linear.h"
#include "aero/model/part_factory.h"

namespace aero::model {

/// FFN(x) = act(x W_in) W_out, W_in: d x 4d, W_out: 4d x d; [B, T, d] -> [B, T, d].
class FfnImpl : public PartImpl {
 public:
  /// `shared_activation` is the model's where all layers share one; null: this FFN makes its own.
  FfnImpl(const ModelConfig& config, const Place& place, const PartFactory& factory,
          Part shared_activation);

  torch::Tensor forward(const torch::Tensor& x) override;
  bool casts_input() const override { return true; }

  Child<LinearImpl> w_in{*this, "w_in"};
  Child<PartImpl> activation{*this, "activation"};  ///< empty where all layers share one
  Child<LinearImpl> w_out{*this, "w_out"};

 private:
  Part shared_activation_;
};

/// FuFFN: FFN(x) = x W with W: d x d, which is W_in W_out without an activation between them.
class FusedFfnImpl : public PartImpl {
 public:
  explicit FusedFfnImpl(const ModelConfig& config);

  torch::Tensor forward(const torch::Tensor& x) override { return w->forward(x); }
  bool casts_input() const override { return true; }

  Child<LinearImpl> w{*this, "w"};
};

Part make_ffn(const ModelConfig& config, const Place& place, const PartFactory& factory,
              const Part& shared_activation);

}  // namespace aero::model
