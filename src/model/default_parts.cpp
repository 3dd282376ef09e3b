#include "aero/model/activation.h"
#include "aero/model/ffn.h"
#include "aero/model/norm.h"
#include "aero/model/part_factory.h"
#include "aero/model/residual_block.h"
#include "aero/model/simplified_block.h"

namespace aero::model {

// A PartFactory makes AERO's parts, unless a subclass overrides these functions.

Part PartFactory::make_norm(const ModelConfig& config, NormKind kind,
                            const Place& /*place*/) const {
  return model::make_norm(kind, config);
}

Part PartFactory::make_activation(const ModelConfig& config, const Place& /*place*/) const {
  return model::make_activation(config);
}

Part PartFactory::make_ffn(const ModelConfig& config, const Place& place,
                           const Part& shared_activation) const {
  return model::make_ffn(config, place, *this, shared_activation);
}

Attention PartFactory::make_attention(const ModelConfig& config, const Place& place) const {
  return model::make_attention(config, place.layer);
}

Block PartFactory::make_block(const ModelConfig& config, const Place& place,
                              const Part& shared_activation) const {
  if (config.family == Family::simplified) {
    return make_simplified_block(config, place, *this, shared_activation);
  }
  return make_residual_block(config, place, *this, shared_activation);
}

}  // namespace aero::model
