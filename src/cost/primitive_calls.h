#pragma once

#include "aero/cost/forward_pass.h"

#include <string>
#include <vector>

namespace aero::cost {

/// A primitive of a cost model that the program itself calls: one of the catalogue, by one kind of
/// second operand.
struct CalledPrimitive {
  Primitive primitive;
  Operand operand;
  std::string name;                    ///< as cost models call it: "matmul_weight"
  std::vector<std::string> arguments;  ///< what each number stands for
};

const std::vector<CalledPrimitive>& called_primitives();

/// The primitive that an operation calls, and with what.
struct PrimitiveCall {
  const CalledPrimitive* primitive;
  std::vector<double> values;
  double count;  ///< how often, side by side
};

/// Throws Error for an operation whose primitive takes no such operand.
PrimitiveCall primitive_call(const ForwardOperation& operation);

/// All names that operations of a forward pass can have (forward_pass.h).
std::vector<std::string> operation_names();

}  // namespace aero::cost
