#pragma once

#include "aero/config/model_config.h"

#include <torch/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace aero::model {

/// A trained model as its config and its named tensors (DecoderImpl::named_state()).
struct TrainedModel {
  ModelConfig config;
  std::map<std::string, torch::Tensor> weights;
};

/// Each returns a model of fewer operations, its tensors in the dtype that they had; products are
/// taken in float64. All but prune_ffns() compute the same logits as before. Throw UsageError for
/// what has no exact counterpart, and for models with parts of a program's own.

/// Weight and spectral normalisation become plain matrices.
TrainedModel fold_forms(const TrainedModel& model);

/// W_in and W_out of each FFN become one d x d matrix, W = W_out W_in and b = W_out b_in + b_out,
/// their weight or spectral normalisation folded in. The FFN must have no activation.
TrainedModel fuse_ffns(const TrainedModel& model);

/// The FFNs of these layers (from 0) go, with the norm before and the scales behind them: the block
/// ends with X_SA.
TrainedModel prune_ffns(const TrainedModel& model, const std::vector<std::int64_t>& layers);

/// Fixed norms go into the matrices that read them: with the norm y = gain (x - mean) + bias, gain
/// = weight / sigma, W becomes W diag(gain) (I - 1 1^T / d) and b becomes b + W bias. Every linear
/// layer has a bias then, where the norms have one. Their gates must be 0.
TrainedModel fold_norms(const TrainedModel& model);

/// Scales that cost a multiplication go into the matrices: alpha and beta of ScFFN, 1 / sqrt(d_k),
/// the temperature of a head.
/// beta scales the residual stream: with X = c X' in every layer, the matrices that read the
/// stream take up c and those that write to it 1 / c, so blocks must have no norms. The embeddings
/// end up multiplied by the product of all beta; a final norm's gain divides by it where the head
/// is tied, and where there is none the head is untied. Normalised matrices are folded, too.
TrainedModel fold_scales(const TrainedModel& model);

}  // namespace aero::model
