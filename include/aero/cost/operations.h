#pragma once

#include "aero/config/model_config.h"

#include <cstdint>
#include <string>
#include <vector>

namespace aero::cost {

/// A nonlinear operation of one forward pass over one context: `count` times a [rows, columns]
/// matrix. Under private inference it is these that cost communication.
struct Operation {
  std::string name;
  std::int64_t count = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;

  bool operator==(const Operation&) const = default;
};

/// What the model has of these, in this order, with N the blocks that have an FFN:
///   softmax | softmax_2quad | relu_attention [L H, T, T]
///                                                    a softmax, or its substitute, over each row
///   layernorm | rmsnorm [L + N, T, d]                the blocks' norms, as the papers count them;
///                                                    simplified: L where its blocks are parallel,
///                                                    one layernorm where it has no norm
///   final_layernorm | final_rmsnorm [1, T, d]        the norm before the head: the papers' counts
///                                                    leave it out, so it has a name of its own
///   gelu | relu | leaky_relu | quadratic [N, T, d_ffn]
///                                                    gelu is both forms of GELU
/// An operation that the model lacks is not in the list, nor is a fixed norm, which is linear.
/// Temperatures, scales and gains are known to who holds the weights and multiply what is linear;
/// the entropy is taken in training alone.
std::vector<Operation> nonlinear_operations(const ModelConfig& config);

}  // namespace aero::cost
