#pragma once

#include "aero/config/model_config.h"

#include <cstdint>
#include <vector>

namespace aero::cost {

enum class Part { attention, ffn };

/// A linear layer of the blocks, y = x W^T + b with W [out, in], and how often the model has it.
struct Matrix {
  Part part = Part::attention;
  WeightForm form = WeightForm::plain;
  std::int64_t out = 0;
  std::int64_t in = 0;
  bool has_bias = false;
  std::int64_t count = 0;
};

/// Lists the matrices of all blocks: Q, K, V, O, W_in and W_out, or the one matrix of a fused FFN.
/// The simplified family has no O, and V in layer 0 alone.
std::vector<Matrix> block_matrices(const ModelConfig& config);

/// The norms of all blocks together.
struct BlockNorms {
  NormKind kind = NormKind::none;
  std::int64_t count = 0;
};

/// Counts one norm before each attention and one before each FFN. In a parallel block of the
/// simplified family the branches share one norm. Layer 0 of that family has a LayerNorm even if
/// the config has no norm.
BlockNorms block_norms(const ModelConfig& config);

}  // namespace aero::cost
