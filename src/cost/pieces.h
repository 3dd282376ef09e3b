#pragma once

#include "aero/config/model_config.h"

#include <cstdint>
#include <vector>

namespace aero::cost {

enum class Part { attention, ffn };

/// A linear layer of the blocks, y = x W^T + b with W [out, in], as often as the model has it.
struct Matrix {
  Part part = Part::attention;
  WeightForm form = WeightForm::plain;
  std::int64_t out = 0;
  std::int64_t in = 0;
  bool has_bias = false;
  std::int64_t count = 0;
};

/// Those of all blocks: Q, K, V, O, W_in and W_out, or the one matrix of a fused FFN. The
/// simplified family has no O, and V in layer 0 alone.
std::vector<Matrix> block_matrices(const ModelConfig& config);

/// The norms of all blocks together.
struct BlockNorms {
  NormKind kind = NormKind::none;
  std::int64_t count = 0;
};

/// One before the attention; one before an FFN, but for a parallel block of the simplified family,
/// whose branches share theirs. Where that family has no norm, layer 0 has a LayerNorm
/// nevertheless.
BlockNorms block_norms(const ModelConfig& config);

}  // namespace aero::cost
