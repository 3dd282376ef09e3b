#pragma once

#include "aero/config/model_config.h"
#include "aero/cost/primitive.h"

#include <cstdint>
#include <string>
#include <vector>

namespace aero::cost {

/// A nonlinear operation of one forward pass over one context: `count` times a [rows, columns]
/// matrix. Under private inference it is these that cost communication.
struct Operation {
  Primitive primitive = Primitive::softmax;  ///< both forms of GELU are gelu
  bool is_final = false;                     ///< the norm before the head
  std::int64_t count = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;

  /// "softmax", "final_layernorm"
  std::string name() const;
  /// As the papers' tables call it: "SM"; a final norm, which they leave out, by its name().
  std::string papers_name() const;

  bool operator==(const Operation&) const = default;
};

/// What the model has of these, in this order, with N the blocks that have an FFN:
///   attention [L H, T, T]   a softmax, or its substitute, over each row
///   norm [L + N, T, d]      the blocks' norms, as the papers count them; simplified: L where its
///                           blocks are parallel, one layernorm where it has no norm
///   norm [1, T, d]          the one before the head: the papers' counts leave it out, so it has a
///                           name of its own
///   activation [N, T, d_ffn]
/// An operation that the model lacks is not in the list, nor is a fixed norm, which is linear.
/// Temperatures, scales and gains are known to who holds the weights and multiply what is linear;
/// the entropy is taken in training alone.
std::vector<Operation> nonlinear_operations(const ModelConfig& config);

}  // namespace aero::cost
