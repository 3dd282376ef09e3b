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
  std::int64_t layer = -1;  ///< from 0; -1 outside the blocks

  /// Returns the place of a part within the part that stands here.
  Place within(const std::string& part) const { return {name + "." + part, layer}; }
};

/// Makes the parts of a decoder: AERO's, unless a subclass overrides a function. A decoder asks
/// only for parts that its config has, so not for a norm or an activation of the kind none, nor for
/// a pruned FFN. A part keeps what it needs from the factory, which is gone when the decoder is
/// built.
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

  /// Makes norm1 and norm2 of each block, and final_norm. Maps [B, T, d] -> [B, T, d].
  virtual Part make_norm(const ModelConfig& config, NormKind kind, const Place& place) const;
  /// Makes the activation of each FFN, or one for the model (LeakySlope::model). Keeps the shape.
  virtual Part make_activation(const ModelConfig& config, const Place& place) const;
  /// Makes an FFN, [B, T, d] -> [B, T, d]. `shared_activation` is the model's, or null where each
  /// FFN has its own.
  virtual Part make_ffn(const ModelConfig& config, const Place& place,
                        const Part& shared_activation) const;
  virtual Attention make_attention(const ModelConfig& config, const Place& place) const;
  /// Makes a block, which then asks the factory for its parts.
  virtual Block make_block(const ModelConfig& config, const Place& place,
                           const Part& shared_activation) const;
};

}  // namespace aero::model
