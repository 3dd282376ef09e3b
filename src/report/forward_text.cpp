#include "forward_text.h"

#include "aero/core/error.h"
#include "aero/report/format.h"

#include <nlohmann/json.hpp>

namespace aero::report {

using Json = nlohmann::ordered_json;

std::string operand_name(cost::Operand operand) {
  switch (operand) {
    case cost::Operand::none:
      return "none";
    case cost::Operand::activation:
      return "activation";
    case cost::Operand::weight:
      return "weight";
    case cost::Operand::constant:
      return "constant";
  }
  throw Error("an operand of an unknown kind");
}

std::string shape_text(const cost::ForwardOperation& operation, std::int64_t count) {
  std::string shape = with_thousands(operation.m) + " x " + with_thousands(operation.n);
  if (operation.k > 1) {
    shape = with_thousands(operation.m) + " x " + with_thousands(operation.k) + " x " +
            with_thousands(operation.n);
  }
  return with_thousands(count) + " x [" + shape + "]";
}

Json forward_json(const cost::ForwardOperation& operation) {
  return {{"name", operation.name},
          {"primitive", cost::traits(operation.primitive).name},
          {"operand", operand_name(operation.operand)},
          {"layer", operation.layer < 0 ? Json() : Json(operation.layer)},
          {"count", operation.count},
          {"shape", {operation.m, operation.k, operation.n}}};
}

}  // namespace aero::report
