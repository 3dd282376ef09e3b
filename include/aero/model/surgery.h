#pragma once

#include "aero/config/model_config.h"

#include <torch/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace aero::model {

/// A trained model: its config and its named tensors (DecoderImpl::named_state()).
struct TrainedModel {
  ModelConfig config;
  std::map<std::string, torch::Tensor> weights;
};

/// Each function below returns a model with fewer operations. Tensors keep their dtype; products
/// are computed in float64. All but prune_ffns() keep the logits. They throw UsageError where there
/// is no exact counterpart, and for models with parts of a program's own.

/// Makes plain matrices of weight and spectral normalisation.
TrainedModel fold_forms(const TrainedModel& model);

/// Makes one d x d matrix of W_in and W_out of each FFN: W = W_out W_in, b = W_out b_in + b_out.
/// Folds their weight or spectral normalisation first. The FFN must have no activation.
TrainedModel fuse_ffns(const TrainedModel& model);

/// Removes the FFNs of these layers (from 0), with the norm before and the scales after each: the
/// block then ends with X_SA.
TrainedModel prune_ffns(const TrainedModel& model, const std::vector<std::int64_t>& layers);

/// Folds fixed norms into the matrices that read their output. For the norm y = gain (x - mean) +
/// bias with gain = weight / sigma, W becomes W diag(gain) (I - 1 1^T / d) and b becomes b + W
/// bias. Where the norms have biases, every linear layer then has one. The norms' gates must be 0.
TrainedModel fold_norms(const TrainedModel& model);

/// Folds scales that cost a multiplication into the matrices: alpha and beta of ScFFN, 1 /
/// sqrt(d_k), and the temperature of a head.
///
/// beta scales the residual stream. With X = c X' in each layer, the matrices that read the stream
/// are multiplied by c and the matrices that write to it by 1 / c; so blocks must have no norms.
/// The embeddings are multiplied by the product of all beta. A tied head then divides by this
/// product in the gain of the final norm; without a final norm, the head is untied. Normalised
/// matrices are folded, too.
TrainedModel fold_scales(const TrainedModel& model);

}  // namespace aero::model
