#pragma once

#include "aero/config/model_config.h"
#include "aero/model/module.h"

#include <cstdint>
#include <memory>

namespace aero::model {

/// Gives queries and keys their position inside attention.
class PositionEncodingImpl : public ModuleImpl {
 public:
  /// Maps heads [B, H, T, d_k], whose first row is at position `start`, to the same shape.
  virtual torch::Tensor forward(const torch::Tensor& heads, std::int64_t start) = 0;
  /// Does the same for heads [B, H, 1, d_k], of which row i is at positions[i], [B] int64.
  virtual torch::Tensor forward_rows(const torch::Tensor& heads,
                                     const torch::Tensor& positions) = 0;
};

using PositionEncoding = std::shared_ptr<PositionEncodingImpl>;

/// Makes a rotary embedding (arXiv 2104.09864) of the leading rotary_dimensions() of each head. It
/// rotates halves as GPT-NeoX does: (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin). The angle of
/// pair j at position p is p * base^(-2j / dims). For families with learned positions, makes an
/// encoding that changes nothing.
PositionEncoding make_position_encoding(const ModelConfig& config);

}  // namespace aero::model
