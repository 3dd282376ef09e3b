#include "aero/model/block.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

namespace aero::model {

torch::Tensor BlockImpl::forward_cached(const torch::Tensor& /*x*/, LayerCache& /*cache*/) {
  throw Error(fmt::format(
      "model: {} has no cached forward pass; set GenerationOptions::use_cache to false, or "
      "override BlockImpl::forward_cached()",
      name()));
}

TwoBranchBlockImpl::TwoBranchBlockImpl(const ModelConfig& config, const Place& place,
                                       const PartFactory& factory, const Part& shared_activation,
                                       NormKind norm1_kind) {
  norm1 = norm_of(norm1_kind, config, place.within("norm1"), factory);
  attention = factory.make_attention(config, place.within("attention"));
  if (config.has_ffn(place.layer)) {
    ffn = factory.make_ffn(config, place.within("ffn"), shared_activation);
  }
  dropout = make_dropout(config.dropout_residual);
}

torch::Tensor TwoBranchBlockImpl::forward(const torch::Tensor& x, torch::Tensor* row_entropy) {
  const auto [stream, n] = start(x);
  return join(stream, n, attention->forward(n, row_entropy));
}

torch::Tensor TwoBranchBlockImpl::forward_cached(const torch::Tensor& x, LayerCache& cache) {
  const auto [stream, n] = start(x);
  return join(stream, n, attention->forward_cached(n, cache));
}

Part norm_of(NormKind kind, const ModelConfig& config, const Place& place,
             const PartFactory& factory) {
  if (kind == NormKind::none) return std::make_shared<AbsentImpl>();
  return factory.make_norm(config, kind, place);
}

}  // namespace aero::model
