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

using Ffn = std::shared_ptr<FfnImpl>;

}  // namespace aero::model
