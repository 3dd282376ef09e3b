#pragma once

#include "aero/config/model_config.h"
#include "aero/cost/primitive.h"

#include <cstdint>
#include <string>
#include <vector>

namespace aero::cost {

/// A nonlinear operation of one forward pass over one context: `count` times a [rows, columns]
/// matrix. These operations cost most of the communication of private inference.
struct Operation {
  Primitive primitive = Primitive::softmax;  ///< both forms of GELU are gelu
  bool is_final = false;                     ///< the norm before the head
  std::int64_t count = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;

  /// Names the operation: "softmax", "final_layernorm".
  std::string name() const;
  /// Names the operation as the papers' tables do: "SM". A final norm, which they leave out, has
  /// its name().
  std::string papers_name() const;

  bool operator==(const Operation&) const = default;
};

/// Lists a model's nonlinear operations in this order, where N blocks have an FFN:
///   attention [L H, T, T]   a softmax, or its substitute, over each row
///   norm [L + N, T, d]      the blocks' norms, as the papers count them; simplified: L in parallel
///                           blocks, and one layernorm in a model without norms
///   norm [1, T, d]          the norm before the head, under its own name, since the papers' counts
///                           leave it out
///   activation [N, T, d_ffn]
/// Operations that the model lacks are left out, and so is a fixed norm, which is linear.
/// Temperatures, scales and gains are linear, since the holder of the weights knows them; entropy
/// is computed only in training.
std::vector<Operation> nonlinear_operations(const ModelConfig& config);

}  // namespace aero::cost
