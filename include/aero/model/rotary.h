#pragma once

#include "aero/config/model_config.h"
#include "aero/model/module.h"

#include <memory>

namespace aero::model {

/// How queries and keys learn of their position inside attention.
class PositionEncodingImpl : public ModuleImpl {
 public:
  /// heads [B, H, T, d_k], its first row at position `start`; the same shape.
  virtual torch::Tensor forward(const torch::Tensor& heads, std::int64_t start) = 0;
};

using PositionEncoding = std::shared_ptr<PositionEncodingImpl>;

/// Rotary embedding (arXiv 2104.09864) over the leading rotary_dimensions() of each head, halves
/// rotated as GPT-NeoX does: (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin), the angle of pair j at
/// position p being p * base^(-2j / dims). Absent for families with learned positions.
PositionEncoding make_position_encoding(const ModelConfig& config);

}  // namespace aero::model
