#pragma once

#include "aero/cost/forward_pass.h"

#include <string>
#include <vector>

namespace aero::cost {

/// A primitive of a cost model that the program itself calls: a primitive of the catalogue with one
/// kind of second operand.
struct CalledPrimitive {
  Primitive primitive;
  Operand operand;
  std::string name;                    ///< the name in cost models: "matmul_weight"
  std::vector<std::string> arguments;  ///< the meaning of each number
};

const std::vector<CalledPrimitive>& called_primitives();

/// The primitive that an operation calls, with its arguments.
struct PrimitiveCall {
  const CalledPrimitive* primitive;
  std::vector<double> values;
  double count;  ///< number of calls, side by side
};

/// Returns the call of an operation. Throws Error if its primitive takes no such operand.
PrimitiveCall primitive_call(const ForwardOperation& operation);

/// Returns all names that operations of a forward pass can have (forward_pass.h).
std::vector<std::string> operation_names();

}  // namespace aero::cost
