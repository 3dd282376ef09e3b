#pragma once

#include "aero/config/model_config.h"
#include "aero/model/attention.h"
#include "aero/model/part.h"

#include <cstdint>
#include <memory>
#include <string>

namespace aero::model {

class BlockImpl;
using Block = std::shared_ptr<BlockImpl>;

/// Where a part stands in a decoder.
struct Place {
  std::string name;         ///< "blocks.3.norm1", "final_norm", "blocks.3.ffn.activation"
  std::int64_t layer = -1;  ///< from 0; -1 outside of the blocks

  /// Of a part within the one that stands here.
  Place within(const std::string& part) const { return {name + "." + part, layer}; }
};

/// Makes the parts of a decoder: AERO's own, unless a subclass brings others. A decoder asks for
/// what its config has; a norm or an activation of the kind none and a pruned FFN are not asked
/// for. What a part needs of the factory it keeps: the factory itself is gone after the building.
///
///     class WithMyNorm : public model::PartFactory {
///       model::Part make_norm(const ModelConfig& config, NormKind, const Place&) const override {
///         return std::make_shared<MyNormImpl>(config.d_model);
///       }
///     };
///     model::Decoder decoder(config, WithMyNorm());
class PartFactory {
 public:
  PartFactory() = default;
  virtual ~PartFactory() = default;
  PartFactory(const PartFactory&) = default;
  PartFactory& operator=(const PartFactory&) = default;

  /// [B, T, d] -> the same; norm1 and norm2 of each block, and final_norm.
  virtual Part make_norm(const ModelConfig& config, NormKind kind, const Place& place) const;
  /// Shape kept. Of each FFN, or one for the model (LeakySlope::model).
  virtual Part make_activation(const ModelConfig& config, const Place& place) const;
  /// [B, T, d] -> the same. `shared_activation` is the model's where it has one, else null.
  virtual Part make_ffn(const ModelConfig& config, const Place& place,
                        const Part& shared_activation) const;
  virtual Attention make_attention(const ModelConfig& config, const Place& place) const;
  /// A block asks the factory for its own parts.
  virtual Block make_block(const ModelConfig& config, const Place& place,
                           const Part& shared_activation) const;
};

}  // namespace aero::model
