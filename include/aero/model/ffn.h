#pragma once

#include "aero/config/model_config.h"
#include "aero/model/linear.h"

namespace aero::model {

/// FFN(x) = act(x W_in) W_out, W_in: d x 4d, W_out: 4d x d; [B, T, d] -> [B, T, d].
class FfnImpl : public PartImpl {
 public:
  /// `shared_activation` is the model's own where all layers share one; null: this FFN makes its
  /// own.
  FfnImpl(const ModelConfig& config, Part shared_activation);

  torch::Tensor forward(const torch::Tensor& x) override;

  Linear w_in, w_out;

 private:
  Part activation_;
};

/// FuFFN: x W, W: d x d, what W_in W_out comes to with nothing between them.
class FusedFfnImpl : public PartImpl {
 public:
  explicit FusedFfnImpl(const ModelConfig& config);

  torch::Tensor forward(const torch::Tensor& x) override { return w->forward(x); }

  Linear w;
};

Part make_ffn(const ModelConfig& config, const Part& shared_activation);

}  // namespace aero::model
