#include "forward_text.h"

#include "aero/core/error.h"
#include "aero/core/text.h"
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
  const std::string inner = operation.k > 1 ? with_thousands(operation.k) + " x " : "";
  return fmt::format("{} x [{} x {}{}]", with_thousands(count), with_thousands(operation.m), inner,
                     with_thousands(operation.n));
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
