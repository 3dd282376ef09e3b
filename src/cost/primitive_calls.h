#pragma once

#include "aero/cost/forward_pass.h"

#include <string>
#include <vector>

namespace aero::cost {

/// A primitive of a cost model that the program itself calls.
struct CalledPrimitive {
  std::string name;                    ///< "matmul_weight"
  std::vector<std::string> arguments;  ///< what each number stands for
  std::string operation;               ///< the primitive of the operations that call it
  Operand operand;
};

const std::vector<CalledPrimitive>& called_primitives();

/// The primitive that an operation calls, and with what.
struct PrimitiveCall {
  const CalledPrimitive* primitive;
  std::vector<double> values;
  double count;  ///< how often, side by side
};

/// Throws Error for an operation that is in no entry of called_primitives().
PrimitiveCall primitive_call(const ForwardOperation& operation);

/// All names that operations of a forward pass can have (forward_pass.h).
std::vector<std::string> operation_names();

}  // namespace aero::cost
